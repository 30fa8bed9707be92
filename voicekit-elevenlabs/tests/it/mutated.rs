//! Messages with one field changed, and a service that floods.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_elevenlabs::{ElevenLabs, Route};
use voicekit_net::Connector;
use voicekit_testkit::mutate::mutations;
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Reply, Script, WebSocketServer};

use crate::support::{
    KEY, Manner, Talk, alignment, bytes, config, ms, said, service, sound, speaking, voice,
    voice_with,
};

/// What ends a reply if it is wrong: a message that is not an object, audio that is not base64, an
/// error.
const REQUIRED: [&str; 3] = ["", "/audio", "/error"];

fn text(reply: Reply) -> String {
    let Reply::Text(text) = reply else { panic!("no text: {reply:?}") };
    text
}

fn last() -> String {
    json!({ "isFinal": true, "contextId": "voicekit-0" }).to_string()
}

/// Says these messages on the first connection, and speaks as it should on others.
fn saying(messages: Vec<String>) -> Arc<WebSocketServer> {
    Arc::new(WebSocketServer::in_memory_serving(move |nth| {
        if nth > 0 {
            return Some(Script::new().answer(speaking(Manner::default())));
        }
        let script = Script::new().until_text("close_context");
        Some(messages.iter().fold(script, |script, message| script.say(message.clone())))
    }))
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_a_message_ends_a_reply() {
    for snake in [false, true] {
        let manner = Manner { snake, ..Manner::default() };
        let mut message: Value =
            serde_json::from_str(&text(said("Hi. ", "voicekit-0", manner))).unwrap();
        message["error"] = Value::Null;
        message["type"] = "brand_new".into();
        for mutation in mutations(&message) {
            let good = text(said("Bye. ", "voicekit-0", manner));
            let server = saying(vec![mutation.message.to_string(), good, last()]);
            let request = TtsRequest::new(AudioFormat::PHONE);
            let clauses = stream::iter(["Hi.".to_owned(), "Bye.".to_owned()]).boxed();
            let mut spoken = voice(&server).speak(request, clauses).await.unwrap();
            let mut has_spoken = false;
            while let Some(item) = spoken.next().await {
                match item {
                    Ok(item) => has_spoken |= matches!(item, Spoken::Audio(_)),
                    Err(error) => {
                        assert!(mutation.touches(&REQUIRED), "{mutation}: {error}");
                        let shown = format!("{error} {error:?}");
                        assert!(!shown.contains("Hi. ") && !shown.contains(KEY), "{shown}");
                        has_spoken = true;
                    }
                }
            }
            assert!(has_spoken, "{mutation}");
        }
    }
}

/// A voice over HTTP whose answer is `body`.
fn over_http(body: String) -> ElevenLabs {
    let server = Arc::new(HttpServer::in_memory([Answer::new(200).then(body)]));
    let connector = Connector::new().unwrap().with_pipe(move || server.connect());
    ElevenLabs::with_connector(config().with_route(Route::Http), connector).unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_a_line_ends_a_reply() {
    let audio = BASE64_STANDARD.encode(sound("Hi. "));
    let times = alignment("Hi. ");
    let seconds = |name: &str| -> Vec<f64> {
        let values = times[name].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap() / 1_000.0).collect()
    };
    let starts = seconds("charStartTimesMs");
    let ends: Vec<f64> = starts.iter().map(|start| start + 0.05).collect();
    let line = json!({
        "audio_base64": audio,
        "alignment": {
            "characters": times["chars"],
            "character_start_times_seconds": starts,
            "character_end_times_seconds": ends,
        },
        "normalized_alignment": null,
    });
    for mutation in mutations(&line) {
        let body = format!("{}\n{line}\n", mutation.message);
        let talk = Talk::whole(&over_http(body), &["Hi."]).await;
        let (mut spoken, mut heard) = (talk.spoken, Vec::new());
        while let Some(item) = spoken.next().await {
            match item {
                Ok(item) => heard.push(item),
                Err(error) => {
                    assert!(mutation.touches(&["", "/audio_base64"]), "{mutation}: {error}");
                    heard.clear();
                }
            }
        }
        let is_whole = bytes(&heard).ends_with(&sound("Hi. "));
        assert!(is_whole || mutation.touches(&["", "/audio_base64"]), "{mutation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_odd_voice_is_left_out_of_the_list_and_the_others_are_there() {
    let good = json!({ "voice_id": "v-2", "name": "Ann", "category": "premade", "labels": {} });
    let page = json!({
        "voices": [
            { "voice_id": "v-1", "name": "Bob", "category": "cloned", "labels": { "accent": "us" } },
            good,
        ],
        "has_more": false, "total_count": 2, "next_page_token": null,
    });
    for mutation in mutations(&page) {
        let server = Arc::new(HttpServer::in_memory(
            (0..4).map(|_| Answer::json(200, mutation.message.to_string())),
        ));
        let connector = Connector::new().unwrap().with_pipe(move || server.connect());
        let voices = ElevenLabs::with_connector(config(), connector).unwrap().voices().await;
        match voices {
            Ok(voices) => {
                let is_there = voices.iter().any(|voice| voice.id == "v-2");
                assert!(is_there || mutation.touches(&["/voices/*/voice_id"]), "{mutation}");
            }
            Err(error) => {
                // A page that promises more with a token is followed, to the end of the script.
                let required = ["/voices", "/has_more", "/next_page_token"];
                assert!(mutation.touches(&required), "{mutation}: {error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_not_read_on_while_megabytes_wait() {
    let audio = BASE64_STANDARD.encode(vec![0x7F; 1024 * 1024]);
    let message = json!({ "audio": audio, "contextId": "voicekit-0" }).to_string();
    let script = Script::new().until_text("Hi.");
    let script = (0..40).fold(script, |script, _| script.say(message.clone()));
    let server = service([script.cut(), Script::new().answer(speaking(Manner::default()))]);
    let mut talk = Talk::begin(&voice_with(&server, config()), &["Hi."]).await;
    talk.audio().await;
    tokio::time::sleep(ms(5_000)).await;
    assert_eq!(server.open_connections(), 1, "40 MiB were taken while nobody played them");
    for _ in 0..39 {
        talk.audio().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_an_error() {
    let message = format!(r#"{{"contextId":"voicekit-0","audio":"{}"}}"#, "A".repeat(5 << 20));
    let script = || Script::new().until_text("Hi.").say(message.clone());
    let server = service([script(), script()]);
    let error = Talk::whole(&voice(&server), &["Hi."]).await.error().await;
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}
