//! How much silence ends a turn, from what a detector and the words say.
//!
//! A timer alone must choose between cutting callers off and making them wait: of pauses inside
//! turns, 51 % are longer than 600 ms. [`wait`] answers quickly when the detector is all but
//! certain, and takes its time otherwise.
//!
//! # Where the numbers come from
//!
//! From 134 pauses inside turns and 145 ends of turns of recorded calls, through mu-law, by Silero
//! and smart-turn v3.2 after 200 ms of silence; Silero itself hears silence some 90 ms late. The
//! pauses have the lengths of real ones: 45 % over 0.5 s, 26 % over 0.7 s, 6 % over 1 s.
//!
//! | smart-turn gives at least | to ends | to pauses |
//! |---|---|---|
//! | 0.97 | 36 % | 11 % |
//! | 0.9 | 53 % | 19 % |
//! | 0.8 | 64 % | 23 % |
//! | 0.5 | 78 % | 37 % |
//!
//! With 350 ms for the surest, who must be more than half of the ends for the median to be theirs,
//! a bar of 0.8 leaves room for voices that it judges worse. `docs/turn-taking.md` says what came
//! of it, and how to measure it again. In other recordings of real speech, 0.5 or more was given to
//! 91 % of ends and 53 % of pauses.
//!
//! Asking it again as the silence grows did not help. Words that leave a sentence open were seven
//! times as frequent at pauses as at ends. A full stop says next to nothing: Whisper writes one at
//! 70 % of pauses.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::words::Vocabulary;

/// How long to wait for the caller to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The probability from which the caller has certainly finished. `likely` to 1, default 0.8.
    pub certain: f32,
    /// The probability from which they rather have. 0 to `certain`, default 0.5.
    pub likely: f32,
    /// The silence that ends a turn that is certainly finished. Default: 350 ms; less leaves no
    /// time for the detector, which is asked after 200 ms and takes about 100 ms.
    #[serde(rename = "after_certain_ms", with = "crate::time::in_ms")]
    pub after_certain: Duration,
    /// The same of one that is likely finished. At least `after_certain`, default 850 ms.
    #[serde(rename = "after_likely_ms", with = "crate::time::in_ms")]
    pub after_likely: Duration,
    /// The same of one that is likely not, or whose last word calls for another. At least
    /// `after_likely`, default 1.4 s.
    #[serde(rename = "after_unlikely_ms", with = "crate::time::in_ms")]
    pub after_unlikely: Duration,
    /// The same where no detector was asked, or none answered. Default: 700 ms.
    #[serde(rename = "unjudged_ms", with = "crate::time::in_ms")]
    pub unjudged: Duration,
    /// The least silence that ends a turn whose number, spelling or e-mail address may go on
    /// ([`Vocabulary::is_dictating`]), whatever the detector says: callers pause for up to 1.5 s
    /// between its parts, and their voice is noticed a little later. Default: 1.7 s; zero waits no
    /// longer than for other words.
    #[serde(rename = "after_dictation_ms", with = "crate::time::in_ms")]
    pub after_dictation: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            certain: 0.8,
            likely: 0.5,
            after_certain: ms(350),
            after_likely: ms(850),
            after_unlikely: ms(1_400),
            unjudged: ms(700),
            after_dictation: ms(1_700),
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
        let (certain, likely) = (self.certain, self.likely);
        if !(0.0..=certain).contains(&likely) || !(0.0..=1.0).contains(&certain) {
            let message =
                format!("likely ({likely}) and certain ({certain}) must rise from 0 to 1");
            return Err(Error::new(ErrorKind::Config, "endpoint", message));
        }
        let waits = [
            ("after_certain", self.after_certain),
            ("after_likely", self.after_likely),
            ("after_unlikely", self.after_unlikely),
        ];
        for pair in waits.windows(2) {
            let [(shorter, short), (longer, long)] = [pair[0], pair[1]];
            if long < short {
                let message = format!("{longer} ({long:?}) is below {shorter} ({short:?})");
                return Err(Error::new(ErrorKind::Config, "endpoint", message));
            }
        }
        Ok(())
    }
}

/// The silence after which the caller's turn is over, counted from their last sound, if a detector
/// holds it for finished with probability `finished` and they said `text`, or no words are known.
///
/// Who has asked a question waits for the answer: it counts as one step likelier. A number that is
/// not one counts as no verdict.
///
/// ```
/// use voicekit_core::turn::Vocabulary;
/// use voicekit_core::turn::endpoint::{Config, wait};
///
/// let (config, english) = (Config::default(), Vocabulary::of("en"));
/// assert_eq!(wait(Some(0.98), "Two, please.", &english, &config), config.after_certain);
/// assert_eq!(wait(Some(0.98), "two and um", &english, &config), config.after_unlikely);
/// assert_eq!(wait(Some(0.98), "five five five", &english, &config), config.after_dictation);
/// assert_eq!(wait(None, "", &english, &config), config.unjudged);
/// ```
pub fn wait(
    finished: Option<f32>,
    text: &str,
    vocabulary: &Vocabulary,
    config: &Config,
) -> Duration {
    let wait = wait_for_the_sentence(finished, text, vocabulary, config);
    if vocabulary.is_dictating(text) { wait.max(config.after_dictation) } else { wait }
}

fn wait_for_the_sentence(
    finished: Option<f32>,
    text: &str,
    vocabulary: &Vocabulary,
    config: &Config,
) -> Duration {
    if vocabulary.is_open(text) {
        return config.after_unlikely;
    }
    let asks = text.trim_end().ends_with('?');
    match finished {
        Some(probability) if probability >= config.certain => config.after_certain,
        Some(probability) if probability >= config.likely && asks => config.after_certain,
        Some(probability) if probability >= config.likely || asks => config.after_likely,
        Some(probability) if probability < config.likely => config.after_unlikely,
        Some(_) | None => config.unjudged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> Vocabulary {
        Vocabulary::of("en")
    }

    #[test]
    fn the_surer_the_detector_the_shorter_the_wait() {
        let config = Config::default();
        let waits: Vec<Duration> = [0.0, 0.3, 0.5, 0.79, 0.8, 1.0]
            .into_iter()
            .map(|probability| wait(Some(probability), "At seven.", &english(), &config))
            .collect();
        assert!(waits.is_sorted_by(|earlier, later| earlier >= later), "{waits:?}");
        assert_eq!(waits[1], config.after_unlikely);
        assert_eq!(waits[2], config.after_likely);
        assert_eq!(waits[4], config.after_certain);
    }

    #[test]
    fn a_sentence_that_breaks_off_is_waited_for() {
        let config = Config::default();
        let open = [
            "I would like to",
            "two croissants and",
            "It's for my",
            "Um",
            "Well, uh...",
            "My number is",
            "On Monday,",
            "No, because…",
            "I’m",
            "And the.",
        ];
        for text in open {
            for finished in [None, Some(0.2), Some(0.99)] {
                assert_eq!(
                    wait(finished, text, &english(), &config),
                    config.after_unlikely,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_sentence_that_may_be_whole_is_left_to_the_detector() {
        let config = Config::default();
        let whole =
            ["", "Where are you from?", "Come in.", "Thank you", "seven", "Yes it is.", "?"];
        for text in whole {
            assert_eq!(wait(Some(0.99), text, &english(), &config), config.after_certain, "{text}");
            assert_eq!(wait(None, text, &english(), &config), config.unjudged, "{text}");
        }
    }

    #[test]
    fn what_is_dictated_is_waited_for_whatever_the_detector_says() {
        let config = Config::default();
        for text in ["My number is five five five", "S M I", "jane at"] {
            for finished in [None, Some(0.2), Some(0.6), Some(0.99)] {
                let wait = wait(finished, text, &english(), &config);
                assert_eq!(wait, config.after_dictation, "{text}");
            }
        }
        let off = Config { after_dictation: Duration::ZERO, ..config };
        assert_eq!(wait(Some(0.99), "five five five", &english(), &off), off.after_certain);
    }

    #[test]
    fn a_question_is_answered_a_step_sooner() {
        let config = Config::default();
        let asked = |finished| wait(Some(finished), "When are you open?", &english(), &config);
        assert_eq!(asked(0.2), config.after_likely);
        assert_eq!(asked(0.6), config.after_certain);
        assert_eq!(asked(0.99), config.after_certain);
        assert_eq!(wait(Some(0.2), "Is it for the?", &english(), &config), config.after_unlikely);
    }

    #[test]
    fn a_verdict_that_is_no_number_is_none() {
        let config = Config::default();
        assert_eq!(wait(Some(f32::NAN), "", &english(), &config), config.unjudged);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        Config::default().check().unwrap();
        let late = Config { after_certain: Duration::from_secs(2), ..Config::default() };
        let text = late.check().unwrap_err().to_string();
        assert_eq!(text, "endpoint: after_likely (850ms) is below after_certain (2s)");
        for (likely, certain) in [(0.9, 0.5), (-0.1, 0.5), (0.5, 1.5), (f32::NAN, 0.9)] {
            assert!(Config { likely, certain, ..Config::default() }.check().is_err());
        }
    }
}
