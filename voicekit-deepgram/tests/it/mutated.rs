//! Recorded messages with one field changed: none of what is optional ends a call.

use futures::StreamExt;
use serde_json::{Value, json};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, ErrorKind};
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_testkit::mutate::{Mutation, mutations};
use voicekit_testkit::server::Script;

use crate::support::{
    Call, KEY, METADATA, aura, clauses, closing, flux, nova, result, service, turn,
};

/// What no message can do without.
const V1_REQUIRED: [&str; 2] = ["/type", "/channel"];
const V2_REQUIRED: [&str; 2] = ["/type", "/event"];
const SPEAK_REQUIRED: [&str; 1] = ["/type"];

/// The mutations of all recorded messages but errors, which end a call by themselves.
fn mutated(lines: &str) -> impl Iterator<Item = Mutation> {
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages: Vec<Value> = messages.filter(|message| message["type"] != "Error").collect();
    messages.into_iter().flat_map(|message| mutations(&message))
}

fn assert_is_protocol(error: &Error, mutation: &Mutation, required: &[&str]) {
    assert!(mutation.touches(required), "{mutation}: {error}");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{mutation}: {error}");
    assert_says_nothing(error);
}

/// Neither what was said nor what is secret is in the error.
fn assert_says_nothing(error: &Error) {
    let text = format!("{error} {error:?}");
    for word in ["Tell", "about", "Hello", "doing", "not_known_yet", "\u{1b}", KEY] {
        assert!(!text.contains(word), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_v1_ends_a_call() {
    // `Metadata` is the last message after the end of the input, whatever it holds.
    let messages = include_str!("../wire/v1_listen.jsonl").lines();
    let messages: Vec<&str> = messages.filter(|line| !line.contains("Metadata")).collect();
    for mutation in mutated(&messages.join("\n")) {
        let script = Script::new().until_bytes(8_000).say(mutation.message.to_string());
        let script = script.say(result("Goodbye.", 0.5, 1.0, &["is_final", "speech_final"]));
        let server = service([script.answer(closing(METADATA))]);
        let mut call = Call::open(&nova(&server)).await;
        call.audio(1_000);
        call.hang_up();
        let mut words = String::new();
        while let Some(event) = call.events.next().await {
            match event {
                Ok(event) => words.push_str(&crate::support::line(&Ok(event))),
                Err(error) => {
                    assert_is_protocol(&error, &mutation, &V1_REQUIRED);
                    words.push_str("Goodbye.");
                }
            }
        }
        assert!(words.contains("Goodbye."), "{mutation}: {words}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_v2_ends_a_call() {
    for mutation in mutated(include_str!("../wire/v2_listen.jsonl")) {
        let script = Script::new().until_bytes(8_000).say(mutation.message.to_string());
        let script = script.say(turn("EndOfTurn", "Goodbye.", 1.0));
        let server = service([script.answer(closing(""))]);
        let mut call = Call::open(&flux(&server)).await;
        call.audio(1_000);
        call.hang_up();
        let mut words = String::new();
        while let Some(event) = call.events.next().await {
            match event {
                Ok(event) => words.push_str(&crate::support::line(&Ok(event))),
                Err(error) => {
                    assert_is_protocol(&error, &mutation, &V2_REQUIRED);
                    words.push_str("Goodbye.");
                }
            }
        }
        assert!(words.contains("Goodbye."), "{mutation}: {words}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_of_the_voice_ends_a_reply() {
    for mutation in mutated(include_str!("../wire/v1_speak.jsonl")) {
        let script = Script::new().until_text("Flush").say_bytes(vec![1; 8]);
        let script = script.say(mutation.message.to_string());
        let server = service([script.say(json!({ "type": "Flushed" }).to_string())]);
        let request = TtsRequest::new(AudioFormat::PHONE);
        let spoken = aura(&server).speak(request, clauses(&["Hello."])).await.unwrap();
        let items: Vec<_> = spoken.collect().await;
        assert!(items[0].is_ok(), "{mutation}");
        for error in items.into_iter().filter_map(Result::err) {
            assert_is_protocol(&error, &mutation, &SPEAK_REQUIRED);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_with_other_fields_is_an_error_that_repeats_none_of_them() {
    let error = json!({
        "type": "Error", "description": "Tell me", "message": "about", "variant": "Hello you",
        "code": "doing it",
    });
    for mutation in mutations(&error).into_iter().filter(|mutation| !mutation.touches(&["/type"])) {
        for is_nova in [true, false] {
            let server = service([Script::new().say(mutation.message.to_string())]);
            let mut call = match is_nova {
                true => Call::open(&nova(&server)).await,
                false => Call::open(&flux(&server)).await,
            };
            assert_says_nothing(&call.error().await);
        }
    }
}
