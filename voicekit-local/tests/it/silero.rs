//! Silero against ONNX Runtime, and on recorded speech.

use voicekit_core::vad::Vad;
use voicekit_local::silero::Silero;
use voicekit_testkit::speech::{self, recording};

fn probabilities(vad: &mut Silero, samples: &[i16]) -> Vec<f32> {
    samples.chunks_exact(vad.window()).map(|window| vad.probability(window)).collect()
}

/// 320 ms of silence, every second sample of the recording, 320 ms of silence.
fn reference_audio() -> Vec<i16> {
    let speech = recording("librivox-0880.wav").samples;
    let silence = [0; 2_560];
    let every_second: Vec<i16> = speech.into_iter().step_by(2).collect();
    [&silence, every_second.as_slice(), &silence].concat()
}

#[test]
fn probabilities_equal_those_of_onnx_runtime() {
    // Computed with onnxruntime from silero_vad.onnx of silero-vad 6.2.3.
    let expected: Vec<f32> = include_str!("silero-librivox-0880.txt")
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let found = probabilities(&mut Silero::new().unwrap(), &reference_audio());
    assert_eq!(found.len(), expected.len());
    for (window, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() < 2e-3, "window {window}: {found}, not {expected}");
    }
}

#[test]
fn speech_over_the_phone_is_heard_and_silence_is_not() {
    let mut vad = Silero::new().unwrap();
    for recording in speech::all() {
        vad.reset();
        let heard = probabilities(&mut vad, &recording.over_the_phone());
        let longest = heard.split(|&p| p < 0.5).map(<[f32]>::len).max().unwrap();
        assert!(longest >= 12, "{}: {longest} windows in a row", recording.file);
        let after = probabilities(&mut vad, &[0; 8 * 1_600]);
        assert!(after[16..].iter().all(|&p| p < 0.3), "{}: silence after it", recording.file);
    }
}

#[test]
fn a_reset_detector_is_as_new() {
    let (mut used, audio) = (Silero::new().unwrap(), reference_audio());
    let first = probabilities(&mut used, &audio);
    used.reset();
    assert_eq!(probabilities(&mut used, &audio), first);
    assert_eq!(probabilities(&mut Silero::new().unwrap(), &audio), first);
}

#[test]
fn streams_do_not_disturb_each_other() {
    let audio = reference_audio();
    let alone = probabilities(&mut Silero::new().unwrap(), &audio);
    let (mut one, mut other) = (Silero::new().unwrap(), Silero::new().unwrap());
    let together: Vec<f32> = audio
        .chunks_exact(256)
        .map(|window| {
            other.probability(&[12_345; 256]);
            one.probability(window)
        })
        .collect();
    assert_eq!(together, alone);
}

#[test]
fn windows_of_odd_lengths_do_no_harm() {
    let mut vad = Silero::new().unwrap();
    assert_eq!(vad.probability(&[]), 0.0);
    let audio: Vec<i16> = [i16::MIN, i16::MAX].repeat(500);
    for length in [1, 255, 257, 1_000] {
        let probability = vad.probability(&audio[..length]);
        assert!((0.0..=1.0).contains(&probability), "{length}: {probability}");
    }
}
