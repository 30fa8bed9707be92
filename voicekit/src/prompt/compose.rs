//! What a call's requests are made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use voicekit_core::error::{Error, Result};
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::retrieve::Passage;
use voicekit_core::store::SessionRecord;
use voicekit_core::tool::ToolSpec;
use voicekit_core::transport::CallInfo;

use super::{Budget, Known, Prompt, Variables};
use crate::agent::Parts;
use crate::knowledge::briefing;
use crate::memory::{self, Memory, Recollection};
use crate::observer::Part;
use crate::phrases::Phrases;
use crate::slots::{self, Notebook, Slot};

/// What an agent's prompts are made of; what every call shares.
pub(crate) struct Prompting {
    pub(crate) instructions: Prompt,
    /// Takes the place of the phrases' own.
    pub(crate) greeting: Option<Prompt>,
    /// Default: those of the call's language.
    pub(crate) phrases: Option<Phrases>,
    pub(crate) language: String,
    pub(crate) language_of: Option<Box<LanguageOf>>,
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) of_call: Vec<Box<OfCall>>,
    pub(crate) slots: Arc<[Slot]>,
    pub(crate) budget: Budget,
    pub(crate) memory: Option<Memory>,
    /// The first variable that is none.
    pub(crate) unfit: Option<Error>,
}

type LanguageOf = dyn Fn(&CallInfo) -> String + Send + Sync;
type OfCall = dyn Fn(&CallInfo) -> Result<BTreeMap<String, Value>> + Send + Sync;

impl Default for Prompting {
    fn default() -> Self {
        Self {
            instructions: Prompt::default(),
            greeting: None,
            phrases: None,
            language: "en".to_owned(),
            language_of: None,
            variables: BTreeMap::new(),
            of_call: Vec::new(),
            slots: Arc::new([]),
            budget: Budget::default(),
            memory: Some(Memory::default()),
            unfit: None,
        }
    }
}

impl Prompting {
    /// Finds what would fail in a call.
    pub(crate) fn check(&mut self, tools: &[ToolSpec]) -> Result<()> {
        if let Some(error) = self.unfit.take() {
            return Err(error);
        }
        slots::check(&self.slots)?;
        self.memory.as_ref().map_or(Ok(()), Memory::check)?;
        let variables = self.variables_of(&CallInfo::new("sample"))?;
        super::variables::check_names(variables.keys())?;
        let known = |language| Known::new(language, &variables, tools, &self.slots);
        for (language, instructions) in self.instructions.all(&self.language) {
            let known = known(language);
            instructions.check(&known)?;
            let text = instructions.render(&known.sample())?;
            let taken = self.budget.fixed(&text, tools);
            self.budget.fit(&mut ChatRequest::default(), taken)?;
        }
        for (language, greeting) in self.greeting.iter().flat_map(|it| it.all(&self.language)) {
            greeting.check(&known(language))?;
        }
        for (language, phrases) in self.phrases.iter().flat_map(|it| it.all(&self.language)) {
            for phrase in phrases.prompts()? {
                phrase.check(&known(language))?;
            }
        }
        Ok(())
    }

    fn variables_of(&self, info: &CallInfo) -> Result<BTreeMap<String, Value>> {
        let mut variables = self.variables.clone();
        for of_call in &self.of_call {
            variables.extend(of_call(info)?);
        }
        Ok(variables)
    }

    /// Whether the agent speaks first.
    pub(crate) fn greets(&self) -> bool {
        let phrases = self.phrases.as_ref();
        self.greeting.is_some() || phrases.is_some_and(Phrases::greets)
    }
}

/// What one call's prompts are made of, and what it remembers.
pub(crate) struct Scene {
    pub(crate) language: String,
    pub(crate) phrases: Phrases,
    pub(crate) notebook: Notebook,
    pub(crate) memory: Recollection,
    instructions: Prompt,
    variables: Variables,
    budget: Budget,
    looks_up: bool,
    /// The first message that there was room for in the latest request.
    start: usize,
    /// Whether what was said before the first message is told in fewer words.
    recalls: bool,
    /// What instructions and tools of the latest request took.
    fixed: u64,
    /// What went wrong at the start, to be reported.
    problems: Vec<Error>,
}

impl Scene {
    pub(crate) fn new(parts: &Parts, info: &CallInfo) -> Self {
        let prompting = &parts.prompting;
        let mut problems = Vec::new();
        let language = match &prompting.language_of {
            Some(language_of) => language_of(info),
            None => prompting.language.clone(),
        };
        let application = prompting.variables_of(info).unwrap_or_else(|error| {
            problems.push(error);
            prompting.variables.clone()
        });
        let notebook = Notebook::new(&prompting.slots);
        let mut variables = Variables::of(info, &language, &application);
        variables.set_tools(&[]);
        variables.set_slots(&prompting.slots, &BTreeMap::new());
        variables.set_history(&[]);
        variables.set_passages(&[]);
        variables.set("summary", "".into());
        variables.set("turn", 0.into());
        let mut phrases = match &prompting.phrases {
            Some(phrases) => {
                phrases.choose(&language).rendered(&variables, &language, &mut problems)
            }
            None => Phrases::of(&language),
        };
        if let Some(greeting) = &prompting.greeting {
            match greeting.of(&language).render(&variables) {
                Ok(text) => phrases.greeting = Some(text),
                Err(error) => problems.push(error.into()),
            }
        }
        let instructions = prompting.instructions.of(&language).clone();
        let budget = prompting.budget.clone();
        let memory = Recollection::new(prompting.memory.as_ref(), &parts.llm, &budget);
        Self {
            language,
            phrases,
            notebook,
            memory,
            instructions,
            variables,
            budget,
            looks_up: parts.knowledge.is_some(),
            start: 0,
            recalls: true,
            fixed: 0,
            problems,
        }
    }

    /// The scene of another agent in the same call, who knows of the conversation what is said from
    /// the message `from` on, or all of it.
    pub(crate) fn hand_to(&mut self, parts: &Parts, info: &CallInfo, from: Option<usize>) {
        let mut next = Self::new(parts, info);
        next.notebook = self.notebook.with_slots(&parts.prompting.slots);
        next.memory.inherit(&mut self.memory);
        (next.start, next.recalls) = (from.unwrap_or(0), from.is_none());
        *self = next;
    }

    /// What went wrong at the start.
    pub(crate) fn problems(&mut self) -> impl Iterator<Item = (Part, Error)> {
        std::mem::take(&mut self.problems).into_iter().map(|error| (Part::Prompt, error))
    }

    /// What the model is asked when `said` and `more`, which is no part of it yet, is the
    /// conversation; without what is still to be looked up.
    ///
    /// # Errors
    ///
    /// `Config` if the instructions cannot be rendered or leave no room.
    pub(crate) fn compose(
        &mut self,
        said: &[Message],
        more: Vec<Message>,
        tools: Vec<ToolSpec>,
    ) -> Result<Draft> {
        let own = |name| self.instructions.mentions(name);
        let summary = self.memory.text().filter(|_| self.recalls && !own("summary"));
        let noted = self.notebook.text().filter(|_| !own("slots"));
        let slots = self.notebook.slots();
        let rules = [
            (self.looks_up && !own("passages")).then_some(briefing::RULE),
            (!slots.is_empty() && !own("slots")).then_some(slots::RULE),
            summary.as_ref().map(|_| memory::RULE),
        ];
        let mut variables = self.variables.clone();
        variables.set_tools(&tools);
        variables.set_slots(slots, &self.notebook.noted());
        let recalled = if self.recalls { self.memory.summary() } else { "" };
        variables.set("summary", recalled.into());
        variables.set("turn", turns(said, &more).into());
        let start = self.memory.covered().max(self.start).min(said.len());
        let mut messages = said[start..].to_vec();
        messages.extend(more);
        let all = messages.len();
        let mut request = ChatRequest::new("", messages);
        request.tools = tools;
        let mut draft = Draft {
            request,
            instructions: self.instructions.clone(),
            rules: rules.into_iter().flatten().collect(),
            variables,
            summary,
            noted,
            budget: self.budget.clone(),
        };
        self.fixed = draft.fit()?;
        self.start = start + (all - draft.request.messages.len());
        Ok(draft)
    }

    /// What instructions and tools of the latest request took.
    pub(crate) fn fixed(&self) -> u64 {
        self.fixed
    }

    /// The conversation as it is kept for a call after this one.
    pub(crate) fn record(&self, messages: &[Message]) -> SessionRecord {
        let newer = messages.get(self.memory.covered()..).unwrap_or_default();
        let mut record = SessionRecord::new(newer.to_vec());
        self.memory.summary().clone_into(&mut record.summary);
        record.slots = self.notebook.noted();
        record
    }

    /// Goes on with what was kept of a call before, but for its messages.
    pub(crate) fn restore(&mut self, record: &mut SessionRecord) {
        self.memory.restore(std::mem::take(&mut record.summary));
        self.notebook.restore(std::mem::take(&mut record.slots));
    }
}

/// A request to the model that lacks what is still to be looked up.
pub(crate) struct Draft {
    /// All but the instructions, the summary and what is noted.
    request: ChatRequest,
    instructions: Prompt,
    rules: Vec<&'static str>,
    variables: Variables,
    summary: Option<String>,
    noted: Option<String>,
    budget: Budget,
}

impl Draft {
    pub(crate) fn request(&self) -> &ChatRequest {
        &self.request
    }

    /// The request: the instructions, what is remembered in fewer words, as much of the
    /// conversation and of `passages` as there is room for, and what is noted.
    ///
    /// # Errors
    ///
    /// As [`Scene::compose`].
    pub(crate) fn finish(mut self, passages: Vec<Passage>) -> Result<ChatRequest> {
        if !passages.is_empty() {
            self.request.passages = passages;
            self.fit()?;
        }
        let Self { mut request, instructions, summary, noted, .. } = self;
        if instructions.mentions("passages") {
            request.passages.clear();
        }
        put_before(&mut request.messages, noted, |messages| {
            messages.iter().rposition(|message| matches!(message, Message::Caller { .. }))
        });
        put_before(&mut request.messages, summary, |messages| {
            matches!(messages.first(), Some(Message::Caller { .. })).then_some(0)
        });
        Ok(request)
    }

    /// Renders the instructions and cuts the rest to the budget. What instructions and tools take.
    fn fit(&mut self) -> Result<u64> {
        let own = |name| self.instructions.mentions(name);
        let (history, passages) = (own("history"), own("passages"));
        let added = [&self.summary, &self.noted].into_iter().flatten();
        let added: u64 = added.map(|text| self.budget.messages(&[Message::caller(text)])).sum();
        let request = &mut self.request;
        loop {
            if history {
                self.variables.set_history(&request.messages);
            }
            if passages {
                self.variables.set_passages(&request.passages);
            }
            request.instructions = self.instructions.render(&self.variables)?;
            for rule in &self.rules {
                append(&mut request.instructions, rule);
            }
            let fixed = self.budget.fixed(&request.instructions, &request.tools);
            let before = (request.messages.len(), request.passages.len());
            let fit = self.budget.fit(request, fixed + added);
            // What is cut is cut from the instructions, too, if they repeat it.
            let after = (request.messages.len(), request.passages.len());
            if (history || passages) && before != after {
                continue;
            }
            return fit.map(|()| fixed);
        }
    }
}

/// How often the caller has spoken.
fn turns(said: &[Message], more: &[Message]) -> usize {
    let is_caller = |message: &&Message| matches!(message, Message::Caller { .. });
    said.iter().chain(more).filter(is_caller).count()
}

fn append(instructions: &mut String, rule: &str) {
    if !instructions.is_empty() {
        instructions.push_str("\n\n");
    }
    instructions.push_str(rule);
}

/// Puts `text` before the words of the message at `place`, or into a message of its own at the
/// beginning: some models take no two messages of the caller in a row.
fn put_before(
    messages: &mut Vec<Message>,
    text: Option<String>,
    place: impl Fn(&[Message]) -> Option<usize>,
) {
    let Some(text) = text else { return };
    let at = place(messages);
    match at.and_then(|at| messages.get_mut(at)) {
        Some(Message::Caller { text: words }) => *words = format!("{text}\n\n{words}"),
        Some(Message::Agent { .. } | Message::Tool { .. }) | None => {
            messages.insert(0, Message::caller(text));
        }
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("language", &self.language).finish_non_exhaustive()
    }
}
