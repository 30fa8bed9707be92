//! Whisper on recorded speech, by itself and as the recogniser of a call.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::channel::mpsc::{self, Sender};
use futures::stream::BoxStream;
use futures::{FutureExt, SinkExt, StreamExt};
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat, Encoding};
use voicekit_core::codec::mulaw;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_local::models::{Model, Models};
use voicekit_local::whisper::Whisper;
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::speech::{self, recording};
use voicekit_testkit::words::{self, words};

/// The recogniser. Fetches the model if it is not here.
fn whisper() -> Whisper {
    static WHISPER: OnceLock<Whisper> = OnceLock::new();
    let load = || {
        let (models, model) = (Models::in_default_directory().unwrap(), Model::whisper_tiny_en());
        models.ensure(&[&model], &mut |_| {}).unwrap();
        Whisper::load(&models.path(&model)).unwrap()
    };
    WHISPER.get_or_init(load).clone()
}

fn assert_says(transcript: &Transcript, expected: &str) {
    assert_eq!(words(&transcript.text), words(expected), "{transcript:?}");
}

#[test]
fn under_eight_percent_of_the_words_over_the_phone_are_wrong() {
    let (mut wrong, mut all) = (0, 0);
    for recording in speech::all() {
        let decoded = whisper().transcribe(&recording.over_the_phone(), 8_000).unwrap();
        let said = words(&recording.text);
        wrong += words::errors(&said, &words(&decoded.text));
        all += said.len();
    }
    assert!(wrong * 100 < all * 8, "{wrong} of {all}");
}

#[test]
fn wide_band_audio_is_taken_as_it_is() {
    let spoken = recording("librivox-0920.wav");
    let decoded = whisper().transcribe(&spoken.samples, 16_000).unwrap();
    assert_eq!(words(&decoded.text), words(&spoken.text));
    assert!(decoded.no_speech < 0.3 && decoded.mean_log_probability > -0.5, "{decoded:?}");
}

#[test]
fn audio_at_another_rate_is_refused() {
    let error = whisper().transcribe(&[0; 100], 11_025).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn utterances_of_odd_lengths_do_no_harm() {
    for length in [0, 1, 159, 201, 8_000 * 40] {
        let noise: Vec<i16> = (0..length).map(|index| (index % 7) as i16 - 3).collect();
        let decoded = whisper().transcribe(&noise, 8_000).unwrap();
        assert!((0.0..=1.0).contains(&decoded.no_speech), "{length}: {decoded:?}");
    }
}

#[test]
fn a_decode_told_to_stop_stops() {
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 6;
    let audio = recording("jfk.wav").samples;
    assert_eq!(whisper().transcribe_until(&audio, 16_000, &stop).unwrap(), None);
    assert_eq!(asked.into_inner(), 7);
}

#[test]
fn files_that_are_not_the_model_are_refused() {
    let directory = std::env::temp_dir().join(format!("voicekit-whisper-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let refused = |what| {
        let error = Whisper::load(&directory).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(what), "{error}");
    };
    refused("cannot read");
    std::fs::write(directory.join("model.bin"), "not a model").unwrap();
    std::fs::write(directory.join("tokenizer.json"), "{}").unwrap();
    refused("model.bin is not the expected model");
    std::fs::remove_dir_all(&directory).unwrap();
}

/// One stream of recognition.
struct Call {
    input: Sender<AsrInput>,
    events: BoxStream<'static, Result<AsrEvent>>,
}

impl Call {
    async fn new() -> Self {
        Self::with(whisper().without_interims()).await
    }

    async fn with(whisper: Whisper) -> Self {
        let (input, received) = mpsc::channel(10_000);
        let request = AsrRequest::new(AudioFormat::PHONE);
        let events = whisper.recognize(request, received.boxed()).await.unwrap();
        Self { input, events }
    }

    async fn send(&mut self, input: AsrInput) {
        self.input.send(input).await.unwrap();
    }

    /// Sends linear samples as the carrier would, in pieces of 20 ms of mu-law.
    async fn hear(&mut self, samples: &[i16]) {
        for piece in samples.chunks(160) {
            let codes: Vec<u8> = piece.iter().map(|&s| mulaw::encode_sample(s)).collect();
            let chunk = AudioChunk::new(AudioFormat::PHONE, codes).unwrap();
            self.send(AsrInput::Audio(chunk)).await;
        }
    }

    /// An utterance of `samples` and 200 ms of silence, heard as the detector would tell.
    async fn utterance(&mut self, samples: &[i16]) {
        let (onset, rest) = samples.split_at(1_600);
        self.hear(onset).await;
        self.send(AsrInput::SpeechStarted).await;
        self.hear(rest).await;
        self.hear(&[0; 1_600]).await;
        self.send(AsrInput::SpeechEnded).await;
    }

    async fn next(&mut self) -> AsrEvent {
        self.events.next().await.unwrap().unwrap()
    }

    async fn interim(&mut self) -> Transcript {
        let event = self.next().await;
        let AsrEvent::Interim(transcript) = event else { panic!("{event:?}") };
        transcript
    }

    /// The next final transcript and how many interims came before it.
    async fn last(&mut self) -> (Transcript, usize) {
        let mut interims = 0;
        loop {
            if let AsrEvent::Final(transcript) = self.next().await {
                return (transcript, interims);
            }
            interims += 1;
        }
    }

    async fn finish(mut self) -> Vec<AsrEvent> {
        self.input.close_channel();
        self.events.map(Result::unwrap).collect().await
    }
}

contract_tests! {
    contract: Asr = {
        let speech = recording("librivox-0880.wav").over_the_phone();
        let codes: Vec<u8> = speech.iter().map(|&sample| mulaw::encode_sample(sample)).collect();
        let speech = AudioChunk::new(AudioFormat::PHONE, codes).unwrap();
        Subject::new(whisper()).with_speech(speech)
    },
    time: real,
}

#[tokio::test]
async fn the_text_is_there_before_it_is_asked_for() {
    let (mut call, spoken) = (Call::new().await, recording("goforward.wav"));
    call.utterance(&spoken.over_the_phone()).await;
    assert_says(&call.interim().await, &spoken.text);
    call.send(AsrInput::Finalize).await;
    let event = call.events.next().now_or_never().unwrap().unwrap().unwrap();
    let AsrEvent::Final(transcript) = event else { panic!("{event:?}") };
    assert_says(&transcript, &spoken.text);
    assert!(transcript.finalized && transcript.confidence.unwrap() > 0.5, "{transcript:?}");
    assert_eq!(call.finish().await, []);
}

#[tokio::test]
async fn asked_at_once_the_text_comes_as_soon_as_it_is_decoded() {
    let (mut call, spoken) = (Call::new().await, recording("goforward.wav"));
    call.utterance(&spoken.over_the_phone()).await;
    call.send(AsrInput::Finalize).await;
    let (transcript, interims) = call.last().await;
    assert_says(&transcript, &spoken.text);
    assert!(transcript.finalized);
    assert_eq!(interims, 0);
}

#[tokio::test]
async fn a_pause_does_not_split_an_utterance() {
    let (mut call, spoken) = (Call::new().await, recording("librivox-0920.wav"));
    let audio = spoken.over_the_phone();
    let (before, after) = audio.split_at(audio.len() / 2);
    call.utterance(before).await;
    call.interim().await;
    call.send(AsrInput::SpeechStarted).await;
    call.hear(after).await;
    call.send(AsrInput::SpeechEnded).await;
    call.send(AsrInput::Finalize).await;
    let (transcript, _) = call.last().await;
    let wrong = words::errors(&words(&spoken.text), &words(&transcript.text));
    assert!(wrong <= 1, "{transcript:?}");
    assert_eq!(call.finish().await, []);
}

#[tokio::test]
async fn interims_come_while_speech_lasts() {
    let (mut call, mut other) = (Call::with(whisper()).await, Call::new().await);
    let speech = recording("jfk.wav").over_the_phone();
    call.send(AsrInput::SpeechStarted).await;
    for second in speech.chunks(8_000).cycle().take(28) {
        call.hear(second).await;
        let interim = call.events.next().now_or_never();
        assert!(interim.is_none(), "nothing is decoded yet");
        // The other call waits for the same processor, so an interim that was begun is done first.
        other.utterance(&speech[..8_000]).await;
        other.send(AsrInput::Finalize).await;
        other.last().await;
        if let Some(event) = call.events.next().now_or_never() {
            let AsrEvent::Interim(interim) = event.unwrap().unwrap() else { panic!("no interim") };
            assert!(interim.text.starts_with("And so"), "{interim:?}");
            return assert!(!interim.finalized);
        }
    }
    panic!("28 s of speech without an interim");
}

#[tokio::test]
async fn asked_without_speech_it_answers_with_nothing() {
    let mut call = Call::new().await;
    call.hear(&[0; 8_000]).await;
    call.send(AsrInput::Finalize).await;
    let (transcript, _) = call.last().await;
    assert_eq!(transcript, Transcript::default().finalized());
    assert_eq!(call.finish().await, []);
}

#[tokio::test]
async fn an_utterance_without_speech_is_empty() {
    let mut call = Call::new().await;
    let hum: Vec<i16> = (0..12_000_i16).map(|index| index % 160 * 5).collect();
    for noise in [&[0; 12_000], hum.as_slice()] {
        call.utterance(noise).await;
        call.send(AsrInput::Finalize).await;
        let (transcript, interims) = call.last().await;
        assert_eq!((transcript.text.as_str(), interims), ("", 0));
        assert!(transcript.finalized);
    }
}

#[tokio::test]
async fn the_end_of_the_input_finishes_what_was_said() {
    let (mut call, spoken) = (Call::new().await, recording("goforward.wav"));
    call.hear(&spoken.over_the_phone()[..1_600]).await;
    call.send(AsrInput::SpeechStarted).await;
    call.hear(&spoken.over_the_phone()[1_600..]).await;
    let events = call.finish().await;
    let [AsrEvent::Final(transcript)] = &events[..] else { panic!("{events:?}") };
    assert_says(transcript, &spoken.text);
    assert!(!transcript.finalized);
}

#[tokio::test]
async fn utterances_are_answered_in_their_order() {
    let mut call = Call::new().await;
    let recordings = ["goforward.wav", "librivox-0930.wav", "librivox-0870.wav"].map(recording);
    for recording in &recordings {
        call.utterance(&recording.over_the_phone()).await;
        call.send(AsrInput::Finalize).await;
    }
    for recording in &recordings {
        let (transcript, _) = call.last().await;
        assert_says(&transcript, &recording.text);
        assert!(transcript.finalized);
    }
    assert_eq!(call.finish().await, []);
}

#[tokio::test]
async fn the_beginning_is_heard_although_it_is_announced_late() {
    let (mut call, spoken) = (Call::new().await, recording("librivox-0930.wav"));
    let audio = spoken.over_the_phone();
    let onset = audio.iter().position(|sample| sample.unsigned_abs() > 1_500).unwrap();
    call.hear(&[0; 8_000]).await;
    call.hear(&audio[..onset + 2_400]).await;
    call.send(AsrInput::SpeechStarted).await;
    call.hear(&audio[onset + 2_400..]).await;
    call.send(AsrInput::SpeechEnded).await;
    call.send(AsrInput::Finalize).await;
    assert_says(&call.last().await.0, &spoken.text);
}

#[tokio::test]
async fn speech_without_end_is_cut_and_goes_on() {
    let (mut call, spoken) = (Call::new().await, recording("jfk.wav"));
    let audio = spoken.over_the_phone();
    call.send(AsrInput::SpeechStarted).await;
    for _ in 0..3 {
        call.hear(&audio).await;
    }
    let (first, _) = call.last().await;
    // What is said again and again may be written once.
    assert!(!first.finalized && first.text.contains("country"), "{first:?}");
    call.send(AsrInput::SpeechEnded).await;
    call.send(AsrInput::Finalize).await;
    let (rest, _) = call.last().await;
    assert!(rest.finalized && rest.text.contains("country"), "{rest:?}");
    assert_eq!(call.finish().await, []);
}

#[tokio::test]
async fn dropping_the_output_drops_the_input() {
    let mut call = Call::new().await;
    call.utterance(&recording("jfk.wav").over_the_phone()).await;
    assert!(call.events.next().now_or_never().is_none());
    drop(call.events);
    assert!(call.input.is_closed());
}

#[tokio::test]
async fn what_it_does_not_understand_is_refused() {
    let mut spanish = AsrRequest::new(AudioFormat::PHONE);
    spanish.language = "es-MX".to_owned();
    let wide = AsrRequest::new(AudioFormat::new(Encoding::Pcm16, 44_100));
    for request in [spanish, wide] {
        let input = futures::stream::empty().boxed();
        let error = whisper().recognize(request, input).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn audio_in_another_format_than_announced_ends_the_stream() {
    let mut call = Call::new().await;
    let chunk = AudioChunk::silence(AudioFormat::pcm16(8_000), Duration::from_millis(20));
    call.send(AsrInput::Audio(chunk)).await;
    call.send(AsrInput::Finalize).await;
    let error = call.events.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(call.events.next().await.is_none());
}
