//! The agent itself, with every part on this machine.

use std::sync::Arc;

use anyhow::{Context, Result};
use voicekit::{Agent, CallEvent, Phrases};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::CallInfo;
use voicekit_local::{Knowledge, Parts, Receptionist, Silero};

use crate::{ModelArgs, models};

/// Makes whoever follows a call.
pub(crate) type Observe = Arc<dyn Fn(&CallInfo) -> Follow + Send + Sync>;

/// Follows one call.
pub(crate) type Follow = Box<dyn FnMut(Timestamp, CallEvent<'_>) + Send>;

/// Nobody follows the calls.
pub(crate) fn unobserved() -> Observe {
    Arc::new(|_| Box::new(|_: Timestamp, _: CallEvent<'_>| {}))
}

/// A receptionist who knows what is in the knowledge file.
pub(crate) async fn agent(args: &ModelArgs, observe: Observe) -> Result<Agent> {
    let knowledge = knowledge(args)?;
    let phrases = phrases(&knowledge);
    let Parts { asr, tts, turn_detector, embedder, .. } = models::load(args).await?;
    let spoken =
        [&phrases.not_understood, &phrases.still_there, &phrases.failure, &phrases.goodbye];
    let spoken = spoken.into_iter().chain(&phrases.greeting).map(String::as_str);
    tts.prepare(spoken).await?;
    let agent = Agent::builder()
        .asr(asr)
        .llm(Receptionist::new(knowledge, Arc::new(embedder)).await?)
        .tts(tts)
        .vad(Silero::new)
        .turn_detector(turn_detector)
        .phrases(phrases)
        .observe(move |info| observe(info))
        .build()?;
    Ok(agent)
}

fn knowledge(args: &ModelArgs) -> Result<Knowledge> {
    let Some(path) = &args.knowledge else { return Ok(Knowledge::bakery()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the knowledge file {}", path.display()))?;
    Knowledge::from_toml(&text).with_context(|| path.display().to_string())
}

fn phrases(knowledge: &Knowledge) -> Phrases {
    let mut phrases = Phrases::default();
    phrases.greeting = Some(knowledge.greeting().to_owned());
    knowledge.goodbye().clone_into(&mut phrases.goodbye);
    phrases
}
