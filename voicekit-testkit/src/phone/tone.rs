//! Sound for tests: a tone stands for speech.

use std::f64::consts::TAU;
use std::time::Duration;

use super::units::samples_in;

/// A 440 Hz tone at −12 dBFS, 16-bit at 8 kHz.
pub fn tone(length: Duration) -> Vec<i16> {
    (0..samples_in(length)).map(sample).collect()
}

/// Silence, 16-bit at 8 kHz.
pub fn silence(length: Duration) -> Vec<i16> {
    vec![0; samples_in(length)]
}

fn sample(index: usize) -> i16 {
    // 440 Hz at 8 kHz repeats after 200 samples; starting at the crest makes the first audible.
    #[expect(clippy::cast_precision_loss, reason = "below 200")]
    let phase = (index % 200) as f64 / 200.0 * 11.0;
    #[expect(clippy::cast_possible_truncation, reason = "at most 8230")]
    let value = (((phase + 0.25) * TAU).sin() * 8_230.0) as i16;
    value
}
