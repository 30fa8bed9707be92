//! Whole calls with the real parts (Silero, Whisper, the receptionist, Piper) over the real
//! protocol, in virtual time. The models are fetched if they are not here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use voicekit::{Agent, CallEvent};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};
use voicekit_core::retrieve::{Query, Retriever};
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Event};
use voicekit_local::Receptionist;
use voicekit_testkit::carrier::{CallReport, Exchange, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::script::{Outcome, Script};
use voicekit_testkit::speech::{self, recording};
use voicekit_testkit::words::{errors, words};
use voicekit_twilio::TwilioConfig;

use crate::booking::Ledger;
use crate::call::record::{Record, Recorder};
use crate::call::story::{self, Held};
use crate::settings::Settings;
use crate::{AgentArgs, ModelArgs, agent, desk, models, serve};

/// What the agent's side knows of a call.
#[derive(Default)]
struct Known {
    finals: Vec<String>,
    messages: Vec<Message>,
    replies: Vec<Timestamp>,
}

/// The agent, and what it knows of its latest call. One call at a time: networks of this machine
/// take turns, and the clock of a call that only waits for another's network would run on.
pub(crate) struct Desk {
    agent: Agent,
    known: Arc<Mutex<Known>>,
}

pub(crate) static DESK: tokio::sync::Mutex<Option<Desk>> = tokio::sync::Mutex::const_new(None);

impl Desk {
    async fn open() -> Self {
        let known = Arc::new(Mutex::new(Known::default()));
        let args = AgentArgs::default();
        let followers = agent::Followers::default().observed(observe(&known));
        let bookings = args.desk.bookings().unwrap();
        let agent = agent::agent(Settings::default(), &args, bookings, followers).await;
        Self { agent: agent.unwrap(), known }
    }
}

/// Places the call that `script` makes of it, over the webhook and the media stream.
async fn call(script: Script) -> (CallReport, Known) {
    let mut desk = DESK.lock().await;
    if desk.is_none() {
        *desk = Some(Desk::open().await);
    }
    let Desk { agent, known } = desk.as_ref().unwrap();
    let server = in_memory(serve::router(agent.clone(), TwilioConfig::local()).unwrap());
    let webhook = Webhook::new("http://agent.test/twilio/voice");
    let instructions = webhook.request(server.connect()).await.unwrap();
    let call = SimulatedCall::new(script);
    let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
    assert_eq!(report.violations, []);
    let known = std::mem::take(&mut *known.lock().unwrap());
    (report, known)
}

fn observe(known: &Arc<Mutex<Known>>) -> agent::Observe {
    let known = Arc::clone(known);
    Arc::new(move |_| {
        let known = Arc::clone(&known);
        Box::new(move |_: Timestamp, event: CallEvent<'_>| {
            let CallEvent::Trace(line) = event else { return };
            let mut known = known.lock().unwrap();
            match &line.entry {
                Entry::Event(Event::Final { text, .. }) => known.finals.push(text.clone()),
                Entry::Action(Action::Remember(message)) => known.messages.push(message.clone()),
                Entry::Action(Action::Reply { .. } | Action::Adopt(_)) => {
                    known.replies.push(line.at);
                }
                Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => {}
            }
        })
    })
}

fn said(file: &str) -> Vec<i16> {
    recording(file).over_the_phone()
}

#[tokio::test(start_paused = true)]
async fn real_speech_is_understood_over_a_call() {
    let (mut wrong, mut all) = (0, 0);
    for recording in speech::all() {
        let script = Script::new().say(&recording.file, recording.over_the_phone());
        let (report, known) = call(script).await;
        assert_eq!(report.outcome, Outcome::Completed, "{}", recording.file);
        let (said, heard) = (words(&recording.text), words(&known.finals.join(" ")));
        let errors = errors(&said, &heard);
        eprintln!("{:18} {errors} of {} wrong: {}", recording.file, said.len(), heard.join(" "));
        (wrong, all) = (wrong + errors, all + said.len());
    }
    eprintln!("{wrong} of {all} words wrong");
    assert!(wrong * 100 < all * 8, "{wrong} of {all} words wrong");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_call_is_cut_cleared_and_remembered_as_heard() {
    let script = Script::new()
        .say("ten of clubs", said("cards-001.wav"))
        .say("he was not", said("librivox-0880.wav"))
        .interrupt_after(0, Duration::from_millis(1_200))
        .say("go forward", said("goforward.wav"));
    let (call, known) = call(script).await;
    assert_eq!(call.outcome, Outcome::Completed);
    let report = &call.report;

    let [barge_in] = &report.barge_ins[..] else { panic!("{:?}", report.barge_ins) };
    let pause_after = Duration::from_millis(200);
    let clear_after = barge_in.clear_after.unwrap();
    assert!(clear_after <= pause_after + Duration::from_millis(300), "{clear_after:?}");
    let cleared = report.clears.iter().find(|clear| clear.at > barge_in.at).unwrap();
    let next = *known.replies.iter().find(|reply| **reply > cleared.at).unwrap();
    let stale = report.arrivals.iter().filter(|audio| audio.at > cleared.at && audio.at < next);
    assert!(stale.count() <= 1, "audio of the old reply after the clear");

    let cut = known.messages.iter().find_map(|message| match message {
        Message::Agent { text, interrupted: true } => Some(text),
        Message::Agent { .. } | Message::Caller { .. } | Message::Tool { .. } => None,
    });
    let begun = report.turns[0].answer.unwrap().utterance.start;
    let (cut, heard) = (words(cut.unwrap()), cleared.at.since(begun));
    // The voice speaks two to four words a second.
    let (least, most) = (heard.as_secs_f64() * 1.5 - 1.0, heard.as_secs_f64() * 4.5 + 1.0);
    let count = f64::from(u32::try_from(cut.len()).unwrap());
    assert!((least..most).contains(&count), "{cut:?} in {heard:?}");

    let (caller, agent) = (report.caller_track(), report.agent_track());
    assert_eq!(caller.len(), agent.len());
    for turn in &report.turns {
        let at = |time: Timestamp| usize::try_from(time.as_micros() / 125).unwrap();
        let speech = &caller[at(turn.clip.speech.start)..at(turn.clip.speech.end)];
        assert!(speech.iter().any(|sample| sample.unsigned_abs() > 1_000));
    }
    assert_eq!(report.turns.len(), 3);
    assert!(report.turns.iter().all(|turn| turn.answer.is_some()));
}

/// What the caller's phone sends when somebody with the agent's own voice says `lines`.
async fn voices(lines: &[&str]) -> Vec<Vec<i16>> {
    let voice = models::load(&ModelArgs::default()).await.unwrap().tts;
    let mut clips = Vec::new();
    for line in lines {
        clips.push(crate::call::speak(&voice, line).await.unwrap());
    }
    clips
}

/// What the caller of the demonstration hears to its end.
const TOLD: [&str; 12] = [
    "Thank you for calling Harbor Kitchen. How can I help you?",
    "There is a free car park behind the house, with room for twenty cars. You get there from Mill \
     Lane.",
    "We have gluten-free bread and gluten-free pasta.",
    "I can book a table for you. And at what time?",
    "What name shall I put it under?",
    "That's a table for 14 people, Friday at 7 p.m., for Anna Miller. Is that right?",
    "One moment, please, I'm writing that down.",
    "A party of 14 is too large for one table, where we seat at most 8. For how many people?",
    "That's a table for 6 people, Friday at 7 p.m., for Anna Miller. Is that right?",
    "A jazz trio plays every Thursday evening from eight to ten. There is no cover charge.",
    "Your table for 6 is booked, Friday at 7 p.m., under Anna Miller. Can I help you with anything \
     else?",
    "Of course, I'll connect you with the front desk.",
];

#[tokio::test(start_paused = true)]
async fn the_demonstration_goes_as_its_story_is_told() {
    // Nobody else's network runs meanwhile.
    let _desk = DESK.lock().await;
    let script = story::script(voices(&story::LINES).await);
    let exchange = Exchange::start().await.unwrap();
    let (recorder, held) = (Recorder::default(), Held::new(Arc::new(Ledger::in_memory())));
    let mut settings = Settings::default();
    settings.transfer = desk::front_desk();
    let followers = agent::Followers::default().observed(crate::call::observe(&recorder, &held));
    let bookings = Arc::new(held.clone());
    let agent = agent::agent(settings, &AgentArgs::default(), bookings, followers).await.unwrap();

    let server = in_memory(serve::router(agent, crate::call::carrier(&exchange)).unwrap());
    let webhook = Webhook::new("http://agent.test/twilio/voice");
    let instructions = webhook.request(server.connect()).await.unwrap();
    let call = SimulatedCall::new(script).reached_through(&exchange);
    let call = call.follow(&webhook, instructions, server.connect()).await.unwrap();

    let record = Record { call, trace: recorder.trace() };
    let said = record.trace.messages().filter_map(|message| match message {
        Message::Agent { text, interrupted: false } => Some(text.as_str()),
        Message::Agent { .. } | Message::Caller { .. } | Message::Tool { .. } => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), TOLD);
    let wrong = story::check(&record, &held.written(), &exchange.redirected());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Questions in callers' own words, and words that only the right answer has.
const ASKED: &[(&str, &str)] = &[
    ("Where can I park my car?", "car park behind the house"),
    ("Do you have gluten free bread?", "gluten-free bread"),
    ("Is there any live music?", "jazz trio"),
    ("Are you open on Mondays?", "On Monday we are closed"),
    ("When are you open?", "Tuesday to Sunday"),
    ("Where are you located?", "12 Quay Street"),
    ("Can I bring my dog?", "Dogs are welcome on the terrace"),
    ("How much is the fish soup?", "nine dollars"),
    ("Do you sell gift cards?", "gift cards for any amount"),
    ("Can I pay by credit card?", "by card"),
    ("Do you have a kids menu?", "children's menu"),
    ("Is the restaurant wheelchair accessible?", "without any steps"),
    ("I'm allergic to nuts.", "nuts"),
    ("Can we have a birthday party at your place?", "upstairs room"),
    ("Can I order food to take away?", "taken away"),
    ("What should I wear?", "no dress code"),
];

/// What the documents do not say.
const NOT_KNOWN: &[&str] = &[
    "What's the capital of France?",
    "Who won the game last night?",
    "Can you fix my washing machine?",
    "What's the wifi password?",
    "How tall is the Eiffel tower?",
    "My internet isn't working.",
    "Do you have a loyalty program?",
    "Do you deliver to my house?",
    "Can I rent a boat from you?",
    "How many calories are in the burger?",
    "Are you hiring waiters?",
    "Who owns the restaurant?",
];

#[tokio::test]
async fn callers_questions_are_answered_with_sentences_of_the_documents() {
    let _desk = DESK.lock().await;
    let embedder = Arc::new(models::embedder(&ModelArgs::default()).await.unwrap());
    let documents = desk::demo(embedder.clone()).await.unwrap();
    let knowledge = desk::DeskArgs::default().receptionist().unwrap();
    let receptionist = Receptionist::new(knowledge, embedder).await.unwrap();
    let (mut missed, mut invented) = (Vec::new(), Vec::new());
    let unknown = NOT_KNOWN.iter().map(|question| (*question, "I don't know that"));
    for (question, expected) in ASKED.iter().copied().chain(unknown) {
        let mut request = ChatRequest::new("", [Message::caller(question)]);
        request.passages = documents.retrieve(&Query::new(question)).await.unwrap();
        let mut events = receptionist.chat(request).await.unwrap();
        let mut answer = String::new();
        while let Some(event) = events.next().await {
            if let ChatEvent::Text(text) = event.unwrap() {
                answer.push_str(&text);
            }
        }
        eprintln!("{question} -> {answer}");
        if !answer.contains(expected) {
            let list = if expected == "I don't know that" { &mut invented } else { &mut missed };
            list.push(format!("{question} -> {answer}"));
        }
    }
    assert!(missed.len() <= 2 && invented.len() <= 1, "{missed:#?} {invented:#?}");
}
