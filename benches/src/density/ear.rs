//! A recogniser that notes how late each frame is.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use hdrhistogram::Histogram;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::Result;

use super::{Lateness, stamp};

/// Clones are one ear.
#[derive(Clone, Debug)]
pub(super) struct Ear(Arc<Heard>);

#[derive(Debug)]
struct Heard {
    live: AtomicU32,
    late: Mutex<Histogram<u64>>,
}

impl Default for Ear {
    fn default() -> Self {
        Self(Arc::new(Heard { live: AtomicU32::new(0), late: Mutex::new(histogram()) }))
    }
}

/// A call that is listened to.
struct Listening(Ear);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ear {
    /// How many calls are listened to.
    pub(super) fn live(&self) -> u32 {
        self.0.live.load(Ordering::Relaxed)
    }

    /// Begins to measure.
    pub(super) fn forget(&self) {
        self.late().reset();
    }

    pub(super) fn lateness(&self) -> Lateness {
        lateness(&self.late())
    }

    fn late(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, input: &AsrInput) -> Option<AsrEvent> {
        match input {
            AsrInput::Audio(chunk) => {
                let late = stamp::between(stamp::read(chunk.bytes()), stamp::now());
                self.late().saturating_record(late);
                None
            }
            AsrInput::Finalize => {
                Some(AsrEvent::Final(Transcript::new("When are you open?").finalized()))
            }
            AsrInput::SpeechStarted | AsrInput::SpeechEnded => None,
        }
    }
}

#[async_trait]
impl Asr for Ear {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("ear", vec![AudioFormat::PHONE])
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        self.0.live.fetch_add(1, Ordering::Relaxed);
        let listening = Listening(self.clone());
        let heard =
            input.filter_map(move |input| std::future::ready(listening.0.hear(&input).map(Ok)));
        Ok(heard.boxed())
    }
}

/// Microseconds, to two digits.
#[expect(clippy::expect_used, reason = "two digits are within 0 to 5")]
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 2).expect("two digits are within 0 to 5")
}

pub(super) fn lateness(late: &Histogram<u64>) -> Lateness {
    Lateness {
        frames: late.len(),
        p50: late.value_at_quantile(0.5),
        p99: late.value_at_quantile(0.99),
        p999: late.value_at_quantile(0.999),
        max: late.max(),
    }
}
