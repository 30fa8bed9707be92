//! The contract of models.

use futures::StreamExt;
use tokio::time::timeout;
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};

use super::{ContractReport, PATIENCE, Verdict, unless};

/// Checks the contract of [`Llm`] with a question any model can answer in a sentence.
pub async fn llm(llm: &dyn Llm) -> ContractReport {
    let mut report = ContractReport::new(llm.info().name);
    let request = ChatRequest::new(
        "You answer the telephone of a bakery. Answer in one sentence.",
        [Message::caller("Good morning, are you open today?")],
    );
    let events = answer(llm, request).await;
    report.check(1, ends_once(&events));
    report.add(2, comes_in_pieces(&events));
    report.add(3, Verdict::Skipped("cancelled work cannot be seen from outside"));
    report.add(4, Verdict::Skipped("what a model keeps cannot be seen from outside"));
    report
}

async fn answer(llm: &dyn Llm, request: ChatRequest) -> Result<Vec<Result<ChatEvent>>, String> {
    let stream = match timeout(PATIENCE, llm.chat(request)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("the stream cannot be opened: {error}")),
        Err(_) => return Err("the stream does not open".to_owned()),
    };
    let events = timeout(PATIENCE, stream.collect::<Vec<_>>()).await;
    events.map_err(|_| "the answer does not end".to_owned())
}

fn ends_once(events: &Result<Vec<Result<ChatEvent>>, String>) -> Option<String> {
    let events = match events {
        Ok(events) => events,
        Err(seen) => return Some(seen.clone()),
    };
    let is_end = |event: &Result<ChatEvent>| !matches!(event, Ok(ChatEvent::Text(_)));
    let ends = events.iter().filter(|event| is_end(event)).count();
    let last = events.last().is_some_and(is_end);
    unless(ends == 1 && last, || format!("{ends} ends, one of them last: {last}"))
}

fn comes_in_pieces(events: &Result<Vec<Result<ChatEvent>>, String>) -> Verdict {
    let Ok(events) = events else {
        return Verdict::Skipped("there is no answer");
    };
    let texts = events.iter().filter_map(|event| match event {
        Ok(ChatEvent::Text(text)) => Some(text.as_str()),
        Ok(_) | Err(_) => None,
    });
    let texts: Vec<&str> = texts.collect();
    match texts[..] {
        [] => Verdict::Broken("no text".to_owned()),
        [text] if text.split_whitespace().count() > 3 => {
            Verdict::Broken("a whole sentence came in one piece".to_owned())
        }
        [..] => Verdict::Kept,
    }
}
