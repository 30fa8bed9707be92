//! The course of a conversation, as a pure function of what was said.
//!
//! [`reply`] goes through the caller's turns from the first to the last and gives the answer to
//! the last. It remembers nothing between calls: the same turns give the same answer, byte for byte.
//!
//! # Invariants
//!
//! - An order is placed only after a yes to a read-back that the caller heard.
//! - A question in the middle of an order is answered, and then the order goes on where it was.
//! - A caller can leave an order at every point.
//! - A tool is asked for once for each yes, and what came of it is said once the caller can hear it.

mod order;
mod tools;

use std::collections::BTreeSet;

use voicekit_core::retrieve::Embedding;
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};

use self::order::Order;
use self::tools::News;
use super::knowledge::{Intent, Knowledge};
use super::matching::{Index, Item, Match};
use super::smalltalk::{Remark, remark, wants_person};
use super::words::{Assent, Words, assent};

/// How far below the threshold a question may be to be asked back about.
const NEARLY: f32 = 0.12;
/// The least similarity of half a question, which says less than a whole one.
const HALF: f32 = 0.6;

/// What a conversation is answered from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desk<'a> {
    pub(super) knowledge: &'a Knowledge,
    pub(super) index: &'a Index,
    /// What may be asked to be done.
    pub(super) tools: &'a [ToolSpec],
}

/// One thing that happened in the conversation.
#[derive(Clone, Debug)]
pub(super) enum Entry<'a> {
    Caller(Turn),
    /// What the caller heard.
    Agent {
        text: &'a str,
        interrupted: bool,
    },
    Tool {
        call: &'a ToolCall,
        outcome: &'a ToolOutcome,
    },
}

/// One thing the caller said.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) text: String,
    /// The whole text first, then its parts, if it has several.
    pub(super) parts: Vec<Part>,
}

/// What to say and to have done.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) call: Option<ToolCall>,
    /// The caller's last words may be a question that something else than the file answers.
    pub(super) is_unknown: bool,
}

/// A text and its meaning.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) embedding: Embedding,
}

/// The texts of a caller's turn whose meaning matters: all of it, its sentences, and the two sides
/// of an "and".
pub(super) fn parts(text: &str) -> Vec<String> {
    let whole = Words::new(text).core();
    let sentences = text.split_inclusive(['.', '?', '!']).map(|part| Words::new(part).core());
    let sentences: Vec<String> = sentences.filter(|part| part.split(' ').count() > 2).collect();
    let halves = whole.split_once(" and ").map(|(left, right)| vec![left, right]);
    let halves = halves.filter(|halves| halves.iter().all(|half| half.split(' ').count() > 2));
    let halves = halves.unwrap_or_default().into_iter().map(str::to_owned).collect();
    let mut parts = vec![whole.clone()];
    parts.extend(if sentences.len() > 1 { sentences } else { halves });
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// The answer to the last of `entries`; the greeting if there is none. `found` answers the caller's
/// last words where the file does not.
pub(super) fn reply(desk: Desk<'_>, entries: &[Entry<'_>], found: Option<&str>) -> Reply {
    let last = entries.iter().rposition(|entry| matches!(entry, Entry::Caller(_)));
    let mut talk = Talk::new(desk, entries);
    for (at, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Caller(turn) => talk.take(turn, found.filter(|_| last == Some(at))),
            Entry::Agent { text, interrupted } => talk.has_said(text, *interrupted),
            Entry::Tool { call, outcome } => talk.learn(call, outcome),
        }
    }
    Reply { text: talk.said, call: talk.call, is_unknown: talk.is_unknown }
}

struct Talk<'a> {
    desk: Desk<'a>,
    /// The tool calls of the whole conversation, begun or ended.
    calls: BTreeSet<&'a str>,
    state: State,
    /// How often the caller has spoken.
    turns: usize,
    /// What the agent said last, or is to say.
    said: String,
    /// Whether the caller has heard any of it.
    begun: bool,
    /// Whether the caller heard the agent out.
    heard_out: bool,
    /// What came of a tool and has not been heard yet.
    news: Option<News>,
    /// The last call that only ends the agent's part of the call.
    parting: Option<String>,
    call: Option<ToolCall>,
    /// How many questions in a row it did not understand.
    unknown: usize,
    is_unknown: bool,
    found: Option<&'a str>,
}

#[derive(Clone, Debug)]
enum State {
    Open,
    /// "Are you asking about our opening hours?"
    Offered(usize),
    /// Something was finished; "anything else?" is in the air.
    Finished,
    Order(Order),
    /// A tool carries the order out, under this id.
    Calling(Order, String),
}

impl<'a> Talk<'a> {
    fn new(desk: Desk<'a>, entries: &'a [Entry<'_>]) -> Self {
        let calls = entries.iter().filter_map(|entry| match entry {
            Entry::Tool { call, .. } => Some(&*call.id),
            Entry::Caller(_) | Entry::Agent { .. } => None,
        });
        Self {
            desk,
            calls: calls.collect(),
            state: State::Open,
            turns: 0,
            said: desk.knowledge.greeting().to_owned(),
            begun: false,
            heard_out: true,
            news: None,
            parting: None,
            call: None,
            unknown: 0,
            is_unknown: false,
            found: None,
        }
    }

    /// The caller has spoken.
    fn take(&mut self, turn: &Turn, found: Option<&'a str>) {
        (self.turns, self.call, self.is_unknown, self.found) = (self.turns + 1, None, false, found);
        self.news = self.news.take().filter(|news| news.is_lasting);
        let answer = self.answer(turn);
        self.said = match &self.news {
            Some(news) => format!("{} {answer}", news.text),
            None => answer,
        };
        (self.begun, self.heard_out) = (false, false);
    }

    /// The caller has heard `text`. Where the history is not what would be said, it goes first:
    /// that was made of more than the conversation.
    fn has_said(&mut self, text: &str, interrupted: bool) {
        self.heard_out = !interrupted;
        self.call = None;
        let missed = |news: &News| interrupted && !letters(text).contains(&letters(&news.text));
        self.news = self.news.take().filter(missed);
        if std::mem::replace(&mut self.begun, true) || begins_alike(text, &self.said) {
            return;
        }
        text.clone_into(&mut self.said);
        self.unknown = 0;
        if let State::Offered(_) = self.state {
            self.state = State::Open;
        }
    }

    fn answer(&mut self, turn: &Turn) -> String {
        let words = Words::new(&turn.text);
        if words.len() == 0 {
            return self.said.clone();
        }
        if wants_person(&words)
            && let Some(answer) = self.connect(turn)
        {
            return answer;
        }
        match self.state.clone() {
            State::Order(order) => self.go_on(order, turn, &words),
            State::Calling(order, id) => self.meanwhile(order, &id, turn, &words),
            State::Offered(fact) => self.after_offer(fact, turn, &words),
            State::Finished => self.after_order(turn, &words),
            State::Open => self.open(turn, &words),
        }
    }

    fn after_offer(&mut self, fact: usize, turn: &Turn, words: &Words) -> String {
        self.state = State::Open;
        match assent(words) {
            Assent::Yes => self.fact(fact),
            Assent::No if words.len() <= 3 => {
                format!("I see. {}", self.desk.knowledge.business.offer.get_ref())
            }
            Assent::No | Assent::Neither => self.open(turn, words),
        }
    }

    fn after_order(&mut self, turn: &Turn, words: &Words) -> String {
        self.state = State::Open;
        if words.len() > 3 || remark(words).is_some() {
            return self.open(turn, words);
        }
        match assent(words) {
            Assent::No => self.goodbye(),
            Assent::Yes => "What can I do for you?".to_owned(),
            Assent::Neither => self.open(turn, words),
        }
    }

    fn open(&mut self, turn: &Turn, words: &Words) -> String {
        if let Some(remark) = remark(words) {
            return self.remark(remark);
        }
        if let Some(answer) = self.several(turn) {
            self.unknown = 0;
            return answer;
        }
        let threshold = *self.desk.knowledge.business.threshold.get_ref();
        let closest = self.closest(turn).filter(|found| found.similarity >= threshold - NEARLY);
        let clear = closest.filter(|found| found.similarity >= threshold);
        if let Some(answer) = clear.and_then(|found| self.serve(found.item, words)) {
            self.unknown = 0;
            return answer;
        }
        if let Some(answer) = self.looked_up() {
            return answer;
        }
        match closest {
            Some(found) => self.ask_back(found.item),
            None => self.not_known(),
        }
    }

    fn serve(&mut self, item: Item, words: &Words) -> Option<String> {
        match item {
            Item::Fact(fact) => Some(self.fact(fact)),
            Item::Intent(intent) => Some(self.begin(intent, words)),
            Item::Transfer(place) => self.connect_with(Some(place)),
        }
    }

    /// What was found elsewhere for the caller's last words.
    fn looked_up(&mut self) -> Option<String> {
        self.is_unknown = true;
        self.found.map(str::to_owned)
    }

    fn remark(&mut self, remark: Remark) -> String {
        let business = &self.desk.knowledge.business;
        let offer = business.offer.get_ref();
        match remark {
            Remark::Hello => "Hello! How can I help you?".to_owned(),
            Remark::HowAreYou => "I'm very well, thank you. How can I help you?".to_owned(),
            Remark::Thanks => "You're welcome. Is there anything else?".to_owned(),
            Remark::Goodbye => self.goodbye(),
            Remark::Repeat => self.said.clone(),
            Remark::Wait => "Of course, take your time.".to_owned(),
            Remark::Cancel => "No problem. Can I help you with anything else?".to_owned(),
            Remark::WhoAreYou => {
                format!("I'm the automatic receptionist of {}. {offer}", business.name.get_ref())
            }
            Remark::WhatCanYouDo => offer.clone(),
        }
    }

    /// The answers to two questions in one turn, if both are understood.
    fn several(&self, turn: &Turn) -> Option<String> {
        let mut facts: Vec<usize> = Vec::new();
        for part in turn.parts.get(1..)? {
            let found = self.desk.index.closest(&part.text, &part.embedding)?;
            match found.item {
                Item::Fact(fact) if found.similarity >= HALF && !facts.contains(&fact) => {
                    facts.push(fact);
                }
                Item::Fact(_) => {}
                Item::Intent(_) | Item::Transfer(_) if found.similarity >= HALF => return None,
                Item::Intent(_) | Item::Transfer(_) => {}
            }
        }
        facts.truncate(2);
        let answers: Vec<String> = facts.iter().map(|fact| self.fact(*fact)).collect();
        (answers.len() > 1).then(|| answers.join(" "))
    }

    /// What the turn as a whole, or the clearest of its sentences, comes closest to.
    fn closest(&self, turn: &Turn) -> Option<Match> {
        let found = turn
            .parts
            .iter()
            .filter_map(|part| self.desk.index.closest(&part.text, &part.embedding));
        found.max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    fn fact(&self, fact: usize) -> String {
        self.desk.knowledge.facts[fact].answer.get_ref().clone()
    }

    fn ask_back(&mut self, item: Item) -> String {
        match item {
            Item::Fact(fact) => {
                self.state = State::Offered(fact);
                let topic = self.desk.knowledge.facts[fact].topic.get_ref();
                format!("I'm not sure I understood. Are you asking about {topic}?")
            }
            Item::Intent(_) | Item::Transfer(_) => self.not_known(),
        }
    }

    fn not_known(&mut self) -> String {
        let business = &self.desk.knowledge.business;
        let apologies = business.unknown.get_ref();
        let apology = &apologies[self.unknown % apologies.len()];
        self.unknown += 1;
        format!("{apology} {}", business.offer.get_ref())
    }

    fn intent(&self, intent: usize) -> &'a Intent {
        &self.desk.knowledge.intents[intent]
    }

    /// The answer to a question that has nothing to do with the order, from wherever there is one.
    fn answer_to(&mut self, turn: &Turn, words: &Words) -> Option<String> {
        let answer = self.question(turn, words);
        if answer.is_some() || !words.ask() {
            return answer;
        }
        self.looked_up()
    }

    /// The answer from the file to a question that has nothing to do with the order.
    fn question(&self, turn: &Turn, words: &Words) -> Option<String> {
        let found = self.closest(turn)?;
        let threshold = *self.desk.knowledge.business.threshold.get_ref();
        let needed = if words.ask() { threshold } else { threshold + 0.1 };
        match found.item {
            Item::Fact(fact) if found.similarity >= needed => Some(self.fact(fact)),
            Item::Fact(_) | Item::Intent(_) | Item::Transfer(_) => None,
        }
    }
}

/// Whether one of the texts begins as the other does, up to a few words.
fn begins_alike(a: &str, b: &str) -> bool {
    const ENOUGH: usize = 12;
    let (a, b) = (letters(a), letters(b));
    a.chars().zip(b.chars()).take(ENOUGH).all(|(a, b)| a == b)
}

/// What is left of a text however it is written and spaced.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
