//! Judging whether a caller has finished.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;

/// Judges from sound and words whether the caller has finished. Takes tens of milliseconds,
/// so it is asked asynchronously, once the caller pauses.
///
/// # Contract
///
/// 1. The verdict is a probability, 0 to 1, that the caller has finished.
/// 2. Dropping the future cancels the work.
#[async_trait]
pub trait TurnDetector: fmt::Debug + Send + Sync + 'static {
    /// How probable it is that the caller has finished.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::error::ErrorKind); the engine then goes by silence alone.
    async fn end_of_turn(&self, heard: &Heard) -> Result<f32>;
}

/// The caller's turn so far.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heard {
    /// The last seconds of the caller's audio, linear, oldest first.
    pub samples: Vec<i16>,
    /// Samples a second.
    pub rate_hz: u32,
    /// The words so far, as far as they are known.
    pub text: String,
}

impl Heard {
    /// A turn of `samples` at `rate_hz`, in which `text` was said.
    pub fn new(samples: Vec<i16>, rate_hz: u32, text: impl Into<String>) -> Self {
        Self { samples, rate_hz, text: text.into() }
    }
}

/// Shows no audio and no words.
impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heard({} samples at {} Hz)", self.samples.len(), self.rate_hz)
    }
}
