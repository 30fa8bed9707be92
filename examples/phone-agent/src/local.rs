//! The agent itself, with every part on this machine.

use std::sync::Arc;

use anyhow::{Context, Result};
use voicekit::{Agent, CallEvent, Phrases};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::CallInfo;
use voicekit_local::models::{Model, Models};
use voicekit_local::{Knowledge, MiniLm, Piper, Receptionist, Silero, Whisper};

use crate::ModelArgs;

/// Makes whoever follows a call.
pub(crate) type Observe = Arc<dyn Fn(&CallInfo) -> Follow + Send + Sync>;

/// Follows one call.
pub(crate) type Follow = Box<dyn FnMut(Timestamp, CallEvent<'_>) + Send>;

/// Nobody follows the calls.
pub(crate) fn unobserved() -> Observe {
    Arc::new(|_| Box::new(|_: Timestamp, _: CallEvent<'_>| {}))
}

/// A receptionist who knows what is in the knowledge file.
pub(crate) async fn agent(models: &Models, args: &ModelArgs, observe: Observe) -> Result<Agent> {
    let knowledge = knowledge(args)?;
    let phrases = phrases(&knowledge);
    let (whisper, piper, minilm) = load(models.clone()).await?;
    let spoken =
        [&phrases.not_understood, &phrases.still_there, &phrases.failure, &phrases.goodbye];
    let spoken = spoken.into_iter().chain(&phrases.greeting).map(String::as_str);
    piper.prepare(spoken).await?;
    let silero = Silero::new()?;
    let agent = Agent::builder()
        .asr(whisper)
        .llm(Receptionist::new(knowledge, Arc::new(minilm)).await?)
        .tts(piper)
        .vad(move || Ok(silero.clone()))
        .phrases(phrases)
        .observe(move |info| observe(info))
        .build()?;
    Ok(agent)
}

/// The agent's voice alone, for callers who have none of their own.
pub(crate) async fn voice(models: &Models) -> Result<Piper> {
    let models = models.clone();
    let loaded = tokio::task::spawn_blocking(move || load_voice(&models));
    loaded.await?
}

fn load_voice(models: &Models) -> Result<Piper> {
    Ok(Piper::load(models.path(&Model::piper_joe()).join("en_US-joe-medium.onnx"))?)
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

/// Loads the networks, on threads that may block.
async fn load(models: Models) -> Result<(Whisper, Piper, MiniLm)> {
    let loaded = tokio::task::spawn_blocking(move || {
        let whisper = Whisper::load(&models.path(&Model::whisper_tiny_en()))?;
        let piper = load_voice(&models)?;
        let minilm = MiniLm::load(models.path(&Model::minilm()).join("model.onnx"))?;
        Ok::<_, anyhow::Error>((whisper, piper, minilm))
    });
    loaded.await?
}
