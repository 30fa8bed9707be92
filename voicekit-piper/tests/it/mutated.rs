//! Events with one field changed, and servers that send too much.

use std::sync::Arc;

use serde_json::{Value, json};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::mutate::{Mutation, mutations};
use voicekit_testkit::server::http::Answer;

use crate::server::{Say, Wyoming, chunk, format, frame, info, start, stop};
use crate::support::{answering, config, failed, order, over_http, said, wyoming};

/// The fields that say what the audio is. Of an event that is missing one, the other is believed.
const FORMAT: [&str; 4] = ["", "/rate", "/width", "/channels"];

/// A server that does not stream, describes itself by `told` and answers with `says`.
fn server(told: Say, says: Vec<Say>) -> Wyoming {
    Wyoming::new(move |heard| match heard.kind.as_str() {
        "describe" => vec![told.clone()],
        "synthesize" => says.clone(),
        _ => Vec::new(),
    })
}

async fn check(server: &Wyoming, mutation: &Mutation, required: &[&str]) {
    let (samples, error) = said(&wyoming(server, config()), &["1"]).await;
    match error {
        None => assert_eq!(order(&samples).first(), Some(&1), "{mutation}"),
        Some(error) => {
            assert!(mutation.touches(required), "{mutation}: {error}");
            let kinds = [ErrorKind::Protocol, ErrorKind::Unsupported];
            assert!(kinds.contains(&error.kind()), "{mutation}: {error}");
            assert!(!error.to_string().contains("not_known_yet"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_the_audio_ends_a_reply() {
    let mut data = format();
    data["timestamp"] = json!(0);
    for mutation in mutations(&data) {
        let told = || info(false, &["joe"]);
        let odd = |kind| Say::Event(kind, mutation.message.clone(), Vec::new());
        check(&server(told(), vec![odd("audio-start"), chunk(1), stop()]), &mutation, &FORMAT)
            .await;
        let payload = 1_i16.to_le_bytes().repeat(220);
        let odd = Say::Event("audio-chunk", mutation.message.clone(), payload);
        check(&server(told(), vec![start(), odd, stop()]), &mutation, &FORMAT).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_field_of_what_a_server_says_about_itself_ends_a_reply() {
    let told = json!({
        "asr": [], "tts": [{
            "name": "piper", "installed": true, "attribution": { "name": "x", "url": null },
            "voices": [{ "name": "joe", "languages": ["en"], "speakers": null }],
        }],
    });
    for mutation in mutations(&told) {
        let told = Say::Event("info", mutation.message.clone(), Vec::new());
        check(&server(told, vec![start(), chunk(1), stop()]), &mutation, &[""]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_a_line_ends_a_reply() {
    let line = json!({
        "type": "audio-start", "version": "1.8.0", "data": { "rate": 22_050 },
        "data_length": null, "payload_length": 0, "extra": "x",
    });
    for mutation in mutations(&line) {
        let odd = Say::Raw(format!("{}\n", mutation.message).into_bytes());
        let required = ["/type", "/data_length", "/payload_length"];
        let told = info(false, &["joe"]);
        let server = server(told, vec![odd, start(), chunk(1), stop()]);
        // A length that is too long swallows what follows; what is left of the reply is missing.
        let lengths = ["/data_length", "/payload_length"];
        if mutation.touches(&lengths) {
            let _ = said(&wyoming(&server, config()), &["1"]).await;
            continue;
        }
        check(&server, &mutation, &required).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_the_list_of_voices_ends_a_reply() {
    let list = json!({ "joe": { "language": "en", "sample_rate": 22_050, "speakers": null } });
    let wav = |value: i16| {
        let format = voicekit_core::audio::AudioFormat::pcm16(22_050);
        voicekit_core::record::wav::encode(format, 1, &[value; 220]).unwrap()
    };
    for mutation in mutations(&list) {
        let voices = Answer::json(200, mutation.message.to_string());
        let server = answering([voices, Answer::new(200).then(wav(1))]);
        let piper = over_http(&server, |config| config.voice = Some("joe".to_owned()));
        let (samples, error) = said(&piper, &["1"]).await;
        match error {
            None => assert_eq!(order(&samples).first(), Some(&1), "{mutation}"),
            Some(error) => assert!(mutation.touches(&["", "/joe"]), "{mutation}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_is_refused_and_not_waited_for() {
    let lines = [
        r#"{"type":"audio-chunk","payload_length":5000000}"#.to_owned(),
        r#"{"type":"audio-chunk","data_length":2000000}"#.to_owned(),
        format!(r#"{{"type":"{}"}}"#, "x".repeat(1_100_000)),
    ];
    for line in lines {
        let says = vec![Say::Event("audio-start", format(), Vec::new())];
        let mut bytes = frame("audio-start", &Value::Null, &[]);
        bytes.extend(line.into_bytes());
        bytes.push(b'\n');
        let says = says.into_iter().chain([Say::Whole(bytes)]).collect();
        let error = failed(&wyoming(&server(info(false, &[]), says), config())).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_end_is_given_up() {
    let server = Arc::clone(&answering([Answer::new(200).then(vec![0; 9 << 20])]));
    let error = failed(&over_http(&server, |_| ())).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(error.message(), "the answer is larger than 8388608 bytes");
}
