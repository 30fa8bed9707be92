//! The wrappers keep the contracts of what they wrap, also when the first part fails.

use voicekit::resilience::{CircuitBreaker, Fallback, Retrying, Timeout};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::error::ErrorKind;
use voicekit_testkit::contract;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, Fault};
use voicekit_testkit::phone::tone;

use super::ms;

const BROKEN: Fault = Fault::Refuse(ErrorKind::Connection);

#[tokio::test(start_paused = true)]
async fn wrapped_models_keep_the_contract() {
    let llm = || FakeLlm::new(["Good morning, we are open."]);
    contract::llm(&Retrying::new(llm())).await.assert_kept(&[3, 4]);
    contract::llm(&Timeout::new(llm())).await.assert_kept(&[3, 4]);
    contract::llm(&CircuitBreaker::llm(llm())).await.assert_kept(&[3, 4]);
    let broken = llm().with_fault(0, BROKEN).with_fault(1, BROKEN);
    contract::llm(&Fallback::llm(broken).or(llm())).await.assert_kept(&[3, 4]);
}

#[tokio::test(start_paused = true)]
async fn wrapped_voices_keep_the_contract() {
    let tts = || FakeTts::new().with_word_times();
    contract::tts(&Retrying::new(tts())).await.assert_kept(&[]);
    contract::tts(&Timeout::new(tts())).await.assert_kept(&[]);
    contract::tts(&CircuitBreaker::tts(tts())).await.assert_kept(&[]);
    let broken = tts().with_fault(0, BROKEN).with_fault(1, BROKEN);
    contract::tts(&Fallback::tts(broken).or(tts())).await.assert_kept(&[]);
}

#[tokio::test(start_paused = true)]
async fn wrapped_recognisers_keep_the_contract() {
    let asr = || FakeAsr::new(["hello"; 20]);
    let speech = AudioChunk::from_pcm(8_000, &tone(ms(800)));
    let speech = Converter::new(speech.format(), AudioFormat::PHONE).unwrap().process(&speech);
    let speech = speech.unwrap();
    contract::asr(&Retrying::new(asr()), &speech).await.assert_kept(&[]);
    contract::asr(&Timeout::new(asr()), &speech).await.assert_kept(&[]);
    contract::asr(&CircuitBreaker::asr(asr()), &speech).await.assert_kept(&[]);
    let broken = asr().with_fault(0, BROKEN).with_fault(1, BROKEN);
    contract::asr(&Fallback::asr(broken).or(asr()), &speech).await.assert_kept(&[]);
}
