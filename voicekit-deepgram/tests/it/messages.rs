//! The service's messages, and ours, as they are on the wire: see `tests/wire/README.md`.

use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use voicekit_core::asr::AsrInput;
use voicekit_core::audio::AudioFormat;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::Script;

use crate::support::{Call, METADATA, aura, clauses, closing, flux, nova, service, turn, words_of};

/// What the service says, as it is and with a field that nobody knows.
fn fixture(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let mut message: Value = serde_json::from_str(line).unwrap();
        message["not_known_yet"] = serde_json::json!({ "a": [1, null] });
        [line.to_owned(), message.to_string()]
    });
    lines.flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn every_message_of_v1_is_understood() {
    let script = Script::new().until_bytes(64_000);
    let messages = fixture(include_str!("../wire/v1_listen.jsonl"));
    let server = service([messages.into_iter().fold(script, Script::say)]);
    let mut call = Call::open(&nova(&server)).await;
    call.speak(8_000).await;
    let words = words_of(call.events.next().await.unwrap());
    assert_eq!(words.text, "Tell me more about this.");
    assert_eq!(words.confidence, Some(0.9996));
    assert_eq!(words.end, Some(Duration::from_millis(6_230)));
    assert_eq!(call.next().await, "= Tell me more about this.");
    let error = call.error().await;
    let wanted = "the service reported Internal (request 8c8ebea9-dbec-45fa-a035-e4632cb05b5f)";
    assert_eq!(error.message(), wanted);
    assert_eq!(error.detail(), Some("Internal: The request failed."));
}

#[tokio::test(start_paused = true)]
async fn every_message_of_v2_is_understood() {
    let messages: Vec<_> = include_str!("../wire/v2_listen.jsonl").lines().collect();
    let script = Script::new().until_bytes(40_000);
    let server = service([messages.into_iter().fold(script, Script::say)]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(5_000);
    let mut lines = call.rest().await;
    let error = lines.pop().unwrap();
    let wanted = [
        "~ Hello",
        "started",
        "~ Hello, how",
        "~ Hello, how are you?",
        "eager end",
        "~ Hello, how are you",
        "resumed",
        "= Hello, how are you doing?",
        "ended",
    ];
    assert_eq!(lines, wanted);
    assert!(error.starts_with("Connection: deepgram: the service reported INTERNAL_"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_message_of_the_voice_is_understood() {
    let messages = fixture(include_str!("../wire/v1_speak.jsonl"));
    let script = Script::new().until_text("Flush").say_bytes(vec![1; 8]);
    let server = service([messages.into_iter().fold(script, Script::say)]);
    let request = TtsRequest::new(AudioFormat::PHONE);
    let spoken = aura(&server).speak(request, clauses(&["Hello."])).await.unwrap();
    let items: Vec<_> = spoken.collect().await;
    assert!(items.len() == 1 && items[0].is_ok(), "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_has_a_default_and_numbers_may_be_quoted() {
    let least = r#"{"type":"Results","start":"0","duration":"0.5","channel":{}}"#;
    let words = r#"{"type":"Results","start":0,"duration":0.5,"is_final":true,"speech_final":true,
        "channel":{"alternatives":[{"transcript":"Hi.","words":[{"word":"hi","end":-1}]}]}}"#;
    let script = Script::new().until_bytes(8_000).say(least).say(words);
    let server = service([script.answer(closing(METADATA))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    let heard = words_of(call.events.next().await.unwrap());
    assert_eq!((heard.text.as_str(), heard.confidence, heard.end), ("Hi.", None, None));
}

#[tokio::test(start_paused = true)]
async fn times_that_no_connection_has_are_as_if_missing() {
    for time in ["1e19", "-0.4", "-1e19", "null", "true", "\"x\"", "[]", "NaN", "1e999"] {
        let result = |text: &str, flags: &str| {
            format!(
                r#"{{"type":"Results","start":{time},"duration":{time},{flags}
                "channel":{{"alternatives":[{{"transcript":"{text}","words":null}}]}}}}"#
            )
        };
        let script = Script::new().until_bytes(8_000).say(result("Hello", ""));
        let script = script.say(result("Hello there.", r#""is_final":true,"speech_final":true,"#));
        let server = service([script.answer(closing(METADATA))]);
        let mut call = Call::open(&nova(&server)).await;
        call.audio(1_000);
        assert_eq!([call.next().await, call.next().await], ["~ Hello", "= Hello there."], "{time}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_may_be_counted_to_the_end() {
    let numbered = |event: &str| {
        let mut message: Value = serde_json::from_str(&turn(event, "Hi", 0.1)).unwrap();
        message["sequence_id"] = u64::MAX.into();
        message.to_string()
    };
    let script = Script::new().until_bytes(800).say(numbered("StartOfTurn"));
    let server = service([script.say(numbered("EndOfTurn"))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(200);
    assert_eq!([call.next().await, call.next().await], ["~ Hi", "started"]);
    assert_eq!([call.next().await, call.next().await], ["= Hi", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_skipped_with_one_line() {
    let logs = Logs::catch();
    let script = Script::new().say(r#"{"type":"Weather","rain":true}"#).say_bytes(vec![1, 2, 3]);
    let server = service([script.answer(closing(METADATA))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(100);
    tokio::time::sleep(Duration::from_millis(200)).await;
    call.hang_up();
    assert!(call.rest().await.is_empty());
    let logged = logs.text();
    let weather: Vec<&str> = logged.lines().filter(|line| line.contains("Weather")).collect();
    assert_eq!(weather.len(), 1, "{logged}");
    assert!(weather[0].contains("DEBUG"), "{logged}");
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_numbering_of_messages_is_logged() {
    let logs = Logs::catch();
    let numbered = |event: &str, number: u64| {
        let mut message: Value = serde_json::from_str(&turn(event, "Hi", 0.1)).unwrap();
        message["sequence_id"] = number.into();
        message.to_string()
    };
    let script = Script::new().until_bytes(800).say(numbered("StartOfTurn", 4));
    let script = script.say(numbered("Update", 5)).say(numbered("EndOfTurn", 9));
    let server = service([script]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(200);
    assert_eq!([call.next().await, call.next().await], ["~ Hi", "started"]);
    assert_eq!([call.next().await, call.next().await], ["= Hi", "ended"]);
    let logged = logs.text();
    let gaps: Vec<&str> = logged.lines().filter(|line| line.contains("were lost")).collect();
    assert_eq!(gaps.len(), 1, "{logged}");
    assert!(gaps[0].contains("last=5") && gaps[0].contains("next=9"), "{logged}");
}

#[tokio::test(start_paused = true)]
async fn we_say_what_the_service_understands() {
    let known: Vec<Value> = include_str!("../wire/client.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let server = service((0..3).map(|_| Script::new()));
    let mut heard = Call::open(&nova(&server)).await;
    heard.audio(100);
    heard.send(AsrInput::Finalize);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut followed = Call::open(&flux(&server)).await;
    followed.send(AsrInput::Finalize);
    let text = clauses(&["Hello "]).chain(futures::stream::pending()).boxed();
    let spoken = aura(&server).speak(TtsRequest::new(AudioFormat::PHONE), text).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop((heard, followed, spoken));
    let seen = server.until(|seen| seen.iter().all(|one| one.is_over)).await;
    let said: Vec<Value> = seen
        .iter()
        .flat_map(|one| one.texts())
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    for message in &said {
        assert!(known.contains(message), "{message} is not known");
    }
    for message in &known {
        assert!(said.contains(message), "{message} was not said");
    }
}
