//! The contract tests pass the fakes and fail what breaks a clause.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Message, Usage};
use voicekit_core::tool::ToolCall;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};
use voicekit_testkit::contract::{self, Subject};
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, Fault};

contract_tests! {
    recogniser: Asr = {
        let asr = FakeAsr::new(["one", "two", "three", "four"]);
        let journal = asr.journal().clone();
        Subject::new(asr).with_work(move || journal.open_count())
    },
}

contract_tests! {
    voice: Tts = {
        let tts = FakeTts::new().with_word_times();
        let journal = tts.journal().clone();
        Subject::new(tts).with_work(move || journal.open_count())
    },
}

contract_tests! {
    voice_without_word_times: Tts = Subject::new(FakeTts::new()),
    skip: { 7 => "it was not asked for word times" },
}

contract_tests! {
    model: Llm = watched(two_calls(FakeLlm::new(["We are open until five."])), Some),
}

contract_tests! {
    model_of_which_nothing_is_seen: Llm = Subject::new(FakeLlm::new(["Yes, until five."])),
    skip: {
        3 => "nobody shows its work",
        4 => "nobody shows its requests",
        5 => "it was told to call no tools",
    },
}

/// Has the first answer call both tools.
fn two_calls(llm: FakeLlm) -> FakeLlm {
    let call = |id, name| ToolCall::new(id, name, r#"{"city":"Paris"}"#);
    llm.with_tool_call(0, call("1", "get_weather")).with_tool_call(0, call("2", "get_time"))
}

/// `llm` within what `wrap` makes of it, with all that can be seen.
fn watched<T>(llm: FakeLlm, wrap: impl FnOnce(FakeLlm) -> Option<T>) -> Subject<T> {
    let (work, journal) = (llm.journal().clone(), llm.journal().clone());
    let requests = move || journal.calls().into_iter().map(|call| call.request).collect();
    let subject = Subject::new(wrap(llm).unwrap());
    subject.with_work(move || work.open_count()).with_requests::<ChatRequest>(requests)
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
            8 => {
                let events = good.recognize(request, input).await?;
                Ok(events.map(|event| event.map(without_words)).boxed())
            }
            _ => {
                let done = Transcript::new("guess").finalized();
                Ok(stream::iter([Ok(AsrEvent::Final(done))]).chain(hold(input)).boxed())
            }
        }
    }
}

/// A final without its words.
fn without_words(event: AsrEvent) -> AsrEvent {
    match event {
        AsrEvent::Final(words) if words.finalized => {
            AsrEvent::Final(Transcript::default().finalized())
        }
        AsrEvent::Final(_) => AsrEvent::Final(Transcript::default()),
        other => other,
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
    for clause in 1..=8 {
        let report = contract::asr(&Subject::new(BadAsr(clause))).await;
        assert!(report.broken().contains(&clause), "clause {clause}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_is_also_tried_on_a_service_that_forgets() {
    let subject = Subject::new(BadAsr(4)).with_forgetful(BadAsr(8));
    assert!(contract::asr(&subject).await.broken().contains(&8));
    let silent = FakeAsr::new(["words"; 9]).with_interims(None);
    let subject = Subject::new(FakeAsr::new(["words"; 9])).with_forgetful(silent.clone());
    assert_eq!(contract::asr(&subject).await.broken(), [8], "it shows nothing to forget");
    assert_eq!(contract::asr(&Subject::new(silent)).await.skipped(), [8]);
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
        let report = contract::tts(&Subject::new(BadTts(clause))).await;
        assert!(report.broken().contains(&clause), "clause {clause}: {report}");
    }
}

/// Drops what it is given and works on.
#[derive(Debug)]
struct Lingering<T>(T);

#[async_trait]
impl Tts for Lingering<FakeTts> {
    fn info(&self) -> TtsInfo {
        self.0.info()
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        let endless = stream::iter(["text".to_owned()]).chain(stream::pending()).boxed();
        tokio::spawn(self.0.speak(request.clone(), endless).await?.collect::<Vec<_>>());
        FakeTts::new().with_word_times().speak(request, text).await
    }
}

#[async_trait]
impl Asr for Lingering<FakeAsr> {
    fn info(&self) -> AsrInfo {
        self.0.info()
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        let endless = self.0.recognize(request.clone(), stream::pending().boxed()).await?;
        tokio::spawn(endless.collect::<Vec<_>>());
        FakeAsr::new(["words"; 9]).recognize(request, input).await
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_goes_on_at_the_service_is_found_out() {
    let tts = FakeTts::new().with_word_times();
    let journal = tts.journal().clone();
    let subject = Subject::new(Lingering(tts)).with_work(move || journal.open_count());
    assert_eq!(contract::tts(&subject).await.broken(), [4]);
    let asr = FakeAsr::new(["words"; 9]);
    let journal = asr.journal().clone();
    let subject = Subject::new(Lingering(asr)).with_work(move || journal.open_count());
    assert_eq!(contract::asr(&subject).await.broken(), [3]);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_never_seen_proves_nothing() {
    let subject = Subject::new(FakeTts::new()).with_work(|| 0);
    assert_eq!(contract::tts(&subject).await.broken(), [4]);
    let subject = Subject::new(FakeAsr::new(["words"; 9])).with_work(|| 0);
    assert_eq!(contract::asr(&subject).await.broken(), [3]);
    let subject = Subject::new(FakeLlm::new(["We are open."])).with_work(|| 0);
    assert_eq!(contract::llm(&subject).await.broken(), [3]);
}

/// A model that breaks one clause.
#[derive(Debug)]
struct BadLlm {
    clause: u32,
    good: FakeLlm,
    kept: Mutex<Vec<Message>>,
}

#[async_trait]
impl Llm for BadLlm {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("bad-llm")
    }

    async fn chat(
        &self,
        mut request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let has_tools = !request.tools.is_empty();
        let is_silencing = request.messages[0].text().contains("emoji");
        if self.clause == 4 {
            let mut kept = self.kept.lock().unwrap();
            kept.append(&mut request.messages);
            request.messages = kept.clone();
        }
        let good = self.good.chat(request).await?;
        let call = |name, arguments| Ok(ChatEvent::ToolCall(ToolCall::new("1", name, arguments)));
        Ok(match self.clause {
            1 => good.chain(stream::iter([Ok(ChatEvent::Done(Usage::default()))])).boxed(),
            2 => {
                let whole = ChatEvent::Text("We are open until five.".to_owned());
                let rest = good
                    .filter(|event| std::future::ready(!matches!(event, Ok(ChatEvent::Text(_)))));
                stream::iter([Ok(whole)]).chain(rest).boxed()
            }
            3 => {
                let (mut out, events) = mpsc::channel(100);
                let pass_on = good.for_each(move |event| {
                    let _ = out.try_send(event);
                    std::future::ready(())
                });
                tokio::spawn(pass_on);
                events.boxed()
            }
            4 => good,
            // It calls what it does not have, in pieces, one twice, before its text.
            5 => stream::iter([call("get_time", "{}")]).chain(good).boxed(),
            6 if has_tools => {
                stream::iter([call("get_time", r#"{"ci"#), call("get_time", r#"ty":1}"#)])
                    .chain(good)
                    .boxed()
            }
            7 if has_tools => {
                let twice = [call("get_time", "{}"), call("get_weather", "{}")];
                stream::iter(twice).chain(good).boxed()
            }
            10 if is_silencing => stream::iter([Ok(ChatEvent::Done(Usage::default()))]).boxed(),
            8 if has_tools => stream::iter([call("get_time", "{}")]).chain(good).boxed(),
            9 if has_tools => stream::iter([call("get_money", "{}")]).chain(good).boxed(),
            _ => good,
        })
    }
}

fn bad_llm(clause: u32) -> Subject<BadLlm> {
    // Longer than a service may go on.
    let good = FakeLlm::new(["So many words that it takes more than ten seconds to say them."]);
    let good = good.with_token(Duration::from_secs(1));
    watched(good, |good| Some(BadLlm { clause, good, kept: Mutex::default() }))
}

#[tokio::test(start_paused = true)]
async fn a_model_that_breaks_a_clause_is_found_out() {
    for (number, clause) in [1, 2, 3, 4, 5, 5, 5, 5, 5, 6].into_iter().enumerate() {
        let report = contract::llm(&bad_llm(u32::try_from(number).unwrap() + 1)).await;
        assert_eq!(report.broken(), [clause], "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_cut_off_is_found_out() {
    let llm = FakeLlm::new(["We are open."]).with_fault(0, Fault::Truncate(2));
    assert_eq!(contract::llm(&Subject::new(llm)).await.broken(), [1]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "skips are not as declared")]
async fn a_skip_that_was_not_declared_is_an_error() {
    contract::tts(&Subject::new(FakeTts::new())).await.assert_kept(&[]);
}

/// The test of a clause of a voice without word times.
fn test_of(clause: u32, skips: &[(u32, &str)]) {
    let subject = async { Subject::new(FakeTts::new()) };
    contract::check_tts(contract::Time::Paused, subject, clause, skips);
}

#[test]
#[should_panic(expected = "clause 7 was not checked, and no skip declares it")]
fn a_test_of_a_clause_that_cannot_be_checked_fails() {
    test_of(7, &[]);
}

#[test]
#[should_panic(expected = "clause 6 is declared as skipped (laziness)")]
fn a_test_of_a_clause_whose_skip_is_not_needed_fails() {
    test_of(6, &[(6, "laziness")]);
}

#[test]
#[should_panic(expected = "there is no clause 8 to skip")]
fn a_test_with_a_skip_of_nothing_fails() {
    test_of(1, &[(8, "a slip")]);
}

#[test]
#[should_panic(expected = "clause 4 is broken")]
fn a_test_of_a_clause_that_is_broken_fails_though_it_is_skipped() {
    let subject = async { Subject::new(BadTts(4)) };
    contract::check_tts(contract::Time::Paused, subject, 4, &[(4, "it is broken")]);
}
