//! The voice.

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_openai::{Dialect, OpenAiTts};
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::schema;
use crate::service::config;

fn audio(bytes: &[u8]) -> Answer {
    Answer::new(200).with_header("content-type", "audio/pcm").then(bytes.to_vec())
}

fn clauses(clauses: &[&str]) -> BoxStream<'static, String> {
    let clauses: Vec<String> = clauses.iter().map(|&clause| clause.to_owned()).collect();
    stream::iter(clauses).boxed()
}

fn request() -> TtsRequest {
    TtsRequest::new(AudioFormat::pcm16(24_000))
}

async fn voice(answers: impl IntoIterator<Item = Answer>) -> (HttpServer, OpenAiTts) {
    let server = HttpServer::start(answers).await.unwrap();
    let mut config = config(&server);
    config.speech.instructions = Some("Friendly.".to_owned());
    let voice = OpenAiTts::new(config).unwrap();
    (server, voice)
}

async fn heard(spoken: BoxStream<'static, voicekit_core::error::Result<Spoken>>) -> Vec<u8> {
    let pieces = spoken.try_fold(Vec::new(), |mut all, item| async move {
        let Spoken::Audio(chunk) = item else { panic!("no audio") };
        assert_eq!(chunk.format(), AudioFormat::pcm16(24_000));
        all.extend_from_slice(chunk.bytes());
        Ok(all)
    });
    pieces.await.unwrap()
}

#[tokio::test]
async fn clauses_follow_each_other_whatever_pieces_they_come_in() {
    let first: Vec<u8> = (0..100).collect();
    // A clause of half samples ends on a whole one.
    let (server, voice) =
        voice([audio(&first).in_pieces_of(3), audio(&[200, 201, 202]).in_pieces_of(1)]).await;
    let text = clauses(&["Good morning. ", "… ", "How are you?"]);
    let sound = heard(voice.speak(request(), text).await.unwrap()).await;
    assert_eq!(sound, [&first[..], &[200, 201]].concat());
    let asked = server.asked();
    let inputs: Vec<_> = asked.iter().map(|asked| asked.json()["input"].clone()).collect();
    assert_eq!(inputs, ["Good morning. ", "How are you?"]);
    for asked in asked {
        schema::check("CreateSpeechRequest", &asked.json());
        assert_eq!(asked.target, "/v1/audio/speech");
        assert_eq!(asked.json()["response_format"], "pcm");
        assert_eq!(asked.json()["voice"], "alloy");
    }
}

#[tokio::test]
async fn the_next_clause_is_asked_for_while_one_is_heard() {
    let (server, voice) = voice([audio(&[1, 2]).then_stall(), Answer::never()]).await;
    let mut spoken = voice.speak(request(), clauses(&["One.", "Two."])).await.unwrap();
    assert!(spoken.next().await.unwrap().is_ok());
    while server.asked().len() < 2 {
        let step = std::time::Duration::from_millis(1);
        assert!(tokio::time::timeout(step, spoken.next()).await.is_err());
    }
    drop(spoken);
    server.abandoned(2).await;
}

#[tokio::test]
async fn a_text_that_is_too_long_goes_in_two_requests() {
    let (server, voice) = voice([audio(&[1, 2]), audio(&[3, 4])]).await;
    let text = "words ".repeat(700);
    let spoken = voice.speak(request(), clauses(&[&text])).await.unwrap();
    assert_eq!(heard(spoken).await, [1, 2, 3, 4]);
    let inputs: Vec<_> = server.asked().iter().map(|asked| asked.json()["input"].clone()).collect();
    for asked in server.asked() {
        schema::check("CreateSpeechRequest", &asked.json());
    }
    let said: String = inputs.iter().filter_map(|input| input.as_str()).collect();
    assert_eq!(said, text);
}

#[tokio::test]
async fn what_is_not_raw_audio_is_not_played() {
    let (_server, voice) =
        voice([Answer::new(200).with_header("content-type", "audio/mpeg").then("ID3")]).await;
    let spoken = voice.speak(request(), clauses(&["Hello."])).await.unwrap();
    let items: Vec<_> = spoken.collect().await;
    assert_eq!(items.len(), 1);
    let error = items[0].as_ref().unwrap_err();
    assert_eq!(error.message(), "asked for raw audio, the answer is audio/mpeg");
}

#[tokio::test]
async fn a_voice_that_is_refused_fails_once() {
    let (_server, voice) = voice([Answer::json(400, r#"{"error":{"message":"No voice."}}"#)]).await;
    let mut request = request();
    request.voice = Some("nobody".to_owned());
    let spoken = voice.speak(request, clauses(&["One.", "Two."])).await.unwrap();
    let items: Vec<_> = spoken.collect().await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].as_ref().unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn groq_has_no_raw_audio() {
    let server = HttpServer::start([]).await.unwrap();
    let error = OpenAiTts::new(config(&server).with_dialect(Dialect::Groq)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
