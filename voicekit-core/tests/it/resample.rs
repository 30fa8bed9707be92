//! The resampler: what it lets through, what it holds back, and how much comes out.

use std::f64::consts::TAU;

use proptest::prelude::*;
use voicekit_core::dsp::resample::Resampler;

const RATES_HZ: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

fn pairs() -> impl Iterator<Item = (u32, u32)> {
    RATES_HZ
        .into_iter()
        .flat_map(|from| RATES_HZ.into_iter().map(move |to| (from, to)))
        .filter(|(from, to)| from != to)
}

#[expect(clippy::cast_possible_truncation, reason = "24 bits are enough")]
fn sine(rate_hz: u32, tone_hz: f64, len: usize) -> Vec<f32> {
    (0..len).map(|n| (TAU * tone_hz * n as f64 / f64::from(rate_hz)).sin() as f32).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the amplitude is within 16 bits")]
fn sine_i16(rate_hz: u32, tone_hz: f64, len: usize) -> Vec<i16> {
    sine(rate_hz, tone_hz, len).iter().map(|v| (v * 16_000.0).round() as i16).collect()
}

/// The amplitude of one tone, through a Blackman-Harris window whose side lobes are below -92 dB.
fn amplitude(samples: &[f32], rate_hz: u32, tone_hz: f64) -> f64 {
    let (mut re, mut im, mut total) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let t = TAU * n as f64 / samples.len() as f64;
        let window =
            0.358_75 - 0.488_29 * t.cos() + 0.141_28 * (2.0 * t).cos() - 0.011_68 * (3.0 * t).cos();
        let angle = TAU * tone_hz * n as f64 / f64::from(rate_hz);
        re += window * f64::from(sample) * angle.cos();
        im += window * f64::from(sample) * angle.sin();
        total += window;
    }
    2.0 * re.hypot(im) / total
}

fn db(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-9).log10()
}

/// A unit tone after conversion, without its start.
fn converted(from: u32, to: u32, tone_hz: f64) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to).unwrap();
    let mut out = Vec::new();
    resampler.process_f32(&sine(from, tone_hz, from as usize / 8), &mut out);
    out.split_off(2 * resampler.delay_samples())
}

/// Where a tone shows up at a rate.
fn folded(tone_hz: f64, rate_hz: u32) -> f64 {
    let rate = f64::from(rate_hz);
    let within = tone_hz.rem_euclid(rate);
    within.min(rate - within)
}

#[test]
fn ripple_stays_within_0_03_db_up_to_0_85_nyquist() {
    for (from, to) in pairs() {
        let nyquist = f64::from(from.min(to)) / 2.0;
        for step in 1..=17 {
            let tone = 0.05 * f64::from(step) * nyquist;
            let gain = db(amplitude(&converted(from, to, tone), to, tone));
            assert!(gain.abs() <= 0.03, "{from} to {to} at {tone} Hz: {gain:.4} dB");
        }
    }
}

#[test]
fn aliases_of_tones_from_1_15_nyquist_stay_below_78_db() {
    for (from, to) in pairs().filter(|(from, to)| 20 * from > 23 * to) {
        let nyquist = f64::from(to) / 2.0;
        let top = f64::from(from) / 2.0;
        for step in 0..20 {
            let tone = 1.15 * nyquist + (top - 1.15 * nyquist) * f64::from(step) / 20.0;
            let alias = db(amplitude(&converted(from, to, tone), to, folded(tone, to)));
            assert!(alias <= -78.0, "{from} to {to} at {tone} Hz: {alias:.1} dB");
        }
    }
}

#[test]
fn images_of_tones_up_to_0_85_nyquist_stay_below_78_db() {
    for (from, to) in pairs().filter(|(from, to)| from < to) {
        let nyquist = f64::from(from) / 2.0;
        for step in 1..=17 {
            let tone = 0.05 * f64::from(step) * nyquist;
            let out = converted(from, to, tone);
            for order in 1..=2 {
                for image in [f64::from(from * order) - tone, f64::from(from * order) + tone] {
                    let image = folded(image, to);
                    if (image - tone).abs() < 200.0 {
                        continue;
                    }
                    let level = db(amplitude(&out, to, image));
                    assert!(level <= -78.0, "{from} to {to}, {tone} Hz at {image}: {level:.1} dB");
                }
            }
        }
    }
}

#[test]
fn everything_but_the_tone_is_quiet_on_the_16_bit_path() {
    let (from, to, tone) = (8_000, 24_000, 1_000.0);
    let input = sine_i16(from, tone, 4_000);
    let mut out = Vec::new();
    Resampler::new(from, to).unwrap().process(&input, &mut out);
    let out: Vec<f32> = out.iter().skip(96).map(|&v| f32::from(v) / 16_000.0).collect();
    assert!(db(amplitude(&out, to, tone)).abs() < 0.03);
    for other in [250.0, 3_000.0, 5_000.0, 7_000.0, 9_000.0, 11_000.0] {
        assert!(db(amplitude(&out, to, other)) < -78.0, "{other} Hz");
    }
}

#[test]
fn the_delay_is_16_periods_of_the_lower_rate_and_at_most_2_ms() {
    for (from, to) in pairs() {
        let resampler = Resampler::new(from, to).unwrap();
        let periods = resampler.delay().as_secs_f64() * f64::from(from.min(to));
        assert!((periods - 16.0).abs() < 0.001);
        assert!(resampler.delay().as_micros() <= 2_000);
    }
}

#[test]
fn an_impulse_peaks_after_the_delay() {
    for (from, to) in [(8_000, 16_000), (8_000, 24_000), (8_000, 48_000), (16_000, 48_000)] {
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut out = Vec::new();
        resampler.process(&[20_000], &mut out);
        resampler.process(&[0; 100], &mut out);
        let peak = out.iter().enumerate().max_by_key(|(_, v)| **v).unwrap().0;
        assert_eq!(peak, resampler.delay_samples());
    }
}

#[test]
fn dropping_the_delay_aligns_output_and_input() {
    let input = sine(24_000, 440.0, 2_400);
    let mut resampler = Resampler::new(24_000, 8_000).unwrap();
    let mut out = Vec::new();
    resampler.process_f32(&input, &mut out);
    resampler.flush_f32(&mut out);
    let aligned = &out[resampler.delay_samples()..];
    assert_eq!(aligned.len(), 800);
    for n in 50..750 {
        assert!((aligned[n] - input[3 * n]).abs() < 0.001);
    }
}

#[test]
fn full_scale_steps_clip_instead_of_wrapping() {
    let mut out = Vec::new();
    let input: Vec<i16> = [i16::MAX; 50].into_iter().chain([i16::MIN; 50]).collect();
    let mut resampler = Resampler::new(8_000, 48_000).unwrap();
    resampler.process(&input, &mut out);
    resampler.flush(&mut out);
    assert!(out[150..340].iter().all(|&v| v > 20_000), "wrapped before the step");
    assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN));
}

#[test]
fn a_constant_stays_the_same_constant() {
    for (from, to) in pairs() {
        let mut out = Vec::new();
        Resampler::new(from, to).unwrap().process(&[10_000; 2_000], &mut out);
        let steady = &out[out.len() / 2..];
        assert!(steady.iter().all(|v| (v - 10_000).abs() <= 2), "{from} to {to}");
    }
}

#[test]
fn equal_rates_pass_through_without_delay() {
    let mut resampler = Resampler::new(8_000, 8_000).unwrap();
    let mut out = Vec::new();
    resampler.process(&[1, -2, 3], &mut out);
    resampler.flush(&mut out);
    assert_eq!(out, [1, -2, 3]);
    assert!(resampler.delay().is_zero());
}

#[test]
fn silly_rates_are_refused_by_name() {
    for (from, to) in [(0, 8_000), (8_000, 0), (8_000, 8_001), (3_999, 8_000), (8_000, 384_000)] {
        let error = Resampler::new(from, to).unwrap_err().to_string();
        assert!(error.contains(&format!("{from} Hz to {to} Hz")), "{error}");
    }
    assert!(Resampler::new(11_025, 8_000).is_ok());
    assert!(Resampler::new(192_000, 4_000).is_ok());
}

#[test]
fn flushing_an_unused_resampler_gives_nothing() {
    let mut out = Vec::new();
    Resampler::new(8_000, 16_000).unwrap().flush(&mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_samples_and_the_documented_count(
        from in prop::sample::select(&RATES_HZ[..]),
        to in prop::sample::select(&RATES_HZ[..]),
        input in prop::collection::vec(any::<i16>(), 0..3_000),
        cuts in prop::collection::vec(0_usize..700, 0..12),
    ) {
        let mut whole = Vec::new();
        let mut resampler = Resampler::new(from, to).unwrap();
        resampler.process(&input, &mut whole);
        let expected = (input.len() as u64 * u64::from(to)).div_ceil(u64::from(from));
        prop_assert_eq!(whole.len() as u64, expected);
        resampler.flush(&mut whole);
        let delay = if input.is_empty() { 0 } else { resampler.delay_samples() };
        prop_assert_eq!(whole.len() as u64, expected + delay as u64);

        // The same resampler again: a flush must leave no trace.
        let mut pieces = Vec::new();
        let mut rest = &input[..];
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            let announced = pieces.len() + resampler.output_len(piece.len());
            resampler.process(piece, &mut pieces);
            prop_assert_eq!(pieces.len(), announced);
            rest = tail;
        }
        resampler.process(rest, &mut pieces);
        resampler.flush(&mut pieces);
        prop_assert_eq!(pieces, whole);
    }
}
