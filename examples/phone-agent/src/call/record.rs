//! What is known about a call from both ends: the carrier's report and the agent's own trace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use voicekit::CallEvent;
use voicekit_core::listen::{AudioEvent, CallAudio, Listen};
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::tool::{ToolCall, ToolOutcome};
use voicekit_core::transport::CallInfo;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Event, Latency};
use voicekit_testkit::carrier::CallReport;
use voicekit_testkit::phone::Turn;

/// How far the return of the first mark may lie from the first audible sample of its reply: the
/// silence a voice begins with, the first frame and the way back.
const MARK_REACH: Duration = Duration::from_millis(1_500);

/// A call, seen from both ends, on the carrier's clock.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) call: CallReport,
    pub(crate) trace: Trace,
}

/// What the agent's session said of itself. Empty where the agent runs elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// Lines as the session timed them.
    lines: Vec<Line>,
    failures: Vec<(Timestamp, String)>,
    /// The engine's timings, if they are known.
    config: Option<Config>,
    /// How much later than the carrier's clock the session's clock started, in microseconds.
    lag_us: Option<i64>,
}

/// Writes a session's trace down. Clones write into the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Trace>>);

impl Record {
    /// How the engine explains the answer to a turn.
    pub(crate) fn latency(&self, turn: &Turn) -> Option<Latency> {
        let heard = turn.answer?.utterance.start;
        let measured = |(at, line): (Timestamp, &Line)| match &line.entry {
            Entry::Action(Action::Measured(latency)) => Some((at, *latency)),
            Entry::Action(_) | Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
        };
        let mut all = self.trace.lines().filter_map(measured);
        let near = all.find(|(at, _)| *at + MARK_REACH > heard && *at < heard + MARK_REACH)?;
        Some(near.1)
    }

    /// What the recogniser made of a turn: the final transcripts between the onset and the next
    /// answer.
    pub(crate) fn transcript(&self, turn: &Turn) -> String {
        let from = turn.clip.speech.start;
        let to = turn.answer.map(|answer| answer.utterance.start);
        let texts = self.trace.lines().filter_map(|(at, line)| match &line.entry {
            Entry::Event(Event::Final { text, .. })
                if at >= from && to.is_none_or(|to| at < to) && !text.is_empty() =>
            {
                Some(text.as_str())
            }
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    }
}

impl Trace {
    /// The lines with their times on the carrier's clock.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (Timestamp, &Line)> {
        self.lines.iter().map(|line| (self.on_carrier(line.at), line))
    }

    /// The conversation as it is remembered, with the tools that were used.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.lines.iter().filter_map(|line| match &line.entry {
            Entry::Action(Action::Remember(message)) => Some(message),
            Entry::Action(_) | Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
        })
    }

    /// The tools that were used, on the carrier's clock, each with its outcome.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (Timestamp, &ToolCall, &ToolOutcome)> {
        self.lines().filter_map(|(at, line)| match &line.entry {
            Entry::Action(Action::Remember(Message::Tool { call, outcome })) => {
                Some((at, call, outcome))
            }
            Entry::Action(_) | Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
        })
    }

    /// The engine's timings, if they are known.
    pub(crate) fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// What failed, on the carrier's clock.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (Timestamp, &str)> {
        self.failures.iter().map(|(at, what)| (self.on_carrier(*at), what.as_str()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn on_carrier(&self, at: Timestamp) -> Timestamp {
        let micros = at.as_micros().saturating_add_signed(self.lag_us.unwrap_or_default());
        Timestamp::from_micros(micros)
    }

    /// A frame leaves the phone the moment it is complete, so that its end is known on both
    /// clocks. The quickest of all frames shows the difference best.
    fn synchronise(&mut self, session: Timestamp, frame_end: Duration) {
        let sent = i64::try_from(frame_end.as_micros()).unwrap_or(i64::MAX);
        let received = i64::try_from(session.as_micros()).unwrap_or(i64::MAX);
        let lag = sent - received;
        self.lag_us = Some(self.lag_us.map_or(lag, |best| best.max(lag)));
    }
}

impl Recorder {
    /// Writes down the engine's timings.
    pub(crate) fn configured(&self, config: &Config) {
        self.lock().config = Some(config.clone());
    }

    /// What was written so far.
    pub(crate) fn trace(&self) -> Trace {
        self.lock().clone()
    }

    /// Writes down what happened.
    pub(crate) fn note(&self, at: Timestamp, event: &CallEvent<'_>) {
        let mut trace = self.lock();
        match event {
            CallEvent::Trace(line) => trace.lines.push((*line).clone()),
            CallEvent::Failed { part, error } => {
                trace.failures.push((at, format!("{part}: {error}")));
            }
            CallEvent::Started(_) | CallEvent::Ended(_) | _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Trace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caller's frames tell how the two clocks differ.
impl Listen for Recorder {
    fn listen(&self, _: CallInfo, mut audio: CallAudio) -> BoxFuture<'static, ()> {
        let recorder = self.clone();
        Box::pin(async move {
            while let Some(event) = audio.next().await {
                if let AudioEvent::Caller { at, came, chunk, .. } = event {
                    recorder.lock().synchronise(came, at.duration() + chunk.duration());
                }
            }
        })
    }
}

/// Milliseconds, for people and for JSON.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use voicekit_testkit::mulaw;
    use voicekit_testkit::phone::{Phone, tone};
    use voicekit_testkit::script::Outcome;

    /// A question, its answer, and an interruption. The session's clock started 5 ms late.
    const TRACE: &str = r#"
             0 started
        >    0 reply #1 turn
           995 interim "when"
          1995 finalized "When are you open?"
        > 2000 state processing
        > 2000 reply #2 turn
          2195 clause #2 "We are open </script> from nine."
          2395 audio #2 3000
        > 2395 state speaking
        > 2415 measured #2 600 100 200 200 20
        > 3295 cancel #2
        > 3295 clear
        > 3295 remember interrupted "We are"
        > 3300 remember tool {"id":"t-1","name":"book_table","arguments":"{\"party_size\":14}"} {"text":"Too many.","failed":true}
    "#;

    pub(crate) fn record() -> Record {
        let ms = Duration::from_millis;
        let at = Timestamp::from_millis;
        let mut phone = Phone::new();
        phone.say(at(500), "When are you <open>?", &tone(ms(800)));
        phone.play(at(2_400), &mulaw::encode(&tone(ms(3_000))));
        phone.mark(at(2_400), "2/3000");
        phone.say(at(3_000), "Stop", &tone(ms(400)));
        phone.clear(at(3_300));
        phone.end(at(5_000));
        let lines = TRACE.lines().filter(|line| !line.trim().is_empty());
        let mut trace = Trace {
            lines: lines.map(|line| line.parse().unwrap()).collect(),
            failures: vec![(at(4_000), "asr: lost".to_owned())],
            config: None,
            lag_us: None,
        };
        trace.synchronise(at(60), ms(40));
        trace.synchronise(at(15), ms(20));
        Record { call: CallReport::new(Outcome::Completed, phone.report()), trace }
    }

    #[test]
    fn the_session_is_put_on_the_carriers_clock() {
        let record = record();
        let states: Vec<u64> = record.trace.lines().map(|(at, _)| at.as_millis()).collect();
        assert_eq!((states[0], states[3]), (5, 2_000));
    }

    #[test]
    fn a_turn_is_explained_by_the_engine() {
        let record = record();
        let turn = &record.call.report.turns[0];
        assert_eq!(turn.answer.unwrap().latency, Duration::from_millis(1_100));
        assert_eq!(record.latency(turn).unwrap().total(), Duration::from_millis(1_120));
        assert_eq!(record.transcript(turn), "When are you open?");
        assert!(record.latency(&record.call.report.turns[1]).is_none());
    }
}
