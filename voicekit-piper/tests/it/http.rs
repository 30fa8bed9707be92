//! Piper's HTTP server: what is asked, what files are read, and refusals.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_core::record::wav;
use voicekit_testkit::server::http::Answer;

use crate::support::{answering, clauses, failed, order, over_http, said, speak};

const HTML: &str = "<!doctype html><title>500 Internal Server Error</title>";

fn spoken(file: impl Into<Vec<u8>>) -> Answer {
    let file: Vec<u8> = file.into();
    Answer::new(200).with_header("content-type", "text/html; charset=utf-8").then(file)
}

/// 100 ms of samples that are all `value`.
fn file(value: i16) -> Vec<u8> {
    wav::encode(AudioFormat::pcm16(22_050), 1, &[value; 2_205]).unwrap()
}

/// A file of these chunks, each with the size it claims.
fn riff(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    for (name, size, body) in chunks {
        file.extend_from_slice(*name);
        file.extend(size.to_le_bytes());
        file.extend_from_slice(body);
    }
    file
}

/// `fmt ` of one channel of 16 bits at 22,050 Hz.
const FMT: &[u8] = &[1, 0, 1, 0, 0x22, 0x56, 0, 0, 0x44, 0xAC, 0, 0, 2, 0, 16, 0];

#[tokio::test(start_paused = true)]
async fn a_clause_is_a_request_in_json() {
    let server = answering([Answer::json(200, r#"{"joe":{}}"#), spoken(file(1)), spoken(file(2))]);
    let piper = over_http(&server, |config| {
        config.voice = Some("joe".to_owned());
        config.speaker = Some("3".to_owned());
        config.length_scale = Some(1.5);
        config.concurrency = 1;
    });
    let (samples, error) = said(&piper, &[" Hello \n there. ", "Bye."]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!((order(&samples), samples.len()), (vec![1, 2], 4_410));
    let asked = server.asked();
    let targets: Vec<_> =
        asked.iter().map(|one| (one.method.as_str(), one.target.as_str())).collect();
    assert_eq!(targets, [("GET", "/voices"), ("POST", "/synthesize"), ("POST", "/synthesize")]);
    assert_eq!(asked[1].header("content-type"), "application/json");
    let wanted =
        json!({ "text": "Hello there.", "voice": "joe", "speaker_id": 3, "length_scale": 1.5 });
    assert_eq!(asked[1].json(), wanted);
}

#[tokio::test(start_paused = true)]
async fn only_the_text_is_sent_where_nothing_is_set() {
    let server = answering([spoken(file(1))]);
    said(&over_http(&server, |_| ()), &["1"]).await;
    assert_eq!(server.asked()[0].json(), json!({ "text": "1" }));
    let server = answering([spoken(file(1))]);
    said(&over_http(&server, |config| config.speaker = Some("amy".to_owned())), &["1"]).await;
    assert_eq!(server.asked()[0].json(), json!({ "text": "1", "speaker": "amy" }));
}

#[tokio::test(start_paused = true)]
async fn files_need_not_be_tidy() {
    let audio: &[u8] = &[1, 0, 2, 0];
    let cases: [(&str, Vec<u8>); 5] = [
        (
            "another chunk",
            riff(&[(b"fmt ", 16, FMT), (b"LIST", 6, b"INFOxx"), (b"data", 4, audio)]),
        ),
        ("an odd chunk", riff(&[(b"LIST", 3, b"abc\0"), (b"fmt ", 16, FMT), (b"data", 4, audio)])),
        ("no size", riff(&[(b"fmt ", 16, FMT), (b"data", 0, audio)])),
        ("an unknown size", riff(&[(b"fmt ", 16, FMT), (b"data", u32::MAX, audio)])),
        ("a size too large", riff(&[(b"fmt ", 16, FMT), (b"data", 400, audio)])),
    ];
    for (name, file) in cases {
        let server = answering([spoken(file)]);
        let (samples, error) = said(&over_http(&server, |_| ()), &["1"]).await;
        assert!(error.is_none(), "{name}: {error:?}");
        assert_eq!(samples, [1, 2], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_played_is_refused() {
    let stereo = wav::encode(AudioFormat::pcm16(22_050), 2, &[0; 8]).unwrap();
    let mulaw = wav::encode(AudioFormat::new(Encoding::MuLaw, 8_000), 1, &[0; 8]).unwrap();
    let cases = [
        (stereo, ErrorKind::Unsupported, "2 channels of pcm16/22050"),
        (mulaw, ErrorKind::Unsupported, "1 channels of mulaw/8000"),
        (b"not a file".to_vec(), ErrorKind::Protocol, "cannot be read: not a WAV file"),
        (Vec::new(), ErrorKind::Protocol, "cannot be read"),
        (riff(&[(b"data", 4, &[0; 4])]), ErrorKind::Protocol, "no whole format chunk"),
    ];
    for (file, kind, wanted) in cases {
        let error = failed(&over_http(&answering([spoken(file)]), |_| ())).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(wanted), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_typed_error_and_not_tried_again() {
    let cases = [
        (500, ErrorKind::Rejected, "HTTP 500 Internal Server Error"),
        (404, ErrorKind::Config, "HTTP 404 Not Found: is it Piper's HTTP server?"),
        (405, ErrorKind::Config, "HTTP 405 Method Not Allowed: is it Piper's HTTP server?"),
    ];
    for (status, kind, wanted) in cases {
        let refusal = Answer::new(status).with_header("content-type", "text/html").then(HTML);
        let server = answering([refusal, spoken(file(1))]);
        let error = failed(&over_http(&server, |_| ())).await;
        assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{status}");
        assert_eq!((error.message(), server.asked().len()), (wanted, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_the_server_does_not_have_is_refused() {
    let voice = |config: &mut voicekit_piper::PiperConfig| config.voice = Some("bob".to_owned());
    let server = answering([Answer::json(200, r#"{"joe":{},"amy":{}}"#)]);
    let error = failed(&over_http(&server, voice)).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::Config, "the server has no voice bob"));
    assert_eq!(server.asked().len(), 1);
    let server = answering([Answer::json(200, "[]")]);
    assert_eq!(failed(&over_http(&server, voice)).await.kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn requests_overlap_and_the_order_is_kept() {
    let slow = spoken(Vec::new()).then_wait(Duration::from_secs(2)).then(file(1));
    let server = answering([slow, spoken(file(2)), spoken(file(3))]);
    let mut audio = speak(&over_http(&server, |_| ()), clauses(&["1", "2", "3"])).await;
    let first = tokio::time::timeout(Duration::from_secs(1), audio.next()).await;
    assert!(first.is_err() && server.asked().len() == 2, "{:?}", server.asked());
    let rest: Vec<_> = audio.collect().await;
    let texts: Vec<Value> = server.asked().iter().map(|one| one.json()["text"].clone()).collect();
    assert_eq!((rest.len(), texts), (3, vec![json!("1"), json!("2"), json!("3")]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    for answer in [Answer::never(), spoken(file(1)[..100].to_vec()).then_stall()] {
        let begun = Instant::now();
        let error = failed(&over_http(&answering([answer]), |config| {
            config.answer = Duration::from_secs(2);
        }))
        .await;
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(begun.elapsed().as_millis(), 2_060);
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_drops_the_requests() {
    let server = answering([Answer::never(), spoken(Vec::new()).then_stall()]);
    let mut audio = speak(&over_http(&server, |_| ()), clauses(&["1", "2", "3"])).await;
    let first = tokio::time::timeout(Duration::from_secs(1), audio.next()).await;
    assert!(first.is_err());
    drop(audio);
    tokio::time::timeout(Duration::from_secs(60), server.abandoned(2)).await.unwrap();
    assert_eq!(server.asked().len(), 2);
}
