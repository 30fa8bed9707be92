//! An answer that is held to its contract, whatever the model sends.

use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use voicekit_core::answer::{Check, TextFilter, checked, is_empty_answer};
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::llm::{ChatEvent, ChatRequest, Message, Usage};
use voicekit_core::tool::{ToolCall, ToolSpec};

const AT_ONCE: Retry = Retry::After(Duration::ZERO);

fn request() -> ChatRequest {
    let mut request = ChatRequest::new("", [Message::caller("Are you open?")]);
    request.tools = vec![ToolSpec::new("get_weather", "Looks up the weather.")];
    request
}

fn text(text: &str) -> Result<ChatEvent> {
    Ok(ChatEvent::Text(text.to_owned()))
}

fn done() -> Result<ChatEvent> {
    Ok(ChatEvent::Done(Usage::default()))
}

fn call(id: &str) -> ToolCall {
    ToolCall::new(id, "get_weather", "{}")
}

fn run(request: &ChatRequest, events: Vec<Result<ChatEvent>>) -> Vec<Result<ChatEvent>> {
    let events = checked(stream::iter(events).boxed(), Check::new("model", request));
    // Once more changes nothing.
    let events = checked(events, Check::new("model", request)).collect::<Vec<_>>();
    events.now_or_never().unwrap()
}

fn said(events: &[Result<ChatEvent>]) -> String {
    let mut said = String::new();
    for event in events {
        match event {
            Ok(ChatEvent::Text(text)) => said += text,
            Ok(ChatEvent::Retracted) => said.clear(),
            Ok(_) | Err(_) => {}
        }
    }
    said
}

fn calls(events: &[Result<ChatEvent>]) -> Vec<&str> {
    let calls = events.iter().filter_map(|event| match event {
        Ok(ChatEvent::ToolCall(call)) => Some(call.id.as_str()),
        Ok(_) | Err(_) => None,
    });
    calls.collect()
}

#[test]
fn an_answer_without_a_word_and_without_a_call_fails() {
    for silent in [
        "",
        " \n\t",
        "🙂",
        "👍🏽 ✨",
        "...",
        "?!",
        "**",
        "---",
        "***\n---",
        "<b></b>",
        "<br/>",
        "```",
        "[1]",
        "【4†source】",
        "(source: hours.md)",
        "*smiles warmly*",
        "[laughs]",
        "(sighs) 🙂",
        "<think>He asks when we open.</think>",
        "<think>He asks when we open",
        "He asks when we open.</think>",
        "<|im_end|>",
        "</s>",
        "<tool_call>oops</tool_call>",
        "{\"name\":\"rob_bank\",\"arguments\":{}}",
        "```rust\nlet x = 1;\n```",
    ] {
        let whole = vec![text(silent), done()];
        let letters = silent.chars().map(|c| text(&c.to_string())).chain([done()]).collect();
        for events in [whole, letters] {
            let events = run(&request(), events);
            let Some(Err(error)) = events.last() else { panic!("{silent:?}: {events:?}") };
            assert!(is_empty_answer(error), "{silent:?}: {error:?}");
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, AT_ONCE), "{silent:?}");
            let dones = events.iter().filter(|event| matches!(event, Ok(ChatEvent::Done(_))));
            assert_eq!(dones.count(), 0);
        }
    }
    let events = run(&request(), vec![done()]);
    assert!(matches!(&events[..], [Err(error)] if is_empty_answer(error)), "{events:?}");
}

#[test]
fn what_has_no_word_is_not_given_out_before_it_fails() {
    let events = run(&request(), vec![text("🙂"), text("\n..."), done()]);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn an_answer_with_a_word_in_it_is_an_answer() {
    for spoken in ["Yes", "5", "🙂 Yes.", "**No**", "好", "да", "<b>Yes</b>", "...and?"] {
        let events = run(&request(), vec![text(spoken), done()]);
        assert_eq!(said(&events), spoken);
        assert!(matches!(events.last(), Some(Ok(ChatEvent::Done(_)))), "{events:?}");
    }
}

#[test]
fn an_answer_with_a_call_and_no_word_is_an_answer() {
    let events = run(&request(), vec![Ok(ChatEvent::ToolCall(call("1"))), done()]);
    assert_eq!(calls(&events), ["1"]);
    assert!(matches!(events.last(), Some(Ok(ChatEvent::Done(_)))));
}

#[test]
fn a_call_that_was_written_as_text_comes_last_and_once() {
    let written = r#"<tool_call>{"name":"get_weather","arguments":{}}</tool_call>"#;
    let events = run(&request(), vec![text("One "), text(written), text("moment."), done()]);
    assert_eq!((said(&events).as_str(), calls(&events)), ("One moment.", vec!["text_0"]));
    assert!(matches!(events[events.len() - 2], Ok(ChatEvent::ToolCall(_))), "{events:?}");
    let both = vec![text(written), Ok(ChatEvent::ToolCall(call("1"))), done()];
    assert_eq!(calls(&run(&request(), both)), ["1"], "it was sent as such too");
}

#[test]
fn a_model_without_tools_calls_none() {
    let mut bare = request();
    bare.tools.clear();
    let events = run(&bare, vec![text("Yes."), Ok(ChatEvent::ToolCall(call("1"))), done()]);
    assert_eq!((said(&events).as_str(), calls(&events).len()), ("Yes.", 0));
    let events = run(&bare, vec![Ok(ChatEvent::ToolCall(call("1"))), done()]);
    assert!(matches!(&events[..], [Err(error)] if is_empty_answer(error)), "{events:?}");
}

#[test]
fn calls_have_ids_of_their_own() {
    let twice = [call("1"), call("1")].map(|call| Ok(ChatEvent::ToolCall(call)));
    let events = run(&request(), twice.into_iter().chain([done()]).collect());
    assert_eq!(calls(&events), ["1", "1_"]);
}

#[test]
fn an_answer_that_just_ends_was_cut_off() {
    let events = run(&request(), vec![]);
    assert!(matches!(&events[..], [Err(error)] if error.retry() == AT_ONCE), "{events:?}");
    let events = run(&request(), vec![text("Yes")]);
    let Some(Err(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Never));
    assert_eq!(said(&events), "Yes");
}

#[test]
fn nothing_follows_an_error_or_the_end() {
    let error = || Err(Error::new(ErrorKind::Connection, "model", "broken"));
    let events = run(&request(), vec![text("Yes"), error(), text("no"), done()]);
    assert!(matches!(&events[..], [Ok(_), Err(_)]), "{events:?}");
    let events = run(&request(), vec![text("Yes"), done(), text("no"), done()]);
    assert!(matches!(&events[..], [Ok(_), Ok(ChatEvent::Done(_))]), "{events:?}");
}

#[test]
fn an_error_after_reasoning_alone_is_worth_another_attempt() {
    for kind in [ErrorKind::Connection, ErrorKind::Timeout, ErrorKind::Protocol] {
        let error = Error::new(kind, "model", "broken").with_retry(Retry::Never);
        let events = run(&request(), vec![text("<think>hm"), Err(error)]);
        assert!(matches!(&events[..], [Err(error)] if error.retry() == AT_ONCE), "{events:?}");
    }
    let error = Error::new(ErrorKind::Connection, "model", "broken").with_retry(Retry::Never);
    let events = run(&request(), vec![text("Yes"), Err(error)]);
    assert!(matches!(&events[1], Err(error) if error.retry() == Retry::Never), "{events:?}");
}

#[test]
fn reasoning_that_was_given_out_is_taken_back() {
    let thoughts = vec![text("He asks. "), text("So.</think>"), text("At nine."), done()];
    let events = run(&request(), thoughts);
    assert!(events.iter().any(|event| matches!(event, Ok(ChatEvent::Retracted))), "{events:?}");
    assert_eq!(said(&events), "At nine.");
    let events = run(&request(), vec![text("He asks. "), text("So.</think>"), done()]);
    assert!(matches!(events.last(), Some(Err(error)) if is_empty_answer(error)), "{events:?}");
}

#[test]
fn the_filter_of_the_request_is_the_one_that_counts() {
    let mut request = request();
    request.filter = TextFilter::default().with_stage_directions(false);
    assert_eq!(said(&run(&request, vec![text("*sighs* Yes."), done()])), "*sighs* Yes.");
}
