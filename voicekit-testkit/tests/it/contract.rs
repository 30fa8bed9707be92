//! The contract tests pass the fakes and fail what breaks a clause.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};
use voicekit_testkit::contract;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, Fault};
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::tone;

fn speech() -> AudioChunk {
    let codes = mulaw::encode(&tone(Duration::from_secs(1)));
    AudioChunk::new(AudioFormat::PHONE, codes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_fakes_keep_their_contracts() {
    let asr = FakeAsr::new(["one", "two", "three", "four"]);
    contract::asr(&asr, &speech()).await.assert_kept(&[]);
    contract::tts(&FakeTts::new().with_word_times()).await.assert_kept(&[]);
    contract::tts(&FakeTts::new()).await.assert_kept(&[7]);
    contract::llm(&FakeLlm::new(["We are open until five."])).await.assert_kept(&[3, 4]);
}

/// A recogniser that breaks one clause.
#[derive(Debug)]
struct BadAsr(u32);

#[async_trait]
impl Asr for BadAsr {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("bad-asr", [AudioFormat::PHONE])
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        mut input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let good = FakeAsr::new(["words"; 9]);
        match self.0 {
            1 => {
                let first = input.next().await;
                good.recognize(request, stream::iter(first).chain(input).boxed()).await
            }
            2 => Ok(stream::pending().boxed()),
            3 => {
                tokio::spawn(async move { while input.next().await.is_some() {} });
                Ok(stream::pending().boxed())
            }
            4 => good.with_formats([request.format]).recognize(request, input).await,
            5 => {
                let events = good.recognize(request, input).await?;
                let late = Ok(AsrEvent::Interim(Transcript::new("late")));
                Ok(events.chain(stream::iter([late])).boxed())
            }
            6 => {
                let events = good.recognize(request, input).await?;
                let twice = |event: Result<AsrEvent>| match event {
                    Ok(event) => stream::iter(vec![Ok(event.clone()), Ok(event)]),
                    Err(error) => stream::iter(vec![Err(error)]),
                };
                Ok(events.flat_map(twice).boxed())
            }
            _ => {
                let done = Transcript::new("guess").finalized();
                Ok(stream::iter([Ok(AsrEvent::Final(done))]).chain(hold(input)).boxed())
            }
        }
    }
}

/// Nothing, while keeping `input`.
fn hold(input: BoxStream<'static, AsrInput>) -> BoxStream<'static, Result<AsrEvent>> {
    stream::once(async move {
        let _input = input;
        std::future::pending().await
    })
    .boxed()
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_breaks_a_clause_is_found_out() {
    for clause in 1..=7 {
        let report = contract::asr(&BadAsr(clause), &speech()).await;
        assert!(report.broken().contains(&clause), "clause {clause}: {report}");
    }
}

/// A voice that breaks one clause.
#[derive(Debug)]
struct BadTts(u32);

#[async_trait]
impl Tts for BadTts {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("bad-tts", [AudioFormat::PHONE]).with_words()
    }

    async fn speak(
        &self,
        request: TtsRequest,
        mut text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let good = FakeTts::new().with_word_times();
        match self.0 {
            1 => good.speak(request, text.chain(stream::pending()).boxed()).await,
            2 => {
                let whole: Vec<String> = text.collect().await;
                good.speak(request, stream::iter(whole).boxed()).await
            }
            3 => {
                let spoken = good.speak(request, text).await?;
                let linear = AudioChunk::from_pcm(8_000, &[0; 160]);
                Ok(spoken.chain(stream::iter([Ok(Spoken::Audio(linear))])).boxed())
            }
            4 => {
                tokio::spawn(async move { while text.next().await.is_some() {} });
                Ok(stream::empty().boxed())
            }
            5 => good.with_fault(0, Fault::Fail(3, ErrorKind::Internal)).speak(request, text).await,
            6 => good.speak(request, text.map(|text| format!("uh {text}")).boxed()).await,
            _ => {
                let spoken = good.speak(request, text).await?;
                let early = SpokenWord::new("zero", Duration::ZERO, Duration::ZERO);
                Ok(spoken.chain(stream::iter([Ok(Spoken::Word(early))])).boxed())
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_breaks_a_clause_is_found_out() {
    for clause in 1..=7 {
        let report = contract::tts(&BadTts(clause)).await;
        assert!(report.broken().contains(&clause), "clause {clause}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_cut_off_is_found_out() {
    let llm = FakeLlm::new(["We are open."]).with_fault(0, Fault::Truncate(2));
    assert_eq!(contract::llm(&llm).await.broken(), [1]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "skips are not as declared")]
async fn a_skip_that_was_not_declared_is_an_error() {
    contract::tts(&FakeTts::new()).await.assert_kept(&[]);
}
