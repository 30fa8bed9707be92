//! `Finalize`: answered always, once, in time, and with the right words.

use tokio::time::Instant;
use voicekit_core::asr::AsrInput;
use voicekit_core::error::ErrorKind;
use voicekit_testkit::server::Script;

use crate::support::{Call, FORCE_ENDPOINT, config, ms, said, service, terminating};

#[tokio::test(start_paused = true)]
async fn the_final_that_was_forced_is_the_answer() {
    let answer = said(0, "a table for two", 0).end().text();
    let script = Script::new().until_text("ForceEndpoint").say(answer.clone()).say(answer);
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! a table for two");
    assert_eq!(call.within(5_000).await, "nothing", "it is answered once");
    assert_eq!(server.connections()[0].texts(), [FORCE_ENDPOINT]);
}

#[tokio::test(start_paused = true)]
async fn where_there_was_no_speech_the_answer_is_nothing_and_comes_in_time() {
    let server = service([Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.speak(500).await;
    for _ in 0..2 {
        call.send(AsrInput::Finalize);
        let asked = Instant::now();
        assert_eq!(call.next().await, "! ");
        assert_eq!(asked.elapsed().as_millis(), 1_000);
    }
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_the_answer_if_none_comes_and_is_not_given_twice() {
    let script = Script::new().until_bytes(7_000).say(said(0, "hello", 0).text());
    let late = said(0, "hello there", 0);
    let script = script.until_bytes(7_000).say(late.text()).say(late.end().text());
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    assert_eq!(call.next().await, "~ hello");
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! hello");
    call.speak(1_100).await;
    assert_eq!([call.next().await, call.next().await], ["~ there", "= there"]);
}

#[tokio::test(start_paused = true)]
async fn words_that_were_all_given_make_no_second_final() {
    let script = Script::new().until_bytes(8_000).say(said(0, "hello", 0).text());
    let script = script.until_bytes(8_000).say(said(0, "hello", 0).end().text());
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["~ hello", "! hello"]);
    call.speak(1_100).await;
    assert_eq!(call.within(5_000).await, "nothing");
}

#[tokio::test(start_paused = true)]
async fn each_of_several_is_answered_once() {
    let answer = said(0, "hello", 0).end().text();
    let script = Script::new().until_text("ForceEndpoint").until_text("ForceEndpoint");
    let server = service([script.say(answer)]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["! hello", "! "]);
    assert_eq!(call.within(5_000).await, "nothing");
}

#[tokio::test(start_paused = true)]
async fn a_final_of_what_was_said_before_is_not_the_answer() {
    let early = said(0, "I want", 0).end().text();
    let answer = said(1, "a table", 1_500).end().text();
    let script = Script::new().until_text("ForceEndpoint").say(early).wait(ms(500)).say(answer);
    let server = service([script]);
    let mut call = Call::open(config().with_finalize_early(false), &server).await;
    call.send(AsrInput::SpeechStarted);
    call.speak(500).await;
    call.send(AsrInput::SpeechEnded);
    call.speak(800).await;
    call.send(AsrInput::SpeechStarted);
    call.speak(500).await;
    call.send(AsrInput::SpeechEnded);
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["= I want", "! a table"]);
    assert_eq!(call.within(5_000).await, "nothing");
}

#[tokio::test(start_paused = true)]
async fn words_after_it_say_that_there_were_none_before_it() {
    let script = Script::new().until_bytes(12_000).say(said(0, "hello", 1_200).text());
    let server = service([script.say(said(0, "hello", 1_200).end().text())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    call.speak(600).await;
    let lines = [call.next().await, call.next().await, call.next().await];
    assert_eq!(lines, ["! ", "~ hello", "= hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_on_does_not_put_the_answer_off() {
    let mut script = Script::new();
    let words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen \
                 fifteen sixteen seventeen eighteen nineteen twenty twentyone twentytwo";
    let words: Vec<&str> = words.split(' ').collect();
    for count in 1..=words.len() {
        script = script.until_bytes(800).say(said(0, &words[..count].join(" "), 0).text());
    }
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(480).await;
    call.send(AsrInput::Finalize);
    call.speak(2_000).await;
    let mut lines = Vec::new();
    while lines.len() < 22 {
        lines.push(call.next().await);
    }
    let answers: Vec<&String> = lines.iter().filter(|line| line.starts_with('!')).collect();
    assert_eq!(answers.len(), 1, "{lines:?}");
    assert!(answers[0].ends_with("fourteen fifteen"), "{answers:?}");
    assert_eq!(lines[16], "~ sixteen");
}

#[tokio::test(start_paused = true)]
async fn at_a_pause_the_final_is_asked_for_and_no_answer_is_owed() {
    let server = service([Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.send(AsrInput::SpeechStarted);
    call.speak(500).await;
    call.send(AsrInput::SpeechEnded);
    assert_eq!(call.within(5_000).await, "nothing");
    assert_eq!(server.connections()[0].texts(), [FORCE_ENDPOINT]);
}

#[tokio::test(start_paused = true)]
async fn a_formatted_final_that_does_not_come_is_not_waited_for_beyond_the_time() {
    let held = said(0, "hello", 0).end().text();
    let server = service([Script::new().until_text("ForceEndpoint").say(held)]);
    let mut call = Call::open(config().with_format_turns(true), &server).await;
    call.speak(500).await;
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["~ hello", "! hello"]);
}

#[tokio::test(start_paused = true)]
async fn three_in_a_row_without_a_word_mean_that_the_connection_is_dead() {
    let answer = said(0, "hello", 0).end().text();
    let second = Script::new().until_text("ForceEndpoint").say(answer);
    let server = service([Script::new(), second]);
    let mut call = Call::open(config(), &server).await;
    call.speak(500).await;
    for _ in 0..2 {
        call.send(AsrInput::Finalize);
        assert_eq!(call.next().await, "! ");
    }
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! hello");
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_last_is_answered_before_the_end() {
    let script = Script::new().until_bytes(4_000).say(said(0, "bye", 0).text());
    let server = service([script.answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(600).await;
    call.send(AsrInput::Finalize);
    call.hang_up();
    assert_eq!(call.rest().await, ["~ bye", "! bye"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_gives_the_words_that_stand() {
    let script = Script::new().until_bytes(4_000).say(said(0, "bye", 0).text()).close(3007, "");
    let server = service([script]);
    let mut call = Call::open(config(), &server).await;
    call.speak(600).await;
    let lines = call.rest().await;
    assert_eq!(lines[..2], ["~ bye", "= bye"]);
    assert!(lines[2].starts_with(&format!("{:?}", ErrorKind::Protocol)), "{lines:?}");
}
