//! Several agents in one call, and one call in several processes.

use std::sync::{Arc, Mutex};

use voicekit::team::{History, Member, Team};
use voicekit::{Agent, AgentBuilder, CallEvent, CallReport, Part, Sessions};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::time::Timestamp;
use voicekit_core::tool::ToolCall;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{self, replay};
use voicekit_testkit::fake::{FakeLlm, FakeTool, FakeTts, MemoryStore, line, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::builtin::{Controlled, FakeControl};
use crate::parts::{HELLO, Parts, ms};

const KEY: &str = "+15551230001/+15551230002";
const ABOUT: &str = r#"{"to": "billing", "about": "An invoice that is too high."}"#;

/// Reception, who hands the caller to billing at once, and billing.
struct Office {
    reception: Parts,
    billing: Parts,
    billing_turn: turn::Config,
    history: History,
}

impl Office {
    fn new() -> Self {
        let heard = ["I have a question.", "My invoice is too high.", "Thank you."];
        let reception = ["Go ahead.", "I will put you through to billing.", "Reception again."];
        let mut reception = Parts::new(heard, reception);
        let call = ToolCall::new("c1", "hand_off", ABOUT);
        reception.llm = reception.llm.with_tool_call(1, call);
        let mut billing = Parts::new([], ["Billing here, let me see.", "You are welcome."]);
        // They hear the same.
        billing.asr = reception.asr.clone();
        billing.tts = FakeTts::new().with_word_times();
        billing.tools = vec![FakeTool::new("invoice", "It was paid twice.")];
        let billing_turn = turn::Config::default();
        Self { reception, billing, billing_turn, history: History::Whole }
    }

    fn team(&self, reception: AgentBuilder) -> Team {
        let billing = self.billing.builder().instructions("You are billing.");
        let billing = billing.turn(self.billing_turn.clone()).build().unwrap();
        let reception = Member::new("reception", "everything else", reception.build().unwrap());
        let billing = Member::new("billing", "invoices and payments", billing);
        Team::new([reception, billing.with_history(self.history)]).unwrap()
    }

    async fn call(&self) -> CallReport {
        let (line, _) = scripted_line(asks(3));
        self.team(self.reception.builder()).call(Box::new(line)).await
    }

    fn asked(&self) -> Vec<ChatRequest> {
        self.billing.llm.journal().calls().into_iter().map(|call| call.request).collect()
    }
}

fn asks(times: usize) -> Script {
    (0..times).fold(Script::new(), |script, turn| script.say(turn.to_string(), tone(ms(1_200))))
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

fn names(request: &ChatRequest) -> Vec<&str> {
    request.tools.iter().map(|tool| &*tool.name).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_goes_on_with_its_own_words_voice_and_tools() {
    let office = Office::new();
    let report = office.call().await;
    let said = texts(&report.messages);
    assert_eq!(said[..2], [HELLO, "I have a question."], "{said:?}");
    assert_eq!(said[4], "I will put you through to billing.", "{said:?}");
    assert!(said[5].starts_with("billing has the caller now"), "{said:?}");
    assert_eq!(said[6..], ["Billing here, let me see.", "Thank you.", "You are welcome."]);
    let requests = office.asked();
    assert_eq!(requests[0].instructions, "You are billing.");
    assert_eq!(names(&requests[0]), ["invoice", "hand_off"]);
    assert_eq!(texts(&requests[0].messages), said[..6], "it knows what was said");
    assert!(
        matches!(&requests[0].messages[5], Message::Tool { call, .. } if call.arguments == ABOUT)
    );
    let spoken: Vec<_> = office.billing.tts.journal().calls();
    assert_eq!(spoken.len(), 2, "in its own voice: {spoken:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_knows_what_its_history_says() {
    let office = Office { history: History::Turns(1), ..Office::new() };
    office.call().await;
    let first = &office.asked()[0];
    let known = texts(&first.messages);
    assert_eq!(known[..2], ["My invoice is too high.", "I will put you through to billing."]);
    assert_eq!(known.len(), 3, "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn the_caller_can_be_handed_back() {
    let mut office = Office::new();
    let call = ToolCall::new("c2", "hand_off", r#"{"to": "reception", "about": "Done."}"#);
    office.billing.llm = office.billing.llm.with_tool_call(1, call);
    let report = office.call().await;
    assert_eq!(report.messages.last().unwrap().text(), "Reception again.");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_handed_to_somebody_who_is_not_there() {
    let mut office = Office::new();
    let call = ToolCall::new("c1", "hand_off", r#"{"to": "sales", "about": ""}"#);
    office.reception.llm =
        FakeLlm::new(["Go ahead.", "One moment.", "Sorry, not there."]).with_tool_call(1, call);
    let report = office.call().await;
    let said = texts(&report.messages);
    assert!(said.contains(&"\"sales\" is not one of billing."), "{said:?}");
    assert!(said.contains(&"Sorry, not there.") && office.asked().is_empty(), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn timings_change_with_the_agent_and_a_trace_of_it_can_be_replayed() {
    let mut office = Office::new();
    let slow = ms(3_000);
    for silence in [
        &mut office.billing_turn.endpoint.after_certain,
        &mut office.billing_turn.endpoint.after_likely,
        &mut office.billing_turn.endpoint.unjudged,
        &mut office.billing_turn.endpoint.after_unlikely,
    ] {
        *silence = slow;
    }
    let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
    let seen = Arc::clone(&lines);
    let reception = office.reception.builder().observe(move |_| {
        let seen = Arc::clone(&seen);
        move |_: Timestamp, event: CallEvent<'_>| {
            if let CallEvent::Trace(line) = event {
                seen.lock().unwrap().push(line.clone());
            }
        }
    });
    let team = office.team(reception);
    let (line, handle) = scripted_line(asks(3));
    team.call(Box::new(line)).await;
    let waits = handle.report().latencies();
    assert!(waits[0] < ms(2_000) && *waits.last().unwrap() >= slow, "{waits:?}");
    let lines = lines.lock().unwrap().clone();
    assert!(lines.iter().any(|line| matches!(line.entry, Entry::Event(turn::Event::HandedTo(_)))));
    let replayed = replay::replay(team.turn().clone(), &lines).unwrap();
    assert!(replayed.is_same(), "{}", replayed.differences[0]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_comes_back_is_with_whoever_they_were() {
    let office = Office::new();
    let store = MemoryStore::new();
    let reception = office.reception.builder().sessions(store.clone(), Sessions::default());
    let team = office.team(reception);
    team.call(Box::new(scripted_line(asks(2)).0)).await;
    assert_eq!(store.records()[KEY].agent.as_deref(), Some("billing"));
    team.call(Box::new(scripted_line(asks(1)).0)).await;
    assert_eq!(office.asked().len(), 2);
}

#[test]
fn a_team_that_cannot_work_is_refused() {
    let agent = || Parts::new([], []).builder().build().unwrap();
    let member = |name: &str| Member::new(name, "", agent());
    assert_eq!(Team::new([]).unwrap_err().kind(), ErrorKind::Config);
    assert!(Team::new([member("a"), member("a")]).unwrap_err().to_string().contains("two members"));
    assert!(Team::new([member(" ")]).is_err());
    let mut parts = Parts::new([], []);
    parts.tools = vec![FakeTool::new("hand_off", "")];
    let own = Member::new("b", "", parts.builder().build().unwrap());
    assert!(Team::new([member("a"), own]).unwrap_err().to_string().contains("hand_off"));
}

/// Agents of two processes that share a store.
fn processes(store: &MemoryStore, there: &Parts) -> (Agent, Agent, Arc<Mutex<Vec<Part>>>) {
    let here = Parts::new([], []);
    let failures: Arc<Mutex<Vec<Part>>> = Arc::default();
    let seen = Arc::clone(&failures);
    let here = here.builder().sessions(store.clone(), Sessions::default()).observe(move |_| {
        let seen = Arc::clone(&seen);
        move |_: Timestamp, event: CallEvent<'_>| {
            if let CallEvent::Failed { part, .. } = event {
                seen.lock().unwrap().push(part);
            }
        }
    });
    let there = there.builder().sessions(store.clone(), Sessions::default());
    (here.build().unwrap(), there.build().unwrap(), failures)
}

#[tokio::test(start_paused = true)]
async fn a_live_call_goes_on_in_another_process() {
    let store = MemoryStore::new();
    let other = Parts::new(["Are you still there?"], ["Still here."]);
    let (here, there, _) = processes(&store, &other);
    let (line, phone) = line();
    let control = FakeControl { phone: Some(phone.clone()), ..FakeControl::default() };
    let orders = Arc::clone(&control.orders);
    let session = here.session(Box::new(Controlled(line, control)));
    let mut call = session.handle();
    let (report, ()) = tokio::join!(session.run(), async {
        tokio::time::sleep(ms(200)).await;
        // In the middle of the greeting, which is heard to its end.
        call.move_to("https://b.example/answer").unwrap();
    });
    assert_eq!(texts(&report.messages), [HELLO]);
    assert_eq!(*orders.lock().unwrap(), ["ask https://b.example/answer"]);
    assert!(store.records()[KEY].live);
    let report = there.call(Box::new(scripted_line(asks(1)).0)).await;
    assert_eq!(texts(&report.messages), ["Are you still there?", "Still here."], "no greeting");
    let seen = &other.llm.journal().calls()[0].request;
    assert_eq!(texts(&seen.messages), [HELLO, "Are you still there?"]);
    assert!(!store.records()[KEY].live);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_moved_goes_on_where_it_is() {
    let store = MemoryStore::new();
    let (here, _, failures) = processes(&store, &Parts::new([], []));
    let (line, phone) = line();
    let control = FakeControl { fails: true, ..FakeControl::default() };
    let session = here.session(Box::new(Controlled(line, control)));
    let mut call = session.handle();
    let (report, ()) = tokio::join!(session.run(), async {
        tokio::time::sleep(ms(5_000)).await;
        call.move_to("https://b.example/answer").unwrap();
        tokio::time::sleep(ms(100)).await;
        assert!(!store.records()[KEY].live);
        call.say("Here I am.").unwrap();
        tokio::time::sleep(ms(3_000)).await;
        phone.hang_up();
    });
    assert_eq!(texts(&report.messages), [HELLO, "Here I am."]);
    assert_eq!(*failures.lock().unwrap(), [Part::Transport]);
}
