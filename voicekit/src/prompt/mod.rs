//! Prompts: what a model is told, as text or as templates.
//!
//! A [`Prompt::text`] is never interpreted. A [`Prompt::template`] is a Jinja template, read once
//! when it is made and rendered for each reply:
//!
//! ```
//! use voicekit::{Agent, Prompt};
//!
//! let prompt = Prompt::template("bakery", "\
//!     You answer the telephone of {{ shop.name }}.\n\
//!     {% if call.parameters.customer %}\
//!     The caller is {{ call.parameters.customer }}.\n\
//!     {% endif %}\
//!     Answer in {{ language }}, briefly.")?;
//! let agent = Agent::builder()
//!     .instructions(prompt)
//!     .variable("shop", std::collections::BTreeMap::from([("name", "Corner Bakery")]));
//! # let _ = agent;
//! # Ok::<(), voicekit::PromptError>(())
//! ```
//!
//! # Variables
//!
//! | name | what it is |
//! |---|---|
//! | `call.id`, `call.from`, `call.to` | who calls whom; a withheld number is `none` |
//! | `call.parameters.NAME` | what the application attached to the call; `none` if it did not |
//! | `language` | the call's language, a BCP 47 tag |
//! | `tools` | what the model may call, each with `name` and `description` |
//! | `slots.NAME` | what is noted in a [slot](crate::slots); `none` if nothing is |
//! | `summary` | what was said earlier in fewer words, empty at first; see [`crate::memory`] |
//! | `history` | what was said and is not in the summary, each with `role` and `text` |
//! | `passages` | what was looked up for the caller's last words, each with `text` and `metadata` |
//! | `turn` | how often the caller has spoken, from 1 |
//!
//! The rest is the application's: [`AgentBuilder::variable`](crate::AgentBuilder::variable) for
//! what all calls share, [`AgentBuilder::variables`](crate::AgentBuilder::variables) for what is
//! known of one. The time is the application's, too: a prompt that changes with every turn is
//! read anew by the model each time, while one that stays the same byte by byte is found in the
//! provider's cache. A prompt whose variables do not change does not.
//!
//! Lines that hold nothing but a tag leave no empty line, and the space around the whole is
//! removed. `none` prints as nothing, is false, and gives way to `default("…")`. Printing what is
//! not there at all is an error.
//!
//! Slots, summary and passages need no place in a template: those that it does not mention are added
//! to the conversation as data, between marks. What the caller said and a template repeats has the
//! authority of instructions, so mention them only where that is wanted.
//!
//! # Errors come at construction
//!
//! - [`Prompt::template`] and [`Prompt::load`] find what is no template, filters and tests that there
//!   are not, and includes that are missing or outside.
//! - [`AgentBuilder::build`](crate::AgentBuilder::build) finds variables that there are not, in any
//!   branch, and what fails when rendered with everything known or with nothing known.
//!
//! Each says the file, the line and the line's text: [`PromptError`]. What cannot be found there
//! (a value of another type than in any trial) fails the reply, and the caller hears the agent's
//! apology.
//!
//! # Bounds
//!
//! A rendering may take 50,000 steps of work, to which all text that it makes counts, at 64 bytes
//! a step (some 10 ms; a prompt of 30 KB takes 1,900), and give 256 KiB of text. A template that
//! loops is an error that says so.

mod budget;
mod compose;
mod language;
mod marks;
mod scan;
mod settings;
mod template;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use voicekit_core::error::{Error, ErrorKind};

pub(crate) use budget::turn_end;
pub use budget::{Budget, Estimate, TokenCount};
pub(crate) use compose::{Draft, Prompting, Scene};
pub(crate) use language::{find, normal};
pub(crate) use marks::escaped;
use template::Template;
pub(crate) use variables::{Known, Variables};

/// What a model is told: text, or a template. Cloning shares it.
#[derive(Clone)]
pub struct Prompt {
    source: Source,
    /// In other languages, by tag.
    others: BTreeMap<String, Self>,
}

#[derive(Clone)]
enum Source {
    Text(Arc<str>),
    Template(Arc<Template>),
}

impl Prompt {
    /// This very text, whatever is in it. A string becomes such a prompt by itself.
    pub fn text(text: impl Into<String>) -> Self {
        Self { source: Source::Text(text.into().into()), others: BTreeMap::new() }
    }

    /// A template. `name` is what its errors call it.
    ///
    /// # Errors
    ///
    /// If it is no template, names filters or tests that there are not, or includes others: that
    /// takes a directory, see [`load`](Self::load).
    pub fn template(
        name: impl Into<String>,
        source: impl Into<String>,
    ) -> Result<Self, PromptError> {
        Template::new(name.into(), source.into()).map(Self::from_template)
    }

    /// The template in a file, with those that it includes, extends or imports. They are named by
    /// their path from the file's directory, and must be in it or below. Nothing is read later.
    ///
    /// # Errors
    ///
    /// If one of the files cannot be read, is outside of the directory, above 256 KiB, or the 65th;
    /// and as [`template`](Self::template), of any of them.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PromptError> {
        Template::load(path.as_ref()).map(Self::from_template)
    }

    fn from_template(template: Template) -> Self {
        Self { source: Source::Template(Arc::new(template)), others: BTreeMap::new() }
    }

    /// The same in another language, for calls in it. `tag` is a BCP 47 tag; a call takes the
    /// closest there is: `de-AT`, else `de`, else the prompt itself.
    #[must_use]
    pub fn in_language(mut self, tag: impl AsRef<str>, prompt: impl Into<Self>) -> Self {
        self.others.insert(normal(tag.as_ref()), prompt.into());
        self
    }

    /// The one for a call in `language`.
    pub(crate) fn of(&self, language: &str) -> &Self {
        find(&self.others, language).unwrap_or(self)
    }

    /// All of them with their languages; of itself, `language`.
    pub(crate) fn all<'a>(
        &'a self,
        language: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Self)> {
        let others = self.others.iter().map(|(tag, prompt)| (&**tag, prompt));
        std::iter::once((language, self)).chain(others)
    }

    /// Whether it mentions the variable `name`.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        match &self.source {
            Source::Text(_) => false,
            Source::Template(template) => template.mentions(name),
        }
    }

    /// Finds what would fail in a call.
    pub(crate) fn check(&self, known: &Known) -> Result<(), PromptError> {
        match &self.source {
            Source::Text(_) => Ok(()),
            Source::Template(template) => template.check(known),
        }
    }

    pub(crate) fn render(&self, variables: &Variables) -> Result<String, PromptError> {
        match &self.source {
            Source::Text(text) => Ok(text.to_string()),
            Source::Template(template) => template.render(variables),
        }
    }
}

impl Default for Prompt {
    fn default() -> Self {
        Self::text("")
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Prompt {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.source {
            Source::Text(_) => "text",
            Source::Template(template) => template.name(),
        };
        let languages: Vec<&String> = self.others.keys().collect();
        f.debug_struct("Prompt").field("of", &name).field("also_in", &languages).finish()
    }
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptError {
    /// The template's name, or the file's path.
    pub file: String,
    /// The line, from 1, if it is about one.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// The line's text, without the space around it; empty if it is about no line.
    pub text: String,
}

impl fmt::Display for PromptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, text } = self;
        match line {
            Some(line) => write!(f, "{file}:{line}: {what}, in `{text}`"),
            None => write!(f, "{file}: {what}"),
        }
    }
}

impl std::error::Error for PromptError {}

/// A wrong prompt is a wrong setting.
impl From<PromptError> for Error {
    fn from(error: PromptError) -> Self {
        Self::new(ErrorKind::Config, "prompt", error.to_string()).with_source(error)
    }
}
