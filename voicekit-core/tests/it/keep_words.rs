//! Words that an interim has shown are kept.

use std::time::Duration;

use futures::{Future, FutureExt, StreamExt, stream};
use voicekit_core::asr::{AsrEvent, Transcript, TurnSign, keep_words};
use voicekit_core::error::{Error, ErrorKind, Result};

fn interim(text: &str) -> Result<AsrEvent> {
    Ok(AsrEvent::Interim(Transcript::new(text)))
}

fn last(text: &str) -> Result<AsrEvent> {
    Ok(AsrEvent::Final(Transcript::new(text)))
}

fn asked(text: &str) -> Result<AsrEvent> {
    Ok(AsrEvent::Final(Transcript::new(text).finalized()))
}

fn sign(sign: TurnSign) -> Result<AsrEvent> {
    Ok(AsrEvent::Turn(sign))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the events are ready")
}

fn lost() -> Result<AsrEvent> {
    Err(Error::new(ErrorKind::Connection, "test", "gone"))
}

/// `~ text` for an interim, `= text` for a final, `! text` for one that was asked for.
fn kept(events: impl IntoIterator<Item = Result<AsrEvent>>) -> Vec<String> {
    let events: Vec<_> = events.into_iter().collect();
    let kept = keep_words(stream::iter(events).boxed());
    let lines = kept.map(|event| match event {
        Ok(AsrEvent::Interim(words)) => format!("~ {}", words.text),
        Ok(AsrEvent::Final(words)) if words.finalized => format!("! {}", words.text),
        Ok(AsrEvent::Final(words)) => format!("= {}", words.text),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.message().to_owned(),
    });
    block_on(lines.collect())
}

#[test]
fn a_final_without_words_gets_those_that_were_shown() {
    for nothing in ["", " ", "\n"] {
        assert_eq!(
            kept([interim("When"), interim("When are"), last(nothing)]),
            ["~ When", "~ When are", "= When are"]
        );
        assert_eq!(kept([interim("Yes"), asked(nothing)]), ["~ Yes", "! Yes"]);
    }
}

#[test]
fn they_are_given_once() {
    let lines = kept([interim("Yes"), asked(""), asked(""), last("")]);
    assert_eq!(lines, ["~ Yes", "! Yes", "! ", "= "]);
}

#[test]
fn a_final_with_words_replaces_what_was_shown() {
    let lines = kept([interim("I want a"), last("I wanted"), interim("tea"), last("Tea.")]);
    assert_eq!(lines, ["~ I want a", "= I wanted", "~ tea", "= Tea."]);
}

#[test]
fn an_interim_without_words_takes_none_back() {
    let lines = kept([interim(""), interim("Yes"), interim(""), interim(" "), last("")]);
    assert_eq!(lines, ["~ ", "~ Yes", "= Yes"]);
}

#[test]
fn words_that_stand_when_the_turn_ends_are_final_before_it() {
    let lines = kept([
        sign(TurnSign::Started),
        interim("Yes"),
        sign(TurnSign::EagerEnd),
        sign(TurnSign::Resumed),
        sign(TurnSign::Ended),
        interim("No"),
        last("No."),
        sign(TurnSign::Ended),
    ]);
    let wanted = [
        "Turn(Started)",
        "~ Yes",
        "Turn(EagerEnd)",
        "Turn(Resumed)",
        "= Yes",
        "Turn(Ended)",
        "~ No",
        "= No.",
        "Turn(Ended)",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn words_that_stand_when_the_stream_ends_are_final_before_it() {
    assert_eq!(kept([interim("Yes")]), ["~ Yes", "= Yes"]);
    assert_eq!(kept([interim("Yes"), lost()]), ["~ Yes", "= Yes", "gone"]);
    assert_eq!(kept([interim("Yes"), last("Yes."), lost()]), ["~ Yes", "= Yes.", "gone"]);
    assert_eq!(kept([lost()]), ["gone"]);
    assert!(kept([]).is_empty());
}

#[test]
fn nothing_comes_after_the_end() {
    let mut events = keep_words(stream::iter([interim("Yes"), lost()]).boxed());
    for wanted in [true, true, true, false, false] {
        assert_eq!(block_on(events.next()).is_some(), wanted);
    }
}

#[test]
fn what_is_known_of_the_words_is_kept_with_them() {
    let mut shown = Transcript::new("Yes").with_confidence(0.5);
    shown = shown.with_end(Duration::from_secs(1));
    let events = [Ok(AsrEvent::Interim(shown.clone())), asked("")];
    let last = block_on(keep_words(stream::iter(events).boxed()).skip(1).next()).unwrap().unwrap();
    assert_eq!(last, AsrEvent::Final(shown.finalized()));
}
