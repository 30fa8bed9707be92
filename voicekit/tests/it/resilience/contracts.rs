//! The wrappers keep the contracts of what they wrap, also when the first part fails.

use voicekit::resilience::{CircuitBreaker, Fallback, Retrying, Timeout};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::ChatRequest;
use voicekit_core::tool::ToolCall;
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, Fault};

const BROKEN: Fault = Fault::Refuse(ErrorKind::Connection);

contract_tests! { retried_model: Llm = model(Retrying::new) }
contract_tests! { limited_model: Llm = model(Timeout::new) }
contract_tests! { guarded_model: Llm = model(CircuitBreaker::llm) }
contract_tests! {
    replaced_model: Llm = model(|good| {
        let broken = FakeLlm::new(["No."]).with_fault(0, BROKEN).with_fault(1, BROKEN);
        Fallback::llm(broken).or(good)
    }),
}

contract_tests! { retried_voice: Tts = voice(Retrying::new) }
contract_tests! { limited_voice: Tts = voice(Timeout::new) }
contract_tests! { guarded_voice: Tts = voice(CircuitBreaker::tts) }
contract_tests! {
    replaced_voice: Tts = voice(|good| {
        let broken = FakeTts::new().with_word_times();
        Fallback::tts(broken.with_fault(0, BROKEN).with_fault(1, BROKEN)).or(good)
    }),
}

contract_tests! { retried_recogniser: Asr = recogniser(Retrying::new) }
contract_tests! { limited_recogniser: Asr = recogniser(Timeout::new) }
contract_tests! { guarded_recogniser: Asr = recogniser(CircuitBreaker::asr) }
contract_tests! {
    replaced_recogniser: Asr = recogniser(|good| {
        let broken = FakeAsr::new(["no"]).with_fault(0, BROKEN).with_fault(1, BROKEN);
        Fallback::asr(broken).or(good)
    }),
}

fn model<T>(wrap: impl FnOnce(FakeLlm) -> T) -> Subject<T> {
    let call = |id, name| ToolCall::new(id, name, "{}");
    let llm = FakeLlm::new(["Good morning, we are open."])
        .with_tool_call(0, call("1", "get_weather"))
        .with_tool_call(0, call("2", "get_time"));
    let (work, journal) = (llm.journal().clone(), llm.journal().clone());
    let requests = move || journal.calls().into_iter().map(|call| call.request).collect();
    let subject = Subject::new(wrap(llm)).with_work(move || work.open_count());
    subject.with_requests::<ChatRequest>(requests)
}

fn voice<T>(wrap: impl FnOnce(FakeTts) -> T) -> Subject<T> {
    let tts = FakeTts::new().with_word_times();
    let journal = tts.journal().clone();
    Subject::new(wrap(tts)).with_work(move || journal.open_count())
}

fn recogniser<T>(wrap: impl FnOnce(FakeAsr) -> T) -> Subject<T> {
    let asr = FakeAsr::new(["hello"; 20]);
    let journal = asr.journal().clone();
    Subject::new(wrap(asr)).with_work(move || journal.open_count())
}
