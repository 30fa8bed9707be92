//! The demonstration: a call in which everything happens once, and whether it did.
//!
//! A caller asks two questions that the documents answer, books a table for too many and is asked
//! again, interrupts while the booking is written, and is connected with a person.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use voicekit::CallEvent;
use voicekit_core::llm::Message;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Event};
use voicekit_testkit::carrier::Redirected;
use voicekit_testkit::script::{Outcome, Script};

use super::record::Record;
use crate::booking::{Booking, Bookings};

/// What the caller says.
pub(crate) const LINES: [&str; 10] = [
    "Where can I park my car?",
    "Do you have gluten free bread?",
    "I would like to book a table for fourteen people on Friday.",
    "At seven in the evening.",
    "My name is Anna Miller.",
    "Yes, that is right.",
    "Six people, please.",
    "Yes, that is right.",
    "Is there any live music?",
    "Can I talk to a person, please?",
];
/// The line after whose answer has begun the next one interrupts, and how soon.
const INTERRUPTED: (usize, Duration) = (7, Duration::from_millis(400));
/// The caller lets the agent finish: what came of the booking follows the answer before.
const GAP: Duration = Duration::from_millis(1_500);
/// The longest that a booking waits for the interruption.
const PATIENCE: Duration = Duration::from_secs(20);

/// The caller with these clips for the lines.
pub(crate) fn script(clips: impl IntoIterator<Item = Vec<i16>>) -> Script {
    let script = Script::new().with_gap(GAP);
    let script =
        LINES.iter().zip(clips).fold(script, |script, (line, clip)| script.say(*line, clip));
    script.interrupt_after(INTERRUPTED.0, INTERRUPTED.1)
}

/// Holds each booking back until the caller has interrupted, so that the tool runs when they do.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    bookings: Arc<dyn Bookings>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    interrupted: Notify,
    running: Mutex<BTreeSet<u64>>,
    written: Mutex<Vec<Booking>>,
}

impl Held {
    pub(crate) fn new(bookings: Arc<dyn Bookings>) -> Self {
        Self { bookings, shared: Arc::default() }
    }

    /// What has been written.
    pub(crate) fn written(&self) -> Vec<Booking> {
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows the call, to see the caller interrupt.
    pub(crate) fn note(&self, event: &CallEvent<'_>) {
        let CallEvent::Trace(line) = event else { return };
        let mut running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        match &line.entry {
            Entry::Action(Action::RunTool { run, .. }) => _ = running.insert(*run),
            Entry::Event(Event::ToolDone { run, .. }) => _ = running.remove(run),
            Entry::Action(Action::Remember(Message::Caller { .. })) if !running.is_empty() => {
                self.shared.interrupted.notify_one();
            }
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => {}
        }
    }
}

impl Bookings for Held {
    fn write(&self, key: String, booking: Booking) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            // Whether the caller interrupted in time is checked when all is over.
            tokio::time::timeout(PATIENCE, self.shared.interrupted.notified()).await.ok();
            self.bookings.write(key, booking.clone()).await?;
            self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).push(booking);
            Ok(())
        })
    }
}

/// What is not as the story tells it; nothing if all is.
pub(crate) fn check(record: &Record, written: &[Booking], sent: &[Redirected]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let said: Vec<&Message> = record.trace.messages().collect();
    let agent = |words: &str| said.iter().filter(|message| is_agent(message, words)).count();
    must(
        agent("There is a free car park behind the house") == 1,
        "parking is answered from a document",
    );
    must(agent("We have gluten-free bread") == 1, "bread is answered from a document");
    must(agent("A party of 14 is too large") == 1, "a party of 14 is refused in words");
    must(agent("Your table for 6 is booked") == 1, "the booking is confirmed once");
    let tools: Vec<(&str, bool)> = said
        .iter()
        .filter_map(|message| match message {
            Message::Tool { call, outcome } => Some((call.name.as_str(), outcome.failed)),
            Message::Caller { .. } | Message::Agent { .. } => None,
        })
        .collect();
    let expected = [("book_table", true), ("book_table", false), ("transfer", false)];
    must(tools == expected, &format!("the tools are {expected:?}, not {tools:?}"));
    let anna = Booking {
        name: "Anna Miller".to_owned(),
        party_size: 6,
        day: "Friday".to_owned(),
        time: "7 p.m.".to_owned(),
    };
    must(written == [anna], &format!("one booking is written, not {written:?}"));
    must(is_interrupted(record), "the caller interrupts while the booking is written");
    must(agent("jazz trio") == 1, "who interrupts is answered");
    must(record.call.outcome == Outcome::Redirected, "the caller is transferred");
    let numbers = sent.iter().filter(|order| order.twiml.contains("<Number>")).count();
    must(numbers == 1 && sent.len() == 1, "the carrier is told to once");
    wrong
}

fn is_agent(message: &Message, words: &str) -> bool {
    matches!(message, Message::Agent { text, .. } if text.contains(words))
}

/// Whether a reply is cut, and the caller heard, between the start of a tool and its end.
fn is_interrupted(record: &Record) -> bool {
    let (mut running, mut cut, mut heard) = (false, false, false);
    for (_, line) in record.trace.lines() {
        match &line.entry {
            Entry::Action(Action::RunTool { .. }) => (running, cut, heard) = (true, false, false),
            Entry::Action(Action::Clear) if running => cut = true,
            Entry::Action(Action::Remember(Message::Caller { .. })) if running => heard = true,
            Entry::Event(Event::ToolDone { .. }) if cut && heard => return true,
            Entry::Event(Event::ToolDone { .. }) => running = false,
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => {}
        }
    }
    false
}
