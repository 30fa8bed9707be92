//! The time from the caller's last sound to the first sound of the answer, in virtual time.
//!
//! A simulated caller says recorded sentences to an agent whose providers answer after the fixed
//! delays of [`Delays`]. The voice activity detector is Silero. What remains of the response beyond
//! the providers' delays is what voicekit decides, so that two versions can be compared to the
//! millisecond, on any machine. The processor's time is not in it: that is what
//! [`routing`](crate::routing) measures.
//!
//! The least possible response is that of a server that asks the model when the final transcript
//! comes, and speaks the first clause as soon as it is complete ([`Delays::floor`]).

mod providers;
mod recognizer;
mod table;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::runtime::Builder;
use tokio::time::sleep;
use voicekit::{Agent, CallEvent};
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::Line;
use voicekit_local::Silero;
use voicekit_testkit::fake::{FakeTts, scripted_line};
use voicekit_testkit::script::Script;
use voicekit_testkit::speech;

use providers::{LookUp, Model, Verdicts};
use recognizer::Recognizer;
pub use table::{Outcome, Targets};

/// The delays of the providers. Those of the final transcript, the model and the voice are the ones
/// of a comparison of voice-agent frameworks; the others are assumptions.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a table of numbers")]
pub struct Delays {
    /// Silence after which the recognizer ends an utterance.
    pub endpointing: Duration,
    /// From there to its final transcript.
    pub transcript: Duration,
    /// From a word's end to the interim transcript that shows it.
    pub interim: Duration,
    /// From the request to the model's first word.
    pub first_token: Duration,
    /// From one word to the next.
    pub token: Duration,
    /// From a clause to its first audio.
    pub first_audio: Duration,
    /// From the question to a turn detector to its verdict.
    pub verdict: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            endpointing: ms(300),
            transcript: ms(100),
            interim: ms(150),
            first_token: ms(200),
            token: ms(15),
            first_audio: ms(120),
            verdict: ms(60),
        }
    }
}

impl Delays {
    /// The response of a server that does nothing ahead and speaks sentence by sentence, if the first
    /// sentence has `words` words.
    pub fn floor(&self, words: u32) -> Duration {
        self.endpointing
            + self.transcript
            + self.first_token
            + self.token * words.saturating_sub(1)
            + self.first_audio
    }
}

/// The content of each turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are no others")]
pub enum Scenario {
    /// The model answers.
    Answer,
    /// The model asks for a tool first, which returns at once.
    Tool,
}

/// Settings of a run.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the program's options")]
pub struct Config {
    /// Number of calls, one after the other. Each begins at another phase of the carrier's frames.
    pub calls: u32,
    /// The content of each turn.
    pub scenario: Scenario,
    /// Probabilities that a turn detector gives, 0 to 1, in turn; empty for no detector.
    pub verdicts: Vec<f32>,
    /// The providers' delays.
    pub delays: Delays,
}

/// Holds the calls.
///
/// # Errors
///
/// If a call cannot be set up.
pub fn run(config: &Config) -> Result<Outcome> {
    let mut outcome = Outcome::new(config.delays);
    for nth in 0..config.calls {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        runtime.block_on(call(config, nth, &mut outcome))?;
    }
    Ok(outcome)
}

async fn call(config: &Config, nth: u32, outcome: &mut Outcome) -> Result<()> {
    let delays = config.delays;
    let mut clips = speech::all();
    let count = clips.len();
    clips.rotate_left(nth as usize % count);
    let model = Model::new(config.scenario, delays);
    let trace: Arc<Mutex<Vec<Line>>> = Arc::default();
    let noted = Arc::clone(&trace);
    let mut agent = Agent::builder()
        .asr(Recognizer::new(&clips, delays))
        .llm(model.clone())
        .tts(FakeTts::new().with_first_audio(delays.first_audio))
        .vad(Silero::new)
        .observe(move |_| {
            let noted = Arc::clone(&noted);
            move |_: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Trace(line) = event {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                }
            }
        });
    if !config.verdicts.is_empty() {
        agent = agent.turn_detector(Verdicts::new(&config.verdicts, delays.verdict));
    }
    if config.scenario == Scenario::Tool {
        agent = agent.tool(LookUp);
    }
    let agent = agent.build()?;
    // Each call begins at another phase of the carrier's frames.
    sleep(Duration::from_millis(u64::from(nth) * 7)).await;
    let script = clips
        .iter()
        .fold(Script::new(), |script, clip| script.say(&clip.file, clip.over_the_phone()));
    let script = script.with_greeting_wait(Duration::from_millis(500));
    let (line, handle) = scripted_line(script.with_limit(Duration::from_secs(900)));
    let report = agent.call(Box::new(line)).await;
    let trace = std::mem::take(&mut *trace.lock().unwrap_or_else(PoisonError::into_inner));
    outcome.add(&handle.report(), trace, model.asked(), report.wasted);
    Ok(())
}
