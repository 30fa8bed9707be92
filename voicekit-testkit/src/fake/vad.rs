//! Judges of speech and of turns.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use voicekit_core::dsp::level::rms_dbfs;
use voicekit_core::error::Result;
use voicekit_core::turn::{Heard, TurnDetector};
use voicekit_core::vad::Vad;

use super::journal::Journal;
use crate::phone::RATE_HZ;

/// Takes whatever is louder than a threshold for speech, so that a tone is speech.
#[derive(Clone, Debug)]
pub struct FakeVad {
    threshold_dbfs: f32,
    window: usize,
}

impl Default for FakeVad {
    fn default() -> Self {
        Self { threshold_dbfs: -40.0, window: 160 }
    }
}

impl FakeVad {
    /// A detector of windows of 20 ms at 8 kHz with a threshold of −40 dBFS.
    pub fn new() -> Self {
        Self::default()
    }

    /// The level from which on sound is speech. Default: −40 dBFS.
    #[must_use]
    pub fn with_threshold_dbfs(mut self, level: f32) -> Self {
        self.threshold_dbfs = level;
        self
    }

    /// Samples in a window. Default: 160.
    #[must_use]
    pub fn with_window(mut self, samples: usize) -> Self {
        self.window = samples;
        self
    }
}

impl Vad for FakeVad {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn window(&self) -> usize {
        self.window
    }

    fn probability(&mut self, samples: &[i16]) -> f32 {
        let loud = !samples.is_empty() && rms_dbfs(samples) >= self.threshold_dbfs;
        if loud { 1.0 } else { 0.0 }
    }

    fn reset(&mut self) {}
}

/// Gives scripted verdicts, then one for ever.
#[derive(Clone, Debug)]
pub struct FakeTurnDetector {
    verdicts: Arc<Mutex<Vec<f32>>>,
    delay: Duration,
    journal: Journal<Heard>,
}

impl FakeTurnDetector {
    /// A detector that gives these verdicts in turn, and the last one for ever; without any, that
    /// the caller has finished.
    pub fn new(verdicts: impl IntoIterator<Item = f32>) -> Self {
        let mut verdicts: Vec<f32> = verdicts.into_iter().collect();
        verdicts.reverse();
        let verdicts = Arc::new(Mutex::new(verdicts));
        Self { verdicts, delay: Duration::from_millis(30), journal: Journal::default() }
    }

    /// How long a verdict takes. Default: 30 ms.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// What it was asked.
    pub fn journal(&self) -> &Journal<Heard> {
        &self.journal
    }

    fn next(&self) -> f32 {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        match &verdicts[..] {
            [] => 1.0,
            [last] => *last,
            [..] => verdicts.pop().unwrap_or(1.0),
        }
    }
}

#[async_trait]
impl TurnDetector for FakeTurnDetector {
    async fn end_of_turn(&self, heard: &Heard) -> Result<f32> {
        let page = self.journal.open(heard.clone());
        let verdict = self.next();
        sleep(self.delay).await;
        page.end();
        Ok(verdict)
    }
}
