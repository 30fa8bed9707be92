//! The service's messages, and ours, as they are on the wire: see `tests/wire/README.md`.

use futures::StreamExt;
use proptest::prelude::*;
use serde_json::Value;
use voicekit_core::asr::AsrInput;
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::Script;

use crate::support::{Call, config, ms, said, service, terminating, words_of};

/// What the service says, as it is and with fields that nobody knows.
fn fixture() -> Vec<String> {
    let lines = include_str!("../wire/server.jsonl").lines().flat_map(|line| {
        let mut message: Value = serde_json::from_str(line).unwrap();
        message["not_known_yet"] = serde_json::json!({ "a": [1, null] });
        if message["type"] == "Begin" {
            message["configuration"]["mode"] = "not known yet".into();
        }
        [line.to_owned(), message.to_string()]
    });
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn every_message_is_understood() {
    let (last, messages): (Vec<String>, Vec<String>) = fixture()
        .into_iter()
        .partition(|text| ["Error", "Termination"].iter().any(|kind| text.contains(kind)));
    let script = Script::new().until_bytes(16_000);
    let script = messages.into_iter().fold(script, Script::say).say(last[0].clone());
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(2_100).await;
    let interim = words_of(call.events.next().await.unwrap());
    assert_eq!(interim.text, "hi my na");
    assert_eq!((interim.confidence, interim.end), (Some(0.5), Some(ms(1_660))));
    let words = words_of(call.events.next().await.unwrap());
    assert_eq!(words.text, "hi my name is sonny");
    assert_eq!((words.confidence, words.end), (Some(0.98), Some(ms(1_440))));
    let error = call.error().await;
    assert_eq!(error.message(), "the service reported 3007", "an odd id is not repeated");
    assert_eq!(error.detail(), Some("…"));
}

#[tokio::test(start_paused = true)]
async fn a_final_is_the_transcript_and_an_interim_the_words() {
    let interim = r#"{"type":"Turn","turn_order":0,"transcript":"hi","end_of_turn":false,
        "words":[{"text":"hi","word_is_final":true},{"text":"th","word_is_final":false}]}"#;
    let last = r#"{"type":"Turn","turn_order":0,"transcript":"hi there","end_of_turn":true,
        "words":[{"text":"something"},{"text":"else","start":null,"end":-1,"confidence":null}]}"#;
    let server = service([Script::new().say(interim).say(last)]);
    let mut call = Call::open(config(), &server).await;
    assert_eq!([call.next().await, call.next().await], ["~ hi th", "= hi there"]);
}

#[tokio::test(start_paused = true)]
async fn turns_without_a_number_are_told_apart_all_the_same() {
    let turn = |text: &str, end: bool| {
        format!(r#"{{"type":"Turn","transcript":"{text}","end_of_turn":{end}}}"#)
    };
    let script = Script::new().say(turn("one", false)).say(turn("one", true));
    let server = service([script.say(turn("two", true))]);
    let mut call = Call::open(config(), &server).await;
    assert_eq!(
        [call.next().await, call.next().await, call.next().await],
        ["~ one", "= one", "= two"]
    );
}

#[tokio::test(start_paused = true)]
async fn turns_may_be_counted_to_the_end() {
    let last = said(u64::MAX, "one", 0).end().text();
    let more = r#"{"type":"Turn","transcript":"two","end_of_turn":true}"#;
    let server = service([Script::new().say(last).say(more).answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    assert_eq!(call.next().await, "= one");
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_skipped_with_one_line() {
    let logs = Logs::catch();
    let script = Script::new().say(r#"{"type":"Weather","rain":true}"#).say_bytes(vec![1, 2, 3]);
    let script = script.say(r#"{"type":"Warning","warning_code":100,"warning":"slow"}"#);
    let server = service([script.answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(100).await;
    call.hang_up();
    assert!(call.rest().await.is_empty());
    let logged = logs.text();
    let weather: Vec<&str> = logged.lines().filter(|line| line.contains("Weather")).collect();
    assert!(weather.len() == 1 && weather[0].contains("DEBUG"), "{logged}");
    assert!(logged.lines().any(|line| line.contains("WARN") && line.contains("100")), "{logged}");
}

#[tokio::test(start_paused = true)]
async fn we_say_what_the_service_understands() {
    let known: Vec<Value> = include_str!("../wire/client.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let server = service([Script::new()]);
    let mut kept = config();
    kept.inactivity_timeout = Some(ms(5_000));
    let mut call = Call::open(kept, &server).await;
    call.audio(100);
    call.send(AsrInput::SpeechEnded);
    call.send(AsrInput::Finalize);
    tokio::time::sleep(ms(6_000)).await;
    drop(call);
    let seen = server.until(|seen| seen.iter().all(|one| one.is_over)).await;
    let said: Vec<Value> =
        seen[0].texts().into_iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    for message in &said {
        assert!(known.contains(message), "{message} is not known");
    }
    for message in &known {
        assert!(said.contains(message), "{message} was not said");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

/// A published message of which some fields are something else, or what is no message at all.
fn message() -> impl Strategy<Value = String> {
    let messages: Vec<Value> = include_str!("../wire/server.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let changed = (prop::sample::select(messages), any::<prop::sample::Index>(), json()).prop_map(
        |(mut message, which, value)| {
            let fields = message.as_object_mut().unwrap();
            let name = fields.keys().nth(which.index(fields.len())).unwrap().clone();
            fields.insert(name, value);
            message.to_string()
        },
    );
    let turn = (0_u64..3, "[a-d ]{0,8}", 0_u64..2_000, any::<(bool, bool)>());
    let turn = turn.prop_map(|(order, text, start, (end, formatted))| {
        let said = said(order, &text, start);
        let said = if formatted { said.formatted() } else { said };
        if end { said.end().text() } else { said.text() }
    });
    prop_oneof![4 => turn, 2 => changed, 1 => ".{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_nothing_panics_and_finals_answer_once(
        messages in prop::collection::vec(message(), 0..12),
        asked in 0_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let lines = runtime.block_on(async {
            let script = messages.iter().fold(Script::new().until_bytes(1), |script, message| {
                script.say(message.clone())
            });
            let server = service([script.answer(terminating())]);
            let mut call = Call::open(config(), &server).await;
            call.speak(400).await;
            for _ in 0..asked {
                call.send(AsrInput::Finalize);
            }
            call.speak(2_000).await;
            call.hang_up();
            call.rest().await
        });
        let failed = lines.last().is_some_and(|line| line.contains("assemblyai:"));
        let answers = lines.iter().filter(|line| line.starts_with('!')).count();
        prop_assert!(failed || answers == asked, "{lines:?}");
        prop_assert!(!failed || answers <= asked, "{lines:?}");
        let errors = lines.iter().filter(|line| line.contains("assemblyai:")).count();
        prop_assert!(errors <= 1, "{lines:?}");
        prop_assert!(!lines.last().is_some_and(|line| line.starts_with('~')), "{lines:?}");
    }
}
