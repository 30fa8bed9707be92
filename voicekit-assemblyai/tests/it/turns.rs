//! Turns: put together, told once, followed where the service is to follow them.

use voicekit_core::asr::{Asr, AsrInput};
use voicekit_testkit::server::Script;

use crate::support::{
    Call, FORCE_ENDPOINT, Said, asr, config, heard, ms, said, service, terminating, turns,
};

const SPEECH_STARTED: &str = r#"{"type":"SpeechStarted","timestamp":100,"confidence":0.93}"#;

#[tokio::test(start_paused = true)]
async fn interims_replace_each_other_and_one_final_ends_them() {
    let lines = heard(
        config(),
        [
            said(0, "hi", 0),
            said(0, "hi my na", 0).unsure(),
            said(0, "hi my name", 0),
            said(0, "hi my name is sonny", 0).end(),
            said(1, "bye", 700),
            said(1, "bye", 700).end(),
        ],
    );
    let wanted = ["~ hi", "~ hi my na", "~ hi my name", "= hi my name is sonny", "~ bye", "= bye"];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn an_interim_is_given_once() {
    let lines = heard(config(), [said(0, "hi", 0), said(0, "hi", 0), said(0, "hi", 0).end()]);
    assert_eq!(lines.await, ["~ hi", "= hi"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_words_is_none() {
    assert!(heard(config(), [said(0, "", 0).end(), said(1, "", 0)]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_interim_that_comes_to_nothing_is_kept() {
    let lines = heard(config(), [said(0, "hm", 0).unsure(), said(0, "", 0).end()]);
    assert_eq!(lines.await, ["~ hm", "= hm"]);
}

fn twice() -> [Said; 3] {
    [
        said(0, "hi my name is sonny", 0),
        said(0, "hi my name is sonny", 0).end(),
        said(0, "Hi, my name is Sonny.", 0).formatted(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_final_that_comes_twice_is_one_and_formatted_if_that_was_wanted() {
    let wanted = ["~ hi my name is sonny", "= Hi, my name is Sonny."];
    assert_eq!(heard(config().with_format_turns(true), twice()).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_formatted_final_that_was_not_wanted_is_skipped() {
    let wanted = ["~ hi my name is sonny", "= hi my name is sonny"];
    assert_eq!(heard(config(), twice()).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_formatted_final_that_does_not_come_is_not_waited_for_beyond_the_turn() {
    let lines = heard(
        config().with_format_turns(true),
        [
            said(0, "hi", 0).end(),
            said(1, "my name", 500),
            said(0, "Hi.", 0).formatted(),
            said(1, "My name.", 500).formatted(),
        ],
    );
    assert_eq!(lines.await, ["~ hi", "= hi", "~ my name", "= My name."]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_end_is_not_said_ends_with_the_next() {
    let lines = heard(config(), [said(0, "hi", 0), said(1, "bye", 500).end()]);
    assert_eq!(lines.await, ["~ hi", "= hi", "= bye"]);
}

#[tokio::test(start_paused = true)]
async fn who_ends_turns_is_said_and_the_engine_is_told_of_none_by_default() {
    let server = service([]);
    assert!(!asr(config(), &server).info().turns);
    assert!(asr(turns(), &server).info().turns);
    let lines = heard(config(), [said(0, "hi", 0), said(0, "hi", 0).end()]).await;
    assert_eq!(lines, ["~ hi", "= hi"]);
}

#[tokio::test(start_paused = true)]
async fn the_services_turns_begin_with_speech_and_end_with_the_final() {
    let mut spoken = said(0, "Hi there.", 0).end();
    spoken = spoken.formatted();
    let script = Script::new().until_bytes(4_000).say(SPEECH_STARTED).say(SPEECH_STARTED);
    let script = script.until_bytes(4_000).say(said(0, "Hi", 0).text()).say(spoken.text());
    let server = service([script.answer(terminating())]);
    let mut call = Call::open(turns(), &server).await;
    call.speak(600).await;
    assert_eq!([call.next().await, call.within(10).await], ["started", "nothing"]);
    call.speak(500).await;
    call.hang_up();
    assert_eq!(call.rest().await, ["~ Hi", "= Hi there.", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn the_services_turns_begin_with_words_where_speech_is_not_announced() {
    let lines = heard(turns(), [said(0, "hi", 0), said(0, "hi", 0).end()]).await;
    assert_eq!(lines, ["~ hi", "started", "= hi", "ended"]);
    let lines = heard(turns(), [said(0, "hi", 0).end(), said(1, "", 0).end()]).await;
    assert_eq!(lines, ["started", "= hi", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_the_services_that_the_engine_ends_is_ended_for_both() {
    let end = said(0, "hi there", 0).end().text();
    let script = Script::new().until_bytes(4_000).say(SPEECH_STARTED).say(said(0, "hi", 0).text());
    let server = service([script.until_text("ForceEndpoint").say(end)]);
    let mut call = Call::open(turns(), &server).await;
    call.speak(600).await;
    call.send(AsrInput::SpeechEnded);
    call.send(AsrInput::Finalize);
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(call.next().await);
    }
    assert_eq!(lines, ["started", "~ hi", "! hi there", "ended"]);
    tokio::time::sleep(ms(100)).await;
    assert_eq!(server.connections()[0].texts(), [FORCE_ENDPOINT]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_the_services_that_comes_to_nothing_is_ended_when_it_is_asked_for() {
    let server = service([Script::new().until_bytes(4_000).say(SPEECH_STARTED)]);
    let mut call = Call::open(turns(), &server).await;
    call.speak(600).await;
    call.send(AsrInput::Finalize);
    assert_eq!(
        [call.next().await, call.next().await, call.next().await],
        ["started", "! ", "ended"]
    );
}
