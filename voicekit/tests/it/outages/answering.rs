//! The model's service fails.

use std::sync::Arc;

use voicekit::resilience::{Fallback, Limits, Retrying, Timeout};
use voicekit_core::llm::Llm;
use voicekit_testkit::fake::FakeLlm;
use voicekit_testkit::server::http::Answer;

use voicekit_testkit::server::provider::openai::{begins, refuses, says};

use super::services::{Way, anthropic, mind, openai};
use super::{ANSWER, Held, Parts, SORRY};
use crate::parts::ms;

/// What is left of the answer after its first words.
const BEGUN: &str = "We open at ";
const REST: &str = "nine, and we close at five.";

fn spare(text: &str) -> FakeLlm {
    FakeLlm::new([text])
}

async fn call(llm: impl Llm) -> Held {
    Parts { llm: Arc::new(llm), ..Parts::new() }.call().await
}

#[tokio::test(start_paused = true)]
async fn the_model_is_busy_for_a_moment() {
    let mind = mind([refuses(429), says(ANSWER)]);
    let held = call(mind).await;
    assert_eq!(held.heard(), ANSWER);
    assert!(held.wait() < ms(2_700), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_model_refuses_for_good() {
    for status in [429, 500] {
        let answers: Vec<Answer> = (0..8).map(|_| refuses(status)).collect();
        let held = call(mind(answers)).await;
        assert_eq!(held.heard(), SORRY, "{status}");
        assert!(held.wait() < ms(4_000), "{:?}", held.wait());
    }
}

#[tokio::test(start_paused = true)]
async fn the_model_refuses_and_another_does_not() {
    for status in [401, 429, 500] {
        let answers: Vec<Answer> = (0..8).map(|_| refuses(status)).collect();
        let llm = Fallback::llm(Timeout::new(mind(answers))).or(spare(ANSWER));
        let held = call(llm).await;
        assert_eq!(held.heard(), ANSWER, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_model_stalls_before_its_first_word_and_another_does_not() {
    let mind = mind([Answer::events("").then_stall()]);
    let llm = Fallback::llm(Timeout::new(mind)).or(spare(ANSWER));
    let held = call(llm).await;
    assert_eq!(held.heard(), ANSWER);
    assert!(held.wait() < ms(4_500), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_model_stalls_before_its_first_word() {
    let mind = mind([Answer::events("").then_stall(), says(ANSWER)]);
    let limits = Limits::default().with_first(ms(4_000));
    let held = call(Retrying::new(Timeout::new(mind).with_limits(limits))).await;
    assert_eq!(held.heard(), ANSWER);
    assert!(held.wait() < ms(6_500), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_model_is_cut_off_amid_its_answer() {
    let mind = mind([begins(BEGUN).then_cut(), says(REST)]);
    let held = call(Retrying::new(Timeout::new(mind))).await;
    assert_eq!(held.heard(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_model_stalls_amid_its_answer_and_another_goes_on() {
    for rest in [REST, ANSWER] {
        let mind = mind([begins(BEGUN).then_stall()]);
        let llm = Fallback::llm(Timeout::new(mind)).or(spare(rest));
        assert_eq!(call(llm).await.heard(), ANSWER, "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_model_stalls_for_good_amid_its_answer() {
    let begun = "We open at nine. And we ";
    let stalls: Vec<Answer> = (0..8).map(|_| begins("close at ").then_stall()).collect();
    let answers: Vec<Answer> = [begins(begun).then_stall()].into_iter().chain(stalls).collect();
    let llm = Arc::new(Retrying::new(Timeout::new(mind(answers))));
    let held = Parts { llm, ..Parts::new() }.call_and_ask_again().await;
    let heard = held.heard();
    assert!(heard.starts_with(&format!("We open at nine.{SORRY}")), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn the_model_cannot_be_found_and_another_can() {
    let held = call(Fallback::llm(openai(Way::Nowhere)).or(spare(ANSWER))).await;
    assert_eq!(held.heard(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_only_model_cannot_be_found() {
    let held = call(openai(Way::Nowhere)).await;
    assert_eq!(held.heard(), SORRY);
}

#[tokio::test(start_paused = true)]
async fn the_model_accepts_and_never_answers_and_another_does() {
    let llm = Fallback::llm(Timeout::new(openai(Way::BlackHole))).or(spare(ANSWER));
    assert_eq!(call(llm).await.heard(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_only_model_accepts_and_never_answers() {
    let held = call(Timeout::new(openai(Way::BlackHole))).await;
    assert_eq!(held.heard(), SORRY);
    assert!(held.wait() < ms(4_500), "{:?}", held.wait());
}

/// Answers of status 200 in which nothing is said.
fn silences() -> Vec<Answer> {
    let events = [
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":"🙂"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":"<think>hm</think>"},"finish_reason":"length"}]}"#,
        r#"{"choices":[{"delta":{"content":"*smiles*"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"surprise"}]}"#,
    ];
    let events = events.map(|event| Answer::events(format!("data: {event}\n\ndata: [DONE]\n\n")));
    let whole = r#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#;
    events
        .into_iter()
        .chain([Answer::events("data: [DONE]\n\n"), Answer::json(200, whole)])
        .collect()
}

/// Answers of status 200 that report an error.
fn faults() -> Vec<Answer> {
    let events = [
        r#"data: {"error":{"message":"No."}}"#,
        r#"data: {"choices":[{"error":{"message":"No."},"delta":{}}]}"#,
        r#"data: {"choices":[{"delta":{},"finish_reason":"error"}]}"#,
        r#"data: {"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#,
        "event: error\ndata: {\"message\":\"No.\"}",
    ];
    let events = events.map(|event| Answer::events(format!("{event}\n\n")));
    let whole = Answer::json(200, r#"{"error":{"message":"No."}}"#);
    let page = Answer::new(200).with_header("content-type", "text/html").then("<html></html>");
    events.into_iter().chain([whole, page]).collect()
}

#[tokio::test(start_paused = true)]
async fn the_only_model_says_nothing() {
    for silence in silences().into_iter().chain(faults()) {
        let held = call(mind(vec![silence.clone(); 8])).await;
        assert_eq!(held.heard(), SORRY, "{silence:?}");
        assert!(held.wait() < ms(2_500), "{:?}", held.wait());
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_model_says_nothing_once() {
    for silence in silences() {
        let held = call(Retrying::new(mind([silence.clone(), says(ANSWER)]))).await;
        assert_eq!(held.heard(), ANSWER, "{silence:?}");
        assert!(held.wait() < ms(2_500), "{:?}", held.wait());
    }
}

#[tokio::test(start_paused = true)]
async fn the_model_says_nothing_and_another_does() {
    for silence in silences().into_iter().chain(faults()) {
        let mind = mind(vec![silence.clone(); 8]);
        let held = call(Fallback::llm(Timeout::new(mind)).or(spare(ANSWER))).await;
        assert_eq!(held.heard(), ANSWER, "{silence:?}");
        assert!(held.wait() < ms(2_500), "{:?}", held.wait());
    }
    let silent = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":\
        {\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let held = call(Fallback::llm(anthropic([Answer::events(silent)])).or(spare(ANSWER))).await;
    assert_eq!(held.heard(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_model_says_more_than_its_answer() {
    for text in [
        "<think>They ask when we open.</think>We open at nine, and we close at five.",
        "*clears throat* We open at nine, and we close at five.<|im_end|>",
        "We open at nine [1], and we close at five. <tool_call>oops</tool_call>",
    ] {
        let held = call(mind([says(text)])).await;
        assert_eq!(held.heard(), ANSWER, "{text}");
        let last = held.report.messages.last().map(voicekit_core::llm::Message::text);
        assert_eq!(last, Some(ANSWER));
    }
}
