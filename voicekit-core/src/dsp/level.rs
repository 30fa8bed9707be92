//! How loud samples are, in dBFS.
//!
//! 0 dBFS is a magnitude of 32768, so a full-scale square wave has an RMS level of 0 dBFS and a
//! full-scale sine one of -3.01 dBFS. Levels are at most 0 and at least [`FLOOR_DBFS`].

/// The level of digital silence, and the lowest level given. Two steps of 16 bits are already
/// louder (-84.3 dBFS), and rounding noise lies at -101 dBFS.
pub const FLOOR_DBFS: f32 = -96.0;

const FULL_SCALE: f64 = 32_768.0;

/// The RMS level in dBFS; [`FLOOR_DBFS`] if there are no samples.
#[must_use]
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    dbfs(mean_square(samples).sqrt())
}

/// The level of the largest magnitude in dBFS; [`FLOOR_DBFS`] if there are no samples.
#[must_use]
pub fn peak_dbfs(samples: &[i16]) -> f32 {
    dbfs(samples.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(0.0, f64::max))
}

/// The mean of the squared samples, 0 to 2^30; 0 if there are none.
#[must_use]
pub fn mean_square(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: u64 = samples.iter().map(|&sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    sum as f64 / samples.len() as f64
}

fn dbfs(magnitude: f64) -> f32 {
    let level = 20.0 * (magnitude / FULL_SCALE).log10();
    #[expect(clippy::cast_possible_truncation, reason = "decibels need no more digits")]
    {
        (level as f32).max(FLOOR_DBFS)
    }
}
