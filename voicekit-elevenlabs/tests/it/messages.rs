//! What comes, in every spelling, and what is no message at all.

use std::time::Duration;

use futures::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_testkit::server::{Reply, Script};

use crate::support::{
    Manner, Talk, bytes, config, ms, said, service, speaker, spelled, voice, voice_with, words,
};

const CLIENT: &str = include_str!("../fixtures/client.jsonl");
const SERVER: &str = include_str!("../fixtures/server.jsonl");

/// Says these messages when the text is over. Ids are counted from 0.
fn says(messages: &[String]) -> Script {
    let script = Script::new().until_text("close_context");
    messages.iter().fold(script, |script, message| script.say(message.clone()))
}

fn last() -> String {
    json!({ "isFinal": true, "contextId": "voicekit-0" }).to_string()
}

fn keys(message: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(message).unwrap();
    message.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn the_published_examples_are_understood() {
    let messages: Vec<String> =
        SERVER.lines().map(|line| line.replace("c1", "voicekit-0")).collect();
    let server = service([says(&messages)]);
    let heard = Talk::whole(&voice(&server), &["Hi you."]).await.rest().await;
    assert_eq!(bytes(&heard), [255, 255, 255, 254, 254, 254, 253, 253, 253]);
    // The base is the end of the audio before, which is a few samples here.
    assert_eq!(words(&heard), ["Hi 0-170", "you 70-221"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_has_the_shapes_of_the_published_examples() {
    let examples: Vec<Vec<String>> = CLIENT.lines().map(keys).collect();
    let server = speaker(Manner::default());
    let settings = voicekit_elevenlabs::VoiceSettings::default().with_stability(0.5);
    for config in [config().with_voice_settings(settings).with_chunk_schedule([80, 120]), config()]
    {
        let voice = voice_with(&server, config);
        let mut talk = Talk::begin(&voice, &["Hello there, "]).await;
        talk.listen(ms(10_000)).await;
        talk.end();
        talk.rest().await;
    }
    let mut seen = Vec::new();
    for opened in server.until(|seen| seen.iter().all(|one| one.is_over)).await {
        seen.extend(opened.texts().into_iter().map(keys));
    }
    for example in &examples {
        assert!(seen.contains(example), "{example:?} was not sent");
    }
    seen.retain(|keys| !examples.contains(keys));
    // A context that nothing is set for.
    seen.retain(|keys| keys != &["context_id", "text"]);
    assert_eq!(seen, Vec::<Vec<String>>::new());
}

#[tokio::test(start_paused = true)]
async fn samples_that_come_in_halves_are_put_together() {
    let piece = |audio: &str| json!({ "audio": audio, "contextId": "voicekit-0" }).to_string();
    // 01 02 03 | 04 | 05 06 07
    let server = service([says(&[piece("AQID"), piece("BA=="), piece("BQYH"), last()])]);
    let voice = voice(&server);
    let mut talk = Talk::begin_in(&voice, AudioFormat::pcm16(16_000), &["Hi."]).await;
    talk.end();
    assert_eq!(bytes(&talk.rest().await), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_or_not_there_is_skipped() {
    let for_it = |mut message: Value| {
        message["contextId"] = json!("voicekit-0");
        message.to_string()
    };
    let odd = [
        json!({}),
        json!({ "audio": null }),
        json!({ "audio": "" }),
        json!({ "audio": 7, "alignment": 7, "isFinal": "yes", "type": 7 }),
        json!({ "type": "brand_new", "audio": null, "more": [1, 2] }),
        json!({ "error": null }),
        json!({ "alignment": { "chars": null } }),
        json!({ "alignment": { "chars": ["a"], "charStartTimesMs": [-5], "charDurationsMs": ["x"] } }),
        json!({ "alignment": { "chars": ["a"], "charStartTimesMs": [1e300], "charDurationsMs": [1] } }),
    ];
    let mut messages: Vec<String> = odd.iter().cloned().map(for_it).collect();
    messages.extend(odd.iter().map(Value::to_string));
    messages.push(json!({ "audio": "////", "contextId": "another" }).to_string());
    messages.push(json!({ "isFinal": true, "contextId": "another" }).to_string());
    let Reply::Text(good) = said("Hi. ", "voicekit-0", Manner::default()) else { panic!() };
    messages.extend([good, last()]);
    let server = service([says(&messages)]);
    let heard = Talk::whole(&voice(&server), &["Hi."]).await.rest().await;
    assert_eq!((spelled(&heard).as_str(), words(&heard).len()), ("Hi. ", 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_ends_the_reply_with_an_error() {
    for wrong in ["", "{", "[]", "7", r#"{"audio":"%%"}"#, "\u{0}"] {
        let server = service([says(&[wrong.to_owned()])]);
        let error = Talk::whole(&voice(&server), &["Hi."]).await.error().await;
        assert_eq!((error.kind(), error.service()), (ErrorKind::Protocol, "elevenlabs"), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_listens_to_is_read_ahead_to_a_bound_and_nothing_is_lost() {
    let text = "abcdefghi ".repeat(100);
    let manner = Manner { chunk: 1, ..Manner::default() };
    let server = speaker(manner);
    let voice = voice(&server);
    let mut talk = Talk::whole(&voice, &[&text]).await;
    talk.audio().await;
    tokio::time::sleep(ms(60_000)).await;
    let heard = talk.rest().await;
    assert_eq!((spelled(&heard), words(&heard).len()), (text, 100));
}

/// Messages that are nearly right.
fn message() -> impl Strategy<Value = String> {
    let id = prop_oneof![Just("voicekit-0"), Just("voicekit-1"), Just("other")];
    let audio = prop_oneof![
        Just(Value::Null),
        "[A-Za-z0-9+/]{0,40}".prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let numbers = || proptest::collection::vec(any::<f32>().prop_map(|number| json!(number)), 0..6);
    let text = proptest::collection::vec(".{0,3}".prop_map(Value::from), 0..6);
    let alignment =
        (text, numbers(), numbers(), any::<bool>()).prop_map(|(chars, mut a, mut b, fit)| {
            if fit {
                a.resize(chars.len(), json!(40));
                b.resize(chars.len(), json!(40));
            }
            json!({ "chars": chars, "charStartTimesMs": a, "charDurationsMs": b })
        });
    let parts = (id, audio, alignment, any::<Option<bool>>(), 0_u8..20);
    let nearly = parts.prop_map(|(id, audio, alignment, is_final, kind)| {
        let mut message = json!({ "contextId": id, "audio": audio, "alignment": alignment });
        match kind {
            0 => message["isFinal"] = json!(is_final),
            1 => message["type"] = json!("flush_done"),
            2 => message["error"] = json!("max_active_conversations"),
            3 => message["alignment"] = Value::Null,
            _ => {}
        }
        message.to_string()
    });
    prop_oneof![9 => nearly, 1 => ".{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_message_panics_or_hangs_or_breaks_the_contract(
        messages in proptest::collection::vec(message(), 0..12),
        rate in prop_oneof![Just(8_000), Just(16_000)],
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let server = service([says(&messages), says(&messages)]);
            let voice = voice(&server);
            let format = if rate == 8_000 { AudioFormat::PHONE } else { AudioFormat::pcm16(rate) };
            let text = futures::stream::iter(["Hello you. ".to_owned(), "Bye.".to_owned()]);
            let spoken = voice.speak(TtsRequest::new(format), text.boxed()).await.unwrap();
            let items = tokio::time::timeout(Duration::from_secs(120), spoken.collect::<Vec<_>>());
            let items = items.await.expect("it ends");
            let errors = items.iter().filter(|item| item.is_err()).count();
            assert!(errors == 0 || (errors == 1 && items.last().unwrap().is_err()));
            let mut last = Duration::ZERO;
            for item in items.into_iter().flatten() {
                if let voicekit_core::tts::Spoken::Word(word) = item {
                    assert!(word.start >= last && word.end >= word.start);
                    last = word.start;
                }
            }
        });
    }
}
