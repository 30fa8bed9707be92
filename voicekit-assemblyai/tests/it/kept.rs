//! Words that were shown are kept, and no optional field of a message ends a call.

use futures::StreamExt;
use serde_json::{Value, json};
use voicekit_core::asr::AsrInput;
use voicekit_core::error::ErrorKind;
use voicekit_testkit::mutate::mutations;
use voicekit_testkit::server::Script;

use crate::support::{
    Call, KEY, TERMINATION, config, heard, line, ms, said, service, terminating, turns,
};

/// What no message can do without.
const REQUIRED: [&str; 1] = ["/type"];

/// The end of the turn number 0, with these fields.
fn end(fields: &Value) -> String {
    let mut end = json!({ "type": "Turn", "turn_order": 0, "end_of_turn": true });
    for (name, value) in fields.as_object().unwrap() {
        end[name.as_str()] = value.clone();
    }
    end.to_string()
}

#[tokio::test(start_paused = true)]
async fn words_are_kept_that_the_end_of_the_turn_does_not_repeat() {
    let ends = [
        json!({ "transcript": "", "words": [] }),
        json!({ "transcript": "" }),
        json!({ "transcript": null, "words": null }),
        json!({}),
        json!({ "transcript": "", "words": [{ "text": "" }] }),
        json!({ "transcript": "are" }),
        json!({ "transcript": "Are you", "words": [{ "text": "are" }] }),
        json!({ "transcript": "", "words": [], "turn_is_formatted": true }),
    ];
    for fields in ends {
        for config in [config(), turns(), config().with_format_turns(true)] {
            let script = Script::new().until_bytes(8_000);
            let script = script.say(said(0, "are you open", 100).text()).say(end(&fields));
            let server = service([script.answer(terminating())]);
            let mut call = Call::open(config, &server).await;
            call.speak(1_100).await;
            call.hang_up();
            let mut lines = call.rest().await;
            lines.retain(|line| line.starts_with(['~', '=', '!']));
            assert_eq!(lines, ["~ are you open", "= are you open"], "{fields}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_without_words_takes_none_back() {
    let lines = heard(config(), [said(0, "are you", 100), said(0, "", 100)]).await;
    assert_eq!(lines, ["~ are you", "= are you"]);
}

#[tokio::test(start_paused = true)]
async fn a_formatted_end_without_words_keeps_those_as_heard() {
    let format = || config().with_format_turns(true);
    let last = said(0, "are you open", 100).end();
    let lines = heard(format(), [said(0, "are you", 100), last, said(0, "", 100).formatted()]);
    assert_eq!(lines.await, ["~ are you", "~ are you open", "= are you open"]);
    let last = said(0, "twenty five", 100).end();
    let lines = heard(format(), [last, said(0, "25.", 100).formatted()]).await;
    assert_eq!(lines, ["~ twenty five", "= 25."], "a correction may be shorter");
}

#[tokio::test(start_paused = true)]
async fn finalize_is_answered_with_the_words_that_were_shown() {
    let script = Script::new().until_bytes(8_000).say(said(0, "are you open", 100).text());
    let script = script.until_text("ForceEndpoint").say(end(&json!({ "transcript": "" })));
    let server = service([script.answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.send(AsrInput::SpeechStarted);
    call.speak(1_100).await;
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["~ are you open", "! are you open"]);
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn words_are_kept_over_a_lost_connection() {
    let first = Script::new().until_bytes(8_000).say(said(0, "are you open", 100).unsure().text());
    let second = Script::new().until_bytes(4_000).say(end(&json!({ "transcript": "" })));
    let server = service([first.wait(ms(10)).cut(), second.answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_100).await;
    call.speak(500).await;
    call.hang_up();
    assert_eq!(call.rest().await, ["~ are you open", "= are you open"]);
}

#[tokio::test(start_paused = true)]
async fn no_optional_field_ends_a_call() {
    let messages = include_str!("../wire/server.jsonl").lines();
    let messages = messages.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages = messages
        .filter(|message| !["Error", "Termination"].contains(&message["type"].as_str().unwrap()));
    for mutation in messages.flat_map(|message| mutations(&message)) {
        let last = json!({ "type": "Turn", "end_of_turn": true, "transcript": "goodbye" });
        let script = Script::new().until_bytes(8_000).say(mutation.message.to_string());
        let script = script.say(last.to_string()).say(TERMINATION).close(1000, "");
        let server = service([script]);
        let mut call = Call::open(config(), &server).await;
        call.audio(1_000);
        call.hang_up();
        let mut lines = String::new();
        while let Some(event) = call.events.next().await {
            let Err(error) = &event else {
                lines.push_str(&line(&event));
                continue;
            };
            assert!(mutation.touches(&REQUIRED), "{mutation}: {error}");
            assert_eq!(error.kind(), ErrorKind::Protocol, "{mutation}: {error}");
            let text = format!("{error} {error:?}");
            let words = ["sonny", "my name", "not_known_yet", "\u{1b}", KEY];
            assert!(!words.iter().any(|word| text.contains(word)), "{text}");
            lines.push_str("goodbye");
        }
        // A turn that says that it is a later one ends those before it.
        let is_later = mutation.at == "/turn_order";
        assert!(lines.contains("goodbye") || is_later, "{mutation}: {lines}");
    }
}
