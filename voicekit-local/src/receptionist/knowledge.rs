//! What a receptionist knows, read from a TOML file.
//!
//! ```toml
//! [business]
//! name = "Corner Bakery"
//! greeting = "Thank you for calling Corner Bakery. How can I help you?"
//! goodbye = "Thank you for calling. Goodbye!"
//! unknown = ["I'm sorry, I don't know that."]
//! offer = "I can tell you our hours, or take an order for a cake."
//!
//! [[fact]]
//! topic = "our opening hours"
//! ask = ["When are you open?", "What time do you close?"]
//! answer = "We're open every day from seven to six."
//!
//! [[intent]]
//! name = "order_cake"
//! ask = ["I'd like to order a cake."]
//! begin = "I can take your order."
//! confirm = "That's {what} for {when}. Is that right?"
//! done = "Your cake is ordered."
//! cancelled = "All right, I've dropped the order."
//!
//! [[intent.slot]]
//! name = "what"
//! kind = "choice"
//! choices = ["chocolate cake", "carrot cake"]
//! prompt = "Which cake would you like: chocolate or carrot?"
//!
//! [[intent.slot]]
//! name = "when"
//! kind = "date"
//! prompt = "For which day?"
//! ```
//!
//! An intent with a `tool` is done by that tool once the caller has confirmed it: its slots are
//! the tool's arguments, by their own names or as `argument` says. What the tool answers is said;
//! if it refuses a value, that slot is asked for again.
//!
//! ```toml
//! [[intent]]
//! name = "book"
//! tool = "book_table"
//! wait = "One moment, please."                       # said while it runs
//! failed = "I'm sorry, I can't take bookings just now."  # said if it cannot
//! # …
//! [[intent.slot]]
//! name = "people"
//! argument = "party_size"
//! # …
//!
//! [[transfer]]
//! to = "the front desk"           # as the tool `transfer` knows it
//! ask = ["Can I talk to a person?"]
//! say = "I'll connect you with the front desk."
//! otherwise = "I'm sorry, nobody can come to the phone."  # without the tool
//! ```

mod intent;

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

pub(super) use self::intent::{Intent, Kind, Slot, Transfer};

/// What a receptionist knows and can do.
#[derive(Clone, Debug)]
pub struct Knowledge {
    pub(super) business: Business,
    pub(super) facts: Vec<Fact>,
    pub(super) intents: Vec<Intent>,
    pub(super) transfers: Vec<Transfer>,
}

/// Why a knowledge file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {key}: {problem}")]
#[non_exhaustive]
pub struct KnowledgeError {
    /// The line of the file, from 1.
    pub line: usize,
    /// The key that is wrong, as far as it is known: `intent.slot.kind`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Business {
    pub(super) name: Spanned<String>,
    pub(super) greeting: Spanned<String>,
    pub(super) goodbye: Spanned<String>,
    pub(super) unknown: Spanned<Vec<String>>,
    pub(super) offer: Spanned<String>,
    /// The least similarity of a question to a known one, 0 to 1.
    #[serde(default = "threshold")]
    pub(super) threshold: Spanned<f32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fact {
    pub(super) topic: Spanned<String>,
    pub(super) ask: Spanned<Vec<String>>,
    pub(super) answer: Spanned<String>,
}

/// Measured with MiniLM (int8) on the demonstration: 44 of 48 questions in callers' own words are
/// above it, of twelve that a caller of a bakery may ask but the file does not answer, one.
fn threshold() -> Spanned<f32> {
    Spanned::new(0..0, 0.58)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    business: Business,
    #[serde(default, rename = "fact")]
    facts: Vec<Fact>,
    #[serde(default, rename = "intent")]
    intents: Vec<Intent>,
    #[serde(default, rename = "transfer")]
    transfers: Vec<Transfer>,
}

impl Knowledge {
    /// Reads a knowledge file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, with its line and key.
    pub fn from_toml(text: &str) -> Result<Self, KnowledgeError> {
        let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let File { business, facts, intents, transfers } = file;
        let knowledge = Self { business, facts, intents, transfers };
        knowledge.check(&Checker { text })?;
        Ok(knowledge)
    }

    /// A neighbourhood bakery: hours, address, prices, allergies, parking, and orders for cakes.
    ///
    /// # Panics
    ///
    /// Never: the file is part of the crate and read by its tests.
    #[expect(clippy::expect_used, reason = "the file is compiled in and tested")]
    pub fn bakery() -> Self {
        Self::from_toml(include_str!("bakery.toml")).expect("the demonstration file is valid")
    }

    /// What the receptionist says when the call begins.
    pub fn greeting(&self) -> &str {
        self.business.greeting.get_ref()
    }

    /// What the receptionist says when it ends the call.
    pub fn goodbye(&self) -> &str {
        self.business.goodbye.get_ref()
    }

    /// The same knowledge as instructions to a language model in the receptionist's place.
    ///
    /// Intents are left out: what a model may do, it is given as tools.
    pub fn instructions(&self) -> String {
        let Business { name, offer, .. } = &self.business;
        let (name, offer) = (name.get_ref(), offer.get_ref());
        let mut text = format!(
            "You answer the telephone of {name}. Speak as people do on the phone: one or two short \
             sentences, no lists, no formatting, numbers and times in words that can be read \
             aloud. What you know is below; if the answer is not there, say that you do not know. \
             When the caller says goodbye, say goodbye.\n\nWhat you can offer: {offer}\n"
        );
        for fact in &self.facts {
            text.push_str(&format!("\nAbout {}: {}", fact.topic.get_ref(), fact.answer.get_ref()));
        }
        text
    }

    /// Everything that the receptionist may say that does not depend on the caller: worth
    /// speaking ahead.
    pub fn phrases(&self) -> impl Iterator<Item = &str> {
        let Business { greeting, goodbye, unknown, offer, .. } = &self.business;
        let facts = self.facts.iter().map(|fact| fact.answer.get_ref());
        let intents = self.intents.iter().flat_map(|intent| {
            let prompts = intent.slots.iter().map(|slot| slot.prompt.get_ref());
            prompts.chain([intent.begin.get_ref(), intent.done.get_ref(), intent.wait.get_ref()])
        });
        let transfers = self.transfers.iter().map(|transfer| transfer.say.get_ref());
        let business = [greeting.get_ref(), goodbye.get_ref(), offer.get_ref()];
        let all = business
            .into_iter()
            .chain(unknown.get_ref())
            .chain(facts)
            .chain(intents)
            .chain(transfers);
        all.map(String::as_str)
    }

    /// The tools by which it has things done, beside `transfer` and `hang_up`.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        let tools = self.intents.iter().filter_map(|intent| intent.tool.as_ref());
        tools.map(|tool| tool.get_ref().as_str())
    }

    fn check(&self, checker: &Checker<'_>) -> Result<(), KnowledgeError> {
        let Business { name, greeting, goodbye, unknown, offer, threshold } = &self.business;
        checker.filled("business.name", name)?;
        checker.filled("business.greeting", greeting)?;
        checker.filled("business.goodbye", goodbye)?;
        checker.filled("business.offer", offer)?;
        checker.list("business.unknown", unknown)?;
        if !(0.0..=1.0).contains(threshold.get_ref()) {
            return Err(checker.error(threshold.span(), "business.threshold", "must be 0 to 1"));
        }
        for fact in &self.facts {
            checker.filled("fact.topic", &fact.topic)?;
            checker.list("fact.ask", &fact.ask)?;
            checker.filled("fact.answer", &fact.answer)?;
        }
        let mut names = BTreeSet::new();
        for intent in &self.intents {
            if !names.insert(intent.name.get_ref()) {
                return Err(checker.error(intent.name.span(), "intent.name", "is used twice"));
            }
            intent.check(checker)?;
        }
        self.transfers.iter().try_for_each(|transfer| transfer.check(checker))
    }
}

/// The names in braces in `text`.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

struct Checker<'a> {
    text: &'a str,
}

impl Checker<'_> {
    fn filled(&self, key: &str, text: &Spanned<String>) -> Result<(), KnowledgeError> {
        if text.get_ref().trim().is_empty() {
            return Err(self.error(text.span(), key, "must not be empty"));
        }
        Ok(())
    }

    fn list(&self, key: &str, texts: &Spanned<Vec<String>>) -> Result<(), KnowledgeError> {
        let empty = texts.get_ref().iter().any(|text| text.trim().is_empty());
        if texts.get_ref().is_empty() || empty {
            return Err(self.error(
                texts.span(),
                key,
                "needs at least one text, none of them empty",
            ));
        }
        Ok(())
    }

    fn error(&self, span: Range<usize>, key: &str, problem: impl Into<String>) -> KnowledgeError {
        let line = line(self.text, span.start);
        KnowledgeError { line, key: key.to_owned(), problem: problem.into() }
    }
}

/// What the TOML reader says, which for a missing or unknown key names it in its message.
fn syntax(text: &str, error: &toml::de::Error) -> KnowledgeError {
    let span = error.span().unwrap_or_default();
    let line = line(text, span.start);
    let before = text.lines().nth(line - 1).unwrap_or_default();
    let key = before.split('=').next().unwrap_or_default().trim();
    let problem = error.message().trim().to_owned();
    KnowledgeError { line, key: if key.is_empty() { "file" } else { key }.to_owned(), problem }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, line: usize, key: &str, problem: &str) {
        let text = include_str!("bakery.toml");
        assert!(text.contains(from), "the demonstration has no {from:?}");
        let offset = text.lines().position(|row| row.contains(from.lines().next().unwrap_or(from)));
        let error = Knowledge::from_toml(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.line, offset.unwrap() + line, "{error}");
        assert_eq!(error.key, key, "{error}");
        assert!(error.problem.contains(problem), "{error}");
    }

    #[test]
    fn a_model_in_the_receptionists_place_is_told_all_that_is_known() {
        let knowledge = Knowledge::bakery();
        let told = knowledge.instructions();
        assert!(told.contains(knowledge.business.name.get_ref()), "{told}");
        for fact in &knowledge.facts {
            assert!(told.contains(fact.answer.get_ref()), "{} is missing", fact.topic.get_ref());
        }
    }

    #[test]
    fn the_demonstration_is_valid() {
        let knowledge = Knowledge::bakery();
        assert!(knowledge.facts.len() >= 10);
        assert!(knowledge.phrases().count() > 20);
    }

    #[test]
    fn errors_name_the_line_and_the_key() {
        check("name = \"Corner Bakery\"", "name = \"\"", 1, "business.name", "must not be empty");
        check("{when}", "{day}", 1, "intent.confirm", "there is no slot \"day\"");
        check("kind = \"date\"", "kind = \"day\"", 1, "kind", "unknown variant `day`");
        check("topic = \"parking\"", "subject = \"parking\"", 1, "subject", "unknown field");
        check("min = 4", "min = 400", 1, "intent.slot.min", "is above max");
        check(
            "name = \"people\"\nkind = \"number\"",
            "name = \"what\"\nkind = \"number\"",
            1,
            "intent.slot.name",
            "is used twice",
        );
    }

    #[test]
    fn broken_toml_is_an_error_with_a_line() {
        let error = Knowledge::from_toml("[business]\nname = \"a\" b").unwrap_err();
        assert_eq!(error.line, 2);
    }
}
