//! Calls go on after the process stood still: a machine that was paused, a process that was stopped.
//!
//! The agent's side of a call is not polled for some seconds, while the carrier goes on sending.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use tokio::time::{Instant, sleep_until};
use voicekit::{Agent, CallEvent};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Transport;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Source};
use voicekit_testkit::carrier::{CallReport, SimulatedCall, Webhook, in_memory};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::{Outcome, Script};
use voicekit_twilio::TwilioConfig;

const HOURS: &str = "We are open from seven to six on weekdays, and on Saturday from eight to two. On \
                     Sunday and on holidays we are closed, but you can order on our page.";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the agent's replies were for, by session time.
type Replies = Arc<Mutex<Vec<(Timestamp, Source)>>>;

/// Places a call whose agent is not polled in `frozen`, counted from the start of the call.
async fn call(script: Script, frozen: Range<Duration>) -> (CallReport, Vec<Source>) {
    let replies = Replies::default();
    let noted = Arc::clone(&replies);
    let agent = Agent::builder()
        .greeting("Corner Bakery, good morning.")
        .asr(FakeAsr::new(["When are you open?", "On Sunday?", "Thanks."]).with_interims(None))
        .llm(FakeLlm::new([HOURS, "No, we are closed then.", "Goodbye!"]))
        .tts(FakeTts::new().with_word_times())
        .vad(|| Ok(FakeVad::new()))
        .observe(move |_| {
            let noted = Arc::clone(&noted);
            move |at: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Trace(line) = event
                    && let Entry::Action(Action::Reply { source, .. }) = &line.entry
                {
                    noted.lock().unwrap().push((at, *source));
                }
            }
        })
        .build()
        .unwrap();
    let answer = move |line: Box<dyn Transport>| {
        let (agent, frozen) = (agent.clone(), frozen.clone());
        async move {
            let since = Instant::now();
            let mut call = Box::pin(agent.call(line));
            let mut thaw = Box::pin(sleep_until(since + frozen.end));
            std::future::poll_fn(|cx| {
                if frozen.contains(&since.elapsed()) && thaw.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                call.as_mut().poll(cx).map(drop)
            })
            .await;
        }
    };
    let routes = voicekit_twilio::routes(answer, TwilioConfig::local()).unwrap();
    let server = in_memory(Router::new().merge(routes));
    let webhook = Webhook::new("http://agent.test/twilio/voice");
    let instructions = webhook.request(server.connect()).await.unwrap();
    let call = SimulatedCall::new(script);
    let report = call.follow(&webhook, instructions, server.connect()).await.unwrap();
    let replies = replies.lock().unwrap().iter().map(|(_, source)| *source).collect();
    (report, replies)
}

/// Checks that the call went on and that no more sound came at once than the lead allows.
fn went_on(report: &CallReport, thawed: Duration, replies: &[Source]) {
    assert_eq!(report.outcome, Outcome::Completed, "{replies:?}");
    assert_eq!(report.violations, []);
    let at = Timestamp::ZERO + thawed;
    let burst = report.report.arrivals.iter().filter(|one| one.at >= at && one.at < at + ms(400));
    let most = (200 + 400 + 60) / 20;
    assert!(burst.count() <= most, "a burst of stale sound");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stood_still_while_it_spoke_goes_on_without_a_burst() {
    for seconds in [5, 10, 20] {
        let logs = Logs::catch();
        // The greeting takes about two seconds, the question ends at about 4.5 s.
        let frozen = ms(7_000)..ms(7_000 + seconds * 1_000);
        let script = Script::new()
            .say("hours", tone(ms(1_200)))
            .say("thanks", tone(ms(700)))
            .with_answer_wait(ms(60_000));
        let (report, replies) = call(script, frozen.clone()).await;
        went_on(&report, frozen.end, &replies);
        assert_eq!(replies, [Source::Greeting, Source::Turn, Source::Turn], "{seconds} s");
        assert!(report.report.turns.iter().all(|turn| turn.answer.is_some()), "{seconds} s");
        assert!(logs.text().contains("stood still"), "{}", logs.text());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_the_agent_stood_still_is_answered_once() {
    // The caller asks when the greeting is over, in the middle of the standstill.
    for (from, to) in [(2_000, 7_000), (3_000, 10_000)] {
        let frozen = ms(from)..ms(to);
        let script = Script::new().say("hours", tone(ms(1_200))).with_answer_wait(ms(60_000));
        let (report, replies) = call(script, frozen.clone()).await;
        went_on(&report, frozen.end, &replies);
        assert_eq!(replies, [Source::Greeting, Source::Turn], "{from}..{to}");
        let answer = report.report.turns[0].answer.unwrap();
        let after = answer.utterance.start.since(Timestamp::ZERO + frozen.end);
        assert!(after < ms(2_500), "{from}..{to}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn timers_do_not_fire_as_if_the_caller_had_been_silent() {
    // The caller is silent for two seconds and the agent away for twenty: nobody has waited for
    // eight seconds, after which the agent would ask.
    let frozen = ms(4_000)..ms(24_000);
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .with_gap(ms(22_500))
        .with_answer_wait(ms(60_000));
    let (report, replies) = call(script, frozen).await;
    assert_eq!(report.violations, []);
    // What follows the answer is the caller's own silence before they hang up.
    assert_eq!(replies[..2], [Source::Greeting, Source::Turn]);
    assert!(report.report.turns[0].answer.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_only_waits_stands_never_still() {
    let logs = Logs::catch();
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .with_gap(ms(6_000))
        .with_answer_wait(ms(60_000));
    let (report, _) = call(script, ms(0)..ms(0)).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(!logs.text().contains("stood still"), "{}", logs.text());
}
