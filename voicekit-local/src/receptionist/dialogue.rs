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

use std::collections::BTreeMap;

use voicekit_core::retrieve::Embedding;

use super::knowledge::{Intent, Kind, Knowledge, placeholders};
use super::matching::{Index, Item, Match};
use super::slots::{Answer, Asked, names, read};
use super::smalltalk::{Remark, remark};
use super::words::{Assent, Words, assent};

/// How far below the threshold a question may be to be asked back about.
const NEARLY: f32 = 0.12;
/// The least similarity of half a question, which says less than a whole one.
const HALF: f32 = 0.6;

/// One thing the caller said.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) text: String,
    /// The whole text first, then its parts, if it has several.
    pub(super) parts: Vec<Part>,
    /// Whether the caller had heard the agent out before.
    pub(super) heard_out: bool,
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

/// The answer to the last of `turns`; the greeting if there is none.
pub(super) fn reply(knowledge: &Knowledge, index: &Index, turns: &[Turn]) -> String {
    let mut talk = Talk { knowledge, index, state: State::Open, said: String::new(), unknown: 0 };
    talk.said = knowledge.greeting().to_owned();
    for turn in turns {
        talk.said = talk.answer(turn);
    }
    talk.said
}

struct Talk<'a> {
    knowledge: &'a Knowledge,
    index: &'a Index,
    state: State,
    /// What the agent said last.
    said: String,
    /// How many questions in a row it did not understand.
    unknown: usize,
}

#[derive(Clone, Debug)]
enum State {
    Open,
    /// "Are you asking about our opening hours?"
    Offered(usize),
    /// Something was finished; "anything else?" is in the air.
    Finished,
    Order(Order),
}

#[derive(Clone, Debug)]
struct Order {
    intent: usize,
    /// By the place of the slot.
    values: BTreeMap<usize, String>,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waiting for the value of this slot.
    Ask(usize),
    /// Waiting for a yes to the read-back.
    Confirm,
    /// Waiting to hear what is wrong.
    Change,
}

impl Talk<'_> {
    fn answer(&mut self, turn: &Turn) -> String {
        let words = Words::new(&turn.text);
        if words.len() == 0 {
            return self.said.clone();
        }
        match self.state.clone() {
            State::Order(order) => self.go_on(order, turn, &words),
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
                format!("I see. {}", self.knowledge.business.offer.get_ref())
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
            Assent::No => self.knowledge.business.goodbye.get_ref().clone(),
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
        let Some(found) = self.closest(turn) else { return self.not_known() };
        let threshold = *self.knowledge.business.threshold.get_ref();
        if found.similarity < threshold - NEARLY {
            return self.not_known();
        }
        if found.similarity < threshold {
            return self.ask_back(found.item);
        }
        self.unknown = 0;
        match found.item {
            Item::Fact(fact) => self.fact(fact),
            Item::Intent(intent) => self.begin(intent, words),
        }
    }

    fn remark(&self, remark: Remark) -> String {
        let business = &self.knowledge.business;
        let offer = business.offer.get_ref();
        match remark {
            Remark::Hello => "Hello! How can I help you?".to_owned(),
            Remark::HowAreYou => "I'm very well, thank you. How can I help you?".to_owned(),
            Remark::Thanks => "You're welcome. Is there anything else?".to_owned(),
            Remark::Goodbye => business.goodbye.get_ref().clone(),
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
            let found = self.index.closest(&part.text, &part.embedding)?;
            match found.item {
                Item::Fact(fact) if found.similarity >= HALF && !facts.contains(&fact) => {
                    facts.push(fact);
                }
                Item::Fact(_) => {}
                Item::Intent(_) if found.similarity >= HALF => return None,
                Item::Intent(_) => {}
            }
        }
        facts.truncate(2);
        let answers: Vec<String> = facts.iter().map(|fact| self.fact(*fact)).collect();
        (answers.len() > 1).then(|| answers.join(" "))
    }

    /// What the turn as a whole, or the clearest of its sentences, comes closest to.
    fn closest(&self, turn: &Turn) -> Option<Match> {
        let found =
            turn.parts.iter().filter_map(|part| self.index.closest(&part.text, &part.embedding));
        found.max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    fn fact(&self, fact: usize) -> String {
        self.knowledge.facts[fact].answer.get_ref().clone()
    }

    fn ask_back(&mut self, item: Item) -> String {
        match item {
            Item::Fact(fact) => {
                self.state = State::Offered(fact);
                let topic = self.knowledge.facts[fact].topic.get_ref();
                format!("I'm not sure I understood. Are you asking about {topic}?")
            }
            Item::Intent(_) => self.not_known(),
        }
    }

    fn not_known(&mut self) -> String {
        let business = &self.knowledge.business;
        let apologies = business.unknown.get_ref();
        let apology = &apologies[self.unknown % apologies.len()];
        self.unknown += 1;
        format!("{apology} {}", business.offer.get_ref())
    }

    fn begin(&mut self, intent: usize, words: &Words) -> String {
        let mut order = Order { intent, values: BTreeMap::new(), step: Step::Confirm };
        order.take(self.intent(intent), words, None);
        let next = self.next(&mut order);
        self.state = State::Order(order);
        format!("{} {next}", self.intent(intent).begin.get_ref())
    }

    fn intent(&self, intent: usize) -> &Intent {
        &self.knowledge.intents[intent]
    }

    /// The next prompt of an order: the first slot that is still empty, or the read-back.
    fn next(&self, order: &mut Order) -> String {
        let intent = self.intent(order.intent);
        let empty = (0..intent.slots.len()).find(|slot| !order.values.contains_key(slot));
        order.step = empty.map_or(Step::Confirm, Step::Ask);
        self.prompt(order)
    }

    fn prompt(&self, order: &Order) -> String {
        let intent = self.intent(order.intent);
        match order.step {
            Step::Ask(slot) => intent.slots[slot].prompt.get_ref().clone(),
            Step::Confirm => fill(intent, intent.confirm.get_ref(), &order.values),
            Step::Change => "What would you like to change?".to_owned(),
        }
    }

    fn go_on(&mut self, mut order: Order, turn: &Turn, words: &Words) -> String {
        let reply = match remark(words) {
            Some(Remark::Cancel) => {
                self.state = State::Finished;
                return self.intent(order.intent).cancelled.get_ref().clone();
            }
            Some(Remark::Goodbye) if assent(words) != Assent::Yes => {
                self.state = State::Open;
                return self.knowledge.business.goodbye.get_ref().clone();
            }
            Some(Remark::Repeat) => self.said.clone(),
            Some(Remark::Wait) => "Of course, take your time.".to_owned(),
            Some(other @ (Remark::HowAreYou | Remark::WhoAreYou | Remark::WhatCanYouDo)) => {
                format!("{} {}", self.remark(other), self.prompt(&order))
            }
            Some(Remark::Hello | Remark::Thanks) if words.len() <= 2 => self.prompt(&order),
            Some(Remark::Hello | Remark::Thanks | Remark::Goodbye) | None => match order.step {
                Step::Ask(slot) => self.take_answer(&mut order, slot, turn, words),
                Step::Confirm => match self.take_assent(&mut order, turn, words) {
                    Some(reply) => reply,
                    None => return self.done(&order),
                },
                Step::Change => self.take_change(&mut order, turn, words),
            },
        };
        self.state = State::Order(order);
        reply
    }

    fn take_answer(&self, order: &mut Order, slot: usize, turn: &Turn, words: &Words) -> String {
        let intent = self.intent(order.intent);
        let wanted = &intent.slots[slot];
        let question = self.question(turn, words);
        let loose = matches!(wanted.kind, Kind::Text | Kind::Name);
        if let Some(answer) = question.filter(|_| loose || words.ask()) {
            return format!("{answer} {}", self.prompt(order));
        }
        match read(wanted, words, Asked::ForThis) {
            Answer::Fits(value, at) => {
                order.values.insert(slot, value);
                let rest = words.without(at);
                order.take(intent, &rest, Some(slot));
                self.next(order)
            }
            Answer::Unfit => self.ask_again(order, slot),
            Answer::Nothing if order.take(intent, words, Some(slot)) => {
                format!("All right. {}", self.next(order))
            }
            Answer::Nothing => match self.question(turn, words) {
                Some(answer) => format!("{answer} {}", self.prompt(order)),
                None => self.ask_again(order, slot),
            },
        }
    }

    fn ask_again(&self, order: &Order, slot: usize) -> String {
        let hint = self.intent(order.intent).slots[slot].hint.as_ref();
        let hint = hint.map_or("Sorry, I didn't get that.", |hint| hint.get_ref().as_str());
        format!("{hint} {}", self.prompt(order))
    }

    /// The reply to what follows the read-back; `None` if it is agreed.
    fn take_assent(&self, order: &mut Order, turn: &Turn, words: &Words) -> Option<String> {
        if !words.ask() && order.correct(self.intent(order.intent), words) {
            return Some(self.prompt(order));
        }
        match assent(words) {
            Assent::Yes if turn.heard_out => return None,
            Assent::Yes => return Some(self.prompt(order)),
            Assent::No => {
                order.step = Step::Change;
                return Some(self.renamed(order, words).unwrap_or_else(|| self.prompt(order)));
            }
            Assent::Neither => {}
        }
        if let Some(prompt) = self.renamed(order, words) {
            return Some(prompt);
        }
        let answer = self.question(turn, words);
        let answer = answer.unwrap_or_else(|| "Sorry, I didn't get that.".to_owned());
        Some(format!("{answer} {}", self.prompt(order)))
    }

    fn take_change(&self, order: &mut Order, turn: &Turn, words: &Words) -> String {
        if order.correct(self.intent(order.intent), words) {
            order.step = Step::Confirm;
            return self.prompt(order);
        }
        if let Some(prompt) = self.renamed(order, words) {
            return prompt;
        }
        if words.len() <= 3 && assent(words) == Assent::No {
            order.step = Step::Confirm;
            return self.prompt(order);
        }
        let answer = self.question(turn, words);
        let answer = answer.unwrap_or_else(|| "Sorry, I didn't get that.".to_owned());
        format!("{answer} {}", self.prompt(order))
    }

    /// Empties the slot that the caller names and asks for it anew.
    fn renamed(&self, order: &mut Order, words: &Words) -> Option<String> {
        let slots = &self.intent(order.intent).slots;
        let slot = slots.iter().position(|slot| names(slot, words))?;
        order.values.remove(&slot);
        Some(self.next(order))
    }

    fn done(&mut self, order: &Order) -> String {
        self.state = State::Finished;
        let intent = self.intent(order.intent);
        fill(intent, intent.done.get_ref(), &order.values)
    }

    /// The answer to a question that has nothing to do with the slot.
    fn question(&self, turn: &Turn, words: &Words) -> Option<String> {
        let found = self.closest(turn)?;
        let threshold = *self.knowledge.business.threshold.get_ref();
        let needed = if words.ask() { threshold } else { threshold + 0.1 };
        match found.item {
            Item::Fact(fact) if found.similarity >= needed => Some(self.fact(fact)),
            Item::Fact(_) | Item::Intent(_) => None,
        }
    }
}

impl Order {
    /// Takes the values of empty slots that the caller mentions by himself. True if there was one.
    fn take(&mut self, intent: &Intent, words: &Words, asked: Option<usize>) -> bool {
        let mut words = words.clone();
        let before = self.values.len();
        for (place, slot) in in_order(intent) {
            if self.values.contains_key(&place) || asked == Some(place) {
                continue;
            }
            if let Answer::Fits(value, at) = read(slot, &words, Asked::ForNothing) {
                self.values.insert(place, value);
                words = words.without(at);
            }
        }
        self.values.len() > before
    }

    /// Puts right the values that the caller gives anew. True if one changed.
    fn correct(&mut self, intent: &Intent, words: &Words) -> bool {
        let mut words = words.clone();
        let mut changed = false;
        let mut corrected = [false; 7];
        for asked in [Asked::ForNothing, Asked::ForThis] {
            for (place, slot) in in_order(intent) {
                let loose = matches!(slot.kind, Kind::Text | Kind::Name);
                if asked == Asked::ForThis && (loose || changed) {
                    continue;
                }
                let Answer::Fits(value, at) = read(slot, &words, asked) else { continue };
                let done = &mut corrected[slot.kind as usize];
                if *done || self.values.get(&place) == Some(&value) {
                    continue;
                }
                *done = true;
                changed = true;
                self.values.insert(place, value);
                words = words.without(at);
            }
        }
        changed
    }
}

/// The slots in the order in which their values are told apart: "Friday at three for ten" is a day,
/// a time and a number.
fn in_order(intent: &Intent) -> impl Iterator<Item = (usize, &super::knowledge::Slot)> {
    const ORDER: [Kind; 6] =
        [Kind::Phone, Kind::Date, Kind::Number, Kind::Time, Kind::Choice, Kind::Name];
    ORDER
        .into_iter()
        .flat_map(|kind| intent.slots.iter().enumerate().filter(move |(_, slot)| slot.kind == kind))
}

/// `template` with the values of the slots that it names.
fn fill(intent: &Intent, template: &str, values: &BTreeMap<usize, String>) -> String {
    let mut text = template.to_owned();
    for name in placeholders(template) {
        let place = intent.slots.iter().position(|slot| slot.name.get_ref() == name);
        let value = place.and_then(|place| values.get(&place)).map_or("", String::as_str);
        text = text.replace(&format!("{{{name}}}"), value);
    }
    // A time that ends in "p.m." brings the full stop of its sentence.
    text.replace("m..", "m.")
}
