//! The agent itself: parts, knowledge and phrases put together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use voicekit::knowledge::KnowledgeConfig;
use voicekit::store::recordings::Recordings;
use voicekit::tools::mcp;
use voicekit::{Agent, AgentBuilder, CallEvent, Phrases};
use voicekit_core::listen::Listen;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::CallInfo;
use voicekit_local::{Knowledge, Silero};

use crate::booking::Bookings;
use crate::settings::Settings;
use crate::{AgentArgs, desk, parts};

/// How long a reply may wait for what is looked up. The search shares the machine with the
/// recogniser, and has mostly ended by then.
const LOOKUP: Duration = Duration::from_millis(1_000);

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

/// A receptionist who knows what is in its file and in the documents, and can do something for
/// callers.
pub(crate) async fn agent(
    settings: Settings,
    args: &AgentArgs,
    bookings: Arc<dyn Bookings>,
    followers: Followers,
) -> Result<Agent> {
    let knowledge = args.desk.receptionist()?;
    let tools = desk::tools(&knowledge, bookings, settings.transfers())?;
    let servers = settings.mcp_servers()?;
    let phrases = phrases(&settings, &knowledge);
    let spoken =
        [&phrases.not_understood, &phrases.still_there, &phrases.failure, &phrases.goodbye];
    let spoken: Vec<&str> =
        spoken.into_iter().chain(&phrases.greeting).map(String::as_str).collect();
    let (parts, remote) = tokio::join!(
        parts::load(&settings, &knowledge, &args.models, &spoken),
        mcp::tools(servers)
    );
    let (parts, remote) = (parts?, remote?);
    let mut agent = Agent::builder()
        .asr(parts.asr)
        .llm(parts.llm)
        .tts(parts.tts)
        .instructions(settings.instructions.unwrap_or_else(|| knowledge.instructions()))
        .vad(Silero::new)
        .phrases(phrases);
    agent = tools.into_iter().fold(agent, AgentBuilder::tool);
    agent = agent.tools(remote);
    if let Some(documents) = args.desk.documents(parts.embedder).await? {
        let config = KnowledgeConfig::default().with_deadline(LOOKUP);
        agent = agent.knowledge(documents, config);
    }
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

fn phrases(settings: &Settings, knowledge: &Knowledge) -> Phrases {
    let mut phrases = Phrases::default();
    let greeting = settings.greeting.as_deref().unwrap_or_else(|| knowledge.greeting());
    phrases.greeting = Some(greeting.to_owned());
    knowledge.goodbye().clone_into(&mut phrases.goodbye);
    phrases
}
