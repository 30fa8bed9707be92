//! Having things done: what a tool is asked for, and what is said of its answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};

use super::order::{Order, Step, fill};
use super::{Desk, State, Talk, Turn};
use crate::receptionist::knowledge::Intent;
use crate::receptionist::matching::{Item, Match};
use crate::receptionist::slots::names;
use crate::receptionist::smalltalk::{Remark, remark};
use crate::receptionist::words::{Assent, Words, alike, assent};

const TRANSFER: &str = "transfer";
const HANG_UP: &str = "hang_up";
const ANYTHING_ELSE: &str = "Can I help you with anything else?";
const BUSY: &str = "I'm just doing that for you. One moment, please.";

/// What came of a tool.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) text: String,
    /// Whether it is still worth saying once the caller has said something else.
    pub(super) is_lasting: bool,
}

impl Desk<'_> {
    fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The destination as the tool knows it, if it does; the first it knows if none is wanted.
    fn destination(&self, wanted: Option<&str>) -> Option<String> {
        let to = self.tool(TRANSFER)?.parameters.pointer("/properties/to")?;
        let Some(known) = to.get("enum").and_then(Value::as_array) else {
            return wanted.map(str::to_owned);
        };
        let mut known = known.iter().filter_map(Value::as_str);
        let found = match wanted {
            Some(wanted) => known.find(|known| known.eq_ignore_ascii_case(wanted)),
            None => known.next(),
        };
        found.map(str::to_owned)
    }
}

impl Talk<'_> {
    /// Asks for `name` and gives the call's id. What the history has under that id has begun
    /// already.
    fn ask_for(&mut self, name: &str, arguments: &Value) -> String {
        let id = format!("{name}-{}", self.turns);
        if !self.calls.contains(&*id) {
            self.call = Some(ToolCall::new(id.clone(), name, arguments.to_string()));
        }
        id
    }

    /// Has the tool do what was agreed.
    pub(super) fn carry_out(&mut self, tool: &str, order: Order) -> String {
        let intent = self.intent(order.intent);
        let arguments = match self.desk.tool(tool) {
            Some(spec) => arguments(&spec.parameters, intent, &order.values),
            None if self.calls.contains(&*format!("{tool}-{}", self.turns)) => Value::Null,
            None => {
                self.state = State::Finished;
                return format!("{} {ANYTHING_ELSE}", intent.failed.get_ref());
            }
        };
        let id = self.ask_for(tool, &arguments);
        self.state = State::Calling(order, id);
        intent.wait.get_ref().clone()
    }

    /// The caller speaks while the tool runs.
    pub(super) fn meanwhile(
        &mut self,
        mut order: Order,
        id: &str,
        turn: &Turn,
        words: &Words,
    ) -> String {
        if !self.calls.contains(id) {
            // It was interrupted before it began: what was agreed is agreed again.
            order.step = Step::Confirm;
            self.heard_out = false;
            return self.go_on(order, turn, words);
        }
        match remark(words) {
            Some(Remark::Goodbye) if assent(words) != Assent::Yes => self.goodbye(),
            Some(
                other @ (Remark::Repeat
                | Remark::Wait
                | Remark::HowAreYou
                | Remark::WhoAreYou
                | Remark::WhatCanYouDo),
            ) => self.remark(other),
            Some(Remark::Goodbye | Remark::Hello | Remark::Thanks | Remark::Cancel) => {
                BUSY.to_owned()
            }
            None => self.answer_to(turn, words).unwrap_or_else(|| BUSY.to_owned()),
        }
    }

    /// A tool has ended, or says how far it is.
    pub(super) fn learn(&mut self, call: &ToolCall, outcome: &ToolOutcome) {
        if outcome.running {
            return;
        }
        match self.state.clone() {
            State::Calling(order, id) if id == call.id => {
                let (text, then) = if outcome.failed {
                    self.refused(order, &outcome.text)
                } else {
                    self.accomplished(&order, &outcome.text)
                };
                self.report(text, &then, true);
            }
            _ if self.parting.as_ref() == Some(&call.id) && outcome.failed => {
                let text = match &*call.name {
                    TRANSFER => "I'm sorry, I could not connect you.",
                    _ => "I'm still here.",
                };
                self.report(text.to_owned(), ANYTHING_ELSE, false);
            }
            State::Open
            | State::Offered(_)
            | State::Finished
            | State::Order(_)
            | State::Calling(..) => {}
        }
    }

    fn report(&mut self, text: String, then: &str, is_lasting: bool) {
        self.said = format!("{text} {then}").trim_end().to_owned();
        (self.begun, self.heard_out) = (false, false);
        (self.call, self.is_unknown) = (None, false);
        self.news = Some(News { text, is_lasting });
    }

    /// What is said of success, and what is said next.
    fn accomplished(&mut self, order: &Order, said: &str) -> (String, String) {
        let intent = self.intent(order.intent);
        self.state = State::Finished;
        let text = if is_speech(said) && said != "Done." {
            said.trim().to_owned()
        } else {
            fill(intent, intent.done.get_ref(), &order.values)
        };
        let then = if text.ends_with('?') { "" } else { ANYTHING_ELSE };
        (text, then.to_owned())
    }

    /// What is said of failure, and what is said next: if a value is to blame, it is asked for
    /// again.
    fn refused(&mut self, mut order: Order, said: &str) -> (String, String) {
        let intent = self.intent(order.intent);
        let said = said.trim();
        let Some(place) = blamed(intent, &order.values, said) else {
            self.state = State::Finished;
            let failed = intent.failed.get_ref();
            let text = if is_speech(said) { format!("{failed} {said}") } else { failed.to_owned() };
            return (text, ANYTHING_ELSE.to_owned());
        };
        let hint = intent.slots[place].hint.as_ref().map(|hint| hint.get_ref().clone());
        let text = if is_speech(said) { Some(said.to_owned()) } else { hint };
        order.values.remove(&place);
        order.step = Step::Ask(place);
        let prompt = self.prompt(&order);
        self.state = State::Order(order);
        (text.unwrap_or_else(|| "I'm sorry, that is not possible.".to_owned()), prompt)
    }

    /// Connects a caller who wants a person; `None` if that is not for this agent to say.
    pub(super) fn connect(&mut self, turn: &Turn) -> Option<String> {
        let place = match self.closest(turn) {
            Some(Match { item: Item::Transfer(place), .. }) => Some(place),
            Some(Match { item: Item::Fact(_) | Item::Intent(_), .. }) | None => None,
        };
        let first = (!self.desk.knowledge.transfers.is_empty()).then_some(0);
        self.connect_with(place.or(first))
    }

    pub(super) fn connect_with(&mut self, place: Option<usize>) -> Option<String> {
        let transfer = place.map(|place| &self.desk.knowledge.transfers[place]);
        let wanted = transfer.map(|transfer| transfer.to.get_ref().as_str());
        let Some(to) = self.desk.destination(wanted) else {
            return transfer.map(|transfer| transfer.otherwise.get_ref().clone());
        };
        self.parting = Some(self.ask_for(TRANSFER, &json!({"to": to})));
        let usual = || "One moment, I'll connect you.".to_owned();
        Some(transfer.map_or_else(usual, |transfer| transfer.say.get_ref().clone()))
    }

    /// Ends the call, if that may be done; otherwise the caller does.
    pub(super) fn goodbye(&mut self) -> String {
        if self.desk.tool(HANG_UP).is_some() {
            self.parting = Some(self.ask_for(HANG_UP, &json!({})));
        }
        self.desk.knowledge.goodbye().to_owned()
    }
}

/// The values as the tool's schema wants them.
fn arguments(schema: &Value, intent: &Intent, values: &BTreeMap<usize, String>) -> Value {
    let known = schema.get("properties").and_then(Value::as_object);
    let mut arguments = Map::new();
    for (place, value) in values {
        let name = intent.slots[*place].argument();
        let Some(property) = known.and_then(|known| known.get(name)) else { continue };
        arguments.insert(name.to_owned(), typed(property, value));
    }
    Value::Object(arguments)
}

fn typed(property: &Value, value: &str) -> Value {
    let types = property.get("type");
    let is = |wanted: &str| match types {
        Some(Value::Array(types)) => types.iter().any(|one| one == wanted),
        Some(one) => one == wanted,
        None => false,
    };
    let number = value.parse::<i64>().ok().filter(|_| is("integer") || is("number"));
    number.map_or_else(|| Value::from(value), Value::from)
}

/// Whether a tool's words are meant for ears: models are told of arguments and given data.
fn is_speech(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(['`', '{', '}', '[', ']', '_'])
}

/// The slot whose value a tool refuses: the one that it quotes the name of, the value of, or that
/// it speaks of.
fn blamed(intent: &Intent, values: &BTreeMap<usize, String>, text: &str) -> Option<usize> {
    let words = Words::new(text);
    let slots = || intent.slots.iter().enumerate();
    let quoted = slots().find(|(_, slot)| text.contains(&format!("`{}`", slot.argument())));
    let valued = || {
        let mentions = values
            .iter()
            .filter_map(|(place, value)| mention(&words, value).map(|at| (at, *place)));
        mentions.min().map(|(_, place)| place)
    };
    let named = || {
        let is_name = |word: &String, name: &str| word.as_str() == name;
        slots()
            .filter_map(|(place, slot)| {
                let own = [slot.argument(), slot.name.get_ref().as_str()];
                let at =
                    words.plain.iter().position(|word| own.iter().any(|own| is_name(word, own)));
                at.map(|at| (at, place))
            })
            .min()
            .map(|(_, place)| place)
    };
    let spoken_of = || slots().find(|(_, slot)| names(slot, &words)).map(|(place, _)| place);
    quoted.map(|(place, _)| place).or_else(valued).or_else(named).or_else(spoken_of)
}

/// Where `value` stands among the words, as it is or in the plural.
fn mention(words: &Words, value: &str) -> Option<usize> {
    let value = Words::new(value);
    (0..words.len()).find(|at| {
        (0..value.len()).all(|next| alike(words.at(at + next), value.at(next))) && value.len() > 0
    })
}
