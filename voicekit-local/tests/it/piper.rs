//! Piper voices, with a network that has their shape and no sense.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsRequest};
use voicekit_local::piper::{Phrases, Piper, PiperConfig};
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;

const NETWORK: &[u8] = include_bytes!("../data/tiny-voice.onnx");
const SETTINGS: &str = include_str!("../data/tiny-voice.onnx.json");
const FORMAT: AudioFormat = AudioFormat::pcm16(22_050);

fn piper() -> Piper {
    Piper::new(NETWORK, SETTINGS, PiperConfig::default()).unwrap()
}

async fn speak(piper: &Piper, clauses: &[&str]) -> Vec<Spoken> {
    let text: Vec<String> = clauses.iter().map(|&clause| clause.to_owned()).collect();
    let spoken = piper.speak(TtsRequest::new(FORMAT), stream::iter(text).boxed()).await.unwrap();
    spoken.map(Result::unwrap).collect().await
}

fn sound(spoken: &[Spoken]) -> Vec<u8> {
    let chunks = spoken.iter().filter_map(|part| {
        let Spoken::Audio(chunk) = part else { return None };
        Some(chunk.bytes().to_vec())
    });
    chunks.flatten().collect()
}

fn words(spoken: &[Spoken]) -> Vec<SpokenWord> {
    let words = spoken.iter().filter_map(|part| {
        let Spoken::Word(word) = part else { return None };
        Some(word.clone())
    });
    words.collect()
}

contract_tests! {
    contract: Tts = Subject::new(piper()),
    time: real,
}

#[tokio::test]
async fn the_same_text_always_sounds_the_same() {
    let text = ["Thank you for calling.", "We close at 6 p.m. today."];
    let first = sound(&speak(&piper(), &text).await);
    assert_eq!(first, sound(&speak(&piper(), &text).await));
    assert!(first.iter().any(|byte| *byte != 0));
}

#[tokio::test]
async fn a_clause_arrives_in_stretches_and_from_the_store_whole() {
    let piper = piper();
    let text = ["Thank you for calling Corner Bakery, how can I help you?"];
    let made = speak(&piper, &text).await;
    let stored = speak(&piper, &text).await;
    let chunks =
        |spoken: &[Spoken]| spoken.iter().filter(|part| matches!(part, Spoken::Audio(_))).count();
    assert!(chunks(&made) > 2);
    assert_eq!(chunks(&stored), 1);
    assert_eq!(sound(&made), sound(&stored));
    assert_eq!(words(&made), words(&stored));
}

#[tokio::test]
async fn words_are_those_of_the_text_in_their_places() {
    let spoken = speak(&piper(), &["Call 555-0142 at 3:30 pm, ", "(please) – ok?"]).await;
    let words = words(&spoken);
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["Call", "555-0142", "at", "3:30", "pm,", "(please)", "ok?"]);
    for pair in words.windows(2) {
        assert!(pair[0].start < pair[0].end && pair[0].end <= pair[1].start, "{pair:?}");
    }
    let length = FORMAT.duration_of(sound(&spoken).len());
    assert!(words[6].end <= length);
    assert!(words[1].end - words[1].start > 4 * (words[2].end - words[2].start));
}

#[tokio::test]
async fn prepared_phrases_are_stored_within_the_limit() {
    let phrases = Arc::new(Phrases::new(Duration::from_secs(60)));
    let piper = piper().with_phrases(phrases.clone());
    piper.prepare(["Hello.", "Goodbye.", "One moment, please."]).await.unwrap();
    let length = phrases.length();
    assert!(length > Duration::ZERO && length <= Duration::from_secs(60));
    speak(&piper, &["Hello."]).await;
    assert_eq!(phrases.length(), length, "what is stored is not stored twice");
}

#[tokio::test]
async fn text_without_an_end_is_spoken_in_parts() {
    let endless = "bread and butter ".repeat(60);
    let spoken = speak(&piper(), &[&endless]).await;
    assert_eq!(words(&spoken).len(), 180);
}

#[tokio::test]
async fn requests_that_cannot_be_met_are_refused() {
    let piper = piper();
    let mut other_voice = TtsRequest::new(FORMAT);
    other_voice.voice = Some("amy".to_owned());
    let mut french = TtsRequest::new(FORMAT);
    french.language = "fr".to_owned();
    for (request, kind) in [
        (TtsRequest::new(AudioFormat::PHONE), ErrorKind::Unsupported),
        (other_voice, ErrorKind::Config),
        (french, ErrorKind::Unsupported),
    ] {
        let refused = piper.speak(request, stream::empty().boxed()).await;
        assert_eq!(refused.err().unwrap().kind(), kind);
    }
}

#[test]
fn files_that_are_no_voice_are_refused_with_the_reason() {
    let config = PiperConfig::default;
    let german = SETTINGS.replace("en-us", "de");
    let rate = SETTINGS.replace("22050", "1");
    for (network, settings, config, reason) in [
        (b"not a voice".as_slice(), SETTINGS, config(), "not a Piper voice"),
        (&NETWORK[..NETWORK.len() / 2], SETTINGS, config(), "not a Piper voice"),
        (NETWORK, "{}", config(), "settings"),
        (NETWORK, german.as_str(), config(), "English"),
        (NETWORK, rate.as_str(), config(), "sample_rate"),
        (NETWORK, SETTINGS, config().with_speed(9.0), "speed must be 0.5 to 2.0, not 9"),
        (NETWORK, SETTINGS, config().with_speaker(3), "no speaker 3"),
    ] {
        let refused = Piper::new(network, settings, config).unwrap_err();
        assert!(refused.message().contains(reason), "{refused}");
    }
    let missing = Piper::load("/nowhere/voice.onnx").unwrap_err();
    assert!(missing.message().contains("/nowhere/voice.onnx"), "{missing}");
}
