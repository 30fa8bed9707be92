//! Who has picked up a call that we placed: a person or an answering machine.
//!
//! People answer with a word or two and wait. Machines talk at length, or ask for a message.
//! [`Answered`] decides by the length of the greeting, the silence after it and the words, if a
//! recogniser hears them:
//!
//! | greeting | and then | verdict |
//! |---|---|---|
//! | short | [`human_silence`](Config::human_silence) | [`Human`](Party::Human) |
//! | [long](Config::human_greeting), or it asks for a message | [`machine_silence`](Config::machine_silence) and the end of the turn | [`Machine`](Party::Machine) |
//! | none within [`no_speech`](Config::no_speech) | | [`Uncertain`](Party::Uncertain) |
//! | any that leaves it open for [`total`](Config::total) | | `Uncertain` |
//!
//! The greeting lasts from the first sound to the last, with the pauses in between. A machine is
//! certain only once it is silent, so what is said after the verdict is recorded behind its beep.
//!
//! The phrases that give a machine away are English, German, Spanish, French and Chinese, and are
//! listened for together: networks speak the language of the country, whatever ours is.
//!
//! The defaults are those that LiveKit publishes for its answering machine detection.
//!
//! # Driving it
//!
//! Tell it what is heard, and call [`handle_timeout`](Answered::handle_timeout) when
//! [`poll_timeout`](Answered::poll_timeout) is due, until there is a
//! [`verdict`](Answered::verdict). The time never runs backwards.
//!
//! # Invariants
//!
//! 1. There is a verdict at the latest [`Config::total`] after the call was picked up.
//! 2. A verdict never changes.
//! 3. A machine is never taken for one while it speaks.

mod phrases;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

use super::event::Party;
use super::words::{has_phrase, normalise};
use phrases::MACHINE_PHRASES;

/// When to take who answers for whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// A greeting of this length or more is a machine's. Default: 2.5 s.
    #[serde(rename = "human_greeting_ms", with = "crate::time::in_ms")]
    pub human_greeting: Duration,
    /// The silence after a short greeting that makes it a person's. Default: 500 ms; less takes
    /// the first pause of a machine for its end.
    #[serde(rename = "human_silence_ms", with = "crate::time::in_ms")]
    pub human_silence: Duration,
    /// The silence after a machine's greeting that makes it over. At least `human_silence`,
    /// default 1.5 s.
    #[serde(rename = "machine_silence_ms", with = "crate::time::in_ms")]
    pub machine_silence: Duration,
    /// How long to wait for the first sound. Default: 10 s.
    #[serde(rename = "no_speech_ms", with = "crate::time::in_ms")]
    pub no_speech: Duration,
    /// How long to wait in all. At least `no_speech`, and `human_greeting` and `machine_silence`
    /// together; default 20 s.
    #[serde(rename = "total_ms", with = "crate::time::in_ms")]
    pub total: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            human_greeting: ms(2_500),
            human_silence: ms(500),
            machine_silence: ms(1_500),
            no_speech: ms(10_000),
            total: ms(20_000),
        }
    }
}

impl Config {
    /// Checks that the values fit each other.
    ///
    /// # Errors
    ///
    /// `Config`, naming both fields and their values.
    pub fn check(&self) -> Result<()> {
        let machine = self.human_greeting.saturating_add(self.machine_silence);
        let human_silence = ("human_silence", self.human_silence);
        let total = ("total", self.total);
        for (field, floor) in [
            (("machine_silence", self.machine_silence), human_silence),
            (total, ("no_speech", self.no_speech)),
            (total, ("human_greeting and machine_silence", machine)),
            (human_silence, ("10 ms", Duration::from_millis(10))),
            (("no_speech", self.no_speech), human_silence),
        ] {
            let ((field, value), (other, least)) = (field, floor);
            if value < least {
                let message = format!("{field} ({value:?}) is below {other} ({least:?})");
                return Err(Error::new(ErrorKind::Config, "answered", message));
            }
        }
        Ok(())
    }
}

/// Finds out who has picked up. See the [module](self) for how to drive it.
#[derive(Clone, Debug)]
pub struct Answered {
    config: Config,
    since: Timestamp,
    /// When the greeting began.
    greeting: Option<Timestamp>,
    /// When the last sound of it was, if nobody speaks.
    quiet_since: Option<Timestamp>,
    /// Its length or its words are a machine's.
    like_machine: bool,
    /// Nothing was said since the engine held the speaker for finished.
    turn_over: bool,
    verdict: Option<Party>,
}

impl Answered {
    /// A call that was picked up at `now`.
    ///
    /// # Errors
    ///
    /// `Config` if two settings contradict each other.
    pub fn new(config: Config, now: Timestamp) -> Result<Self> {
        config.check()?;
        Ok(Self {
            config,
            since: now,
            greeting: None,
            quiet_since: None,
            like_machine: false,
            turn_over: false,
            verdict: None,
        })
    }

    /// Who it is, once that is decided.
    pub fn verdict(&self) -> Option<Party> {
        self.verdict
    }

    /// When the verdict falls if nothing else happens. `None`: it has fallen.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.verdict.is_none().then(|| self.outlook().0)
    }

    /// Takes in that `now` has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let (due, party) = self.outlook();
        if self.verdict.is_none() && now >= due {
            self.verdict = Some(party);
        }
    }

    /// Whoever answered began to speak at `now`.
    pub fn speech_started(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        self.greeting.get_or_insert(now);
        self.quiet_since = None;
        self.turn_over = false;
    }

    /// Whoever answered paused; their last sound was at `quiet_since`.
    pub fn speech_stopped(&mut self, now: Timestamp, quiet_since: Timestamp) {
        self.handle_timeout(now);
        let Some(greeting) = self.greeting else { return };
        self.like_machine |= quiet_since.since(greeting) >= self.config.human_greeting;
        self.quiet_since = Some(quiet_since);
        self.handle_timeout(now);
    }

    /// What whoever answered says, or has said so far. A phrase that gives a machine away counts
    /// also if a later text takes it back.
    pub fn text(&mut self, text: &str) {
        self.like_machine = self.like_machine || asks_for_a_message(text);
    }

    /// The engine holds whoever answered for finished.
    pub fn turn_over(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        self.turn_over = self.greeting.is_some();
        self.handle_timeout(now);
    }

    /// The verdict if nothing else happens, and when it falls.
    fn outlook(&self) -> (Timestamp, Party) {
        let total = self.since + self.config.total;
        let unclear = match self.greeting {
            Some(_) => total,
            None => total.min(self.since + self.config.no_speech),
        };
        let clear = self.quiet_since.and_then(|quiet| match (self.like_machine, self.turn_over) {
            (false, _) => Some((quiet + self.config.human_silence, Party::Human)),
            (true, true) => Some((quiet + self.config.machine_silence, Party::Machine)),
            (true, false) => None,
        });
        match clear {
            Some((at, party)) if at <= unclear => (at, party),
            Some(_) | None => (unclear, Party::Uncertain),
        }
    }
}

fn asks_for_a_message(text: &str) -> bool {
    let text = normalise(text);
    MACHINE_PHRASES.iter().any(|phrase| has_phrase(&text, phrase))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays what happens, one line each, to a call picked up at 0 and returns the verdict and
    /// when it fell, without further input. `stop` is noticed 200 ms after the last sound.
    fn check(script: &str) -> (Party, u64) {
        let mut answered = Answered::new(Config::default(), Timestamp::ZERO).unwrap();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (at, what) = line.split_once(' ').unwrap();
            let now: Timestamp = at.parse().unwrap();
            while let Some(due) = answered.poll_timeout().filter(|due| *due < now) {
                answered.handle_timeout(due);
            }
            if answered.verdict().is_some() {
                panic!("{:?} before {line}", answered.verdict());
            }
            match what {
                "start" => answered.speech_started(now),
                "stop" => answered.speech_stopped(now, now - Duration::from_millis(200)),
                "over" => answered.turn_over(now),
                text => answered.text(text),
            }
            if let Some(verdict) = answered.verdict() {
                return (verdict, now.as_millis());
            }
        }
        let due = answered.poll_timeout().unwrap();
        answered.handle_timeout(due - Duration::from_micros(1));
        assert_eq!(answered.verdict(), None, "a verdict before its time");
        answered.handle_timeout(due);
        assert_eq!(answered.poll_timeout(), None);
        (answered.verdict().unwrap(), due.as_millis())
    }

    #[test]
    fn a_short_greeting_and_a_silence_are_a_person() {
        assert_eq!(check("1000 start\n 1700 stop\n"), (Party::Human, 2_000));
        assert_eq!(check("1000 start\n 1700 stop\n 1800 Hello?"), (Party::Human, 2_000));
    }

    #[test]
    fn a_person_may_pause_in_the_greeting() {
        let script = "1000 start\n 1500 stop\n 1700 start\n 2400 stop";
        assert_eq!(check(script), (Party::Human, 2_700));
    }

    #[test]
    fn a_pause_noticed_late_is_judged_at_once() {
        let mut answered = Answered::new(Config::default(), Timestamp::ZERO).unwrap();
        answered.speech_started(Timestamp::from_millis(500));
        answered.speech_stopped(Timestamp::from_millis(2_000), Timestamp::from_millis(900));
        assert_eq!(answered.verdict(), Some(Party::Human));
    }

    #[test]
    fn words_of_a_machine_move_the_deadline_from_the_end_of_speech() {
        let script = "1000 start\n 2200 stop\n 2400 Please leave a message.\n 2600 over";
        assert_eq!(check(script), (Party::Machine, 3_500));
    }

    #[test]
    fn a_long_greeting_is_a_machine_s() {
        let script = "1000 start\n 3700 stop\n 4200 over";
        assert_eq!(check(script), (Party::Machine, 5_000));
        let just_short = "1000 start\n 3699 stop";
        assert_eq!(check(just_short), (Party::Human, 3_999));
        let with_pauses = "1000 start\n 2000 stop\n 2200 start\n 3800 stop\n 4000 over";
        assert_eq!(check(with_pauses), (Party::Machine, 5_100));
    }

    #[test]
    fn a_machine_needs_silence_and_the_end_of_the_turn_in_any_order() {
        let over_first = "1000 start\n 4900 over\n 5000 stop";
        assert_eq!(check(over_first), (Party::Machine, 6_300));
        let silence_first = "1000 start\n 5000 stop\n 8000 over";
        assert_eq!(check(silence_first), (Party::Machine, 8_000));
        let never_over = "1000 start\n 5000 stop";
        assert_eq!(check(never_over), (Party::Uncertain, 20_000));
    }

    #[test]
    fn a_machine_that_goes_on_is_waited_for() {
        let script = "1000 start\n 5000 stop\n 5500 over\n 6000 start\n 9000 stop\n 9600 over";
        assert_eq!(check(script), (Party::Machine, 10_300));
        let not_over_again = "1000 start\n 5000 stop\n 5500 over\n 6000 start\n 9000 stop";
        assert_eq!(check(not_over_again), (Party::Uncertain, 20_000));
    }

    #[test]
    fn silence_is_uncertain() {
        assert_eq!(check(""), (Party::Uncertain, 10_000));
        assert_eq!(check("2000 stop\n 3000 over"), (Party::Uncertain, 10_000));
    }

    #[test]
    fn who_speaks_for_ever_is_uncertain() {
        assert_eq!(check("9000 start"), (Party::Uncertain, 20_000));
    }

    #[test]
    fn the_phrases_of_machines_are_known_in_five_languages() {
        for text in [
            "You've reached Bob. Leave your name and number after the beep!",
            "The person you’re trying to reach is not available.",
            "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
            "El buzón de voz de Ana.",
            "Laissez-moi un message après le bip",
            "您拨打的电话暂时无法接通，请稍后再拨。",
        ] {
            assert!(asks_for_a_message(text), "{text}");
        }
        for text in [
            "",
            "Hello?",
            "Bob speaking.",
            "Ja, Müller?",
            "¿Diga?",
            "Allô ?",
            "喂，你好",
            "voicemails",
        ] {
            assert!(!asks_for_a_message(text), "{text}");
        }
    }

    #[test]
    fn the_phrases_are_normalised_and_free_of_duplicates() {
        let mut phrases = MACHINE_PHRASES.to_vec();
        assert!(phrases.iter().all(|phrase| normalise(phrase) == *phrase));
        phrases.sort_unstable();
        assert_eq!(phrases.windows(2).find(|pair| pair[0] == pair[1]), None);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        Config::default().check().unwrap();
        let ms = Duration::from_millis;
        for (config, message) in [
            (
                Config { machine_silence: ms(400), ..Config::default() },
                "answered: machine_silence (400ms) is below human_silence (500ms)",
            ),
            (
                Config { no_speech: ms(30_000), ..Config::default() },
                "answered: total (20s) is below no_speech (30s)",
            ),
            (
                Config { human_greeting: ms(19_000), ..Config::default() },
                "answered: total (20s) is below human_greeting and machine_silence (20.5s)",
            ),
            (
                Config { human_silence: ms(0), ..Config::default() },
                "answered: human_silence (0ns) is below 10 ms (10ms)",
            ),
        ] {
            let error = Answered::new(config, Timestamp::ZERO).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_file_may_leave_out_what_stays_as_it_is() {
        let config: Config = serde_json::from_str(r#"{"total_ms": 30000}"#).unwrap();
        assert_eq!(config, Config { total: Duration::from_secs(30), ..Config::default() });
        assert!(serde_json::from_str::<Config>(r#"{"totl_ms": 30000}"#).is_err());
    }

    proptest! {
        #[test]
        fn from_any_state_the_verdict_comes_in_bounded_time_and_stays(
            start in 0_u64..5_000,
            inputs in prop::collection::vec((0_u64..4_000, 0_u8..5, 0_u64..1_000), 0..20),
        ) {
            let start = Timestamp::from_millis(start);
            let mut answered = Answered::new(Config::default(), start).unwrap();
            let mut now = start;
            for (wait, input, ago) in inputs {
                now += Duration::from_millis(wait);
                let before = answered.verdict();
                match input {
                    0 => answered.speech_started(now),
                    1 => answered.speech_stopped(now, now - Duration::from_millis(ago)),
                    2 => answered.turn_over(now),
                    3 => answered.text("after the tone"),
                    _ => answered.handle_timeout(now),
                }
                prop_assert!(before.is_none() || answered.verdict() == before);
            }
            let last = start + answered.config.total;
            if let Some(due) = answered.poll_timeout() {
                prop_assert!(due <= last);
                answered.handle_timeout(due.max(now));
            }
            prop_assert!(answered.verdict().is_some());
        }
    }
}
