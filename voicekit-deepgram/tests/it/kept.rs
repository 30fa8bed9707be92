//! Words that were shown are kept, whatever the service says after them.

use serde_json::{Value, json};
use voicekit_core::asr::AsrInput;
use voicekit_testkit::server::Script;

use crate::support::{Call, METADATA, closing, flux, ms, nova, result, service, turn};

const UTTERANCE_END: &str = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.4}"#;

/// What Nova makes of these messages after a second of audio, up to the end.
async fn nova_hears(messages: impl IntoIterator<Item = String>) -> Vec<String> {
    let script = messages.into_iter().fold(Script::new().until_bytes(8_000), Script::say);
    let server = service([script.answer(closing(METADATA))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.hang_up();
    call.rest().await
}

/// The same of Flux.
async fn flux_hears(messages: impl IntoIterator<Item = String>) -> Vec<String> {
    let script = messages.into_iter().fold(Script::new().until_bytes(8_000), Script::say);
    let server = service([script.answer(closing(""))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    call.hang_up();
    call.rest().await
}

/// A result of words that say where they lie.
fn timed(words: &[(&str, f64, f64)], start: f64, end: f64, flags: &[&str]) -> String {
    let mut result: Value = serde_json::from_str(&result("", start, end, flags)).unwrap();
    let texts: Vec<&str> = words.iter().map(|(word, _, _)| *word).collect();
    let words =
        words.iter().map(|(word, start, end)| json!({ "word": word, "start": start, "end": end }));
    result["channel"]["alternatives"][0] =
        json!({ "transcript": texts.join(" "), "words": words.collect::<Vec<_>>() });
    result.to_string()
}

/// The same result without the times of its words.
fn untimed(text: &str, start: f64, end: f64, flags: &[&str]) -> String {
    let mut result: Value = serde_json::from_str(&result(text, start, end, flags)).unwrap();
    result["channel"]["alternatives"][0]["words"] = Value::Null;
    result.to_string()
}

#[tokio::test(start_paused = true)]
async fn nova_keeps_words_that_no_final_repeats() {
    for make in [result, untimed] {
        for flags in [
            &["is_final"][..],
            &["is_final", "speech_final"],
            &["is_final", "from_finalize"],
            &["is_final", "speech_final", "from_finalize"],
        ] {
            let lines =
                nova_hears([make("Are you open?", 0.0, 0.5, &[]), make("", 0.0, 0.6, flags)]);
            assert_eq!(lines.await, ["~ Are you open?", "= Are you open?"], "{flags:?}");
        }
        for last in [UTTERANCE_END, METADATA, r#"{"type":"SpeechStarted"}"#] {
            let lines = nova_hears([make("Are you open?", 0.0, 0.5, &[]), last.to_owned()]).await;
            assert_eq!(lines, ["~ Are you open?", "= Are you open?"], "{last}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nova_keeps_the_words_of_every_segment() {
    let lines = nova_hears([
        result("I would like", 0.0, 0.3, &["is_final"]),
        result("a table", 0.3, 0.5, &[]),
        result("", 0.3, 0.6, &["is_final"]),
        result("for two.", 0.6, 0.9, &["is_final", "speech_final"]),
    ]);
    let wanted = ["~ I would like", "~ I would like a table", "= I would like a table for two."];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn nova_takes_no_word_back_by_an_empty_interim() {
    let lines = nova_hears([
        result("Hello", 0.0, 0.3, &[]),
        result("", 0.0, 0.4, &[]),
        result("", 0.0, 0.5, &["is_final", "speech_final"]),
    ]);
    assert_eq!(lines.await, ["~ Hello", "= Hello"]);
}

#[tokio::test(start_paused = true)]
async fn nova_gives_a_word_once_though_an_empty_final_ended_before_it() {
    let lines = nova_hears([
        timed(&[("Hello", 0.5, 0.8)], 0.0, 0.8, &[]),
        timed(&[], 0.0, 0.4, &["is_final"]),
        timed(&[("Hello.", 0.5, 0.8)], 0.4, 0.9, &["is_final", "speech_final"]),
    ]);
    assert_eq!(lines.await, ["~ Hello", "= Hello."]);
    let lines = nova_hears([
        untimed("Hello", 0.0, 0.8, &[]),
        untimed("", 0.0, 0.4, &["is_final"]),
        untimed("Hello.", 0.4, 0.9, &["is_final", "speech_final"]),
    ]);
    assert_eq!(lines.await, ["~ Hello", "= Hello."]);
}

#[tokio::test(start_paused = true)]
async fn nova_keeps_words_behind_the_final_that_comes_first() {
    for make in [
        timed(&[("One", 0.1, 0.3), ("two", 0.5, 0.8)], 0.0, 0.8, &[]),
        untimed("One two", 0.0, 0.8, &[]),
    ] {
        let lines = nova_hears([make, result("One", 0.0, 0.4, &["is_final"])]).await;
        assert_eq!(lines, ["~ One two", "= One two"]);
    }
}

#[tokio::test(start_paused = true)]
async fn nova_answers_finalize_with_the_words_that_were_shown() {
    for answer in [
        result("", 0.0, 1.0, &["is_final", "from_finalize"]),
        result("", 0.0, 1.0, &["is_final"]),
        result("", 0.0, 1.0, &["is_final", "speech_final"]),
        result("", 0.0, 1.1, &[]),
    ] {
        let script = Script::new().until_bytes(8_000).say(result("Are you open", 0.0, 0.9, &[]));
        let script = script.until_text("Finalize").say(answer.clone());
        let server = service([script.answer(closing(METADATA))]);
        let mut call = Call::open(&nova(&server)).await;
        call.audio(1_000);
        call.send(AsrInput::Finalize);
        call.speak(200).await;
        assert_eq!([call.next().await, call.next().await], ["~ Are you open", "! Are you open"]);
        call.hang_up();
        assert!(call.rest().await.is_empty(), "given twice after {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn nova_keeps_words_over_a_lost_connection() {
    for (make, name) in
        [(result as fn(&str, f64, f64, &[&str]) -> String, "timed"), (untimed, "untimed")]
    {
        let first = Script::new().until_bytes(8_000).say(make("Are you open", 0.0, 0.9, &[]));
        let first = first.wait(ms(10)).cut();
        let second = Script::new().until_bytes(8_000);
        let second = second.say(make("", 0.0, 1.0, &["is_final", "speech_final"]));
        let server = service([first, second.answer(closing(METADATA))]);
        let mut call = Call::open(&nova(&server)).await;
        call.audio(1_000);
        assert_eq!(call.next().await, "~ Are you open", "{name}");
        assert_eq!(call.next().await, "= Are you open", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn flux_keeps_words_that_the_end_of_the_turn_does_not_repeat() {
    let ends = ["EndOfTurn", "EagerEndOfTurn", "TurnResumed", "Update", "StartOfTurn"];
    for event in ends {
        let lines =
            flux_hears([turn("Update", "When are you open?", 0.5), turn(event, "", 0.8)]).await;
        let words: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .filter(|line| line.starts_with(['~', '=', '!']))
            .collect();
        assert_eq!(words, ["~ When are you open?", "= When are you open?"], "{event}");
    }
    let lines = flux_hears([
        turn("StartOfTurn", "When", 0.2),
        turn("Update", "When are you open?", 0.5),
        turn("EagerEndOfTurn", "", 0.7),
        turn("EndOfTurn", "", 0.8),
    ]);
    let wanted =
        ["~ When", "started", "~ When are you open?", "eager end", "= When are you open?", "ended"];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn flux_keeps_the_words_of_a_turn_that_the_next_one_follows() {
    let next = |event: &str, text: &str, end: f64| {
        let mut info: Value = serde_json::from_str(&turn(event, text, end)).unwrap();
        info["turn_index"] = 1.into();
        info.to_string()
    };
    let lines = flux_hears([
        turn("StartOfTurn", "Are you open?", 0.3),
        next("StartOfTurn", "Hello", 0.6),
        next("EndOfTurn", "Hello.", 0.8),
    ]);
    let wanted = [
        "~ Are you open?",
        "started",
        "= Are you open?",
        "ended",
        "~ Hello",
        "started",
        "= Hello.",
        "ended",
    ];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn flux_answers_finalize_with_the_words_that_were_shown() {
    for end in ["EndOfTurn", "Update"] {
        let script = Script::new().until_bytes(8_000).say(turn("Update", "Are you open?", 0.9));
        let script = script.until_text("ForceEndTurn").say(turn(end, "", 1.2));
        let server = service([script.answer(closing(""))]);
        let mut call = Call::open(&flux(&server)).await;
        call.audio(1_000);
        call.send(AsrInput::Finalize);
        call.speak(300).await;
        assert_eq!(call.next().await, "~ Are you open?", "{end}");
        let mut line = call.next().await;
        if line == "started" {
            line = call.next().await;
        }
        assert_eq!(line, "! Are you open?", "{end}");
        call.hang_up();
        let rest = call.rest().await;
        assert!(rest.iter().all(|line| line == "ended"), "{end}: {rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn flux_keeps_words_over_a_lost_connection() {
    let first = Script::new().until_bytes(8_000).say(turn("Update", "Are you open?", 0.9));
    let first = first.wait(ms(10)).cut();
    let second = Script::new().until_bytes(8_000).say(turn("EndOfTurn", "", 1.0));
    let server = service([first, second.answer(closing(""))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    assert_eq!(call.next().await, "~ Are you open?");
    assert_eq!([call.next().await, call.next().await], ["started", "= Are you open?"]);
}
