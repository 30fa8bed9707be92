//! The contract of models.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::time::timeout;
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};
use voicekit_core::text::speakable;
use voicekit_core::tool::{ToolCall, ToolSpec};

use super::cancel::outlives;
use super::{ContractReport, PATIENCE, Subject, Verdict, unless};

/// The clauses of [`Llm`].
pub(super) const CLAUSES: u32 = 6;

/// Questions to which a model may have nothing to say.
const SILENCING: [&str; 3] = [
    "Say nothing at all, not even a word.",
    "Answer with nothing but an emoji.",
    "Only think about it, and do not answer.",
];

/// Checks the contract of [`Llm`] with questions any model can answer in a sentence.
///
/// A scripted service tells the questions apart by `weather`, which is in those that are to be
/// answered with calls of two tools, `get_weather` and `get_time`, whether the request offers them
/// or not. It tells those that a model may leave without an answer by `nothing`, `emoji` and `think`,
/// and then gives an answer without a word; a model that says something all the same keeps the
/// clause too.
pub async fn llm<A: Llm>(subject: &Subject<A>) -> ContractReport {
    let mut report = ContractReport::new(subject.adapter.info().name);
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<A: Llm>(subject: &Subject<A>, number: u32) -> Verdict {
    let model = &subject.adapter;
    match number {
        1 => ends_once(model).await,
        2 => comes_in_pieces(model).await,
        3 => cancels(subject).await,
        4 => keeps_nothing(subject).await,
        5 => calls_completely(model).await,
        _ => says_something(model).await,
    }
}

fn question() -> ChatRequest {
    asking("Good morning, are you open today?")
}

fn asking(text: &str) -> ChatRequest {
    let instructions = "You answer the telephone of a bakery. Answer in one sentence.";
    ChatRequest::new(instructions, [Message::caller(text)])
}

/// A question that takes two tools, which are given or not.
fn two_things(tools: bool) -> ChatRequest {
    let mut request = asking("What is the weather in Paris, and what time is it there?");
    request.instructions = "Look up both things at once with the tools, if you have any.".into();
    if tools {
        let city = json!({"type": "object", "properties": {"city": {"type": "string"}},
            "required": ["city"]});
        request.tools = [("get_weather", "The weather in a city."), ("get_time", "Its time.")]
            .map(|(name, text)| ToolSpec::new(name, text).with_parameters(city.clone()))
            .to_vec();
    }
    request
}

async fn ends_once(model: &dyn Llm) -> Verdict {
    let events = match answer(model, question()).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    let is_end = |event: &Result<ChatEvent>| matches!(event, Ok(ChatEvent::Done(_)) | Err(_));
    let ends = events.iter().filter(|event| is_end(event)).count();
    let last = events.last().is_some_and(is_end);
    if let Some(Err(error)) = events.last() {
        return Verdict::Broken(format!("the answer fails: {error}"));
    }
    unless(ends == 1 && last, || format!("{ends} ends, one of them last: {last}"))
}

async fn comes_in_pieces(model: &dyn Llm) -> Verdict {
    let events = match answer(model, question()).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    let texts: Vec<&str> = events.iter().filter_map(text_of).collect();
    match texts[..] {
        [] => Verdict::Broken("no text".to_owned()),
        [text] if text.split_whitespace().count() > 3 => {
            Verdict::Broken("a whole sentence came in one piece".to_owned())
        }
        [..] => Verdict::Kept,
    }
}

async fn cancels<A: Llm>(subject: &Subject<A>) -> Verdict {
    let Some(work) = &subject.work else {
        return Verdict::Skipped("nothing shows whether the work goes on");
    };
    for items in [0, 1] {
        if let Some(seen) = outlives(work, open(&subject.adapter, question()), items).await {
            return Verdict::Broken(seen);
        }
    }
    Verdict::Kept
}

/// Asks one thing, another, and the first again, which has to reach the service the same.
async fn keeps_nothing<A: Llm>(subject: &Subject<A>) -> Verdict {
    let Some(requests) = &subject.requests else {
        return Verdict::Skipped("nothing shows what the service is asked");
    };
    let mut asked = Vec::new();
    for request in [question(), asking("And tomorrow?"), question()] {
        if let Err(seen) = answer(&subject.adapter, request).await {
            return Verdict::Broken(seen);
        }
        asked.push(requests().last().cloned());
    }
    unless(asked[0].is_some() && asked[0] == asked[2] && asked[0] != asked[1], || {
        format!("the same question was asked differently after another one: {asked:#?}")
    })
}

async fn calls_completely(model: &dyn Llm) -> Verdict {
    let mut answers = Vec::new();
    for tools in [true, false] {
        match answer(model, two_things(tools)).await {
            Ok(events) => answers.push(events),
            Err(seen) => return Verdict::Broken(seen),
        }
    }
    let calls = |events: &[Result<ChatEvent>]| events.iter().filter_map(call_of).count();
    if calls(&answers[1]) > 0 {
        return Verdict::Broken("it was given no tools and calls one".to_owned());
    }
    if let Some(seen) = misshapen(&answers[0]) {
        return Verdict::Broken(seen);
    }
    match calls(&answers[0]) {
        0 => Verdict::Skipped("it calls no tools"),
        1 => Verdict::Skipped("it called one tool where two were asked for"),
        _ => Verdict::Kept,
    }
}

async fn says_something(model: &dyn Llm) -> Verdict {
    for silencing in SILENCING {
        // A service may refuse such a question: that is an error too.
        let Ok(Ok(events)) = timeout(PATIENCE, model.chat(asking(silencing))).await else {
            continue;
        };
        let Ok(events) = timeout(PATIENCE, events.collect::<Vec<_>>()).await else {
            return Verdict::Broken("the answer does not end".to_owned());
        };
        let text: String = events.iter().filter_map(text_of).collect();
        let holds = !speakable(&text).is_empty() || events.iter().any(|e| call_of(e).is_some());
        let is_done = matches!(events.last(), Some(Ok(ChatEvent::Done(_))));
        if is_done && !holds {
            return Verdict::Broken(format!(
                "an answer without a word or a call is done: {text:?}"
            ));
        }
    }
    Verdict::Kept
}

/// What is wrong with the calls of an answer, if anything.
fn misshapen(events: &[Result<ChatEvent>]) -> Option<String> {
    let offered = two_things(true).tools;
    let calls: Vec<&ToolCall> = events.iter().filter_map(call_of).collect();
    for call in &calls {
        if !offered.iter().any(|tool| tool.name == call.name) {
            return Some(format!("{} is not among its tools", call.name));
        }
        let arguments = serde_json::from_str::<Value>(&call.arguments);
        if !arguments.is_ok_and(|arguments| arguments.is_object()) {
            return Some(format!("incomplete arguments: {}", call.arguments));
        }
    }
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    if ids.len() < calls.len() {
        return Some("two calls have the same id".to_owned());
    }
    let first = events.iter().position(|event| call_of(event).is_some())?;
    let late = events[first..].iter().any(|event| text_of(event).is_some());
    if late {
        return Some("text came after a call".to_owned());
    }
    let whole = matches!(events.last(), Some(Ok(ChatEvent::Done(_))));
    (!whole).then(|| "the answer with the calls has no good end".to_owned())
}

fn text_of(event: &Result<ChatEvent>) -> Option<&str> {
    match event {
        Ok(ChatEvent::Text(text)) => Some(text),
        Ok(_) | Err(_) => None,
    }
}

fn call_of(event: &Result<ChatEvent>) -> Option<&ToolCall> {
    match event {
        Ok(ChatEvent::ToolCall(call)) => Some(call),
        Ok(_) | Err(_) => None,
    }
}

async fn answer(model: &dyn Llm, request: ChatRequest) -> Result<Vec<Result<ChatEvent>>, String> {
    let events = open(model, request).await?;
    let events = timeout(PATIENCE, events.collect::<Vec<_>>()).await;
    events.map_err(|_| "the answer does not end".to_owned())
}

async fn open(
    model: &dyn Llm,
    request: ChatRequest,
) -> Result<BoxStream<'static, Result<ChatEvent>>, String> {
    match timeout(PATIENCE, model.chat(request)).await {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(error)) => Err(format!("the stream cannot be opened: {error}")),
        Err(_) => Err("the stream does not open".to_owned()),
    }
}
