//! Filling in a form: slot by slot, read back, corrected, confirmed.

use std::collections::BTreeMap;

use super::{State, Talk, Turn};
use crate::receptionist::knowledge::{Intent, Kind, Slot, placeholders};
use crate::receptionist::slots::{Answer, Asked, names, read};
use crate::receptionist::smalltalk::{Remark, remark};
use crate::receptionist::words::{Assent, Words, assent};

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) intent: usize,
    /// By the place of the slot.
    pub(super) values: BTreeMap<usize, String>,
    pub(super) step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Waiting for the value of this slot.
    Ask(usize),
    /// Waiting for a yes to the read-back.
    Confirm,
    /// Waiting to hear what is wrong.
    Change,
}

impl Talk<'_> {
    pub(super) fn begin(&mut self, intent: usize, words: &Words) -> String {
        let mut order = Order { intent, values: BTreeMap::new(), step: Step::Confirm };
        order.take(self.intent(intent), words, None);
        let next = self.next(&mut order);
        self.state = State::Order(order);
        format!("{} {next}", self.intent(intent).begin.get_ref())
    }

    /// The next prompt of an order: the first slot that is still empty, or the read-back.
    pub(super) fn next(&self, order: &mut Order) -> String {
        let intent = self.intent(order.intent);
        let empty = (0..intent.slots.len()).find(|slot| !order.values.contains_key(slot));
        order.step = empty.map_or(Step::Confirm, Step::Ask);
        self.prompt(order)
    }

    pub(super) fn prompt(&self, order: &Order) -> String {
        let intent = self.intent(order.intent);
        match order.step {
            Step::Ask(slot) => intent.slots[slot].prompt.get_ref().clone(),
            Step::Confirm => fill(intent, intent.confirm.get_ref(), &order.values),
            Step::Change => "What would you like to change?".to_owned(),
        }
    }

    pub(super) fn go_on(&mut self, mut order: Order, turn: &Turn, words: &Words) -> String {
        let reply = match remark(words) {
            Some(Remark::Cancel) => {
                self.state = State::Finished;
                return self.intent(order.intent).cancelled.get_ref().clone();
            }
            Some(Remark::Goodbye) if assent(words) != Assent::Yes => {
                self.state = State::Open;
                return self.goodbye();
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
                    None => return self.done(order),
                },
                Step::Change => self.take_change(&mut order, turn, words),
            },
        };
        self.state = State::Order(order);
        reply
    }

    fn take_answer(
        &mut self,
        order: &mut Order,
        slot: usize,
        turn: &Turn,
        words: &Words,
    ) -> String {
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
            Answer::Nothing => match self.answer_to(turn, words) {
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
    fn take_assent(&mut self, order: &mut Order, turn: &Turn, words: &Words) -> Option<String> {
        if !words.ask() && order.correct(self.intent(order.intent), words) {
            return Some(self.prompt(order));
        }
        match assent(words) {
            Assent::Yes if self.heard_out => return None,
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
        let answer = self.answer_to(turn, words);
        let answer = answer.unwrap_or_else(|| "Sorry, I didn't get that.".to_owned());
        Some(format!("{answer} {}", self.prompt(order)))
    }

    fn take_change(&mut self, order: &mut Order, turn: &Turn, words: &Words) -> String {
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
        let answer = self.answer_to(turn, words);
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

    /// It is agreed: it is done by the tool, or has been by having been said.
    fn done(&mut self, order: Order) -> String {
        let intent = self.intent(order.intent);
        if let Some(tool) = &intent.tool {
            return self.carry_out(tool.get_ref(), order);
        }
        let done = fill(intent, intent.done.get_ref(), &order.values);
        self.state = State::Finished;
        done
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
fn in_order(intent: &Intent) -> impl Iterator<Item = (usize, &Slot)> {
    const ORDER: [Kind; 6] =
        [Kind::Phone, Kind::Date, Kind::Number, Kind::Time, Kind::Choice, Kind::Name];
    ORDER
        .into_iter()
        .flat_map(|kind| intent.slots.iter().enumerate().filter(move |(_, slot)| slot.kind == kind))
}

/// `template` with the values of the slots that it names.
pub(super) fn fill(intent: &Intent, template: &str, values: &BTreeMap<usize, String>) -> String {
    let mut text = template.to_owned();
    for name in placeholders(template) {
        let place = intent.slots.iter().position(|slot| slot.name.get_ref() == name);
        let value = place.and_then(|place| values.get(&place)).map_or("", String::as_str);
        text = text.replace(&format!("{{{name}}}"), value);
    }
    // A time that ends in "p.m." brings the full stop of its sentence.
    text.replace("m..", "m.")
}
