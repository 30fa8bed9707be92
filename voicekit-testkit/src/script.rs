//! What a caller does in a call: a [`Script`], and the pure machine that plays it on a
//! [`Phone`].
//!
//! The caller is polite unless told otherwise: it lets the agent greet, says its first clip, waits
//! until the agent has answered and then been silent for the gap, says the next, and hangs up when
//! the last answer is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Digit;

use crate::phone::{Phone, TALKS_ON, Utterance};

/// Between two keys: what a person's fingers take.
const KEY_GAP: Duration = Duration::from_millis(150);

/// What the caller says and does, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
    interruptions: Vec<(Option<usize>, Duration)>,
    keys: Vec<(Timestamp, Digit)>,
    gap: Duration,
    greeting: Duration,
    answer: Duration,
    limit: Duration,
}

/// One thing the caller does when it is the caller's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Says a clip.
    Say {
        /// What it is called in reports: usually its words.
        label: String,
        /// 16-bit samples at 8 kHz.
        samples: Vec<i16>,
    },
    /// Presses keys, one after the other.
    Press(Vec<Digit>),
}

/// How a scripted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The caller did everything, heard the last answer and hung up.
    Completed,
    /// The agent ended the call.
    AgentHungUp,
    /// The call was sent elsewhere: the caller was transferred.
    Redirected,
    /// The agent did not answer this step in time; the caller hung up.
    NoAnswer {
        /// The step, from 0.
        step: usize,
    },
    /// The call took longer than allowed; the caller hung up.
    TooLong,
    /// The connection broke.
    Lost,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            interruptions: Vec::new(),
            keys: Vec::new(),
            gap: Duration::from_millis(700),
            greeting: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            limit: Duration::from_secs(300),
        }
    }
}

impl Script {
    /// A caller who listens to the greeting and hangs up.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then says 16-bit samples at 8 kHz, called `label` in reports.
    #[must_use]
    pub fn say(mut self, label: impl Into<String>, samples: impl Into<Vec<i16>>) -> Self {
        self.steps.push(Step::Say { label: label.into(), samples: samples.into() });
        self
    }

    /// Then presses the keys among `keys`; other characters are left out.
    #[must_use]
    pub fn press(mut self, keys: &str) -> Self {
        self.steps.push(Step::Press(keys.chars().filter_map(Digit::new).collect()));
        self
    }

    /// Presses a key `after` the call started, whatever else happens.
    #[must_use]
    pub fn press_at(mut self, after: Duration, key: Digit) -> Self {
        self.keys.push((Timestamp::from(after), key));
        self
    }

    /// The step after `step` does not wait for the answer's end: it starts `after` the answer to
    /// `step` became audible.
    #[must_use]
    pub fn interrupt_after(mut self, step: usize, after: Duration) -> Self {
        self.interruptions.push((Some(step), after));
        self
    }

    /// The first step starts `after` the greeting became audible.
    #[must_use]
    pub fn interrupt_greeting_after(mut self, after: Duration) -> Self {
        self.interruptions.push((None, after));
        self
    }

    /// How long the agent must have been silent before it is the caller's turn. Default: 0.7 s.
    #[must_use]
    pub fn with_gap(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// How long the caller waits for a greeting to begin before speaking first. Default: 5 s.
    #[must_use]
    pub fn with_greeting_wait(mut self, wait: Duration) -> Self {
        self.greeting = wait;
        self
    }

    /// How long the caller waits for an answer to begin before giving up. Default: 15 s.
    #[must_use]
    pub fn with_answer_wait(mut self, wait: Duration) -> Self {
        self.answer = wait;
        self
    }

    /// How long the whole call may take. Default: 300 s.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn interruption(&self, step: usize) -> Option<Duration> {
        let of_step = |(after, _): &&(Option<usize>, Duration)| *after == step.checked_sub(1);
        self.interruptions.iter().find(of_step).map(|&(_, delay)| delay)
    }
}

/// Plays a [`Script`] on a [`Phone`]. Reads no clock: call [`handle`](Self::handle) whenever the
/// phone has been driven, at the latest every 20 ms.
#[derive(Clone, Debug)]
pub struct Caller {
    script: Script,
    /// The step that comes next.
    next: usize,
    /// The end of what the caller did last.
    done: Timestamp,
    ready: bool,
    outcome: Option<Outcome>,
}

impl Caller {
    /// A caller who follows `script`.
    pub fn new(script: Script) -> Self {
        Self { script, next: 0, done: Timestamp::ZERO, ready: false, outcome: None }
    }

    /// Does what it is time for. Gives the outcome when the caller hangs up, and from then on.
    pub fn handle(&mut self, now: Timestamp, phone: &mut Phone) -> Option<Outcome> {
        if !self.ready {
            self.ready = true;
            for (at, digit) in std::mem::take(&mut self.script.keys) {
                phone.press(at, digit);
            }
        }
        if self.outcome.is_none() && now >= self.done {
            self.outcome = self.turn(now, phone);
        }
        if self.outcome.is_none() && now.since_start() >= self.script.limit {
            self.outcome = Some(Outcome::TooLong);
        }
        self.outcome
    }

    fn turn(&mut self, now: Timestamp, phone: &mut Phone) -> Option<Outcome> {
        let Some(answer) = self.answer(phone) else {
            return self.unanswered(now, phone);
        };
        if let Some(delay) = self.script.interruption(self.next)
            && self.next < self.script.steps.len()
        {
            self.act(answer.start + delay, phone);
            return None;
        }
        if now < answer.end + self.script.gap {
            return None;
        }
        if self.next >= self.script.steps.len() {
            return Some(Outcome::Completed);
        }
        self.act(now, phone);
        None
    }

    /// The agent's last utterance, if it answers what the caller did last: it began afterwards, or
    /// it goes on as if nothing had been said.
    fn answer(&self, phone: &Phone) -> Option<Utterance> {
        let heard = phone.last_heard()?;
        (heard.start >= self.done || heard.end > self.done + TALKS_ON).then_some(heard)
    }

    fn unanswered(&mut self, now: Timestamp, phone: &mut Phone) -> Option<Outcome> {
        let waited = now.since(self.done);
        let Some(last) = self.next.checked_sub(1) else {
            if waited < self.script.greeting {
                return None;
            }
            if self.script.steps.is_empty() {
                return Some(Outcome::Completed);
            }
            self.act(now, phone);
            return None;
        };
        (waited >= self.script.answer).then_some(Outcome::NoAnswer { step: last })
    }

    fn act(&mut self, at: Timestamp, phone: &mut Phone) {
        match &self.script.steps[self.next] {
            Step::Say { label, samples } => {
                let clip = phone.say(at, label.clone(), samples);
                self.done = phone.clips()[clip].speech.end;
            }
            Step::Press(keys) => {
                let mut next = at;
                for &key in keys {
                    phone.press(next, key);
                    self.done = next;
                    next += KEY_GAP;
                }
            }
        }
        self.next += 1;
    }
}
