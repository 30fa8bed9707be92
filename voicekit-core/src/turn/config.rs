use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::endpoint;

/// The engine's timings and thresholds.
///
/// The defaults are for a phone line in conversation, with a recogniser that gives final
/// transcripts within a second. In files, durations are in milliseconds and their names end in
/// `_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Whether the agent speaks first. Default: true.
    pub greet: bool,
    /// Probability from which a window counts as speech. 0 to 1, default 0.5 (Silero's own).
    pub voice_on: f32,
    /// Probability below which a window counts as silence; between the two, what was goes on.
    /// 0 to `voice_on`, default 0.35 (Silero's own: on − 0.15).
    pub voice_off: f32,
    /// Speech must last this long to count. Default: 60 ms; less lets clicks through, more delays
    /// every barge-in.
    #[serde(rename = "speech_after_ms", with = "crate::time::in_ms")]
    pub speech_after: Duration,
    /// Silence must last this long to end a stretch of speech. Default: 200 ms; the gaps inside
    /// words and between closely spoken ones are shorter.
    #[serde(rename = "silence_after_ms", with = "crate::time::in_ms")]
    pub silence_after: Duration,
    /// Without any media for this long, "speaking" is taken back. Default: 1 s.
    #[serde(rename = "media_gap_ms", with = "crate::time::in_ms")]
    pub media_gap: Duration,
    /// How much silence ends a turn, all of it at least `silence_after`.
    pub endpoint: endpoint::Config,
    /// How long to wait for a final transcript once the turn is over. Default: 1.5 s.
    #[serde(rename = "transcript_wait_ms", with = "crate::time::in_ms")]
    pub transcript_wait: Duration,
    /// Speech of at least this length that was not understood is answered with a reprompt; less
    /// is taken for a noise. Default: 800 ms.
    #[serde(rename = "reprompt_after_ms", with = "crate::time::in_ms")]
    pub reprompt_after: Duration,
    /// Speaking over the agent for this long makes it fall silent for the moment. At least
    /// `speech_after`; default 200 ms.
    #[serde(rename = "pause_after_ms", with = "crate::time::in_ms")]
    pub pause_after: Duration,
    /// Speaking over the agent for this long takes the turn, whatever is said. At least
    /// `pause_after`; default 700 ms, which 4 % of backchannels reach (59 % reach 500 ms).
    #[serde(rename = "barge_in_ms", with = "crate::time::in_ms")]
    pub barge_in: Duration,
    /// So many words that are not backchannels take the turn at once, however short; one is
    /// enough while the agent has paused. Default: 2.
    pub barge_in_words: usize,
    /// An agent that has paused goes on so long after the noise if no words have come of it.
    /// Default: 1 s.
    #[serde(rename = "false_interruption_ms", with = "crate::time::in_ms")]
    pub false_interruption: Duration,
    /// A backchannel that ends less than this before the agent does is an answer. Default: 1 s.
    #[serde(rename = "backchannel_edge_ms", with = "crate::time::in_ms")]
    pub backchannel_edge: Duration,
    /// Words that show attention and do not ask for the turn, in lower case. Default: English.
    pub backchannels: Vec<String>,
    /// The model's reply must begin to sound within this time. Default: 8 s.
    #[serde(rename = "reply_timeout_ms", with = "crate::time::in_ms")]
    pub reply_timeout: Duration,
    /// A reply that has begun must not fall silent for longer than this, nor may a phrase that
    /// needs no model take longer to begin. Default: 4 s.
    #[serde(rename = "reply_stall_ms", with = "crate::time::in_ms")]
    pub reply_stall: Duration,
    /// How long after its estimated end a reply without its last mark is taken as played.
    /// Default: 1 s.
    #[serde(rename = "mark_grace_ms", with = "crate::time::in_ms")]
    pub mark_grace: Duration,
    /// The caller is asked whether they are still there after this much silence. Default: 8 s.
    #[serde(rename = "idle_ms", with = "crate::time::in_ms")]
    pub idle: Duration,
    /// So often the caller is asked before the agent says goodbye. Default: 2.
    pub idle_prompts: u32,
    /// So many replies may fail one after the other before the agent gives up. Default: 3.
    pub max_failures: u32,
    /// How long the carrier may take to end the call once we hung up. Default: 2 s.
    #[serde(rename = "hang_up_timeout_ms", with = "crate::time::in_ms")]
    pub hang_up_timeout: Duration,
}

const BACKCHANNELS: &[&str] = &[
    "ah",
    "alright",
    "aha",
    "hm",
    "hmm",
    "huh",
    "mhm",
    "mm",
    "mmhmm",
    "mmm",
    "oh",
    "ok",
    "okay",
    "right",
    "sure",
    "uh",
    "uhhuh",
    "um",
    "yeah",
    "yep",
    "yes",
    "i see",
    "got it",
    "uh huh",
    "mm hmm",
    "all right",
];

impl Default for Config {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            greet: true,
            voice_on: 0.5,
            voice_off: 0.35,
            speech_after: ms(60),
            silence_after: ms(200),
            media_gap: ms(1_000),
            endpoint: endpoint::Config::default(),
            transcript_wait: ms(1_500),
            reprompt_after: ms(800),
            pause_after: ms(200),
            barge_in: ms(700),
            barge_in_words: 2,
            false_interruption: ms(1_000),
            backchannel_edge: ms(1_000),
            backchannels: BACKCHANNELS.iter().map(|&word| word.to_owned()).collect(),
            reply_timeout: ms(8_000),
            reply_stall: ms(4_000),
            mark_grace: ms(1_000),
            idle: ms(8_000),
            idle_prompts: 2,
            max_failures: 3,
            hang_up_timeout: ms(2_000),
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
        for (name, value) in [("voice_on", self.voice_on), ("voice_off", self.voice_off)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(invalid(format!("{name} is {value}, not within 0 to 1")));
            }
        }
        if self.voice_off > self.voice_on {
            let (off, on) = (self.voice_off, self.voice_on);
            return Err(invalid(format!("voice_off ({off}) is above voice_on ({on})")));
        }
        self.endpoint.check()?;
        let silence = ("silence_after", self.silence_after);
        at_least(("endpoint.after_certain", self.endpoint.after_certain), silence)?;
        at_least(("endpoint.unjudged", self.endpoint.unjudged), silence)?;
        at_least(("pause_after", self.pause_after), ("speech_after", self.speech_after))?;
        at_least(("barge_in", self.barge_in), ("pause_after", self.pause_after))?;
        at_least(("media_gap", self.media_gap), ("silence_after", self.silence_after))?;
        let longest = ("endpoint.after_unlikely", self.endpoint.after_unlikely);
        at_least(("idle", self.idle), longest)?;
        let floor = ("10 ms", Duration::from_millis(10));
        for field in [
            ("transcript_wait", self.transcript_wait),
            ("reply_timeout", self.reply_timeout),
            ("reply_stall", self.reply_stall),
            ("idle", self.idle),
            ("hang_up_timeout", self.hang_up_timeout),
        ] {
            at_least(field, floor)?;
        }
        Ok(())
    }

    /// Whether `text` only shows attention.
    pub(super) fn is_backchannel(&self, text: &str) -> bool {
        self.meaningful_words(text) == 0
    }

    /// The number of words in `text` that are not part of a backchannel.
    pub(super) fn meaningful_words(&self, text: &str) -> usize {
        let words: Vec<String> = text.split_whitespace().map(bare).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.is_empty()).collect();
        let known = |phrase: &str| self.backchannels.iter().any(|known| known == phrase);
        let (mut at, mut meaningful) = (0, 0);
        while at < words.len() {
            let pair = words.get(at..at + 2).is_some_and(|pair| known(&pair.join(" ")));
            let single = known(words[at]);
            at += if pair { 2 } else { 1 };
            meaningful += usize::from(!pair && !single);
        }
        meaningful
    }
}

/// A word in lower case without its punctuation.
fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn at_least(field: (&str, Duration), floor: (&str, Duration)) -> Result<()> {
    if field.1 >= floor.1 {
        return Ok(());
    }
    Err(invalid(format!("{} ({:?}) is below {} ({:?})", field.0, field.1, floor.0, floor.1)))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Config, "turn", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_each_other() {
        Config::default().check().unwrap();
    }

    #[test]
    fn a_file_may_leave_out_what_stays_as_it_is() {
        let text = r#"{"pause_after_ms": 250, "endpoint": {"unjudged_ms": 900}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.pause_after, Duration::from_millis(250));
        assert_eq!(config.endpoint.unjudged, Duration::from_millis(900));
        assert_eq!(config.idle, Config::default().idle);
        let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        assert!(serde_json::from_str::<Config>(r#"{"paws": 1}"#).is_err());
    }

    #[test]
    fn timings_that_contradict_each_other_are_refused_by_both_names() {
        let mut config = Config::default();
        config.endpoint.unjudged = Duration::from_millis(100);
        let text = config.check().unwrap_err().to_string();
        assert_eq!(text, "turn: endpoint.unjudged (100ms) is below silence_after (200ms)");
    }

    #[test]
    fn backchannels_count_for_nothing() {
        let config = Config::default();
        for text in ["Uh-huh.", "mm hmm, okay", "Yeah, right. I see.", "...", ""] {
            assert!(config.is_backchannel(text), "{text}");
        }
        assert_eq!(config.meaningful_words("okay, stop please"), 2);
    }
}
