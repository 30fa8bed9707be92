//! The agent itself: parts, knowledge and phrases put together.

use std::sync::Arc;

use anyhow::{Context, Result};
use voicekit::store::recordings::Recordings;
use voicekit::{Agent, AgentBuilder, CallEvent, Phrases};
use voicekit_core::listen::Listen;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::CallInfo;
use voicekit_local::{Knowledge, Silero};

use crate::ModelArgs;
use crate::parts;
use crate::settings::Settings;

/// Makes whoever follows a call.
pub(crate) type Observe = Arc<dyn Fn(&CallInfo) -> Follow + Send + Sync>;

/// Follows one call.
pub(crate) type Follow = Box<dyn FnMut(Timestamp, CallEvent<'_>) + Send>;

/// Who follows all calls of an agent.
#[derive(Default)]
pub(crate) struct Followers {
    observe: Option<Observe>,
    listeners: Vec<Arc<dyn Listen>>,
}

impl Followers {
    /// And whoever `observe` makes.
    pub(crate) fn observed(mut self, observe: Observe) -> Self {
        self.observe = Some(observe);
        self
    }

    /// And `listener`.
    pub(crate) fn heard(mut self, listener: impl Listen) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// And the recorder, if calls are recorded.
    pub(crate) fn recorded(self, recordings: Option<&Recordings>) -> Self {
        match recordings {
            Some(recordings) => self.heard(recordings.clone()),
            None => self,
        }
    }
}

/// A receptionist who knows what is in the knowledge file.
pub(crate) async fn agent(
    settings: Settings,
    args: &ModelArgs,
    followers: Followers,
) -> Result<Agent> {
    let knowledge = knowledge(args)?;
    let phrases = phrases(&settings, &knowledge);
    let spoken =
        [&phrases.not_understood, &phrases.still_there, &phrases.failure, &phrases.goodbye];
    let spoken: Vec<&str> =
        spoken.into_iter().chain(&phrases.greeting).map(String::as_str).collect();
    let parts = parts::load(&settings, &knowledge, args, &spoken).await?;
    let mut agent = Agent::builder()
        .asr(parts.asr)
        .llm(parts.llm)
        .tts(parts.tts)
        .instructions(settings.instructions.unwrap_or_else(|| knowledge.instructions()))
        .vad(Silero::new)
        .phrases(phrases);
    if let Some(observe) = followers.observe {
        agent = agent.observe(move |info| observe(info));
    }
    agent = followers.listeners.into_iter().fold(agent, AgentBuilder::listen);
    if let Some(language) = settings.language {
        agent = agent.language(language);
    }
    if let Some(detector) = parts.turn_detector {
        agent = agent.turn_detector(detector);
    }
    Ok(agent.build()?)
}

fn knowledge(args: &ModelArgs) -> Result<Knowledge> {
    let Some(path) = &args.knowledge else { return Ok(Knowledge::bakery()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the knowledge file {}", path.display()))?;
    Knowledge::from_toml(&text).with_context(|| path.display().to_string())
}

fn phrases(settings: &Settings, knowledge: &Knowledge) -> Phrases {
    let mut phrases = Phrases::default();
    let greeting = settings.greeting.as_deref().unwrap_or_else(|| knowledge.greeting());
    phrases.greeting = Some(greeting.to_owned());
    knowledge.goodbye().clone_into(&mut phrases.goodbye);
    phrases
}
