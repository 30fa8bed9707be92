//! Answers of language models: server-sent events however they are cut, and what OpenAI's and
//! Anthropic's say; embeddings.

use std::collections::VecDeque;

use voicekit_core::llm::ChatEvent;
use voicekit_net::sse::{Event, Parser};
use voicekit_net::{Endpoint, EventCodec};

use crate::{Input, pieces, text_pieces};

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        b'o' => answer(input, |tools| voicekit_openai::fuzz::answer(endpoint("openai"), tools)),
        b'a' => {
            answer(input, |tools| voicekit_anthropic::fuzz::answer(endpoint("anthropic"), tools));
        }
        b'e' => embeddings(input),
        b't' => thoughts(input),
        _ => events(input),
    }
}

fn endpoint(service: &'static str) -> Endpoint {
    Endpoint::new(service, "https://example.org/v1").expect("a URL")
}

fn parse<'a>(largest: usize, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, bool) {
    let mut parser = Parser::with_largest(largest);
    let mut events = Vec::new();
    for piece in pieces {
        let fed = parser.feed(piece);
        events.extend(std::iter::from_fn(|| parser.next_event()));
        if fed.is_err() {
            return (events, true);
        }
    }
    (events, false)
}

fn events(mut input: Input<'_>) {
    let (how, largest) = (input.byte(), usize::from(input.byte()) * 4);
    let (whole, is_large) = parse(usize::MAX, pieces(input.0, 0));
    assert!(!is_large);
    assert_eq!(parse(usize::MAX, pieces(input.0, how)), (whole.clone(), false));
    let text: usize = whole.iter().map(|event| event.data.len()).sum();
    // Bytes that are no UTF-8 become a character of three.
    assert!(text <= 3 * input.0.len());

    let limited = parse(largest, pieces(input.0, 0));
    assert_eq!(parse(largest, pieces(input.0, how)), limited, "the limit depends on the pieces");
    assert!(whole.starts_with(&limited.0));
    assert!(limited.0.iter().all(|event| event.data.len() <= 3 * largest + 1));
}

/// What was said, and whether it ended with an error.
fn understand(
    mut codec: impl EventCodec<Out = ChatEvent>,
    events: &[Event],
) -> (Vec<String>, bool) {
    let mut to = VecDeque::new();
    let mut end = None;
    for event in events {
        match codec.decode(event.clone(), &mut to) {
            Ok(flow) if flow.is_continue() => {}
            ended => {
                end = Some(ended.map(|_| ()));
                break;
            }
        }
    }
    let end = end.unwrap_or_else(|| codec.finish(&mut to));
    let dones = to.iter().filter(|event| matches!(event, ChatEvent::Done(_))).count();
    let is_done = matches!(to.back(), Some(ChatEvent::Done(_)));
    assert_eq!((dones, is_done), (usize::from(end.is_ok()), end.is_ok()), "{to:?} {end:?}");
    let says_nothing =
        |event: &ChatEvent| matches!(event, ChatEvent::Text(text) if text.is_empty());
    assert!(!to.iter().any(says_nothing));
    (to.iter().map(|event| format!("{event:?}")).collect(), end.is_err())
}

fn answer<C: EventCodec<Out = ChatEvent>>(mut input: Input<'_>, codec: impl Fn(bool) -> C) {
    let (how, has_tools) = (input.byte(), input.flag());
    let (events, _) = parse(usize::MAX, pieces(input.0, how));
    let said = understand(codec(has_tools), &events);
    assert!(has_tools || !said.0.iter().any(|event| event.starts_with("ToolCall")));
    // What is not known is skipped.
    let unknown: &[u8] = b"event: new\ndata: {\"type\":\"not_known_yet\",\"delta\":[7]}\n\n";
    let (unknown, _) = parse(usize::MAX, [unknown].into_iter());
    let more = [unknown.as_slice(), &events].concat();
    assert_eq!(understand(codec(has_tools), &more), said);
}

/// Thoughts are left out of a text however it is cut.
fn thoughts(mut input: Input<'_>) {
    let how = input.byte();
    let text = String::from_utf8_lossy(input.0);
    let said = |pieces: &[String]| {
        let mut events: Vec<Event> = pieces.iter().map(|piece| chunk(piece)).collect();
        events.push(event("[DONE]"));
        let mut to = VecDeque::new();
        let mut codec = voicekit_openai::fuzz::answer(endpoint("openai"), false);
        for event in events {
            assert!(codec.decode(event, &mut to).is_ok());
        }
        let text = |event: &ChatEvent| match event {
            ChatEvent::Text(text) => text.clone(),
            ChatEvent::ToolCall(_) | ChatEvent::Retracted | ChatEvent::Done(_) | _ => String::new(),
        };
        to.iter().map(text).collect::<String>()
    };
    let whole = said(&[text.to_string()]);
    assert_eq!(said(&text_pieces(&text, how)), whole);
    assert!(text.ends_with(&whole), "{whole:?}");
}

fn chunk(text: &str) -> Event {
    event(&serde_json::json!({ "choices": [{ "delta": { "content": text } }] }).to_string())
}

fn event(data: &str) -> Event {
    let mut event = Event::default();
    data.clone_into(&mut event.data);
    event
}

fn embeddings(mut input: Input<'_>) {
    let count = usize::from(input.below(8));
    if let Some(vectors) = voicekit_openai::fuzz::embeddings(input.0, count) {
        assert_eq!(vectors.len(), count);
        assert!(vectors.iter().flatten().all(|value| value.is_finite()));
    }
}
