//! The model's service fails.

use std::sync::Arc;

use voicekit::resilience::{Fallback, Limits, Retrying, Timeout};
use voicekit_core::llm::Llm;
use voicekit_testkit::fake::FakeLlm;
use voicekit_testkit::server::http::Answer;

use voicekit_testkit::server::provider::openai::{begins, refuses, says};

use super::services::{Way, mind, openai};
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
