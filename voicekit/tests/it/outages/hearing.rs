//! The recogniser's service fails.

use std::sync::Arc;

use voicekit::resilience::{Fallback, Timeout};
use voicekit_core::transport::EndReason;
use voicekit_testkit::fake::FakeAsr;

use super::services::{Ear, Way, nova};
use super::{AGAIN, ANSWER, Parts, QUESTION, SORRY};
use crate::parts::ms;

fn spare() -> FakeAsr {
    FakeAsr::new([QUESTION])
}

#[tokio::test(start_paused = true)]
async fn the_recogniser_is_cut_off_amid_an_utterance() {
    // After half a second of it.
    let ear = Ear { cut_after: Some(8_000) };
    let held = Parts { asr: Arc::new(ear.nova()), ..Parts::new() }.call().await;
    assert_eq!(held.heard(), ANSWER);
    assert_eq!(held.report.messages[0].text(), QUESTION);
    assert!(held.wait() < ms(1_500), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_recogniser_cannot_be_found_and_another_can() {
    let asr = Fallback::asr(Timeout::new(nova(Way::Nowhere))).or(spare());
    let held = Parts { asr: Arc::new(asr), ..Parts::new() }.call().await;
    assert_eq!(held.heard(), ANSWER);
    assert!(held.wait() < ms(1_500), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_recogniser_never_answers_and_another_does() {
    let asr = Fallback::asr(Timeout::new(nova(Way::BlackHole))).or(spare());
    let held = Parts { asr: Arc::new(asr), ..Parts::new() }.call().await;
    assert_eq!(held.heard(), ANSWER);
    assert!(held.wait() < ms(3_000), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_recogniser_never_answers() {
    let held = Parts { asr: Arc::new(nova(Way::BlackHole)), ..Parts::new() }.call().await;
    assert!(held.heard().starts_with(AGAIN), "{}", held.heard());
    assert!(held.wait() < ms(3_000), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_recogniser_cannot_be_found() {
    let parts = Parts { asr: Arc::new(nova(Way::Nowhere)), ..Parts::new() };
    let held = parts.call_and_ask_again().await;
    assert_eq!(held.heard(), format!("{AGAIN} {SORRY}"));
    assert_eq!(held.report.reason, EndReason::AgentHungUp);
    assert!(held.failures.iter().all(|failure| failure == "Asr: Connection"));
}
