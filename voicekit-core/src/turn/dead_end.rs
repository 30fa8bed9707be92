//! Turns that lead nowhere: an announcement heard again and again, or an agent that has no answer.
//!
//! A queue, a menu or an answering machine says the same sentences over and over, and an agent that
//! answers each of them talks to nobody. So does one that says that it does not know, turn after
//! turn. The engine counts both and does what the configuration says once they lead nowhere.
//!
//! Sentences are compared by their words, so that a word that the recognizer missed and a number
//! that it wrote in figures make no difference. Answers of a word or two, which callers do repeat,
//! are no announcements.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Result;

use super::config::at_least;
use super::words::{Vocabulary, has_phrase, normalise, word_count};

/// What is a dead end, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// An announcement heard so many times, with no more than one other in between, is a dead end.
    /// At least 2, or 0: none is. Default: 3.
    pub announcements: u32,
    /// What follows then. Default: `ask`.
    pub after_announcements: DeadEnd,
    /// So many answers of the agent in a row that hold one of the `fallbacks` are a dead end. At
    /// least 2, or 0: none are. Default: 3.
    pub answers: u32,
    /// What follows then. Default: `ask`.
    pub after_answers: DeadEnd,
    /// Phrases with which the agent says that it does not know or cannot help, instead of the usual
    /// ones of English, German, Spanish, French and Chinese. Default: none.
    pub fallbacks: Option<Vec<String>>,
    /// Whether answers that are alike count as well, whatever they say. Default: no; an agent that
    /// takes an order repeats itself and gets on.
    pub alike_answers: bool,
    /// How long an agent that stays silent waits for anything else to be said before it says
    /// goodbye. Default: 3 min.
    #[serde(rename = "silence_ms", with = "crate::time::in_ms")]
    pub silence: Duration,
}

/// What follows when turns lead nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadEnd {
    /// The agent answers as always.
    Ignore,
    /// The agent says nothing until something else is said.
    StaySilent,
    /// The agent asks once what else it can do. From then on it is silent where the announcements go
    /// on, and answers as always where its own answers do.
    Ask,
    /// The caller is transferred. Where that fails, the agent asks.
    Transfer,
    /// The agent says goodbye and hangs up.
    HangUp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            announcements: 3,
            after_announcements: DeadEnd::Ask,
            answers: 3,
            after_answers: DeadEnd::Ask,
            fallbacks: None,
            alike_answers: false,
            silence: Duration::from_secs(180),
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<()> {
        at_least(("dead_ends.silence", self.silence), ("10 ms", Duration::from_millis(10)))
    }

    /// Whether an answer, normalised, says that there is none.
    fn is_fallback(&self, answer: &str) -> bool {
        match &self.fallbacks {
            Some(phrases) => phrases.iter().any(|phrase| {
                let phrase = normalise(phrase);
                !phrase.is_empty() && has_phrase(answer, &phrase)
            }),
            None => FALLBACKS.iter().any(|phrase| has_phrase(answer, phrase)),
        }
    }
}

/// Whether a count has reached a limit, of which 0 is none.
fn is_reached(limit: u32, count: u32) -> bool {
    limit > 0 && count >= limit.max(2)
}

/// Counts what is said again and again in one call.
#[derive(Debug, Default)]
pub(super) struct Repetitions {
    /// What the other side has said lately, the latest last, and how often in a row.
    announcements: VecDeque<(Bag, u32)>,
    answer: Option<Bag>,
    /// How many answers in a row said that there is none, and how many were alike.
    fallbacks: u32,
    alike: u32,
    asked: bool,
}

/// How agents say that they do not know, or cannot help. Normalised.
const FALLBACKS: &[&str] = &[
    "cannot help",
    "can't help",
    "did not understand",
    "didn't understand",
    "do not have information",
    "do not have that information",
    "do not know",
    "do not understand",
    "don't have any information",
    "don't have information",
    "don't have that information",
    "don't know",
    "don't understand",
    "habe ich keine information",
    "habe ich keine informationen",
    "habe ich nicht verstanden",
    "kann ich ihnen leider nicht helfen",
    "kann ich ihnen nicht helfen",
    "kann ich nicht helfen",
    "weiß ich leider nicht",
    "weiß ich nicht",
    "weiß es leider nicht",
    "weiß es nicht",
    "weiß nicht",
    "no he entendido",
    "no le he entendido",
    "no lo sé",
    "no puedo ayudarle",
    "no puedo ayudar",
    "no sé",
    "no tengo esa información",
    "no tengo información",
    "je n'ai pas compris",
    "je n'ai pas cette information",
    "je ne peux pas vous aider",
    "je ne sais pas",
    "不清楚",
    "不知道",
    "帮不了",
    "幫不了",
    "无法帮",
    "無法幫",
    "没有相关信息",
];

/// So many announcements may take turns.
const TAKING_TURNS: usize = 2;

/// Fewer words are what callers say themselves, and repeat when they are not understood.
const SHORTEST: usize = 7;

impl Repetitions {
    /// A turn of the caller is over. What follows, instead of an answer?
    pub(super) fn heard(&mut self, text: &str, words: &Vocabulary, config: &Config) -> DeadEnd {
        if word_count(text) < SHORTEST {
            return DeadEnd::Ignore;
        }
        let bag = Bag::of(text, words);
        let before = self.announcements.iter().position(|(known, _)| known.is_like(&bag));
        let count = before.and_then(|at| self.announcements.remove(at)).map_or(1, |(_, n)| n + 1);
        self.announcements.push_back((bag, count));
        if self.announcements.len() > TAKING_TURNS {
            self.announcements.pop_front();
        }
        if !is_reached(config.announcements, count) {
            return DeadEnd::Ignore;
        }
        match config.after_announcements {
            DeadEnd::Ask | DeadEnd::Transfer if self.asked => DeadEnd::StaySilent,
            follows @ (DeadEnd::Ignore
            | DeadEnd::StaySilent
            | DeadEnd::Ask
            | DeadEnd::Transfer
            | DeadEnd::HangUp) => follows,
        }
    }

    /// The agent has answered with `text`.
    pub(super) fn answered(&mut self, text: &str, words: &Vocabulary, config: &Config) {
        let bag = Bag::of(text, words);
        let alike = self.answer.as_ref().is_some_and(|before| before.is_like(&bag));
        if config.is_fallback(&normalise(text)) {
            self.fallbacks += 1;
        } else {
            self.fallbacks = 0;
        }
        self.alike = if alike { self.alike + 1 } else { 1 };
        self.answer = Some(bag);
    }

    /// What follows the agent's answers up to here, told once.
    pub(super) fn led_nowhere(&mut self, config: &Config) -> DeadEnd {
        let alike = if config.alike_answers { self.alike } else { 0 };
        if !is_reached(config.answers, self.fallbacks.max(alike)) {
            return DeadEnd::Ignore;
        }
        (self.fallbacks, self.alike) = (0, 0);
        match config.after_answers {
            DeadEnd::Ask | DeadEnd::Transfer if self.asked => DeadEnd::Ignore,
            follows @ (DeadEnd::Ignore
            | DeadEnd::StaySilent
            | DeadEnd::Ask
            | DeadEnd::Transfer
            | DeadEnd::HangUp) => follows,
        }
    }

    /// The other side has been asked, or was to be transferred.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }
}

/// The words of a text, without their order.
#[derive(Debug, PartialEq, Eq)]
struct Bag(BTreeMap<String, usize>);

impl Bag {
    fn of(text: &str, words: &Vocabulary) -> Self {
        let mut bag = BTreeMap::new();
        for word in words.without_numbers(text) {
            *bag.entry(word).or_default() += 1;
        }
        Self(bag)
    }

    fn len(&self) -> usize {
        self.0.values().sum()
    }

    /// Whether four in five words are the same.
    fn is_like(&self, other: &Self) -> bool {
        let shared = self.0.iter().map(|(word, n)| other.0.get(word).map_or(0, |m| *m.min(n)));
        let shared: usize = shared.sum();
        shared * 10 >= (self.len() + other.len()) * 4 && shared > 0
    }
}
