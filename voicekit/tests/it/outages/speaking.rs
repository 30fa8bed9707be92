//! The voice's service fails.

use std::sync::Arc;

use voicekit::resilience::{Fallback, Timeout};
use voicekit_core::transport::EndReason;
use voicekit_core::tts::Tts;

use super::services::{Mouth, Spare, Way, elevenlabs};
use super::{ANSWER, Held, Parts};
use crate::parts::ms;

async fn call(tts: impl Tts) -> Held {
    Parts { tts: Arc::new(tts), ..Parts::new() }.call().await
}

#[tokio::test(start_paused = true)]
async fn the_voice_is_cut_off_amid_a_sentence() {
    // Amid "nine", of which half was spoken.
    let mouth = Mouth { breaks_after: Some("We open at ni".len()), once: false };
    let held = call(mouth.elevenlabs()).await;
    assert_eq!(held.heard(), ANSWER);
    assert_eq!(held.report.messages[1].text(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_voice_is_cut_off_for_good_and_another_speaks_the_rest() {
    let mouth = Mouth { breaks_after: Some("We open at ni".len()), once: true };
    let held = call(Fallback::tts(Timeout::new(mouth.elevenlabs())).or(Spare)).await;
    // Audio does not wait for its words: the beginning of the word that was cut has been heard.
    assert_eq!(held.heard(), "We open at niNINE, AND WE CLOSE AT FIVE.");
    assert_eq!(held.report.messages[1].text(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn the_voice_cannot_be_found_and_another_can() {
    let held = call(Fallback::tts(elevenlabs(Way::Nowhere)).or(Spare)).await;
    assert_eq!(held.heard(), ANSWER.to_uppercase());
}

#[tokio::test(start_paused = true)]
async fn the_voice_accepts_and_never_answers_and_another_does() {
    let held = call(Fallback::tts(Timeout::new(elevenlabs(Way::BlackHole))).or(Spare)).await;
    assert_eq!(held.heard(), ANSWER.to_uppercase());
    assert!(held.wait() < ms(4_500), "{:?}", held.wait());
}

#[tokio::test(start_paused = true)]
async fn the_only_voice_cannot_be_found() {
    let held = call(elevenlabs(Way::Nowhere)).await;
    assert_eq!(held.heard(), "");
    // Without a voice there is no conversation; silence would be worse.
    assert_eq!(held.report.reason, EndReason::AgentHungUp);
    assert!(held.report.ended.since_start() < ms(20_000), "{:?}", held.report.ended);
}
