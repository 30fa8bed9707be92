//! The parts of a call and what came of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{Agent, AgentBuilder, CallEvent, CallReport, KnowledgeConfig, Phrases};
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::turn::Action;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_testkit::fake::{
    FakeAsr, FakeLlm, FakeRetriever, FakeTool, FakeTts, FakeVad, LineHandle, scripted_line,
};
use voicekit_testkit::phone::Report;
use voicekit_testkit::script::Script;

pub(crate) const HELLO: &str = "Corner Bakery, good morning.";
pub(crate) const HOURS: &str =
    "We are open from seven to six on weekdays. On Saturday we close at two.";

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The parts of a call, all of which work unless a test says otherwise.
pub(crate) struct Parts {
    pub(crate) asr: FakeAsr,
    pub(crate) llm: FakeLlm,
    pub(crate) tts: FakeTts,
    pub(crate) tools: Vec<FakeTool>,
    pub(crate) greeting: bool,
    pub(crate) knowledge: Option<(FakeRetriever, KnowledgeConfig)>,
}

impl Parts {
    pub(crate) fn new<const A: usize, const B: usize>(
        heard: [&str; A],
        answers: [&str; B],
    ) -> Self {
        Self {
            asr: FakeAsr::new(heard).with_interims(None),
            llm: FakeLlm::new(answers),
            tts: FakeTts::new().with_word_times(),
            tools: Vec::new(),
            greeting: true,
            knowledge: None,
        }
    }

    pub(crate) fn builder(&self) -> AgentBuilder {
        let mut phrases = Phrases::default();
        phrases.greeting = self.greeting.then(|| HELLO.to_owned());
        let tools = self.tools.iter().cloned();
        let builder = tools.fold(Agent::builder(), AgentBuilder::tool);
        let builder = match self.knowledge.clone() {
            Some((retriever, config)) => builder.knowledge(retriever, config),
            None => builder,
        };
        builder
            .instructions("You answer the phone for a bakery.")
            .phrases(phrases)
            .asr(self.asr.clone())
            .llm(self.llm.clone())
            .tts(self.tts.clone())
            .vad(|| Ok(FakeVad::new()))
    }

    pub(crate) fn agent(&self, lines: &Arc<Mutex<Vec<Line>>>) -> Agent {
        let lines = Arc::clone(lines);
        self.builder()
            .observe(move |_| {
                let lines = Arc::clone(&lines);
                move |_: Timestamp, event: CallEvent<'_>| {
                    if let CallEvent::Trace(line) = event {
                        lines.lock().unwrap().push(line.clone());
                    }
                }
            })
            .build()
            .unwrap()
    }

    /// Holds the call that `script` makes of it.
    pub(crate) async fn call(&self, script: Script) -> Held {
        let lines = Arc::default();
        let (line, handle) = scripted_line(script);
        let report = self.agent(&lines).call(Box::new(line)).await;
        let trace = lines.lock().unwrap().clone();
        Held { report, heard: handle.report(), handle, trace }
    }
}

/// A call that is over.
pub(crate) struct Held {
    pub(crate) report: CallReport,
    pub(crate) heard: Report,
    pub(crate) handle: LineHandle,
    pub(crate) trace: Vec<Line>,
}

impl Held {
    pub(crate) fn conversation(&self) -> String {
        let lines = self.report.messages.iter().map(|message| match message {
            Message::Caller { text } => format!("caller: {text}\n"),
            Message::Agent { text, interrupted: false } => format!("agent: {text}\n"),
            Message::Agent { text, interrupted: true } => format!("agent: {text} —\n"),
            Message::Tool { call, outcome } => format!("{}: {}\n", call.name, outcome.text),
        });
        lines.collect()
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        self.report.messages.iter().map(Message::text).collect()
    }

    pub(crate) fn actions(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        let actions = self.trace.iter().filter_map(|line| match &line.entry {
            Entry::Action(action) => Some(action),
            Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
        });
        actions.filter(|action| wanted(action)).count()
    }
}
