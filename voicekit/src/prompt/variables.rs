//! What templates know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectExt};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::Message;
use voicekit_core::retrieve::Passage;
use voicekit_core::tool::ToolSpec;
use voicekit_core::transport::CallInfo;

use crate::slots::Slot;

/// The names that are not the application's to give.
const OWN: [&str; 8] =
    ["call", "history", "language", "passages", "slots", "summary", "tools", "turn"];

/// Names that templates can mention and that are not taken are names.
pub(crate) fn check_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<()> {
    for name in names {
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let problem = if !starts || !name.chars().all(plain) {
            "is no name: letters, digits and _, not beginning with a digit"
        } else if OWN.contains(&&**name) {
            "is taken"
        } else {
            continue;
        };
        return Err(Error::new(
            ErrorKind::Config,
            "prompt",
            format!("variable {name:?} {problem}"),
        ));
    }
    Ok(())
}

/// The values of one rendering.
#[derive(Clone, Debug)]
pub(crate) struct Variables(BTreeMap<String, Value>);

impl Variables {
    /// What does not change in a call.
    pub(crate) fn of(
        info: &CallInfo,
        language: &str,
        application: &BTreeMap<String, serde_json::Value>,
    ) -> Self {
        let given = application.iter().map(|(name, value)| (name.clone(), from_json(value)));
        let mut variables = Self(given.collect());
        let call = map([
            ("id", Value::from(&*info.id)),
            ("from", Value::from(info.from.clone())),
            ("to", Value::from(info.to.clone())),
            ("parameters", Value::from_object(Parameters::of(info))),
        ]);
        variables.set("call", call);
        variables.set("language", Value::from(language));
        variables
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn set_tools(&mut self, tools: &[ToolSpec]) {
        let tools = tools.iter().map(|tool| {
            let description = Value::from(&*tool.description);
            map([("name", Value::from(&*tool.name)), ("description", description)])
        });
        self.set("tools", tools.collect());
    }

    /// What is noted; `none` where nothing is.
    pub(crate) fn set_slots(
        &mut self,
        slots: &[Slot],
        noted: &BTreeMap<String, serde_json::Value>,
    ) {
        let values = slots.iter().map(|slot| {
            let value = noted.get(slot.name()).map_or_else(|| Value::from(()), from_json);
            (slot.name(), value)
        });
        self.set("slots", map(values));
    }

    pub(crate) fn set_history(&mut self, messages: &[Message]) {
        let history = messages.iter().map(|message| {
            let role = match message {
                Message::Caller { .. } => "caller",
                Message::Agent { .. } => "agent",
                Message::Tool { .. } => "tool",
            };
            map([("role", Value::from(role)), ("text", Value::from(message.text()))])
        });
        self.set("history", history.collect());
    }

    pub(crate) fn set_passages(&mut self, passages: &[Passage]) {
        let passages = passages.iter().map(|passage| {
            let metadata = Value::from(passage.metadata.clone());
            map([("text", Value::from(&*passage.text)), ("metadata", metadata)])
        });
        self.set("passages", passages.collect());
    }

    pub(super) fn value(&self) -> Value {
        Value::from(self.0.clone())
    }
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::from(entries.collect::<BTreeMap<String, Value>>())
}

/// What is known when an agent is built: which variables there will be, and values to try with.
pub(crate) struct Known {
    sample: Variables,
    blank: Variables,
    roots: BTreeSet<String>,
    slots: BTreeSet<String>,
}

impl Known {
    pub(crate) fn new(
        language: &str,
        application: &BTreeMap<String, serde_json::Value>,
        tools: &[ToolSpec],
        slots: &[Slot],
    ) -> Self {
        let mut sample = Variables::of(&CallInfo::new("sample"), language, application);
        let parameters = Parameters { given: BTreeMap::new(), others: Value::from("1") };
        let call = map([
            ("id", Value::from("sample")),
            ("from", Value::from("+15550100")),
            ("to", Value::from("+15550101")),
            ("parameters", Value::from_object(parameters)),
        ]);
        sample.set("call", call);
        let noted = slots.iter().map(|slot| (slot.name().to_owned(), slot.sample())).collect();
        sample.set_slots(slots, &noted);
        sample.set_history(&[Message::agent("Hello."), Message::caller("Hello.")]);
        sample.set_passages(&[Passage::new("1", "Text.", 1.0)]);
        sample.set("summary", Value::from("Earlier."));
        let mut blank = Variables::of(&CallInfo::new("sample"), language, application);
        blank.set_slots(slots, &BTreeMap::new());
        blank.set_history(&[]);
        blank.set_passages(&[]);
        blank.set("summary", Value::from(""));
        for variables in [&mut sample, &mut blank] {
            variables.set_tools(tools);
            variables.set("turn", Value::from(1));
        }
        let roots = sample.0.keys().cloned().collect();
        let slots = slots.iter().map(|slot| slot.name().to_owned()).collect();
        Self { sample, blank, roots, slots }
    }

    /// Values with everything known.
    pub(crate) fn sample(&self) -> Variables {
        self.sample.clone()
    }

    /// Values with as little known as there may be.
    pub(crate) fn blank(&self) -> Variables {
        self.blank.clone()
    }

    /// Whether there will be such a variable, `call.from`; else what to say.
    pub(super) fn check(&self, used: &str) -> Result<(), String> {
        let mut parts = used.split('.');
        let (root, field) = (parts.next().unwrap_or_default(), parts.next());
        if !self.roots.contains(root) {
            let all: Vec<&str> = self.roots.iter().map(String::as_str).collect();
            return Err(format!("unknown variable `{root}`; there are {}", all.join(", ")));
        }
        let Some(field) = field else { return Ok(()) };
        let fields: Vec<&str> = match root {
            "call" => vec!["from", "id", "parameters", "to"],
            "slots" => self.slots.iter().map(String::as_str).collect(),
            _ => return Ok(()),
        };
        if fields.contains(&field) {
            return Ok(());
        }
        Err(format!("unknown variable `{root}.{field}`; there are {}", fields.join(", ")))
    }
}

/// Of a call's parameters, those that it does not have are none.
#[derive(Debug)]
struct Parameters {
    given: BTreeMap<String, String>,
    others: Value,
}

impl Parameters {
    fn of(info: &CallInfo) -> Self {
        Self { given: info.parameters.clone(), others: Value::from(()) }
    }
}

impl Object for Parameters {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let given = key.as_str().and_then(|key| self.given.get(key));
        Some(given.map_or_else(|| self.others.clone(), |value| Value::from(&**value)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| Box::new(this.given.keys().map(|key| Value::from(&**key))))
    }
}

fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64()),
        },
        serde_json::Value::String(text) => Value::from(&**text),
        serde_json::Value::Array(items) => items.iter().map(from_json).collect(),
        serde_json::Value::Object(fields) => {
            map(fields.iter().map(|(name, value)| (&**name, from_json(value))))
        }
    }
}
