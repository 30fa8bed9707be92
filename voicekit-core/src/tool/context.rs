//! What a tool knows of the call it runs in, and what it can do to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::control::{CallControl, Keys, Transfer};
use crate::error::{Error, ErrorKind, Result};
use crate::llm::Message;
use crate::transport::CallInfo;
use crate::turn::{Event, Expected};

/// The call a tool runs in. Cloning shares it.
#[derive(Clone)]
pub struct ToolContext {
    call: Arc<CallInfo>,
    key: Arc<str>,
    conversation: Arc<[Message]>,
    progress: Progress,
    line: Arc<dyn LiveCall>,
}

/// A call as tools reach it; what the driver gives them.
pub trait LiveCall: fmt::Debug + Send + Sync + 'static {
    /// Gives the call's turn engine an event.
    ///
    /// # Errors
    ///
    /// `Connection` if the call is over, `RateLimited` if too many wait.
    fn tell(&self, event: Event) -> Result<()>;

    /// Ends the call politely. Does nothing if it is over.
    fn end(&self);

    /// What the carrier can do to the call.
    fn control(&self) -> Option<Arc<dyn CallControl>>;

    /// What is noted of the caller and what they want, by name. Default: nothing is.
    fn slots(&self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    /// Notes `value` under `name`; null forgets what was noted. Default: there is nothing to note.
    ///
    /// # Errors
    ///
    /// `Rejected` if there is no such slot or the value does not fit it.
    fn set_slot(&self, name: &str, value: &Value) -> Result<()> {
        let _ = value;
        let message = format!("there is no slot `{name}`");
        Err(Error::new(ErrorKind::Rejected, "slots", message))
    }
}

impl ToolContext {
    /// The context of one run in `line`. `key` is the run's [idempotency key](Self::key).
    pub fn new(
        call: Arc<CallInfo>,
        key: impl Into<Arc<str>>,
        conversation: impl Into<Arc<[Message]>>,
        line: Arc<dyn LiveCall>,
    ) -> Self {
        let (key, conversation) = (key.into(), conversation.into());
        Self { call, key, conversation, progress: Progress::default(), line }
    }

    /// A context without a call, for tests of a tool: what it says is said to nobody, and whatever
    /// it notes is kept.
    pub fn detached(call: CallInfo) -> Self {
        Self::new(Arc::new(call), "detached", [], Arc::new(Nobody::default()))
    }

    /// Who calls whom.
    pub fn call(&self) -> &CallInfo {
        &self.call
    }

    /// The idempotency key: the same whenever the model asks for the same tool with the same
    /// arguments within one turn of the caller, different otherwise. Give it to a service that
    /// must not do a thing twice, such as a booking or a payment.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What was said before the tool was asked for, oldest first.
    pub fn conversation(&self) -> &[Message] {
        &self.conversation
    }

    /// Notes how far the tool has come, in words. The model is told if the caller asks meanwhile.
    pub fn progress(&self, words: impl Into<String>) {
        self.progress.set(words.into());
    }

    /// Where the tool's progress is noted.
    pub fn noted(&self) -> &Progress {
        &self.progress
    }

    /// Says `text` as soon as neither side speaks. The caller may interrupt it.
    ///
    /// # Errors
    ///
    /// `Connection` if the call is over, `RateLimited` if too much waits to be said.
    pub fn say(&self, text: impl Into<String>) -> Result<()> {
        self.line.tell(Event::Say { text: text.into(), interruptible: true })
    }

    /// Tells what kind of answer the caller is about to give.
    ///
    /// # Errors
    ///
    /// As [`say`](Self::say).
    pub fn expect(&self, expected: Expected) -> Result<()> {
        self.line.tell(Event::Expect(expected))
    }

    /// Hands the caller to another agent of the same team, by name. Nothing happens if there is none.
    ///
    /// # Errors
    ///
    /// As [`say`](Self::say).
    pub fn hand_to(&self, agent: impl Into<String>) -> Result<()> {
        self.line.tell(Event::HandedTo(agent.into()))
    }

    /// Ends the call politely: what is being heard is heard to its end. If nothing was said with
    /// the tool, the agent's goodbye is.
    pub fn hang_up(&self) {
        self.line.end();
    }

    /// Connects the caller to somebody else.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the line cannot be transferred; otherwise as
    /// [`CallControl::transfer`].
    pub async fn transfer(&self, to: &Transfer) -> Result<()> {
        self.control()?.transfer(to).await
    }

    /// Presses keys towards the other party.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the line cannot; otherwise as [`CallControl::press`].
    pub async fn press(&self, keys: &Keys) -> Result<()> {
        self.control()?.press(keys).await
    }

    /// What is noted of the caller and what they want, by the slot's name.
    pub fn slots(&self) -> BTreeMap<String, Value> {
        self.line.slots()
    }

    /// Notes `value` in a slot of the agent, in the slot's form; null forgets what was noted.
    ///
    /// # Errors
    ///
    /// `Rejected` if the agent has no such slot or the value does not fit it. The message says what
    /// it must be.
    pub fn set_slot(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.line.set_slot(name, &value.into())
    }

    fn control(&self) -> Result<Arc<dyn CallControl>> {
        let none = "this line has no call control: give its transport the carrier's account";
        self.line.control().ok_or_else(|| Error::new(ErrorKind::Unsupported, "call", none))
    }
}

/// What is said in a call is in no log.
impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext")
            .field("call", &self.call)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// How far a tool has come, in its own words. Clones share it.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<Option<String>>>);

impl Progress {
    /// The latest words, if there were any.
    pub fn words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

/// What a tool found out may be about the caller.
impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

#[derive(Debug, Default)]
struct Nobody {
    noted: Mutex<BTreeMap<String, Value>>,
}

impl LiveCall for Nobody {
    fn tell(&self, _: Event) -> Result<()> {
        Ok(())
    }

    fn end(&self) {}

    fn control(&self) -> Option<Arc<dyn CallControl>> {
        None
    }

    fn slots(&self) -> BTreeMap<String, Value> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_slot(&self, name: &str, value: &Value) -> Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Value::Null => drop(noted.remove(name)),
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => drop(noted.insert(name.to_owned(), value.clone())),
        }
        Ok(())
    }
}
