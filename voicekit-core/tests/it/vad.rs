//! The energy detector on synthetic telephone signals.

use std::f64::consts::TAU;
use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::dsp::level::rms_dbfs;
use voicekit_core::vad::{EnergyVad, Foreground, Vad};

const RATE: f64 = 8_000.0;

/// Pseudo-random numbers from -1 to 1, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "short and quiet")]
fn render(seconds: f64, mut at: impl FnMut(f64) -> f64) -> Vec<i16> {
    (0..(seconds * RATE) as u32).map(|n| at(f64::from(n) / RATE).round() as i16).collect()
}

fn noise(seconds: f64, amplitude: f64) -> Vec<i16> {
    let mut source = Noise(7);
    render(seconds, |_| amplitude * source.next())
}

/// A voiced sound in syllables: four a second, with quiet between them, over noise.
fn speech(seconds: f64, amplitude: f64, noise: f64) -> Vec<i16> {
    let mut source = Noise(11);
    render(seconds, |t| {
        let syllable = (TAU * 2.0 * t).sin().powi(2);
        let voice: f64 =
            (1..20).map(|k| (TAU * 130.0 * f64::from(k) * t).sin() / f64::from(k)).sum();
        amplitude * syllable * voice + noise * source.next()
    })
}

fn key(seconds: f64, row: f64, column: f64) -> Vec<i16> {
    render(seconds, |t| 6_000.0 * ((TAU * row * t).sin() + (TAU * column * t).sin()))
}

fn detector() -> EnergyVad {
    EnergyVad::new(8_000, Duration::from_millis(20)).unwrap()
}

fn probabilities(vad: &mut impl Vad, samples: &[i16]) -> Vec<f32> {
    let window = vad.window();
    samples.chunks_exact(window).map(|window| vad.probability(window)).collect()
}

fn share_above_half(probabilities: &[f32]) -> f64 {
    probabilities.iter().filter(|p| **p > 0.5).count() as f64 / probabilities.len() as f64
}

#[test]
fn speech_on_a_quiet_line_is_heard_at_once() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(1.0, 20.0));
    let heard = probabilities(&mut vad, &speech(2.0, 4_000.0, 20.0));
    assert!(heard[..5].iter().any(|p| *p > 0.9), "{:?}", &heard[..5]);
    assert!(share_above_half(&heard) > 0.8);
}

#[test]
fn a_caller_who_speaks_first_is_heard() {
    let heard = probabilities(&mut detector(), &speech(2.0, 4_000.0, 20.0));
    assert!(share_above_half(&heard) > 0.8);
}

#[test]
fn speech_stands_out_of_steady_noise() {
    let mut vad = detector();
    let quiet = probabilities(&mut vad, &noise(8.0, 600.0));
    assert!(share_above_half(&quiet[200..]) == 0.0);
    let heard = probabilities(&mut vad, &speech(2.0, 6_000.0, 600.0));
    assert!(share_above_half(&heard) > 0.6, "{}", share_above_half(&heard));
    let after = probabilities(&mut vad, &noise(2.0, 600.0));
    assert!(share_above_half(&after[2..]) < 0.02);
}

#[test]
fn noise_that_starts_in_a_call_stops_counting_as_speech() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(3.0, 30.0));
    let louder = probabilities(&mut vad, &noise(10.0, 600.0));
    assert!(louder[0] > 0.9, "26 dB more is speech until it proves steady");
    assert!(share_above_half(&louder[350..]) == 0.0);
}

#[test]
fn the_floor_stays_far_below_speech_that_goes_on() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(3.0, 30.0));
    let talk = speech(20.0, 6_000.0, 30.0);
    let heard = probabilities(&mut vad, &talk);
    assert!(vad.noise_floor_dbfs() < rms_dbfs(&talk) - 20.0);
    assert!(share_above_half(&heard[500..]) > 0.7);
}

#[test]
fn the_floor_rises_by_at_most_6_db_a_second() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(3.0, 30.0));
    let mut before = vad.noise_floor_dbfs();
    for second in noise(8.0, 6_000.0).chunks(8_000) {
        probabilities(&mut vad, second);
        assert!(vad.noise_floor_dbfs() <= before + 6.01);
        before = vad.noise_floor_dbfs();
    }
}

#[test]
fn keys_pressed_are_not_speech() {
    for row in [697.0, 770.0, 852.0, 941.0] {
        for column in [1_209.0, 1_336.0, 1_477.0, 1_633.0] {
            let mut vad = detector();
            probabilities(&mut vad, &noise(1.0, 20.0));
            let heard = probabilities(&mut vad, &key(0.4, row * 1.004, column * 0.996));
            assert!(heard.iter().all(|p| *p < 0.1), "{row} and {column}: {heard:?}");
        }
    }
}

#[test]
fn speech_after_a_key_is_heard() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(1.0, 20.0));
    probabilities(&mut vad, &key(1.0, 770.0, 1_336.0));
    assert!(share_above_half(&probabilities(&mut vad, &speech(2.0, 4_000.0, 20.0))) > 0.8);
}

#[test]
fn a_lost_packet_does_not_turn_noise_into_speech() {
    let mut vad = detector();
    probabilities(&mut vad, &noise(5.0, 300.0));
    probabilities(&mut vad, &[0; 1_600]);
    let after = probabilities(&mut vad, &noise(1.0, 300.0));
    assert!(share_above_half(&after) == 0.0);
}

#[test]
fn soft_speech_is_heard_on_a_line_that_sends_nothing_between_words() {
    let mut vad = detector();
    probabilities(&mut vad, &[0; 16_000]);
    let word = render(0.2, |t| {
        (1..20).map(|k| 200.0 * (TAU * 130.0 * f64::from(k) * t).sin() / f64::from(k)).sum()
    });
    assert!(rms_dbfs(&word) < -40.0);
    assert!(share_above_half(&probabilities(&mut vad, &word)) == 1.0);
}

#[test]
fn digital_silence_and_a_constant_offset_are_not_speech() {
    let mut vad = detector();
    assert!(probabilities(&mut vad, &[0; 1_600]).iter().all(|p| *p == 0.0));
    assert!(probabilities(&mut vad, &[900; 1_600]).iter().all(|p| *p == 0.0));
}

#[test]
fn every_supported_rate_and_window_is_offered_and_others_are_refused() {
    for (rate, millis, window) in
        [(8_000, 20, 160), (8_000, 32, 256), (16_000, 20, 320), (16_000, 32, 512)]
    {
        let vad = EnergyVad::new(rate, Duration::from_millis(millis)).unwrap();
        assert_eq!((vad.rate_hz(), vad.window()), (rate, window));
    }
    let error = EnergyVad::new(44_100, Duration::from_millis(20)).unwrap_err().to_string();
    assert!(error.contains("44100 Hz"), "{error}");
    assert!(EnergyVad::new(8_000, Duration::from_millis(30)).is_err());
}

#[test]
fn after_a_reset_it_hears_the_same_again() {
    let audio = speech(3.0, 3_000.0, 50.0);
    let mut vad = detector();
    let first = probabilities(&mut vad, &audio);
    vad.reset();
    assert_eq!(probabilities(&mut vad, &audio), first);
}

proptest! {
    #[test]
    fn any_samples_give_a_probability(
        windows in prop::collection::vec(prop::collection::vec(any::<i16>(), 0..200), 0..20),
    ) {
        let mut vad = detector();
        for window in windows {
            let probability = vad.probability(&window);
            prop_assert!((0.0..=1.0).contains(&probability));
        }
    }
}

/// Takes every window for speech.
#[derive(Debug)]
struct Credulous;

impl Vad for Credulous {
    fn rate_hz(&self) -> u32 {
        8_000
    }

    fn window(&self) -> usize {
        256
    }

    fn probability(&mut self, _: &[i16]) -> f32 {
        1.0
    }

    fn reset(&mut self) {}
}

/// The verdicts on so many windows of a square wave of this amplitude.
fn foreground(vad: &mut Foreground<Credulous>, amplitude: i16, windows: usize) -> Vec<f32> {
    let wave: Vec<i16> = [amplitude, -amplitude].into_iter().cycle().take(256).collect();
    (0..windows).map(|_| vad.probability(&wave)).collect()
}

#[test]
fn only_whoever_is_much_louder_than_the_background_is_the_caller() {
    let mut vad = Foreground::new(Credulous);
    // One second of anybody; after that, the background is known.
    assert_eq!(foreground(&mut vad, 500, 30), [1.0; 30]);
    let background = foreground(&mut vad, 500, 100);
    assert!(background[1..].iter().all(|p| *p == 0.0), "{background:?}");
    assert!((vad.background_dbfs() + 36.3).abs() < 1.0, "{}", vad.background_dbfs());
    // Four times as loud is 12 dB.
    let caller = foreground(&mut vad, 2_000, 60);
    assert!(caller[3..].iter().all(|p| *p == 1.0), "{caller:?}");
    let after = foreground(&mut vad, 500, 20);
    assert!(after[5..].iter().all(|p| *p == 0.0), "{after:?}");
}

#[test]
fn a_background_that_gets_louder_is_one_again_after_some_seconds() {
    let mut vad = Foreground::new(Credulous);
    foreground(&mut vad, 100, 200);
    let louder = foreground(&mut vad, 1_000, 200);
    assert_eq!((louder[10], louder[199]), (1.0, 0.0));
}

#[test]
fn what_is_no_window_is_left_to_the_detector_and_a_reset_forgets() {
    let mut vad = Foreground::new(Credulous);
    assert_eq!(vad.probability(&[]), 1.0);
    foreground(&mut vad, 500, 100);
    vad.reset();
    assert_eq!(foreground(&mut vad, 500, 30), [1.0; 30]);
}
