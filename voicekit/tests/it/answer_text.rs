//! What the caller hears, and the history holds, of whatever a model writes: models that check
//! nothing themselves, in whole calls.

use voicekit::core::answer::TextFilter;
use voicekit::resilience::{Fallback, Retrying, Timeout};
use voicekit::{Agent, Phrases};
use voicekit_core::llm::{Llm, Message};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTool, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::{Parts, ms};

const ANSWER: &str = "We open at nine, and we close at five.";
const SORRY: &str = "Sorry, something went wrong.";

/// Answers in which nothing is said.
const SILENT: [&str; 12] = [
    "",
    "🙂",
    " \n ",
    "...",
    "**",
    "[1]",
    "*smiles warmly*",
    "[laughs]",
    "<think>They ask when we open.</think>",
    "<think>They ask when we open.",
    "<tool_call>oops</tool_call>",
    "<|im_end|>",
];

struct Told {
    /// What was given to the voice.
    spoken: String,
    /// What is remembered of the agent.
    remembered: Vec<String>,
    /// How long after the question the agent began to speak.
    wait: std::time::Duration,
}

async fn tell(llm: impl Llm) -> Told {
    tell_with(llm, TextFilter::default()).await
}

async fn tell_with(llm: impl Llm, filter: TextFilter) -> Told {
    let (tts, mut phrases) = (FakeTts::new().with_word_times(), Phrases::default());
    SORRY.clone_into(&mut phrases.failure);
    let agent = Agent::builder().asr(FakeAsr::new(["When do you open?"]).with_interims(None));
    let agent = agent.llm(llm).tts(tts.clone()).vad(|| Ok(FakeVad::new())).phrases(phrases);
    let agent = agent.text_filter(filter).build().unwrap();
    let (line, phone) = scripted_line(Script::new().say("question", tone(ms(1_200))));
    let report = agent.call(Box::new(line)).await;
    let spoken = tts.journal().calls().into_iter().flat_map(|call| call.clauses);
    let agent = report.messages.iter().filter_map(|message| match message {
        Message::Agent { text, .. } => Some(text.clone()),
        Message::Caller { .. } | Message::Tool { .. } => None,
    });
    Told {
        spoken: spoken.collect(),
        remembered: agent.collect(),
        wait: phone.report().latencies()[0],
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_answer_of_the_only_model_is_followed_by_the_apology_at_once() {
    for silent in SILENT {
        let told = tell(FakeLlm::new([silent])).await;
        assert_eq!((told.spoken.trim(), told.wait < ms(2_500)), (SORRY, true), "{silent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_model_answers_nothing_another_answers() {
    for silent in SILENT {
        let told = tell(Fallback::llm(FakeLlm::new([silent])).or(FakeLlm::new([ANSWER]))).await;
        assert_eq!((told.spoken.trim(), &*told.remembered), (ANSWER, &[ANSWER.to_owned()][..]));
        let broken = Timeout::new(FakeLlm::new([silent]));
        let told = tell(Fallback::llm(broken).or(FakeLlm::new([ANSWER]))).await;
        assert_eq!(told.spoken.trim(), ANSWER, "{silent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_answers_nothing_is_asked_again() {
    for silent in SILENT {
        let told = tell(Retrying::new(FakeLlm::new([silent, ANSWER]))).await;
        assert_eq!(told.spoken.trim(), ANSWER, "{silent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_answer_is_spoken_and_remembered() {
    for answer in [
        "<think>They ask when we open.</think>We open at nine, and we close at five.",
        "They ask.</think>We open at nine, and we close at five.",
        "We open at nine, <thinking>right?</thinking>and we close at five.",
        "*clears throat* We open at nine, and [laughs] we close at five.",
        "We open at nine [1], and we close at five【4†source】.",
        "We open at nine, and we close at five.<|im_end|>",
        "We open at nine, and we close at five. <tool_call>{\"name\":\"x\"}</tool_call>",
    ] {
        for llm in [FakeLlm::new([answer]), FakeLlm::new([answer]).with_token(ms(0))] {
            let told = tell(llm).await;
            assert_eq!(told.spoken.trim(), ANSWER, "{answer}");
            assert_eq!(told.remembered, [ANSWER], "{answer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stage_directions_are_kept_where_the_agent_wants_them() {
    let filter = TextFilter::default().with_stage_directions(false);
    let told = tell_with(FakeLlm::new(["*sighs* Yes."]), filter).await;
    assert_eq!(told.spoken.trim(), "sighs Yes.");
}

#[tokio::test(start_paused = true)]
async fn a_tool_call_that_was_written_as_text_is_run() {
    let call =
        "One moment. <tool_call>{\"name\":\"book\",\"arguments\":{\"guests\":2}}</tool_call>";
    let mut parts = Parts::new(["A table for two."], [call, "It is booked."]);
    let tool = FakeTool::new("book", "Table 7.").with_duration(ms(300));
    parts.tools = vec![tool.clone()];
    let held = parts.call(Script::new().say("table", tone(ms(1_000))).with_gap(ms(7_000))).await;
    let calls = tool.journal().calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].arguments, "{\"guests\":2}");
    let messages = held.messages();
    assert_eq!(messages[messages.len() - 3..], ["One moment.", "Table 7.", "It is booked."]);
}
