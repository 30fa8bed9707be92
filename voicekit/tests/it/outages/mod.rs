//! What the caller hears when a service fails: the real adapters against services in memory, in
//! virtual time. `docs/outages.md` has a row for each test.
//!
//! The voices here speak each character as 50 ms of its own code, so that what the caller hears
//! can be read.

mod answering;
mod hearing;
mod services;
mod speaking;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{Agent, CallEvent, CallReport, Phrases};
use voicekit_core::asr::Asr;
use voicekit_core::codec::mulaw;
use voicekit_core::error::Error;
use voicekit_core::llm::Llm;
use voicekit_core::time::Timestamp;
use voicekit_core::tts::Tts;
use voicekit_testkit::fake::{FakeVad, scripted_line};
use voicekit_testkit::phone::{Report, tone};
use voicekit_testkit::script::Script;

use crate::parts::ms;
use voicekit_testkit::server::provider::{openai, spell};

const QUESTION: &str = "When are you open?";
const ANSWER: &str = "We open at nine, and we close at five.";
const SORRY: &str = "Sorry, it is me.";
const AGAIN: &str = "Say again?";
const BYE: &str = "Bye.";

/// The parts of an agent.
struct Parts {
    asr: Arc<dyn Asr>,
    llm: Arc<dyn Llm>,
    tts: Arc<dyn Tts>,
}

/// A call that is over.
struct Held {
    report: CallReport,
    phone: Report,
    failures: Vec<String>,
}

impl Parts {
    /// All of which work.
    fn new() -> Self {
        Self {
            asr: Arc::new(services::Ear::default().nova()),
            llm: services::mind([openai::says(ANSWER)]),
            tts: Arc::new(services::Mouth::default().elevenlabs()),
        }
    }

    /// One question of 1.2 s.
    async fn call(self) -> Held {
        self.follow(Script::new().say("question", tone(ms(1_200)))).await
    }

    /// The same question again, twelve seconds after whatever came of it.
    async fn call_and_ask_again(self) -> Held {
        let script = Script::new().with_gap(ms(12_000)).say("question", tone(ms(1_200)));
        self.follow(script.say("again", tone(ms(1_200)))).await
    }

    async fn follow(self, script: Script) -> Held {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let mut phrases = Phrases::default();
        SORRY.clone_into(&mut phrases.failure);
        AGAIN.clone_into(&mut phrases.not_understood);
        BYE.clone_into(&mut phrases.goodbye);
        let agent = Agent::builder()
            .asr(self.asr)
            .llm(self.llm)
            .tts(self.tts)
            .phrases(phrases)
            .vad(|| Ok(FakeVad::new()))
            .observe(move |_| {
                let seen = Arc::clone(&seen);
                move |_: Timestamp, event: CallEvent<'_>| {
                    if let CallEvent::Failed { part, error } = event {
                        seen.lock().unwrap().push(format!("{part:?}: {}", plain(error)));
                    }
                }
            })
            .build()
            .unwrap();
        let (line, phone) = scripted_line(script.with_answer_wait(ms(20_000)));
        let report = agent.call(Box::new(line)).await;
        let failures = failures.lock().unwrap().clone();
        Held { report, phone: phone.report(), failures }
    }
}

fn plain(error: &Error) -> String {
    format!("{:?}", error.kind())
}

impl Held {
    /// What the caller heard, as text.
    fn heard(&self) -> String {
        let codes: Vec<u8> =
            self.phone.agent_track().into_iter().map(mulaw::encode_sample).collect();
        spell(&codes).trim_end().to_owned()
    }

    /// How long after the question the first sound came.
    fn wait(&self) -> Duration {
        self.phone.latencies()[0]
    }
}

/// The table and the tests are the same.
#[test]
fn every_row_of_the_table_is_a_test() {
    let table = include_str!("../../../../docs/outages.md");
    let tests =
        [include_str!("answering.rs"), include_str!("hearing.rs"), include_str!("speaking.rs")]
            .concat();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut named: Vec<&str> =
        rows.filter_map(|row| row.split('`').nth_back(1)?.strip_prefix("the_")).collect();
    let mut written: Vec<&str> = tests
        .lines()
        .filter_map(|line| line.strip_prefix("async fn the_"))
        .filter_map(|line| line.split('(').next())
        .collect();
    named.sort_unstable();
    written.sort_unstable();
    assert_eq!(named, written);
}
