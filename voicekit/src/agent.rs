//! An agent: the parts of which conversations are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use voicekit_core::answer::TextFilter;
use voicekit_core::asr::Asr;
use voicekit_core::audio::AudioFormat;
use voicekit_core::control::Transfer;
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::listen::Listen;
use voicekit_core::llm::Llm;
use voicekit_core::playout::Pace;
use voicekit_core::retrieve::Retriever;
use voicekit_core::store::SessionStore;
use voicekit_core::text::ClausesConfig;
use voicekit_core::tool::Tool;
use voicekit_core::transport::{Answer, CallInfo, Transport};
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_core::turn::dead_end::DeadEnd;
use voicekit_core::turn::{self, TurnDetector};
use voicekit_core::vad::{EnergyVad, Vad};

use crate::calls::Calls;
use crate::knowledge::{Knowledge, KnowledgeConfig};
use crate::observer::{CallReport, Observer};
use crate::prompt::Prompting;
use crate::session::{Session, Sessions, offer};
use crate::slots::Note;
use crate::team::Cast;
use crate::tools::offered::offered;

/// An agent that can answer any number of calls at once. Cloning shares it.
#[derive(Clone)]
pub struct Agent(Arc<Parts>);

/// What every call of an agent shares.
pub(crate) struct Parts {
    pub(crate) prompting: Prompting,
    pub(crate) vocabulary: Vec<String>,
    pub(crate) asr: Arc<dyn Asr>,
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) tts: Arc<dyn Tts>,
    pub(crate) tools: Vec<Arc<dyn Tool>>,
    pub(crate) vad: VadSource,
    pub(crate) detector: Option<Arc<dyn TurnDetector>>,
    pub(crate) turn: turn::Config,
    pub(crate) pace: Pace,
    pub(crate) clauses: ClausesConfig,
    pub(crate) filter: TextFilter,
    pub(crate) observe: Option<Observe>,
    pub(crate) listeners: Vec<Arc<dyn Listen>>,
    pub(crate) sessions: Option<(Arc<dyn SessionStore>, Sessions)>,
    pub(crate) knowledge: Option<Arc<Knowledge>>,
    pub(crate) dead_end_transfer: Option<Transfer>,
    pub(crate) calls: Arc<Calls>,
}

impl Parts {
    /// Connects to the model and the voice ahead of a call over the telephone. What fails shows
    /// when they are used.
    fn warm(self: &Arc<Self>) {
        let parts = Arc::clone(self);
        tokio::spawn(async move {
            let mut request =
                TtsRequest::new(negotiate(&parts.tts.info().formats, AudioFormat::PHONE));
            request.language.clone_from(&parts.prompting.language);
            let (llm, tts) = tokio::join!(parts.llm.warm(), parts.tts.warm(&request));
            for error in [llm, tts].into_iter().filter_map(Result::err) {
                tracing::debug!(%error, "could not connect ahead of a call");
            }
        });
    }
}

type VadSource = Box<dyn Fn() -> Result<Box<dyn Vad>> + Send + Sync>;
type Observe = Box<dyn Fn(&CallInfo) -> Box<dyn Observer> + Send + Sync>;

impl Agent {
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.0
    }

    /// Starts to put an agent together.
    pub fn builder() -> AgentBuilder {
        AgentBuilder::default()
    }

    /// A conversation on `line`, ready to [run](Session::run).
    pub fn session(&self, line: Box<dyn Transport>) -> Session {
        Session::new(Arc::clone(&self.0), Cast::alone(&self.0), line)
    }

    /// Waits until no call of this agent is left and whoever [listened](AgentBuilder::listen) has
    /// finished, for a server that is to stop: its calls have `patience` to end by themselves;
    /// then each is ended politely, and has [`FAREWELL`](crate::FAREWELL) more.
    /// Whether calls still come in is not the agent's to decide: stop taking them first.
    ///
    /// Returns how many calls are left, which is none unless some could not be ended.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.0.calls.drain(patience).await
    }

    /// The timings of turn taking.
    pub fn turn(&self) -> &turn::Config {
        &self.0.turn
    }

    /// Holds the conversation on `line` until it ends.
    pub async fn call(&self, line: Box<dyn Transport>) -> CallReport {
        self.session(line).run().await
    }
}

impl Answer for Agent {
    fn answer(&self, line: Box<dyn Transport>) -> BoxFuture<'static, ()> {
        let session = self.session(line);
        Box::pin(async move {
            session.run().await;
        })
    }

    fn announced(&self) {
        self.0.warm();
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { asr, llm, tts, .. } = &*self.0;
        f.debug_struct("Agent").field("asr", asr).field("llm", llm).field("tts", tts).finish()
    }
}

/// Puts an agent together. A recogniser, a model and a voice are needed; the rest has defaults.
#[derive(Default)]
pub struct AgentBuilder {
    pub(crate) prompting: Prompting,
    pub(crate) language: Option<String>,
    vocabulary: Vec<String>,
    asr: Option<Arc<dyn Asr>>,
    llm: Option<Arc<dyn Llm>>,
    tts: Option<Arc<dyn Tts>>,
    tools: Vec<Arc<dyn Tool>>,
    vad: Option<VadSource>,
    detector: Option<Arc<dyn TurnDetector>>,
    turn: turn::Config,
    pace: Pace,
    clauses: ClausesConfig,
    filter: TextFilter,
    observe: Option<Observe>,
    listeners: Vec<Arc<dyn Listen>>,
    sessions: Option<(Arc<dyn SessionStore>, Sessions)>,
    knowledge: Option<Arc<Knowledge>>,
    dead_end_transfer: Option<Transfer>,
}

impl AgentBuilder {
    /// Names and terms that the recogniser should expect. Default: none.
    #[must_use]
    pub fn vocabulary(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.vocabulary = words.into_iter().collect();
        self
    }

    /// What turns speech into text. Required.
    #[must_use]
    pub fn asr(mut self, asr: impl Asr) -> Self {
        self.asr = Some(Arc::new(asr));
        self
    }

    /// What decides on the answers. Required.
    #[must_use]
    pub fn llm(mut self, llm: impl Llm) -> Self {
        self.llm = Some(Arc::new(llm));
        self
    }

    /// What turns text into speech. Required.
    #[must_use]
    pub fn tts(mut self, tts: impl Tts) -> Self {
        self.tts = Some(Arc::new(tts));
        self
    }

    /// Adds a tool; may be called several times. Default: no tools.
    ///
    /// Its schema is [normalized](voicekit_core::tool::schema) for model providers. A tool
    /// [of a server](voicekit_core::tool::ToolSpec::source) whose name is taken is offered under
    /// another one.
    #[must_use]
    pub fn tool(mut self, tool: impl Tool) -> Self {
        self.tools.push(Arc::new(tool));
        self
    }

    /// Adds several tools.
    #[must_use]
    pub fn tools<T: Tool>(self, tools: impl IntoIterator<Item = T>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// What tells speech from silence; `vad` is called once for each call. Default: by energy.
    /// Of what it takes for speech, only who is in the foreground counts
    /// ([`Foreground`](voicekit_core::vad::Foreground)).
    #[must_use]
    pub fn vad<V, F>(mut self, vad: F) -> Self
    where
        V: Vad + 'static,
        F: Fn() -> Result<V> + Send + Sync + 'static,
    {
        self.vad = Some(Box::new(move || Ok(Box::new(vad()?))));
        self
    }

    /// Keeps conversations in `store`, so that somebody whose call has dropped goes on where they were
    /// when they call again: the model sees what was said and heard before. Each turn is saved as it
    /// is remembered, beside the call; a store that fails is reported as
    /// [`CallEvent::Failed`](crate::CallEvent::Failed) and costs the call nothing. A conversation that
    /// the agent has ended is forgotten. Default: nothing is kept.
    #[must_use]
    pub fn sessions(mut self, store: impl SessionStore, sessions: Sessions) -> Self {
        self.sessions = Some((Arc::new(store), sessions));
        self
    }

    /// Has what the caller says looked up in `retriever`, for the model to answer from; see
    /// [`knowledge`](crate::knowledge). The search begins while they speak, and no reply waits longer
    /// for it than [`KnowledgeConfig::deadline`]. Default: nothing is looked up.
    #[must_use]
    pub fn knowledge(mut self, retriever: impl Retriever, config: KnowledgeConfig) -> Self {
        self.knowledge = Some(Arc::new(Knowledge::new(Arc::new(retriever), config)));
        self
    }

    /// What judges at each pause whether the caller has finished. Default: nothing, silence
    /// alone decides.
    #[must_use]
    pub fn turn_detector(mut self, detector: impl TurnDetector) -> Self {
        self.detector = Some(Arc::new(detector));
        self
    }

    /// The timings of turn taking and barge-in. `greet` is set by [`greeting`](Self::greeting),
    /// `language` by [`language`](Self::language) if that is called; a transcript is waited for at
    /// least as long as the recogniser says that it may take.
    #[must_use]
    pub fn turn(mut self, config: turn::Config) -> Self {
        self.turn = config;
        self
    }

    /// Sets whom callers are transferred to when turns lead nowhere, if the turn configuration's
    /// [`dead_ends`](turn::Config::dead_ends) say [`Transfer`](turn::dead_end::DeadEnd::Transfer).
    /// It needs a transport with the carrier's [call control](voicekit_core::control::CallControl);
    /// where the transfer fails, the agent asks what else it can do. Default: nobody.
    #[must_use]
    pub fn dead_end_transfer(mut self, to: Transfer) -> Self {
        self.dead_end_transfer = Some(to);
        self
    }

    /// How replies are paced towards the carrier.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// How replies are cut into clauses for the voice.
    #[must_use]
    pub fn clauses(mut self, clauses: ClausesConfig) -> Self {
        self.clauses = clauses;
        self
    }

    /// Sets what is removed from the model's text before it is spoken and remembered. Default: stage
    /// directions, such as `*clears throat*`, and citation marks, such as `[1]`. Reasoning and tool
    /// calls written as text are always removed.
    #[must_use]
    pub fn text_filter(mut self, filter: TextFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Follows each call; `observe` is called once at its start. Default: nobody does.
    #[must_use]
    pub fn observe<O, F>(mut self, observe: F) -> Self
    where
        O: Observer + 'static,
        F: Fn(&CallInfo) -> O + Send + Sync + 'static,
    {
        self.observe = Some(Box::new(move |info| Box::new(observe(info))));
        self
    }

    /// Listens to each call, such as a recorder; may be given several times. Each listens in a
    /// task of its own and cannot delay the call. Default: nobody does.
    ///
    /// To listen in on one call that is running: [`CallHandle::listen`](crate::CallHandle::listen).
    #[must_use]
    pub fn listen(mut self, listener: impl Listen) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// The agent.
    ///
    /// # Errors
    ///
    /// `Config` if a part is missing or two settings contradict each other; `Unsupported` if a
    /// part's audio cannot be brought to a telephone; whatever the voice activity detector's
    /// construction gives.
    pub fn build(self) -> Result<Agent> {
        let asr = self.asr.ok_or_else(|| missing("asr"))?;
        let llm = self.llm.ok_or_else(|| missing("llm"))?;
        let tts = self.tts.ok_or_else(|| missing("tts"))?;
        let vad = self.vad.unwrap_or_else(|| Box::new(energy_vad));
        let mut turn = self.turn;
        let mut prompting = self.prompting;
        turn.greet = prompting.greets();
        let language = self.language.unwrap_or_else(|| turn.language.clone());
        turn.language.clone_from(&language);
        prompting.language = language;
        // Nobody is cut short because the recogniser is known to be slow.
        turn.finalize_wait = turn.finalize_wait.max(asr.info().final_latency);
        turn.transcript_wait = turn.transcript_wait.max(turn.finalize_wait);
        turn.check()?;
        check_dead_ends(&turn, self.dead_end_transfer.as_ref())?;
        let mut tools = self.tools;
        if !prompting.slots.is_empty() {
            tools.push(Arc::new(Note::new(&prompting.slots)));
        }
        let tools = offered(tools)?;
        prompting.check(&tools.iter().map(|tool| offer(&**tool)).collect::<Vec<_>>())?;
        let heard = AudioFormat::pcm16(vad()?.rate_hz());
        Converter::new(AudioFormat::PHONE, heard)?;
        Converter::new(AudioFormat::PHONE, best(&asr.info().formats, asr.info().name)?)?;
        Converter::new(best(&tts.info().formats, tts.info().name)?, AudioFormat::PHONE)?;
        Ok(Agent(Arc::new(Parts {
            prompting,
            vocabulary: self.vocabulary,
            asr,
            llm,
            tts,
            tools,
            vad,
            detector: self.detector,
            turn,
            pace: self.pace,
            clauses: self.clauses,
            filter: self.filter,
            observe: self.observe,
            listeners: self.listeners,
            sessions: self.sessions,
            knowledge: self.knowledge,
            dead_end_transfer: self.dead_end_transfer,
            calls: Arc::default(),
        })))
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asr, llm, tts, .. } = self;
        f.debug_struct("AgentBuilder")
            .field("asr", asr)
            .field("llm", llm)
            .field("tts", tts)
            .finish_non_exhaustive()
    }
}

fn energy_vad() -> Result<Box<dyn Vad>> {
    Ok(Box::new(EnergyVad::new(8_000, Duration::from_millis(20))?))
}

/// Rejects a transfer after dead ends that has no destination.
fn check_dead_ends(turn: &turn::Config, to: Option<&Transfer>) -> Result<()> {
    let dead_ends = &turn.dead_ends;
    let transfers = [dead_ends.after_announcements, dead_ends.after_answers];
    if to.is_none() && transfers.contains(&DeadEnd::Transfer) {
        let text = "dead_ends: `transfer` needs a destination: set AgentBuilder::dead_end_transfer";
        return Err(Error::new(ErrorKind::Config, "agent", text));
    }
    Ok(())
}

fn missing(part: &'static str) -> Error {
    Error::new(
        ErrorKind::Config,
        "agent",
        format!("no {part}: call `.{part}(…)` before `.build()`"),
    )
}

fn best(formats: &[AudioFormat], name: &'static str) -> Result<AudioFormat> {
    let none = || Error::new(ErrorKind::Unsupported, name, "it names no audio format");
    formats.first().copied().ok_or_else(none)
}

/// The format to use on a line in `line`: its own if possible, so that nothing is converted.
pub(crate) fn negotiate(formats: &[AudioFormat], line: AudioFormat) -> AudioFormat {
    let same = formats.iter().copied().find(|format| *format == line);
    same.or_else(|| formats.first().copied()).unwrap_or(line)
}
