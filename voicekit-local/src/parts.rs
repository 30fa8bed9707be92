use tokio::task::spawn_blocking;
use voicekit_core::error::{Error, ErrorKind, Result};

use crate::minilm::MiniLm;
use crate::models::{Model, Models, Progress};
use crate::piper::Piper;
use crate::smart_turn::SmartTurn;
use crate::whisper::Whisper;

/// Ears, a voice and a sense of meaning, all on this machine: what a conversation needs beside
/// voice activity detection ([`Silero`](crate::Silero), which needs no download) and a brain.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts {
    /// Whisper tiny.en.
    pub asr: Whisper,
    /// The Piper voice `en_US-joe-medium`.
    pub tts: Piper,
    /// smart-turn v3.2.
    pub turn_detector: SmartTurn,
    /// MiniLM-L6.
    pub embedder: MiniLm,
}

impl Parts {
    /// The models that the parts are loaded from, 170 MB altogether.
    pub fn models() -> [Model; 4] {
        [Model::whisper_tiny_en(), Model::smart_turn(), Model::piper_joe(), Model::minilm()]
    }

    /// Fetches what is missing in `models`, then loads the parts. Works on the blocking pool.
    ///
    /// # Errors
    ///
    /// `Connection`, `Timeout` or `Rejected` if a model cannot be had, `Internal` if it cannot
    /// be stored or loaded.
    pub async fn fetch(
        models: &Models,
        mut progress: impl FnMut(Progress<'_>) + Send + 'static,
    ) -> Result<Self> {
        let models = models.clone();
        let work = spawn_blocking(move || {
            let wanted = Self::models();
            models.ensure(&wanted.each_ref(), &mut progress)?;
            Self::load(&models)
        });
        work.await.map_err(|error| {
            Error::new(ErrorKind::Internal, "models", "loading was broken off").with_source(error)
        })?
    }

    fn load(models: &Models) -> Result<Self> {
        let [whisper, smart_turn, piper, minilm] = Self::models().map(|model| models.path(&model));
        Ok(Self {
            asr: Whisper::load(&whisper)?,
            turn_detector: SmartTurn::load(&smart_turn)?,
            tts: Piper::load(piper.join("en_US-joe-medium.onnx"))?,
            embedder: MiniLm::load(minilm.join("model.onnx"))?,
        })
    }
}
