//! What an application says about its agent's prompts.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::transport::CallInfo;

use super::{Budget, Prompt};
use crate::agent::AgentBuilder;
use crate::memory::Memory;
use crate::phrases::Phrases;
use crate::slots::Slot;

impl AgentBuilder {
    /// Who the agent is and how it behaves: the model's system prompt. A string is taken as it is;
    /// a [`Prompt`] may be a template and be in several languages. Default: empty.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<Prompt>) -> Self {
        self.prompting.instructions = instructions.into();
        self
    }

    /// What the agent says first, instead of the phrases' greeting. A template is rendered at the
    /// call's start. Default: nothing, the caller speaks first.
    #[must_use]
    pub fn greeting(mut self, greeting: impl Into<Prompt>) -> Self {
        self.prompting.greeting = Some(greeting.into());
        self
    }

    /// What the agent says without asking the model; a [`greeting`](Self::greeting) given before
    /// is forgotten. Default: [those of the call's language](Phrases::of), no greeting.
    #[must_use]
    pub fn phrases(mut self, phrases: Phrases) -> Self {
        self.prompting.phrases = Some(phrases);
        self.prompting.greeting = None;
        self
    }

    /// The language spoken, as a BCP 47 tag; also that of turn taking. Default: `en`.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// The language of each call, as a BCP 47 tag, chosen at its start: by the number that was
    /// called, say. It is the recogniser's, the voice's and turn taking's, and chooses among
    /// [prompts](Prompt::in_language) and [phrases](Phrases::in_language). Default: the agent's.
    #[must_use]
    pub fn language_of(
        mut self,
        language_of: impl Fn(&CallInfo) -> String + Send + Sync + 'static,
    ) -> Self {
        self.prompting.language_of = Some(Box::new(language_of));
        self
    }

    /// Something that [templates](crate::prompt) may mention as `name`, the same in all calls.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let (name, value) = (name.into(), serde_json::to_value(value));
        match value {
            Ok(value) => drop(self.prompting.variables.insert(name, value)),
            Err(error) => {
                let problem = unfit(format!("variable `{name}` cannot be serialised"));
                self.prompting.unfit.get_or_insert_with(|| problem.with_source(error));
            }
        }
        self
    }

    /// What templates may mention of one call: the fields of what `variables` gives, a struct or a
    /// map, by their names. It is called at the start of each call, in the call's task, so it must
    /// not block, and once with a sample call when the agent is built, so that the templates can
    /// be tried; the fields must always be the same.
    #[must_use]
    pub fn variables<V: Serialize>(
        mut self,
        variables: impl Fn(&CallInfo) -> V + Send + Sync + 'static,
    ) -> Self {
        self.prompting.of_call.push(Box::new(move |info| fields(&variables(info))));
        self
    }

    /// How many tokens a request to the model may have. Default: 8,000, estimated.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.prompting.budget = budget;
        self
    }

    /// How a call is remembered that grows too long for the [`budget`](Self::budget). Default:
    /// [by summaries](crate::memory), as [`Memory::default`] says; with `None`, the oldest turns are
    /// forgotten.
    #[must_use]
    pub fn memory(mut self, memory: impl Into<Option<Memory>>) -> Self {
        self.prompting.memory = memory.into();
        self
    }

    /// Something that calls are to find out, see [`crate::slots`]; may be given several times.
    /// Default: nothing.
    #[must_use]
    pub fn slot(mut self, slot: Slot) -> Self {
        let slots = self.prompting.slots.iter().cloned().chain([slot]);
        self.prompting.slots = slots.collect::<Arc<[Slot]>>();
        self
    }
}

fn fields(variables: &impl Serialize) -> Result<std::collections::BTreeMap<String, Value>> {
    match serde_json::to_value(variables) {
        Ok(Value::Object(fields)) => Ok(fields.into_iter().collect()),
        Ok(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_),
        ) => Err(unfit("the variables of a call must be a struct or a map".to_owned())),
        Err(error) => {
            let problem = unfit("the variables of a call cannot be serialised".to_owned());
            Err(problem.with_source(error))
        }
    }
}

fn unfit(message: String) -> Error {
    Error::new(ErrorKind::Config, "prompt", message)
}
