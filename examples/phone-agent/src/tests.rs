//! Whole calls with the real parts (Silero, Whisper, the receptionist, Piper) over the real
//! protocol, in virtual time. The models are fetched if they are not here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicekit::{Agent, CallEvent};
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Event};
use voicekit_testkit::carrier::{CallReport, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::script::{Outcome, Script};
use voicekit_testkit::speech::{self, recording};
use voicekit_testkit::words::{errors, words};
use voicekit_twilio::TwilioConfig;

use crate::settings::Settings;
use crate::{AgentArgs, ModelArgs, agent, models, serve};

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
        let agent = agent::agent(Settings::default(), &args, bookings, followers).await.unwrap();
        Self { agent, known }
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

#[tokio::test(start_paused = true)]
async fn a_question_asked_aloud_is_answered_from_the_knowledge_file() {
    let question = {
        // Nobody else's network runs meanwhile.
        let _desk = DESK.lock().await;
        let args = ModelArgs::default();
        let voice = models::load(&args).await.unwrap().tts;
        crate::call::speak(&voice, "Where can I park my car?").await.unwrap()
    };
    let (_, known) = call(Script::new().say("parking", question)).await;
    let answer = known.messages.last().unwrap().text();
    assert_eq!(answer, "There is free parking behind the shop. You get there from Oak Street.");
}
