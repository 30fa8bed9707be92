//! Turns: `/v2/listen`.

use voicekit_core::asr::AsrInput;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_deepgram::{Flux, FluxConfig};
use voicekit_testkit::server::Script;

use crate::support::{Call, account, closing, connector, flux, ms, service, turn};

/// What comes of these messages after a second of audio, up to the end.
async fn heard(messages: impl IntoIterator<Item = String>) -> Vec<String> {
    let script = Script::new().say(r#"{"type":"Connected","request_id":"r","sequence_id":0}"#);
    let script = script.until_bytes(8_000);
    let script = messages.into_iter().fold(script, Script::say);
    let server = service([script.answer(closing(""))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    call.hang_up();
    call.rest().await
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_not_over_goes_on() {
    let lines = heard([
        turn("Update", "", 0.1),
        turn("StartOfTurn", "Hello", 0.2),
        turn("Update", "Hello, how", 0.3),
        turn("EagerEndOfTurn", "Hello, how are you?", 0.5),
        turn("TurnResumed", "Hello, how are you", 0.6),
        turn("EagerEndOfTurn", "Hello, how are you doing?", 0.8),
        turn("EndOfTurn", "Hello, how are you doing?", 0.9),
    ]);
    let wanted = [
        "~ Hello",
        "started",
        "~ Hello, how",
        "~ Hello, how are you?",
        "eager end",
        "~ Hello, how are you",
        "resumed",
        "~ Hello, how are you doing?",
        "eager end",
        // The same text as the interim: a reply prepared from it can be used.
        "= Hello, how are you doing?",
        "ended",
    ];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_turn_may_end_without_warning_and_the_next_begins() {
    let lines = heard([
        turn("StartOfTurn", "Yes", 0.2),
        turn("EndOfTurn", "Yes.", 0.4),
        turn("Update", "", 0.5),
        turn("StartOfTurn", "No", 0.7),
        turn("EndOfTurn", "No.", 0.9),
    ]);
    let wanted = ["~ Yes", "started", "= Yes.", "ended", "~ No", "started", "= No.", "ended"];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_not_known_is_skipped() {
    let lines = heard([
        turn("StartOfTurn", "Yes", 0.2),
        turn("TurnPondered", "Yes", 0.3),
        r#"{"type":"Weather","sequence_id":7}"#.to_owned(),
        turn("EndOfTurn", "Yes.", 0.4),
    ]);
    assert_eq!(lines.await, ["~ Yes", "started", "= Yes.", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn words_that_stand_when_the_input_ends_become_final() {
    let lines = heard([turn("StartOfTurn", "Good", 0.2), turn("Update", "Good bye", 0.4)]);
    assert_eq!(lines.await, ["~ Good", "started", "~ Good bye", "= Good bye"]);
}

#[tokio::test(start_paused = true)]
async fn finalize_ends_the_turn() {
    let script = Script::new().until_bytes(8_000).say(turn("StartOfTurn", "Hello", 0.8));
    let script = script.until_text(r#"{"type":"ForceEndTurn"}"#);
    let server = service([script.say(turn("EndOfTurn", "Hello.", 1.0))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    assert_eq!([call.next().await, call.next().await], ["~ Hello", "started"]);
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["! Hello.", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn finalize_is_answered_where_nobody_speaks() {
    let script = Script::new().until_text("ForceEndTurn").say(turn("Update", "", 0.9));
    let server = service([script.wait(ms(100)).say(turn("Update", "", 1.1))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    call.speak(100).await;
    assert_eq!(call.next().await, "! ");
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn finalize_is_answered_with_the_words_so_far_if_the_turn_goes_on() {
    let script = Script::new().until_bytes(8_000).say(turn("StartOfTurn", "One two", 0.8));
    let script = script.until_text("ForceEndTurn").say(turn("Update", "One two", 1.5));
    let script = script.until_bytes(8_000).say(turn("Update", "One two", 2.0));
    let server = service([script.say(turn("EndOfTurn", "One two three.", 2.0))]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    assert_eq!([call.next().await, call.next().await], ["~ One two", "started"]);
    call.send(AsrInput::Finalize);
    call.speak(1_000).await;
    assert_eq!(call.next().await, "! One two");
    assert_eq!([call.next().await, call.next().await], ["= three.", "ended"], "nothing twice");
}

#[tokio::test(start_paused = true)]
async fn finalize_is_answered_if_the_service_says_nothing() {
    let script = Script::new().until_bytes(8_000).say(turn("StartOfTurn", "Hello", 0.8));
    let server = service([script]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["~ Hello", "started"]);
    assert_eq!(call.next().await, "! Hello");
}

#[tokio::test(start_paused = true)]
async fn servers_that_cannot_end_a_turn_are_not_asked_to() {
    let script = Script::new().until_bytes(7_680).say(turn("StartOfTurn", "Hello", 0.8));
    let script = script.until_bytes(1_280).say(turn("Update", "Hello you", 1.2));
    let server = service([script]);
    let config = FluxConfig::new(account()).with_force_end_turn(false);
    let asr = Flux::new(config).unwrap().with_connector(connector(&server));
    let mut call = Call::open(&asr).await;
    call.audio(960);
    assert_eq!([call.next().await, call.next().await], ["~ Hello", "started"]);
    call.send(AsrInput::Finalize);
    call.speak(200).await;
    assert_eq!([call.next().await, call.next().await], ["~ Hello you", "! Hello you"]);
    assert!(server.connections()[0].texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_is_sent_where_no_audio_comes_until_the_stream_ends() {
    let server = service([Script::new().answer(closing(""))]);
    let mut call = Call::open(&flux(&server)).await;
    call.speak(960).await;
    assert_eq!(server.connections()[0].bytes().len(), 7_680, "audio flows");
    tokio::time::sleep(ms(3_000)).await;
    let seen = &server.connections()[0];
    let more = AudioFormat::PHONE.duration_of(seen.bytes().len() - 7_680);
    assert!(more >= ms(2_000) && more <= ms(3_000), "{more:?} of silence in 3 s");
    assert!(seen.texts().is_empty(), "there is no message that keeps the connection");
    call.hang_up();
    call.rest().await;
    let before = server.connections()[0].bytes().len();
    tokio::time::sleep(ms(3_000)).await;
    assert_eq!(server.connections()[0].bytes().len(), before);
}

#[tokio::test(start_paused = true)]
async fn audio_is_sent_in_pieces_of_80_ms() {
    let server = service([Script::new()]);
    let mut call = Call::open(&flux(&server)).await;
    call.speak(960).await;
    let seen = &server.connections()[0];
    assert!(seen.binaries().iter().all(|piece| (640..=1_280).contains(&piece.len())));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_once_and_ends_the_stream() {
    let error =
        r#"{"type":"Error","sequence_id":1,"code":"INTERNAL_SERVER_ERROR","description":"sorry"}"#;
    let script = Script::new().say(r#"{"type":"Connected","request_id":"r-7","sequence_id":0}"#);
    let server = service([script.say(error).close(1011, "")]);
    let mut call = Call::open(&flux(&server)).await;
    let error = call.error().await;
    assert_eq!(
        error.to_string(),
        "deepgram: the service reported INTERNAL_SERVER_ERROR (request r-7)"
    );
    assert_eq!(error.detail(), Some("INTERNAL_SERVER_ERROR: sorry"));
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Connection, Retry::Never));
    assert_eq!(call.next().await, "end");
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_goes_on_over_a_lost_connection() {
    let word = |word: &str, end: f64| serde_json::json!({ "word": word, "start": 0.0, "end": end });
    let mut update: serde_json::Value =
        serde_json::from_str(&turn("Update", "One two", 7.0)).unwrap();
    update["words"] = serde_json::json!([word("One", 1.0), word("two", 6.0)]);
    let first = Script::new().until_bytes(56_000).say(turn("StartOfTurn", "One", 1.0));
    let first = first.say(update.to_string()).say(turn("EagerEndOfTurn", "One two", 7.0));
    let first = first.wait(ms(10)).cut();
    // Five of seven seconds are sent again: what was said before them is not heard again.
    let second = Script::new().until_bytes(40_000).say(turn("StartOfTurn", "two", 4.0));
    let second = second.say(turn("EndOfTurn", "two three.", 5.0));
    let server = service([first, second]);
    let mut call = Call::open(&flux(&server)).await;
    call.speak(7_000).await;
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != "ended") {
        lines.push(call.next().await);
    }
    let wanted =
        ["~ One", "started", "~ One two", "eager end", "resumed", "= One two three.", "ended"];
    assert_eq!(lines, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_which_nothing_is_heard_again_ends() {
    let first = Script::new().until_bytes(8_000).say(turn("StartOfTurn", "Hello", 0.8));
    let first = first.wait(ms(10)).cut();
    let second = Script::new().until_bytes(8_000).say(turn("Update", "", 1.0));
    let second = second.until_bytes(9_600).say(turn("Update", "", 2.2));
    let server = service([first, second]);
    let mut call = Call::open(&flux(&server)).await;
    call.audio(1_000);
    assert_eq!([call.next().await, call.next().await], ["~ Hello", "started"]);
    call.speak(1_300).await;
    assert_eq!([call.next().await, call.next().await], ["= Hello", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn silence_between_turns_is_not_sent_again() {
    let first = Script::new().until_bytes(32_000).say(turn("Update", "", 4.0)).wait(ms(10)).cut();
    let server = service([first, Script::new()]);
    let mut call = Call::open(&flux(&server)).await;
    call.speak(4_000).await;
    let seen = server.until(|seen| seen.len() == 2 && !seen[1].binaries().is_empty()).await;
    assert!(seen[1].bytes().len() <= 8_000 + 1_280, "more than the last second");
}
