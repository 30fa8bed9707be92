//! Samples and times of an 8 kHz line. One sample is exactly 125 microseconds.

use std::time::Duration;

use voicekit_core::time::Timestamp;

const MICROS_PER_SAMPLE: u64 = 125;

/// The sample that is played or spoken at `at`, counted from the start of the call.
pub(crate) fn sample_at(at: Timestamp) -> usize {
    usize::try_from(at.as_micros() / MICROS_PER_SAMPLE).unwrap_or(usize::MAX)
}

/// When `sample` starts.
pub(crate) fn time_of(sample: usize) -> Timestamp {
    Timestamp::from_micros(sample as u64 * MICROS_PER_SAMPLE)
}

/// How long `samples` last.
pub(crate) fn length_of(samples: usize) -> Duration {
    time_of(samples).since_start()
}

/// The samples that last `length`, rounded down.
pub(crate) fn samples_in(length: Duration) -> usize {
    sample_at(Timestamp::from(length))
}
