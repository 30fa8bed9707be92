//! Answers that come as events, in virtual time.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::Instant;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_net::sse::{Event, Parser};
use voicekit_net::{EventCodec, decode};

/// Says the letters of each event; `.` is the last word, `!` a failure.
struct Letters;

impl EventCodec for Letters {
    type Out = char;

    fn decode(&mut self, event: Event, to: &mut VecDeque<char>) -> Result<ControlFlow<()>> {
        for letter in event.data.chars() {
            match letter {
                '.' => return Ok(ControlFlow::Break(())),
                '!' => return Err(failure("failed")),
                letter => to.push_back(letter),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, to: &mut VecDeque<char>) -> Result<()> {
        to.push_back('?');
        Err(failure("cut off"))
    }
}

fn failure(text: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, "letters", text)
}

fn events(data: &[&str]) -> BoxStream<'static, Result<Event>> {
    let mut parser = Parser::default();
    for data in data {
        parser.feed(format!("data: {data}\n\n").as_bytes()).unwrap();
    }
    let events: Vec<_> = std::iter::from_fn(|| parser.next_event()).map(Ok).collect();
    stream::iter(events).boxed()
}

/// What is said, and the error at its end.
async fn said(events: BoxStream<'static, Result<Event>>) -> (String, Option<Error>) {
    let mut items: Vec<Result<char>> = decode(events, Letters).collect().await;
    let error = items.pop_if(|item| item.is_err()).and_then(Result::err);
    (items.into_iter().map(Result::unwrap).collect(), error)
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_last_word_is_not_said() {
    let (text, error) = said(events(&["ab", "c.d", "e", "!"])).await;
    assert_eq!((text.as_str(), error.is_none()), ("abc", true));
}

#[tokio::test(start_paused = true)]
async fn an_error_comes_after_what_was_said_before_it_and_is_the_last() {
    for (stream, text, message) in [
        (events(&["ab!c", "d"]), "ab", "failed"),
        (events(&["ab"]), "ab?", "cut off"),
        (events(&["ab"]).chain(stream::iter([Err(failure("broke"))])).boxed(), "ab", "broke"),
    ] {
        let (heard, error) = said(stream).await;
        let error = error.unwrap();
        assert_eq!((heard.as_str(), error.message()), (text, message));
        assert_eq!(error.retry(), Retry::Never);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_first_word_may_be_worth_another_attempt() {
    let (_, error) = said(events(&["!"])).await;
    assert_eq!(error.unwrap().retry(), Retry::After(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_does_not_wait_for_the_end_of_the_body() {
    let started = Instant::now();
    let mut items = decode(events(&["ab."]).chain(stream::pending()).boxed(), Letters);
    assert_eq!(items.next().await.unwrap().unwrap(), 'a');
    assert_eq!(items.next().await.unwrap().unwrap(), 'b');
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_after_the_last_word_is_not_waited_for_long() {
    let started = Instant::now();
    let (text, error) = said(events(&["ab."]).chain(stream::pending()).boxed()).await;
    assert_eq!((text.as_str(), error.is_none()), ("ab", true));
    assert_eq!(started.elapsed(), Duration::from_millis(50));
}
