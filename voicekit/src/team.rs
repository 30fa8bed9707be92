//! Several agents in one call, of whom one has the caller at a time.
//!
//! A receptionist answers and hands callers on: to billing, to support, and back. Each agent of a
//! [`Team`] keeps its own instructions, model, voice, tools, knowledge and timings; the call stays
//! one, with one history, one set of slots and one report.
//!
//! ```no_run
//! # fn agents() -> [voicekit::Agent; 2] { unimplemented!() }
//! use voicekit::team::{History, Member, Team};
//!
//! let [reception, billing] = agents();
//! let team = Team::new([
//!     Member::new("reception", "opening hours, appointments and everything else", reception),
//!     Member::new("billing", "invoices, refunds and payments", billing)
//!         .with_history(History::Turns(3)),
//! ])?;
//! # Ok::<(), voicekit_core::error::Error>(())
//! ```
//!
//! The first member answers. Each member's model has the tool `hand_off` beside its own, which names
//! the others and what they are for; applications use
//! [`CallHandle::hand_to`](crate::CallHandle::hand_to), tools
//! [`ToolContext::hand_to`](voicekit_core::tool::ToolContext::hand_to). The change happens once what the
//! agent says with it has been heard, and not if the caller interrupts that. Whoever takes over then
//! speaks, in its own voice, with what it is told in `hand_off` and as much of the history as its
//! [`History`] says.
//!
//! What belongs to the call as a whole is the first member's: how it is paced, who observes and
//! listens, where conversations are kept, what tells speech from silence, the longest call. The
//! recogniser is begun anew, since it may be another, in another language, or expect other words.
//! A caller who comes back is answered by whoever they were talking to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::Message;
use voicekit_core::tool::{OnBargeIn, Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec};
use voicekit_core::transport::{Answer, Transport};
use voicekit_core::turn;

use crate::agent::{Agent, Parts};
use crate::observer::CallReport;
use crate::session::Session;

/// The tool by which a model hands the caller on.
pub(crate) const HAND_OFF: &str = "hand_off";

/// Agents that hand callers to each other. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Team(Arc<Roster>);

/// One agent of a team.
#[derive(Clone, Debug)]
pub struct Member {
    name: String,
    about: String,
    agent: Agent,
    history: History,
}

/// What an agent that takes over knows of the call so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum History {
    /// All that was said and done, or what is left of it in summary.
    #[default]
    Whole,
    /// The caller's last turns, this many, with what was said and done after each. At least the
    /// last is always known.
    Turns(usize),
}

impl Member {
    /// An agent called `name`. `about` says to the other agents' models what it is for.
    pub fn new(name: impl Into<String>, about: impl Into<String>, agent: Agent) -> Self {
        let (name, about) = (name.into(), about.into());
        Self { name, about, agent, history: History::Whole }
    }

    /// Sets what it knows of the call when it takes over. Default: all.
    #[must_use]
    pub fn with_history(mut self, history: History) -> Self {
        self.history = history;
        self
    }
}

impl Team {
    /// A team whose first member answers calls.
    ///
    /// # Errors
    ///
    /// `Config` if there is no member, two have the same name, one has none, or one has a tool called
    /// `hand_off` already.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Result<Self> {
        let mut members = members.into_iter();
        let Some(first) = members.next() else { return Err(unfit("a team has no member")) };
        let others: Vec<Member> = members.collect();
        let mut turn = first.agent.parts().turn.clone();
        for member in std::iter::once(&first).chain(&others) {
            let (name, parts) = (&member.name, member.agent.parts());
            if name.trim().is_empty() {
                return Err(unfit("a member of a team has no name"));
            }
            if parts.tools.iter().any(|tool| tool.spec().name == HAND_OFF) {
                return Err(unfit(format!("{name} has a tool called {HAND_OFF} of its own")));
            }
            if turn.agents.insert(name.clone(), parts.turn.clone()).is_some() {
                return Err(unfit(format!("two members are called {name}")));
            }
        }
        turn.check()?;
        Ok(Self(Arc::new(Roster { first, others, turn })))
    }

    /// A conversation on `line`, ready to [run](Session::run).
    pub fn session(&self, line: Box<dyn Transport>) -> Session {
        let roster = Arc::clone(&self.0);
        let first = Arc::clone(roster.first.agent.parts());
        Session::new(first, Cast::of_team(roster), line)
    }

    /// Holds the conversation on `line` until it ends.
    pub async fn call(&self, line: Box<dyn Transport>) -> CallReport {
        self.session(line).run().await
    }

    /// The timings of turn taking: the first member's, with those of all under their names. Replaying a
    /// trace of a call takes them.
    pub fn turn(&self) -> &turn::Config {
        &self.0.turn
    }

    /// As [`Agent::drain`], for the calls of the team.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.0.first.agent.drain(patience).await
    }
}

impl Answer for Team {
    fn answer(&self, line: Box<dyn Transport>) -> BoxFuture<'static, ()> {
        let session = self.session(line);
        Box::pin(async move {
            session.run().await;
        })
    }

    fn announced(&self) {
        self.0.first.agent.announced();
    }
}

/// The members of a team.
#[derive(Debug)]
pub(crate) struct Roster {
    /// Whoever answers.
    first: Member,
    others: Vec<Member>,
    /// The first member's timings, with those of all.
    turn: turn::Config,
}

/// Who has the caller.
pub(crate) struct Cast {
    roster: Option<Arc<Roster>>,
    /// The member's name, in a team.
    pub(crate) name: Option<String>,
    /// What the model may call.
    pub(crate) tools: Vec<Arc<dyn Tool>>,
}

impl Cast {
    /// Of an agent by itself.
    pub(crate) fn alone(parts: &Parts) -> Self {
        Self { roster: None, name: None, tools: parts.tools.clone() }
    }

    /// Of a team, with its first member.
    pub(crate) fn of_team(roster: Arc<Roster>) -> Self {
        let mut cast = Self { roster: None, name: None, tools: Vec::new() };
        cast.take(&roster, &roster.first);
        cast.roster = Some(roster);
        cast
    }

    /// The timings of the call, if they are not those of an agent by itself.
    pub(crate) fn turn(&self) -> Option<&turn::Config> {
        self.roster.as_ref().map(|roster| &roster.turn)
    }

    /// Has `name` take over. Whose parts are used from here on, and what they know; `None` if there
    /// is nobody of that name, or they have the caller already.
    pub(crate) fn hand_to(&mut self, name: &str) -> Option<(Arc<Parts>, History)> {
        let roster = self.roster.clone()?;
        let other = self.name.as_deref() != Some(name);
        let member = roster.members().find(|member| other && member.name == name)?;
        self.take(&roster, member);
        Some((Arc::clone(member.agent.parts()), member.history))
    }

    fn take(&mut self, roster: &Roster, member: &Member) {
        let others = roster.members().filter(|other| other.name != member.name);
        let others = others.map(|other| (other.name.clone(), other.about.clone())).collect();
        self.name = Some(member.name.clone());
        self.tools.clone_from(&member.agent.parts().tools);
        self.tools.push(Arc::new(HandOff { from: member.name.clone(), others }));
    }
}

impl Roster {
    fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl History {
    /// The first of `messages` that is known; `None` for all.
    pub(crate) fn first(self, messages: &[Message]) -> Option<usize> {
        let Self::Turns(turns) = self else { return None };
        let is_caller = |at: &usize| matches!(messages[*at], Message::Caller { .. });
        let from = (0..messages.len()).rev().filter(is_caller).nth(turns.max(1) - 1);
        Some(from.unwrap_or(0))
    }
}

/// `hand_off`: gives the caller to another member.
#[derive(Debug)]
struct HandOff {
    from: String,
    others: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Asked {
    to: String,
}

#[async_trait]
impl Tool for HandOff {
    fn spec(&self) -> ToolSpec {
        let names: Vec<&String> = self.others.keys().collect();
        let each = self.others.iter().map(|(name, about)| format!("\n- {name}: {about}"));
        let text = format!(
            "Hands the caller to a colleague who is better placed to help. Say in the same answer \
             to whom. They go on with the conversation. There are:{}",
            each.collect::<String>()
        );
        let about = "What the caller wants and what is known already, for the colleague.";
        let schema = json!({
            "type": "object",
            "properties": {
                "to": {"type": "string", "enum": names},
                "about": {"type": "string", "description": about},
            },
            "required": ["to", "about"],
        });
        ToolSpec::new(HAND_OFF, text).with_parameters(schema).with_on_barge_in(OnBargeIn::Forgo)
    }

    async fn run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutcome> {
        let asked: Result<Asked, _> = serde_json::from_str(&call.arguments);
        let to = asked.map(|asked| asked.to).unwrap_or_default();
        if !self.others.contains_key(&to) {
            let names: Vec<&str> = self.others.keys().map(String::as_str).collect();
            let text = format!("{to:?} is not one of {}.", names.join(", "));
            return Ok(ToolOutcome::failed(text));
        }
        context.hand_to(&to)?;
        let Self { from, .. } = self;
        Ok(ToolOutcome::ok(format!(
            "{to} has the caller now: you are {to}, and took over from {from}. Go on from here."
        )))
    }
}

fn unfit(problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, "team", problem.into())
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cast").field("name", &self.name).finish_non_exhaustive()
    }
}
