//! Speech: `/v1/speak`.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use tokio::time::timeout;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use crate::support::{aura, clauses, ms, service};

const FLUSHED: &str = r#"{"type":"Flushed","sequence_id":0}"#;

/// Gives 100 bytes for every text at the next `Flush`.
pub(crate) fn speaking() -> impl FnMut(&Received) -> Vec<Reply> {
    let mut texts = 0;
    move |received| match received.text() {
        Some(text) if text.contains("Speak") => {
            texts += 1;
            Vec::new()
        }
        Some(text) if text.contains("Flush") => {
            let audio = Reply::Binary(vec![texts; 100].into());
            vec![audio, Reply::Text(FLUSHED.to_owned())]
        }
        Some(text) if text.contains("Close") => vec![Reply::Close(1000, String::new())],
        Some(_) | None => Vec::new(),
    }
}

async fn speak(
    server: &Arc<WebSocketServer>,
    format: AudioFormat,
    text: BoxStream<'static, String>,
) -> BoxStream<'static, Result<Spoken>> {
    aura(server).speak(TtsRequest::new(format), text).await.unwrap()
}

/// All audio, up to the end.
async fn bytes(spoken: BoxStream<'static, Result<Spoken>>) -> Vec<u8> {
    let items = timeout(Duration::from_secs(60), spoken.collect::<Vec<_>>()).await.unwrap();
    let mut bytes = Vec::new();
    for item in items {
        let Spoken::Audio(chunk) = item.unwrap() else { panic!("there are no word times") };
        assert!(!chunk.is_empty());
        bytes.extend_from_slice(chunk.bytes());
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn each_clause_is_spoken_without_waiting_for_the_next() {
    let server = service([Script::new().answer(speaking())]);
    let text = clauses(&["Good morning, "]).chain(stream::pending()).boxed();
    let mut spoken = speak(&server, AudioFormat::PHONE, text).await;
    let first = timeout(Duration::from_secs(60), spoken.next()).await.unwrap().unwrap().unwrap();
    let Spoken::Audio(chunk) = first else { panic!("no audio: {first:?}") };
    assert_eq!((chunk.format(), chunk.bytes().len()), (AudioFormat::PHONE, 100));
    let said = [r#"{"text":"Good morning, ","type":"Speak"}"#, r#"{"type":"Flush"}"#];
    assert_eq!(server.connections()[0].texts(), said);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_text_waits_for_the_last_sound() {
    let script = Script::new().until_text("Flush").until_text("Flush").say_bytes(vec![1; 10]);
    let script = script.say(FLUSHED).wait(ms(800)).say_bytes(vec![2; 10]).say(FLUSHED);
    let server = service([script]);
    let spoken = speak(&server, AudioFormat::PHONE, clauses(&["One, ", "two."])).await;
    let since = tokio::time::Instant::now();
    assert_eq!(bytes(spoken).await, [[1; 10], [2; 10]].concat());
    assert!(since.elapsed() < ms(1_000), "it waits for the service's close");
}

#[tokio::test(start_paused = true)]
async fn text_without_anything_to_pronounce_is_not_sent() {
    let server = service([Script::new().answer(speaking())]);
    let spoken = speak(&server, AudioFormat::PHONE, clauses(&[" ", "\u{2014} \u{2026} "])).await;
    assert!(bytes(spoken).await.is_empty());
    assert_eq!(server.connections()[0].texts(), [r#"{"type":"Close"}"#]);
}

#[tokio::test(start_paused = true)]
async fn the_service_is_not_asked_to_flush_more_often_than_it_allows() {
    let server = service([Script::new().answer(speaking())]);
    let texts: Vec<String> = (0..41).map(|n| format!("Clause {n}. ")).collect();
    let text = stream::iter(texts).boxed();
    assert!(!bytes(speak(&server, AudioFormat::PHONE, text).await).await.is_empty());
    let said = server.connections()[0].texts().join("\n");
    assert_eq!(said.matches("Clause").count(), 41);
    assert!(said.matches("Flush").count() <= 20, "{said}");
    assert!(said.ends_with(r#"{"type":"Flush"}"#), "the last clause is spoken too");
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_too_long_is_cut_between_words() {
    let server = service([Script::new().answer(speaking())]);
    let text = "word ".repeat(500);
    bytes(speak(&server, AudioFormat::PHONE, clauses(&[&text])).await).await;
    let seen = server.connections();
    let texts = seen[0].texts();
    let spoken: Vec<&&str> = texts.iter().filter(|text| text.contains("Speak")).collect();
    assert_eq!(spoken.len(), 3);
    let said =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["text"].clone();
    let all: String = spoken.iter().map(|text| said(text).as_str().unwrap().to_owned()).collect();
    assert_eq!(all, text);
    assert!(spoken.iter().all(|text| text.len() < 2_000));
}

#[tokio::test(start_paused = true)]
async fn samples_that_come_in_halves_are_put_together() {
    let script = Script::new().until_text("Flush").say_bytes(vec![1, 2, 3]).say_bytes(vec![4]);
    let server = service([script.say_bytes(vec![5, 6]).say(FLUSHED)]);
    let format = AudioFormat::pcm16(24_000);
    let spoken = speak(&server, format, clauses(&["Hello."])).await;
    assert_eq!(bytes(spoken).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_stops_the_voice() {
    let script = Script::new().until_text("Flush").say_bytes(vec![1; 10]);
    let server = service([script]);
    let text = clauses(&["Good morning. "]).chain(stream::pending()).boxed();
    let mut spoken = speak(&server, AudioFormat::PHONE, text).await;
    assert!(spoken.next().await.unwrap().is_ok());
    drop(spoken);
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(seen[0].texts()[2..], [r#"{"type":"Clear"}"#, r#"{"type":"Close"}"#]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_goes_on_in_the_middle_of_the_clause() {
    let first = Script::new().until_text("two").say_bytes(vec![1; 10]).say(FLUSHED);
    let first = first.say_bytes(vec![2, 2]).wait(ms(10)).cut();
    let second = Script::new().until_text("Flush").say_bytes(vec![2, 2, 3, 4]).say(FLUSHED);
    let server = service([first, second]);
    let spoken = speak(&server, AudioFormat::PHONE, clauses(&["One, ", "two."])).await;
    assert_eq!(bytes(spoken).await, [&[1; 10][..], &[2, 2, 3, 4]].concat());
    let again = [r#"{"text":"two.","type":"Speak"}"#, r#"{"type":"Flush"}"#];
    assert_eq!(server.connections()[1].texts(), again);
}

#[tokio::test(start_paused = true)]
async fn the_last_flush_is_sent_again_as_well() {
    let texts: Vec<String> = (0..14).map(|n| format!("{n} ")).collect();
    let first = Script::new().until_text("13").until_text("Flush").cut();
    let server = service([first, Script::new().answer(speaking())]);
    let spoken = speak(&server, AudioFormat::PHONE, stream::iter(texts).boxed()).await;
    assert!(!bytes(spoken).await.is_empty());
    let seen = server.connections();
    assert_eq!(seen[1].texts().join(" ").matches("Flush").count(), 13);
    assert_eq!(seen[0].texts(), seen[1].texts());
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_does_not_exist_is_a_wrong_setting() {
    let body =
        r#"{"err_code":"INVALID_QUERY_PARAMETER","err_msg":"No such model.","request_id":"r"}"#;
    let server = service([Script::refuse(400, &[], body)]);
    let mut spoken = speak(&server, AudioFormat::PHONE, clauses(&["Hello."])).await;
    let error = spoken.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(spoken.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_owes_audio_is_not_waited_for_forever() {
    let server = service((0..5).map(|_| Script::new()));
    let mut spoken = speak(&server, AudioFormat::PHONE, clauses(&["Hello."])).await;
    let error = timeout(Duration::from_secs(60), spoken.next()).await.unwrap().unwrap();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_format_that_it_does_not_give_is_refused() {
    let server = service([]);
    let request = TtsRequest::new(AudioFormat::new(Encoding::MuLaw, 16_000));
    let refused = aura(&server).speak(request, clauses(&[])).await;
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Unsupported);
}
