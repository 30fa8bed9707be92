//! Noise goes, speech stays, and no sample is lost.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::vad::{EnergyVad, Vad};
use voicekit_local::denoise::{DenoisedAsr, DenoisedVad, Denoiser};
use voicekit_testkit::speech::recording;

/// White noise of this level.
fn noise(samples: usize, rms: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / 8_388_608.0 - 1.0) * 3_f32.sqrt() * rms
    };
    (0..samples).map(next).collect()
}

/// Four seconds of silence, then speech, at 8 or 16 kHz.
fn speech(rate_hz: u32) -> Vec<i16> {
    let recording = recording("jfk.wav");
    let speech = if rate_hz == 8_000 { recording.over_the_phone() } else { recording.samples };
    [vec![0; 4 * rate_hz as usize], speech].concat()
}

fn mixed(speech: &[i16], noise: &[f32]) -> Vec<i16> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
    let mix = |(&speech, noise): (&i16, &f32)| (f32::from(speech) + noise) as i16;
    speech.iter().zip(noise).map(mix).collect()
}

fn denoised(rate_hz: u32, samples: &[i16]) -> Vec<i16> {
    let mut denoiser = Denoiser::new(rate_hz).unwrap();
    let mut clean = Vec::new();
    let frame = rate_hz as usize / 50;
    for frame in samples.chunks(frame) {
        let before = clean.len();
        denoiser.process(frame, &mut clean);
        assert_eq!(clean.len() - before, frame.len());
    }
    clean
}

fn db(samples: &[i16]) -> f32 {
    let energy: f32 = samples.iter().map(|&sample| f32::from(sample).powi(2)).sum();
    10.0 * (energy / samples.len() as f32 + 1e-3).log10()
}

#[test]
fn white_noise_drops_by_20_db_within_two_seconds_and_speech_stays_as_loud() {
    for rate_hz in [8_000, 16_000] {
        let speech = speech(rate_hz);
        let noisy = mixed(&speech, &noise(speech.len(), 150.0));
        let clean = denoised(rate_hz, &noisy);
        let seconds = |from: usize| from * rate_hz as usize;
        let noise_only = seconds(2)..seconds(4);
        let drop = db(&noisy[noise_only.clone()]) - db(&clean[noise_only]);
        let loss = db(&speech[seconds(4)..]) - db(&clean[seconds(4)..]);
        assert!(drop > 20.0, "{rate_hz} Hz: noise drops by {drop} dB");
        assert!(loss.abs() < 1.0, "{rate_hz} Hz: speech drops by {loss} dB");
    }
}

#[test]
fn speech_comes_out_late_by_the_delay() {
    for rate_hz in [8_000, 16_000] {
        let speech = speech(rate_hz);
        let clean = denoised(rate_hz, &speech);
        let likeness = |delay: &usize| -> f32 {
            let pairs = speech.iter().zip(&clean[*delay..]);
            pairs.map(|(&a, &b)| f32::from(a) * f32::from(b)).sum()
        };
        let found =
            (0..rate_hz as usize / 10).max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap();
        let delay = Denoiser::new(rate_hz).unwrap().delay();
        let ms = found as f32 * 1_000.0 / rate_hz as f32;
        assert!((ms - delay.as_secs_f32() * 1_000.0).abs() < 0.5, "{ms} ms, not {delay:?}");
    }
}

#[test]
fn the_size_of_frames_makes_no_difference() {
    let speech = speech(8_000);
    let whole = denoised(8_000, &speech);
    let mut denoiser = Denoiser::new(8_000).unwrap();
    for again in [false, true] {
        let (mut clean, mut rest) = (Vec::new(), speech.as_slice());
        for length in [0, 1, 79, 81, 160, 256, 3_000].into_iter().cycle() {
            let (frame, after) = rest.split_at(length.min(rest.len()));
            denoiser.process(frame, &mut clean);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        assert!(clean == whole, "again: {again}");
        denoiser.reset();
    }
}

#[test]
fn only_rates_of_telephones_are_taken() {
    assert_eq!(Denoiser::new(44_100).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_detector_by_energy_is_not_held_up_by_noise() {
    let noise: Vec<i16> = mixed(&[0; 16_000], &noise(16_000, 400.0));
    let vad = EnergyVad::new(8_000, std::time::Duration::from_millis(20)).unwrap();
    let (mut alone, mut behind) = (vad.clone(), DenoisedVad::new(vad).unwrap());
    assert_eq!((behind.rate_hz(), behind.window()), (alone.rate_hz(), alone.window()));
    let mut sum = [0.0, 0.0];
    let once = [[0; 4_000].as_slice(), &noise].concat();
    for window in once.chunks_exact(160) {
        sum[0] += alone.probability(window);
        sum[1] += behind.probability(window);
    }
    assert!(sum[1] < sum[0] / 2.0, "{sum:?}");
}

/// Keeps what it is given.
#[derive(Debug, Clone, Default)]
struct Listener {
    heard: Arc<Mutex<Vec<AsrInput>>>,
    formats: Vec<AudioFormat>,
}

#[async_trait]
impl Asr for Listener {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("listener", self.formats.clone())
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let heard = Arc::clone(&self.heard);
        let keep = move |input| {
            heard.lock().unwrap().push(input);
            futures::future::ready(None)
        };
        Ok(input.filter_map(keep).boxed())
    }
}

#[test]
fn a_recogniser_hears_what_is_left_and_all_that_is_said_to_it() {
    let format = AudioFormat::pcm16(8_000);
    let listener = Listener { formats: vec![AudioFormat::PHONE, format], ..Listener::default() };
    let asr = DenoisedAsr::new(listener.clone()).unwrap();
    assert_eq!(asr.info().formats, [format]);
    let noisy = mixed(&[0; 16_000], &noise(16_000, 150.0));
    let audio = noisy.chunks(160).map(|frame| AsrInput::Audio(AudioChunk::from_pcm(8_000, frame)));
    let signs = [AsrInput::SpeechStarted, AsrInput::SpeechEnded, AsrInput::Finalize];
    let input = stream::iter(audio.chain(signs.clone()).collect::<Vec<_>>()).boxed();
    let heard = asr.recognize(AsrRequest::new(format), input).now_or_never().unwrap().unwrap();
    assert!(heard.collect::<Vec<_>>().now_or_never().unwrap().is_empty());
    let heard = listener.heard.lock().unwrap();
    assert_eq!(heard[100..], signs);
    let mut clean = Vec::new();
    for input in &heard[..100] {
        if let AsrInput::Audio(chunk) = input {
            chunk.decode_into(&mut clean);
        }
    }
    assert_eq!(clean.len(), noisy.len());
    assert!(db(&clean[8_000..]) < db(&noisy[8_000..]) - 10.0);

    let phone = AsrRequest::new(AudioFormat::PHONE);
    let refused = asr.recognize(phone, stream::empty().boxed()).now_or_never().unwrap();
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_recogniser_of_other_audio_is_refused() {
    let listener = Listener { formats: vec![AudioFormat::pcm16(24_000)], ..Listener::default() };
    assert_eq!(DenoisedAsr::new(listener).unwrap_err().kind(), ErrorKind::Unsupported);
}
