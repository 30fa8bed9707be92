//! What can be set, its one check, and the query it becomes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::Result;
use voicekit_core::time::{in_ms, some_in_ms};

use voicekit_net::Check;

use crate::SERVICE;
use crate::account::Account;

const CHECK: Check = Check::new(SERVICE);

/// What the adapter itself says in the query.
const OWN: &[&str] = &[
    "sample_rate",
    "encoding",
    "speech_model",
    "token",
    "format_turns",
    "end_of_turn_confidence_threshold",
    "min_turn_silence",
    "max_turn_silence",
    "keyterms_prompt",
    "language_codes",
    "inactivity_timeout",
];

/// The silence after which a Universal-3 model finalises where the engine ends the turns: the
/// least that the service's models default to.
const U3_SILENCE: Duration = Duration::from_millis(100);

/// The same for Universal-Streaming, which with a threshold of 1 waits for the engine.
const UNIVERSAL_SILENCE: Duration = Duration::from_millis(160);

/// How AssemblyAI listens, over `/v3/ws`.
///
/// [`AssemblyAi::new`](crate::AssemblyAi::new) checks it and names the field, the value and the
/// range of what is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AssemblyAiConfig {
    /// Where the service is and as whom we come.
    pub account: Account,
    /// The model: `universal-streaming-english`, `universal-streaming-multilingual`, `u3-rt-pro`
    /// or another. Default: `universal-streaming-english`, whose words come as they are spoken
    /// and do not change.
    #[serde(default = "model")]
    pub model: String,
    /// Who ends the caller's turns. Default: [`Turns::Engine`].
    #[serde(default)]
    pub turns: Turns,
    /// Capitals, punctuation and numbers as one writes them, of Universal-Streaming; it makes each
    /// final later. Universal-3 always has them. Default: false.
    #[serde(default)]
    pub format_turns: bool,
    /// How sure Universal-Streaming is that a turn is over when it ends it: 0 to 1. Default: 1
    /// where the engine ends the turns, which leaves it to silence; else the service's own, 0.4.
    #[serde(default)]
    pub end_of_turn_confidence_threshold: Option<f32>,
    /// The silence after which a turn can end. Default: where the engine ends the turns 100 ms
    /// (Universal-3) or 160 ms (Universal-Streaming), else the service's own.
    #[serde(rename = "min_turn_silence_ms", default, with = "some_in_ms")]
    pub min_turn_silence: Option<Duration>,
    /// The silence that ends a turn in any case. Default: where the engine ends the turns
    /// [`min_turn_silence`](Self::min_turn_silence) for Universal-3, else the service's own.
    #[serde(rename = "max_turn_silence_ms", default, with = "some_in_ms")]
    pub max_turn_silence: Option<Duration>,
    /// Languages to expect, such as `es`. Default: the call's for Universal-3, else none.
    #[serde(default)]
    pub language_codes: Vec<String>,
    /// After how long without audio the service ends the session: 5 s to 3,600 s, whole seconds.
    /// Half of that without audio a `KeepAlive` is sent, so that it ends only sessions of which
    /// we have died. Default: none, and such a session is billed for three hours.
    #[serde(rename = "inactivity_timeout_ms", default, with = "some_in_ms")]
    pub inactivity_timeout: Option<Duration>,
    /// Asks for the final transcript when the caller pauses, so that it is there when the turn
    /// ends. A sentence said with long pauses is understood in pieces. Only where the engine ends
    /// the turns. Default: true.
    #[serde(default = "yes")]
    pub finalize_early: bool,
    /// How long the answer to a `Finalize` may take; the service gives none where there was no
    /// speech. Then what was heard so far is the answer. 100 ms to 5 s, default 1 s.
    #[serde(rename = "finalize_timeout_ms", default = "second", with = "in_ms")]
    pub finalize_timeout: Duration,
    /// How much of what was not understood for good is kept for a new connection: 0.5 s to 5 s.
    /// It is sent at 1.1 times the speed of speech, so that the words lag behind for ten times as
    /// long. Words that the service has called final are kept as words. Default: 2 s.
    #[serde(rename = "replay_ms", default = "replay", with = "in_ms")]
    pub replay: Duration,
    /// Other parameters of the query, as they are on the wire (lists as JSON): `vad_threshold`,
    /// `prompt`, `mode`, `domain`, `continuous_partials`. Default: none.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// Who ends the caller's turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Turns {
    /// The engine, by its own voice activity, words and detector. The service only transcribes,
    /// finalises as early as it can, and says nothing about turns.
    #[default]
    Engine,
    /// The service, which says when a turn begins and when it is over.
    Service,
}

/// A parameter of the query.
pub(crate) type Parameter = (&'static str, String);

impl AssemblyAiConfig {
    /// The defaults for `account`.
    pub fn new(account: Account) -> Self {
        Self {
            account,
            model: model(),
            turns: Turns::default(),
            format_turns: false,
            end_of_turn_confidence_threshold: None,
            min_turn_silence: None,
            max_turn_silence: None,
            language_codes: Vec::new(),
            inactivity_timeout: None,
            finalize_early: true,
            finalize_timeout: second(),
            replay: replay(),
            parameters: BTreeMap::new(),
        }
    }

    /// Sets [`model`](Self::model).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Sets [`turns`](Self::turns).
    #[must_use]
    pub fn with_turns(mut self, turns: Turns) -> Self {
        self.turns = turns;
        self
    }

    /// Sets [`format_turns`](Self::format_turns).
    #[must_use]
    pub fn with_format_turns(mut self, format: bool) -> Self {
        self.format_turns = format;
        self
    }

    /// Sets [`finalize_early`](Self::finalize_early).
    #[must_use]
    pub fn with_finalize_early(mut self, early: bool) -> Self {
        self.finalize_early = early;
        self
    }

    /// Adds to [`parameters`](Self::parameters).
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let ms = Duration::from_millis;
        if self.model.trim().is_empty() {
            return Err(CHECK.wrong("model is empty"));
        }
        if let Some(threshold) = self.end_of_turn_confidence_threshold {
            CHECK.within("end_of_turn_confidence_threshold", threshold, 0.0..=1.0)?;
        }
        if let (Some(least), Some(most)) = (self.min_turn_silence, self.max_turn_silence)
            && least > most
        {
            let (least, most) = (least.as_millis(), most.as_millis());
            let text = format!(
                "min_turn_silence_ms is {least}, more than max_turn_silence_ms, which is {most}"
            );
            return Err(CHECK.wrong(text));
        }
        if let Some(timeout) = self.inactivity_timeout {
            CHECK.within_ms("inactivity_timeout_ms", timeout, ms(5_000)..=ms(3_600_000))?;
            if timeout.subsec_nanos() != 0 {
                let millis = timeout.as_millis();
                return Err(
                    CHECK.wrong(format!("inactivity_timeout_ms is {millis}, no whole seconds"))
                );
            }
        }
        CHECK.within_ms("finalize_timeout_ms", self.finalize_timeout, ms(100)..=ms(5_000))?;
        CHECK.within_ms("replay_ms", self.replay, ms(500)..=ms(5_000))?;
        match self.parameters.keys().find(|name| OWN.contains(&name.as_str())) {
            Some(name) => Err(CHECK.wrong(format!("parameters.{name} is the adapter's own"))),
            None => Ok(()),
        }
    }

    /// Whether each final comes twice, as it was heard and formatted.
    pub(crate) fn formats_after(&self) -> bool {
        self.format_turns && self.is_universal_streaming()
    }

    pub(crate) fn is_english(&self) -> bool {
        self.model.ends_with("-english")
    }

    pub(crate) fn query(&self, language: &str) -> Vec<Parameter> {
        let mut query = vec![("speech_model", self.model.clone())];
        if self.format_turns || self.is_universal_streaming() {
            query.push(("format_turns", self.format_turns.to_string()));
        }
        let threshold = self.threshold().map(|threshold| threshold.to_string());
        query.extend(threshold.map(|value| ("end_of_turn_confidence_threshold", value)));
        let (least, most) = self.silences();
        query.extend(least.map(|silence| ("min_turn_silence", silence.as_millis().to_string())));
        query.extend(most.map(|silence| ("max_turn_silence", silence.as_millis().to_string())));
        let codes = match language.split('-').next() {
            Some(code) if self.language_codes.is_empty() && self.is_universal_3() => {
                list("language_codes", &[code.to_lowercase()])
            }
            Some(_) | None => list("language_codes", &self.language_codes),
        };
        query.extend(codes);
        let timeout = self.inactivity_timeout.map(|timeout| timeout.as_secs().to_string());
        query.extend(timeout.map(|value| ("inactivity_timeout", value)));
        query
    }

    fn threshold(&self) -> Option<f32> {
        let waits = self.turns == Turns::Engine && self.is_universal_streaming();
        self.end_of_turn_confidence_threshold.or_else(|| waits.then_some(1.0))
    }

    /// The least and the most silence that ends a turn.
    fn silences(&self) -> (Option<Duration>, Option<Duration>) {
        let (least, most) = (self.min_turn_silence, self.max_turn_silence);
        match self.turns {
            Turns::Engine if self.is_universal_3() => {
                let least = least.or(most).unwrap_or(U3_SILENCE);
                (Some(least), most.or(Some(least)))
            }
            Turns::Engine if self.is_universal_streaming() => {
                let own = most.map_or(UNIVERSAL_SILENCE, |most| most.min(UNIVERSAL_SILENCE));
                (least.or(Some(own)), most)
            }
            Turns::Engine | Turns::Service => (least, most),
        }
    }

    fn is_universal_streaming(&self) -> bool {
        self.model.starts_with("universal-streaming")
    }

    fn is_universal_3(&self) -> bool {
        self.model.starts_with("u3-") || self.model.starts_with("universal-3-")
    }
}

/// Lists are JSON in one parameter; an empty one is left out.
pub(crate) fn list(name: &'static str, values: &[String]) -> Option<Parameter> {
    (!values.is_empty()).then(|| (name, serde_json::json!(values).to_string()))
}

fn model() -> String {
    "universal-streaming-english".to_owned()
}

fn yes() -> bool {
    true
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn replay() -> Duration {
    Duration::from_secs(2)
}
