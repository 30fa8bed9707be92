//! Levels in dBFS.

use voicekit_core::dsp::level::{FLOOR_DBFS, peak_dbfs, rms_dbfs};

#[test]
fn full_scale_is_zero_and_silence_is_the_floor() {
    assert_eq!(peak_dbfs(&[0, i16::MIN]), 0.0);
    assert_eq!(rms_dbfs(&[i16::MIN; 10]), 0.0);
    assert_eq!(rms_dbfs(&[0; 160]), FLOOR_DBFS);
    assert_eq!(peak_dbfs(&[]), FLOOR_DBFS);
    assert_eq!(rms_dbfs(&[]), FLOOR_DBFS);
}

#[test]
fn half_the_amplitude_is_six_decibels_less() {
    assert!((rms_dbfs(&[16_384, -16_384]) + 6.02).abs() < 0.01);
    assert!((peak_dbfs(&[16_384, 0]) + 6.02).abs() < 0.01);
    assert!((rms_dbfs(&[16_384, 0]) + 9.03).abs() < 0.01);
}
