//! The parts of the agent, as the settings choose them.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use voicekit::anthropic::Anthropic;
use voicekit::assemblyai::AssemblyAi;
use voicekit::core::asr::Asr;
use voicekit::core::llm::Llm;
use voicekit::core::tts::Tts;
use voicekit::deepgram::{Aura, Flux, Nova};
use voicekit::elevenlabs::ElevenLabs;
use voicekit::openai::{Dialect, OpenAi, OpenAiConfig, OpenAiTts};
use voicekit::piper::Piper;
use voicekit::resilience::{Fallback, Limits, Retrying, Timeout};
use voicekit_local::{Knowledge, MiniLm, Receptionist, SmartTurn};

use crate::settings::{Service, Settings, Stage};
use crate::{ModelArgs, models};

/// The parts of the agent.
pub(crate) struct Parts {
    pub(crate) asr: Arc<dyn Asr>,
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) tts: Arc<dyn Tts>,
    /// Comes with the parts on this machine; without them, silence alone ends a turn.
    pub(crate) turn_detector: Option<SmartTurn>,
    /// What tells meanings.
    pub(crate) embedder: Arc<MiniLm>,
}

/// The services for each stage, best first.
#[derive(Debug)]
pub(crate) struct Plan {
    asr: Vec<&'static Service>,
    llm: Vec<&'static Service>,
    tts: Vec<&'static Service>,
}

/// How long a model may take to begin that no other can stand in for: half of what a reply has.
const ALONE: Duration = Duration::from_secs(4);

/// A part for each service, in order; none where it is the one on this machine.
type Chosen<P> = Vec<Option<Arc<P>>>;

impl Plan {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            asr: settings.chosen(Stage::Asr)?,
            llm: settings.chosen(Stage::Llm)?,
            tts: settings.chosen(Stage::Tts)?,
        })
    }
}

/// Who does what, for people.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let then = |services: &[&Service]| {
            let names: Vec<&str> = services.iter().map(|service| service.name).collect();
            names.join(", then ")
        };
        let Self { asr, llm, tts } = self;
        write!(f, "Hearing: {}. Answering: {}. Speaking: {}.", then(asr), then(llm), then(tts))
    }
}

/// Makes the parts. What is `spoken` often is spoken ahead if this machine does it.
pub(crate) async fn load(
    settings: &Settings,
    knowledge: &Knowledge,
    args: &ModelArgs,
    spoken: &[&str],
) -> Result<Parts> {
    // A wrong setting shows before any model is loaded.
    let plan = Plan::new(settings)?;
    let alone = plan.llm.len() == 1;
    let mut asr: Chosen<dyn Asr> = each(&plan.asr, |service| recogniser(service, settings))?;
    let mut llm: Chosen<dyn Llm> = each(&plan.llm, |service| model(service, settings, alone))?;
    let mut tts: Chosen<dyn Tts> = each(&plan.tts, |service| voice(service, settings))?;
    let (mut turn_detector, mut embedder) = (None, None);
    if is_missing(&asr) || is_missing(&llm) || is_missing(&tts) {
        let local = models::load(args).await?;
        turn_detector = Some(local.turn_detector);
        let meanings = Arc::new(local.embedder);
        if is_missing(&tts) {
            local.tts.prepare(spoken.iter().copied()).await?;
        }
        if is_missing(&llm) {
            let embedder: Arc<MiniLm> = Arc::clone(&meanings);
            let receptionist = Receptionist::new(knowledge.clone(), embedder);
            fill(&mut llm, Arc::new(receptionist.await?));
        }
        embedder = Some(meanings);
        fill(&mut asr, Arc::new(local.asr));
        fill(&mut tts, Arc::new(local.tts));
    }
    Ok(Parts {
        asr: hearing(asr.into_iter().flatten()).context("asr: nothing to use")?,
        llm: answering(llm.into_iter().flatten()).context("llm: nothing to use")?,
        tts: speaking(tts.into_iter().flatten()).context("tts: nothing to use")?,
        turn_detector,
        embedder: match embedder {
            Some(embedder) => embedder,
            None => Arc::new(models::embedder(args).await?),
        },
    })
}

fn each<P: ?Sized>(
    services: &[&Service],
    part: impl Fn(&Service) -> Result<Option<Arc<P>>>,
) -> Result<Chosen<P>> {
    services.iter().map(|service| part(service)).collect()
}

fn is_missing<P: ?Sized>(parts: &Chosen<P>) -> bool {
    parts.iter().any(Option::is_none)
}

/// Puts the part on this machine where it belongs.
fn fill<P: ?Sized>(parts: &mut Chosen<P>, local: Arc<P>) {
    for part in parts.iter_mut().filter(|part| part.is_none()) {
        *part = Some(Arc::clone(&local));
    }
}

fn recogniser(service: &Service, settings: &Settings) -> Result<Option<Arc<dyn Asr>>> {
    let limits = settings.limits();
    Ok(Some(match service.name {
        "local" => return Ok(None),
        "nova" => hears_in_time(Nova::new(settings.section(service)?)?, limits),
        "flux" => hears_in_time(Flux::new(settings.section(service)?)?, limits),
        "assemblyai" => hears_in_time(AssemblyAi::new(settings.section(service)?)?, limits),
        name => bail!("asr: {name} does not recognise speech"),
    }))
}

/// A model that is `alone` has longer, and is asked again where an answer breaks off.
fn model(service: &Service, settings: &Settings, alone: bool) -> Result<Option<Arc<dyn Llm>>> {
    let mut limits = settings.limits();
    if alone {
        limits = limits.with_first(limits.first.max(ALONE));
    }
    let model: Arc<dyn Llm> = match service.name {
        "local" => return Ok(None),
        "openai" => answers_in_time(OpenAi::new(settings.section(service)?)?, limits),
        "groq" => answers_in_time(OpenAi::new(groq(settings.section(service)?))?, limits),
        "anthropic" => answers_in_time(Anthropic::new(settings.section(service)?)?, limits),
        name => bail!("llm: {name} is not a language model"),
    };
    Ok(Some(if alone { Arc::new(Retrying::new(model)) } else { model }))
}

/// Groq is spoken to as OpenAI is, elsewhere and with other models.
pub(crate) fn groq(mut config: OpenAiConfig) -> OpenAiConfig {
    let (usual, groq) = (OpenAiConfig::default(), OpenAiConfig::groq(""));
    if config.base_url == usual.base_url {
        config.base_url = groq.base_url;
    }
    if config.chat.model == usual.chat.model {
        config.chat.model = groq.chat.model;
    }
    config.dialect.get_or_insert(Dialect::Groq);
    config
}

fn voice(service: &Service, settings: &Settings) -> Result<Option<Arc<dyn Tts>>> {
    let limits = settings.limits();
    Ok(Some(match service.name {
        "local" => return Ok(None),
        "elevenlabs" => speaks_in_time(ElevenLabs::new(settings.section(service)?)?, limits),
        "aura" => speaks_in_time(Aura::new(settings.section(service)?)?, limits),
        "piper" => speaks_in_time(Piper::new(settings.section(service)?)?, limits),
        "openai" => speaks_in_time(OpenAiTts::new(settings.section(service)?)?, limits),
        name => bail!("tts: {name} does not speak"),
    }))
}

fn hears_in_time(asr: impl Asr, limits: Limits) -> Arc<dyn Asr> {
    Arc::new(Timeout::new(asr).with_limits(limits))
}

fn answers_in_time(llm: impl Llm, limits: Limits) -> Arc<dyn Llm> {
    Arc::new(Timeout::new(llm).with_limits(limits))
}

fn speaks_in_time(voice: impl Tts, limits: Limits) -> Arc<dyn Tts> {
    Arc::new(Timeout::new(voice).with_limits(limits))
}

fn hearing(mut parts: impl Iterator<Item = Arc<dyn Asr>>) -> Option<Arc<dyn Asr>> {
    let first = parts.next()?;
    let Some(second) = parts.next() else { return Some(first) };
    Some(Arc::new(parts.fold(Fallback::asr(first).or(second), Fallback::<dyn Asr>::or)))
}

fn answering(mut parts: impl Iterator<Item = Arc<dyn Llm>>) -> Option<Arc<dyn Llm>> {
    let first = parts.next()?;
    let Some(second) = parts.next() else { return Some(first) };
    Some(Arc::new(parts.fold(Fallback::llm(first).or(second), Fallback::<dyn Llm>::or)))
}

fn speaking(mut parts: impl Iterator<Item = Arc<dyn Tts>>) -> Option<Arc<dyn Tts>> {
    let first = parts.next()?;
    let Some(second) = parts.next() else { return Some(first) };
    Some(Arc::new(parts.fold(Fallback::tts(first).or(second), Fallback::<dyn Tts>::or)))
}
