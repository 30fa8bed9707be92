//! What can be set, its one check, and the query it becomes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicekit_core::error::Result;

use voicekit_net::Check;

use crate::SERVICE;
use crate::account::Account;

const CHECK: Check = Check::new(SERVICE);

/// How Nova listens, over `/v1/listen`.
///
/// [`Nova::new`](crate::Nova::new) checks it and names the field, the value and the range of what
/// is wrong. Files write durations as milliseconds, in fields named `…_ms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NovaConfig {
    /// Where the service is and as whom we come.
    pub account: Account,
    /// The model. Default: `nova-3`.
    #[serde(default = "nova")]
    pub model: String,
    /// The language whatever the call's is, such as `multi` for several in one call. Default:
    /// the call's.
    #[serde(default)]
    pub language: Option<String>,
    /// Capitals and punctuation. Default: true.
    #[serde(default = "yes")]
    pub punctuate: bool,
    /// Numbers, dates and addresses as one writes them. It may hold text back for some seconds,
    /// unless [`no_delay`](Self::no_delay) is set. Default: false.
    #[serde(default)]
    pub smart_format: bool,
    /// Does not hold text back for [`smart_format`](Self::smart_format). Default: false.
    #[serde(default)]
    pub no_delay: bool,
    /// Numbers as digits. Default: false.
    #[serde(default)]
    pub numerals: bool,
    /// Replaces profanity. Default: false.
    #[serde(default)]
    pub profanity_filter: bool,
    /// What to redact: `pci`, `numbers`, `aggressive_numbers`, `ssn`. Default: nothing.
    #[serde(default)]
    pub redact: Vec<String>,
    /// The silence after which the service takes a stretch of speech as finished: 10 ms to 5 s,
    /// or zero for never. Default: 300 ms (its own default of 10 ms gives many tiny stretches).
    #[serde(
        rename = "endpointing_ms",
        default = "endpointing",
        with = "voicekit_core::time::in_ms"
    )]
    pub endpointing: Duration,
    /// The gap between words after which a stretch is finished although there is noise: 1 s to
    /// 5 s, or zero for never. Default: 1 s.
    #[serde(rename = "utterance_end_ms", default = "second", with = "voicekit_core::time::in_ms")]
    pub utterance_end: Duration,
    /// Asks for the final transcript when the caller pauses, so that it is there when the turn
    /// ends. Costs a message a pause, and a sentence said with long pauses is understood in
    /// pieces. Default: true.
    #[serde(default = "yes")]
    pub finalize_early: bool,
    /// How long the answer to a `Finalize` may take; the service does not always give one. Then
    /// what was heard so far is the answer. 100 ms to 5 s, default 1 s.
    #[serde(
        rename = "finalize_timeout_ms",
        default = "second",
        with = "voicekit_core::time::in_ms"
    )]
    pub finalize_timeout: Duration,
    /// How much of what was not understood for good is kept for a new connection: 0.5 s to 10 s.
    /// It is sent at 1.25 times the speed of speech, faster is not allowed. Default: 5 s.
    #[serde(rename = "replay_ms", default = "replay", with = "voicekit_core::time::in_ms")]
    pub replay: Duration,
    /// Keeps the call out of the training of models. It may cost more. Default: false.
    #[serde(default)]
    pub mip_opt_out: bool,
    /// Labels in the service's reports of usage. Default: none.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// How Flux listens and follows turns, over `/v2/listen`.
///
/// Checked and written as [`NovaConfig`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FluxConfig {
    /// Where the service is and as whom we come.
    pub account: Account,
    /// The model: `flux-general-en`, or `flux-general-multi`, which is told the call's language
    /// as a hint. Default: `flux-general-en`.
    #[serde(default = "flux")]
    pub model: String,
    /// How sure it is that a turn is over when it says so: 0.5 to 1; at 1 only
    /// [`eot_timeout`](Self::eot_timeout) ends turns. Default: 0.7.
    #[serde(default = "eot_threshold")]
    pub eot_threshold: f32,
    /// How sure it is when it says that a turn may be over, so that a reply can be prepared: 0.3
    /// to 0.9, and not more than [`eot_threshold`](Self::eot_threshold). Lower is earlier and
    /// prepares more replies in vain. Default: none, and it never says so.
    #[serde(default)]
    pub eager_eot_threshold: Option<f32>,
    /// The silence that ends a turn in any case: 0.5 s to 60 s, default 5 s.
    #[serde(
        rename = "eot_timeout_ms",
        default = "eot_timeout",
        with = "voicekit_core::time::in_ms"
    )]
    pub eot_timeout: Duration,
    /// Languages to expect beside the call's; `flux-general-multi` only. Default: none.
    #[serde(default)]
    pub language_hints: Vec<String>,
    /// Numbers as digits. Default: false.
    #[serde(default)]
    pub numerals: bool,
    /// Replaces profanity. Default: false.
    #[serde(default)]
    pub profanity_filter: bool,
    /// What to redact: `numbers`, `aggressive_numbers`. Default: nothing.
    #[serde(default)]
    pub redact: Vec<String>,
    /// Asks the service to end the turn when the engine has decided that it is over
    /// (`ForceEndTurn`, which older servers of one's own may not know). Otherwise the words so
    /// far are the answer. Default: true.
    #[serde(default = "yes")]
    pub force_end_turn: bool,
    /// How long the answer to a `ForceEndTurn` may take, as
    /// [`NovaConfig::finalize_timeout`]. Default: 1 s.
    #[serde(
        rename = "finalize_timeout_ms",
        default = "second",
        with = "voicekit_core::time::in_ms"
    )]
    pub finalize_timeout: Duration,
    /// As [`NovaConfig::replay`]. Default: 5 s.
    #[serde(rename = "replay_ms", default = "replay", with = "voicekit_core::time::in_ms")]
    pub replay: Duration,
    /// As [`NovaConfig::mip_opt_out`]. Default: false.
    #[serde(default)]
    pub mip_opt_out: bool,
    /// Labels in the service's reports of usage. Default: none.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// How Aura speaks, over `/v1/speak`.
///
/// Checked and written as [`NovaConfig`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuraConfig {
    /// Where the service is and as whom we come.
    pub account: Account,
    /// The voice, which is the service's `model` and has its language in its name, where the
    /// reply names none. Default: `aura-2-thalia-en`.
    #[serde(default = "aura")]
    pub voice: String,
    /// How fast it speaks: 0.5 to 2; not every voice can. Default: the voice's own.
    #[serde(default)]
    pub speed: Option<f32>,
    /// How long the service may be silent while it owes audio: 0.5 s to 30 s, default 5 s.
    #[serde(rename = "answer_ms", default = "answer", with = "voicekit_core::time::in_ms")]
    pub answer: Duration,
    /// As [`NovaConfig::mip_opt_out`]. Default: false.
    #[serde(default)]
    pub mip_opt_out: bool,
}

/// A parameter of the query.
pub(crate) type Parameter = (&'static str, String);

impl NovaConfig {
    /// The defaults for `account`.
    pub fn new(account: Account) -> Self {
        Self {
            account,
            model: nova(),
            language: None,
            punctuate: true,
            smart_format: false,
            no_delay: false,
            numerals: false,
            profanity_filter: false,
            redact: Vec::new(),
            endpointing: endpointing(),
            utterance_end: second(),
            finalize_early: true,
            finalize_timeout: second(),
            replay: replay(),
            mip_opt_out: false,
            tags: Vec::new(),
        }
    }

    /// Sets [`model`](Self::model).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Sets [`language`](Self::language).
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sets [`endpointing`](Self::endpointing).
    #[must_use]
    pub fn with_endpointing(mut self, silence: Duration) -> Self {
        self.endpointing = silence;
        self
    }

    /// Sets [`finalize_early`](Self::finalize_early).
    #[must_use]
    pub fn with_finalize_early(mut self, early: bool) -> Self {
        self.finalize_early = early;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        CHECK.filled("model", &self.model)?;
        let ms = Duration::from_millis;
        if !self.endpointing.is_zero() {
            CHECK.within_ms("endpointing_ms", self.endpointing, ms(10)..=ms(5_000))?;
        }
        if !self.utterance_end.is_zero() {
            CHECK.within_ms("utterance_end_ms", self.utterance_end, ms(1_000)..=ms(5_000))?;
        }
        CHECK.within_ms("finalize_timeout_ms", self.finalize_timeout, ms(100)..=ms(5_000))?;
        CHECK.within_ms("replay_ms", self.replay, ms(500)..=ms(10_000))
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut query = vec![("model", self.model.clone())];
        let endpointing = Some(self.endpointing).filter(|silence| !silence.is_zero());
        let silence = endpointing.map_or_else(|| "false".to_owned(), in_ms);
        query.extend([("interim_results", "true".to_owned()), ("endpointing", silence)]);
        if !self.utterance_end.is_zero() {
            query.push(("utterance_end_ms", in_ms(self.utterance_end)));
        }
        query.extend(flags(&[
            ("punctuate", self.punctuate),
            ("smart_format", self.smart_format),
            ("no_delay", self.no_delay),
            ("numerals", self.numerals),
            ("profanity_filter", self.profanity_filter),
            ("mip_opt_out", self.mip_opt_out),
        ]));
        query.extend(list("redact", &self.redact));
        query.extend(list("tag", &self.tags));
        query
    }
}

impl FluxConfig {
    /// The defaults for `account`.
    pub fn new(account: Account) -> Self {
        Self {
            account,
            model: flux(),
            eot_threshold: eot_threshold(),
            eager_eot_threshold: None,
            eot_timeout: eot_timeout(),
            language_hints: Vec::new(),
            numerals: false,
            profanity_filter: false,
            redact: Vec::new(),
            force_end_turn: true,
            finalize_timeout: second(),
            replay: replay(),
            mip_opt_out: false,
            tags: Vec::new(),
        }
    }

    /// Sets [`model`](Self::model).
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Sets [`eot_threshold`](Self::eot_threshold).
    #[must_use]
    pub fn with_eot_threshold(mut self, confidence: f32) -> Self {
        self.eot_threshold = confidence;
        self
    }

    /// Sets [`eager_eot_threshold`](Self::eager_eot_threshold).
    #[must_use]
    pub fn with_eager_eot_threshold(mut self, confidence: f32) -> Self {
        self.eager_eot_threshold = Some(confidence);
        self
    }

    /// Sets [`eot_timeout`](Self::eot_timeout).
    #[must_use]
    pub fn with_eot_timeout(mut self, silence: Duration) -> Self {
        self.eot_timeout = silence;
        self
    }

    /// Sets [`force_end_turn`](Self::force_end_turn).
    #[must_use]
    pub fn with_force_end_turn(mut self, force: bool) -> Self {
        self.force_end_turn = force;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        CHECK.filled("model", &self.model)?;
        let ms = Duration::from_millis;
        CHECK.within("eot_threshold", self.eot_threshold, 0.5..=1.0)?;
        if let Some(eager) = self.eager_eot_threshold {
            CHECK.within("eager_eot_threshold", eager, 0.3..=self.eot_threshold.min(0.9))?;
        }
        if !self.is_multilingual() && !self.language_hints.is_empty() {
            let text = format!("language_hints need flux-general-multi, not {}", self.model);
            return Err(CHECK.wrong(text));
        }
        CHECK.within_ms("eot_timeout_ms", self.eot_timeout, ms(500)..=ms(60_000))?;
        CHECK.within_ms("finalize_timeout_ms", self.finalize_timeout, ms(100)..=ms(5_000))?;
        CHECK.within_ms("replay_ms", self.replay, ms(500)..=ms(10_000))
    }

    pub(crate) fn is_multilingual(&self) -> bool {
        self.model.ends_with("-multi")
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut query = vec![
            ("model", self.model.clone()),
            ("eot_threshold", self.eot_threshold.to_string()),
            ("eot_timeout_ms", in_ms(self.eot_timeout)),
        ];
        query.extend(
            self.eager_eot_threshold.map(|eager| ("eager_eot_threshold", eager.to_string())),
        );
        query.extend(flags(&[
            ("numerals", self.numerals),
            ("profanity_filter", self.profanity_filter),
            ("mip_opt_out", self.mip_opt_out),
        ]));
        query.extend(list("redact", &self.redact));
        query.extend(list("tag", &self.tags));
        query
    }
}

impl AuraConfig {
    /// The defaults for `account`.
    pub fn new(account: Account) -> Self {
        Self { account, voice: aura(), speed: None, answer: answer(), mip_opt_out: false }
    }

    /// Sets [`voice`](Self::voice).
    #[must_use]
    pub fn with_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = voice.into();
        self
    }

    /// Sets [`speed`](Self::speed).
    #[must_use]
    pub fn with_speed(mut self, speed: f32) -> Self {
        self.speed = Some(speed);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        CHECK.filled("voice", &self.voice)?;
        if let Some(speed) = self.speed {
            CHECK.within("speed", speed, 0.5..=2.0)?;
        }
        let ms = Duration::from_millis;
        CHECK.within_ms("answer_ms", self.answer, ms(500)..=ms(30_000))
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut query: Vec<Parameter> = flags(&[("mip_opt_out", self.mip_opt_out)]).collect();
        query.extend(self.speed.map(|speed| ("speed", speed.to_string())));
        query
    }
}

/// Those that are set; the service's default of each is `false`.
fn flags(flags: &[(&'static str, bool)]) -> impl Iterator<Item = Parameter> {
    flags.iter().filter(|(_, set)| *set).map(|(name, _)| (*name, "true".to_owned()))
}

/// Lists are repeated parameters.
pub(crate) fn list(name: &'static str, values: &[String]) -> impl Iterator<Item = Parameter> {
    values.iter().map(move |value| (name, value.clone()))
}

pub(crate) fn in_ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}

fn nova() -> String {
    "nova-3".to_owned()
}

fn flux() -> String {
    "flux-general-en".to_owned()
}

fn aura() -> String {
    "aura-2-thalia-en".to_owned()
}

fn yes() -> bool {
    true
}

fn endpointing() -> Duration {
    Duration::from_millis(300)
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn replay() -> Duration {
    Duration::from_secs(5)
}

fn answer() -> Duration {
    Duration::from_secs(5)
}

fn eot_threshold() -> f32 {
    0.7
}

fn eot_timeout() -> Duration {
    Duration::from_secs(5)
}
