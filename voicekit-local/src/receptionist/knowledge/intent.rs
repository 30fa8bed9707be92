//! What is done for a caller: forms to fill in, and people to be connected to.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::{Checker, KnowledgeError, placeholders};

/// Something that is done for the caller, once its slots are filled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::receptionist) struct Intent {
    pub(in crate::receptionist) name: Spanned<String>,
    pub(in crate::receptionist) ask: Spanned<Vec<String>>,
    pub(in crate::receptionist) begin: Spanned<String>,
    pub(in crate::receptionist) confirm: Spanned<String>,
    pub(in crate::receptionist) done: Spanned<String>,
    pub(in crate::receptionist) cancelled: Spanned<String>,
    /// The tool that does it once it is confirmed. Without one, it is done by having been said.
    pub(in crate::receptionist) tool: Option<Spanned<String>>,
    /// Said while the tool runs.
    #[serde(default = "wait")]
    pub(in crate::receptionist) wait: Spanned<String>,
    /// Said before the tool's own words if it cannot do it, or is not there.
    #[serde(default = "failed")]
    pub(in crate::receptionist) failed: Spanned<String>,
    #[serde(default, rename = "slot")]
    pub(in crate::receptionist) slots: Vec<Slot>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::receptionist) struct Slot {
    pub(in crate::receptionist) name: Spanned<String>,
    /// The tool's argument that it fills. Default: the one that is called as the slot.
    pub(in crate::receptionist) argument: Option<Spanned<String>>,
    pub(in crate::receptionist) kind: Kind,
    pub(in crate::receptionist) prompt: Spanned<String>,
    /// Said before the prompt when the answer does not fit.
    pub(in crate::receptionist) hint: Option<Spanned<String>>,
    #[serde(default = "no_choices")]
    pub(in crate::receptionist) choices: Spanned<Vec<String>>,
    pub(in crate::receptionist) min: Option<Spanned<i64>>,
    pub(in crate::receptionist) max: Option<Spanned<i64>>,
    /// The first and last time of day, "HH:MM".
    pub(in crate::receptionist) earliest: Option<Spanned<String>>,
    pub(in crate::receptionist) latest: Option<Spanned<String>>,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::receptionist) enum Kind {
    Text,
    Name,
    Number,
    Date,
    Time,
    Phone,
    Choice,
}

/// Somebody whom callers can be connected to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::receptionist) struct Transfer {
    /// The destination, as the tool `transfer` knows it.
    pub(in crate::receptionist) to: Spanned<String>,
    pub(in crate::receptionist) ask: Spanned<Vec<String>>,
    pub(in crate::receptionist) say: Spanned<String>,
    /// Said instead if nobody can be reached.
    pub(in crate::receptionist) otherwise: Spanned<String>,
}

fn wait() -> Spanned<String> {
    Spanned::new(0..0, "One moment, please.".to_owned())
}

fn failed() -> Spanned<String> {
    Spanned::new(0..0, "I'm sorry, I could not do that just now.".to_owned())
}

fn no_choices() -> Spanned<Vec<String>> {
    Spanned::new(0..0, Vec::new())
}

impl Intent {
    pub(super) fn check(&self, checker: &Checker<'_>) -> Result<(), KnowledgeError> {
        checker.filled("intent.name", &self.name)?;
        checker.list("intent.ask", &self.ask)?;
        for (key, text) in [
            ("intent.begin", &self.begin),
            ("intent.confirm", &self.confirm),
            ("intent.done", &self.done),
            ("intent.cancelled", &self.cancelled),
            ("intent.wait", &self.wait),
            ("intent.failed", &self.failed),
        ] {
            checker.filled(key, text)?;
        }
        let mut names = BTreeSet::new();
        for slot in &self.slots {
            if !names.insert(slot.name.get_ref().as_str()) {
                return Err(checker.error(slot.name.span(), "intent.slot.name", "is used twice"));
            }
            slot.check(checker)?;
            if let Some(argument) = slot.argument.as_ref().filter(|_| self.tool.is_none()) {
                let (key, problem) = ("intent.slot.argument", "the intent has no tool");
                return Err(checker.error(argument.span(), key, problem));
            }
        }
        if let Some(tool) = &self.tool {
            checker.filled("intent.tool", tool)?;
        }
        for (key, text) in [("intent.confirm", &self.confirm), ("intent.done", &self.done)] {
            let unknown = placeholders(text.get_ref()).find(|name| !names.contains(name));
            if let Some(name) = unknown {
                let problem = format!("there is no slot {name:?}");
                return Err(checker.error(text.span(), key, problem));
            }
        }
        Ok(())
    }
}

impl Transfer {
    pub(super) fn check(&self, checker: &Checker<'_>) -> Result<(), KnowledgeError> {
        checker.filled("transfer.to", &self.to)?;
        checker.list("transfer.ask", &self.ask)?;
        checker.filled("transfer.say", &self.say)?;
        checker.filled("transfer.otherwise", &self.otherwise)
    }
}

impl Slot {
    fn check(&self, checker: &Checker<'_>) -> Result<(), KnowledgeError> {
        checker.filled("intent.slot.name", &self.name)?;
        checker.filled("intent.slot.prompt", &self.prompt)?;
        let wrong = |span, key, problem: &str| Err(checker.error(span, key, problem));
        if self.kind == Kind::Choice && self.choices.get_ref().is_empty() {
            return wrong(self.name.span(), "intent.slot.choices", "a choice needs choices");
        }
        if self.kind != Kind::Choice && !self.choices.get_ref().is_empty() {
            return wrong(self.choices.span(), "intent.slot.choices", "only for kind = \"choice\"");
        }
        for bound in [&self.min, &self.max].into_iter().flatten() {
            if self.kind != Kind::Number {
                return wrong(bound.span(), "intent.slot.min", "only for kind = \"number\"");
            }
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && min.get_ref() > max.get_ref()
        {
            return wrong(min.span(), "intent.slot.min", "is above max");
        }
        for bound in [&self.earliest, &self.latest].into_iter().flatten() {
            if self.kind != Kind::Time {
                return wrong(bound.span(), "intent.slot.earliest", "only for kind = \"time\"");
            }
            if minutes(bound.get_ref()).is_none() {
                return wrong(bound.span(), "intent.slot.earliest", "must be \"HH:MM\"");
            }
        }
        Ok(())
    }

    /// The tool's argument that it fills.
    pub(in crate::receptionist) fn argument(&self) -> &str {
        self.argument.as_ref().unwrap_or(&self.name).get_ref()
    }

    /// The times of day that fit, in minutes after midnight.
    pub(in crate::receptionist) fn opening(&self) -> (u32, u32) {
        let bound = |bound: &Option<Spanned<String>>| {
            bound.as_ref().and_then(|bound| minutes(bound.get_ref()))
        };
        (bound(&self.earliest).unwrap_or(0), bound(&self.latest).unwrap_or(24 * 60 - 1))
    }

    /// The numbers that fit.
    pub(in crate::receptionist) fn range(&self) -> (i64, i64) {
        let bound = |bound: &Option<Spanned<i64>>| bound.as_ref().map(|bound| *bound.get_ref());
        (bound(&self.min).unwrap_or(i64::MIN), bound(&self.max).unwrap_or(i64::MAX))
    }
}

fn minutes(clock: &str) -> Option<u32> {
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}
