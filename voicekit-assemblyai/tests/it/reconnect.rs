//! Losing a connection: what is sent again, how fast, and what is kept.

use voicekit_core::asr::AsrInput;
use voicekit_testkit::server::{Opened, Script};

use crate::support::{
    Call, FORCE_ENDPOINT, config, ms, said, service, terminating, turns, words_of,
};

/// Whether audio came faster than it is spoken by more than `ahead` ms at any time.
fn is_ahead(seen: &Opened, ahead: u128) -> bool {
    let mut bytes = 0;
    seen.received.iter().any(|received| {
        bytes += received.binary().map_or(0, |audio| audio.len());
        (bytes as u128) / 8 > received.at.as_millis() + ahead
    })
}

#[tokio::test(start_paused = true)]
async fn words_that_are_final_are_kept_and_only_what_follows_is_sent_again() {
    let first = said(0, "I would like", 0).unsure().text();
    let first = Script::new().until_bytes(8_000).say(first).wait(ms(200)).cut();
    // The second connection hears what lies after "would", which ends at 200 ms.
    let second = Script::new().until_bytes(8_000).say(said(0, "like a table", 0).text());
    let second = second.say(said(0, "like a table", 0).end().text());
    let server = service([first, second.answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(4_000).await;
    assert_eq!(call.next().await, "~ I would like");
    let interim = words_of(futures::StreamExt::next(&mut call.events).await.unwrap());
    assert_eq!(interim.text, "I would like a table");
    assert_eq!(interim.end, Some(ms(500)), "200 ms in front, 300 ms on the second connection");
    assert_eq!(call.next().await, "= I would like a table");
    call.hang_up();
    assert!(call.rest().await.is_empty());
    let seen = server.connections();
    assert_eq!(seen[1].bytes().len(), (4_000 - 200) * 8, "no sample is missing");
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_little_and_comes_slowly() {
    let first = Script::new().until_bytes(80_000).cut();
    let server = service([first, Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.speak(60_000).await;
    let seen = server.connections();
    assert_eq!(seen.len(), 2);
    let lived = 50_000 - 100;
    let bytes = seen[1].bytes().len() as u64 / 8;
    assert!((lived..=lived + 2_150).contains(&bytes), "{bytes} ms in {lived} ms");
    assert!(!is_ahead(&seen[1], 2_150), "more was sent again than is kept");
    let first_second = seen[1]
        .received
        .iter()
        .filter(|received| received.at < ms(1_000))
        .map(|received| received.binary().map_or(0, |audio| audio.len()) / 8);
    let first_second: usize = first_second.sum();
    assert!(first_second <= 1_750, "{first_second} ms of audio in the first second");
}

#[tokio::test(start_paused = true)]
async fn a_finalize_is_asked_again_and_answered_once() {
    let answer = said(0, "hello", 0).end().text();
    let first = Script::new().until_text("ForceEndpoint").cut();
    let second = Script::new().until_text("ForceEndpoint").say(answer);
    let server = service([first, second]);
    let mut call = Call::open(config(), &server).await;
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! hello");
    assert_eq!(call.within(5_000).await, "nothing");
    assert_eq!(server.connections()[1].texts(), [FORCE_ENDPOINT]);
}

#[tokio::test(start_paused = true)]
async fn turns_are_counted_anew() {
    let first = Script::new().until_bytes(4_000).say(said(0, "one", 0).end().text());
    let first = first.say(said(1, "two", 200).end().text()).cut();
    let second = Script::new().until_bytes(4_000).say(said(0, "three", 400).end().text());
    let server = service([first, second]);
    let mut call = Call::open(config(), &server).await;
    call.speak(3_000).await;
    let lines = [call.next().await, call.next().await, call.next().await];
    assert_eq!(lines, ["= one", "= two", "= three"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_which_nothing_more_is_heard_is_ended() {
    let first = Script::new().until_bytes(4_000).say(said(0, "hello there", 0).text()).cut();
    let server = service([first, Script::new()]);
    let mut call = Call::open(turns(), &server).await;
    call.speak(600).await;
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(call.next().await);
    }
    assert_eq!(lines, ["~ hello there", "started", "= hello there", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_the_services_goes_on_over_connections() {
    let first = Script::new().until_bytes(4_000).say(said(0, "hello", 0).text()).cut();
    let second = Script::new().until_bytes(2_000).say(said(0, "there", 0).text());
    let second = second.say(said(0, "there", 0).end().text());
    let server = service([first, second]);
    let mut call = Call::open(turns(), &server).await;
    call.speak(2_000).await;
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.push(call.next().await);
    }
    assert_eq!(lines, ["~ hello", "started", "~ hello there", "= hello there", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_expired_is_followed_by_another() {
    let first = Script::new().until_bytes(4_000).close(3008, "Session expired");
    let second = Script::new().until_bytes(4_000).say(said(0, "hello", 0).end().text());
    let server = service([first, second]);
    let mut call = Call::open(config(), &server).await;
    call.speak(2_000).await;
    assert_eq!(call.next().await, "= hello");
}
