use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::transport::Digit;

use super::event::Expected;
use super::strategy::{Mute, Start, Stop};
use super::words::Vocabulary;
use super::{answered, dead_end, endpoint, pauses};

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
    /// A voice without a single word for this long is a noise, and is ignored until it stops.
    /// At least `reprompt_after`; default 10 s.
    #[serde(rename = "noise_after_ms", with = "crate::time::in_ms")]
    pub noise_after: Duration,
    /// What lets the caller take the floor from the agent; the first to say so decides. Empty:
    /// only [`Event::TakeTurn`](super::Event::TakeTurn) does. Default: voice, words, whole turns,
    /// the recogniser's own turns and keys.
    pub start: Vec<Start>,
    /// What ends the caller's turn; the first to say so decides. Empty: only
    /// [`Event::YieldTurn`](super::Event::YieldTurn) and `turn_timeout` do. Default: silence and
    /// the recogniser's own turns.
    pub stop: Vec<Stop>,
    /// When the caller cannot take the floor; what they say then is kept for the next turn.
    /// Default: never.
    pub mute: Vec<Mute>,
    /// How much silence ends a turn, all of it at least `silence_after`.
    pub endpoint: endpoint::Config,
    /// The same for turns that answer a particular kind of question, by name:
    /// [`Event::Expect`](super::Event::Expect) asks for one. Default: `digits`, for numbers that
    /// are read out in groups, and `dictation`, for spelling and addresses.
    pub profiles: BTreeMap<String, endpoint::Config>,
    /// What is learned from the caller's own pauses.
    pub pauses: pauses::Config,
    /// The turn ends when nothing has come of it for this long, whatever `stop` says: no silence
    /// ends it, or the voice goes on but its words do not. At least `endpoint.after_unlikely`;
    /// default 5 s.
    #[serde(rename = "turn_timeout_ms", with = "crate::time::in_ms")]
    pub turn_timeout: Duration,
    /// A caller who speaks for longer, or says more, before the agent speaks is reported.
    /// Default: no limit.
    pub turn_limit: TurnLimit,
    /// How long after the end of speech the final transcript is waited for. Default: 1.5 s.
    #[serde(rename = "transcript_wait_ms", with = "crate::time::in_ms")]
    pub transcript_wait: Duration,
    /// How long the recogniser has for it at least, once it was asked. At most
    /// `transcript_wait`; default 500 ms.
    #[serde(rename = "finalize_wait_ms", with = "crate::time::in_ms")]
    pub finalize_wait: Duration,
    /// Preparing replies before the turn is over.
    pub speculation: Speculation,
    /// What the caller's keys do.
    pub keys: Keys,
    /// Whether to find out first if a person or a machine has picked up, for calls that we place.
    /// Default: no.
    pub answered: Option<answered::Config>,
    /// What is done about turns that lead nowhere.
    pub dead_ends: dead_end::Config,
    /// Speech of at least this length that was not understood is answered with a reprompt; less
    /// is taken for a noise. Default: 800 ms.
    #[serde(rename = "reprompt_after_ms", with = "crate::time::in_ms")]
    pub reprompt_after: Duration,
    /// An agent that has paused goes on at the latest so long after the noise if no words have come
    /// of it; after a brief noise sooner. Default: 1 s.
    #[serde(rename = "false_interruption_ms", with = "crate::time::in_ms")]
    pub false_interruption: Duration,
    /// A backchannel that ends less than this before the agent does is an answer. Default: 1 s.
    #[serde(rename = "backchannel_edge_ms", with = "crate::time::in_ms")]
    pub backchannel_edge: Duration,
    /// The language spoken, as a BCP 47 tag: whose backchannels and open sentences to expect.
    /// Default: `en`; [`Vocabulary`] says what is known of which.
    pub language: String,
    /// Words that show attention and do not ask for the turn, instead of the language's own.
    /// Default: none.
    pub backchannels: Option<Vec<String>>,
    /// Words that ask for the floor however briefly they are said, instead of the language's own.
    /// Default: none.
    pub requests: Option<Vec<String>>,
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
    /// While a tool runs and nobody speaks, the caller is told to wait after this time.
    /// Default: 1.5 s.
    #[serde(rename = "filler_after_ms", with = "crate::time::in_ms")]
    pub filler_after: Duration,
    /// And told again each time this has passed. Default: 8 s.
    #[serde(rename = "filler_every_ms", with = "crate::time::in_ms")]
    pub filler_every: Duration,
    /// A tool that takes longer has failed. Default: 60 s; tools have their own limits below it.
    #[serde(rename = "tool_timeout_ms", with = "crate::time::in_ms")]
    pub tool_timeout: Duration,
    /// So often in a row the model may ask for tools before it has to answer. Default: 8.
    pub max_tool_steps: u32,
    /// The longest call. The agent says goodbye when it is reached. Default: 1 h.
    #[serde(rename = "max_call_ms", with = "crate::time::in_ms")]
    pub max_call: Duration,
    /// So long before that, the caller is warned. At most `max_call`; default 60 s.
    #[serde(rename = "call_warning_ms", with = "crate::time::in_ms")]
    pub call_warning: Duration,
    /// So long after it, the line is cut, whoever speaks. Default: 20 s.
    #[serde(rename = "call_grace_ms", with = "crate::time::in_ms")]
    pub call_grace: Duration,
    /// How long the carrier may take to end the call once we hung up. Default: 2 s.
    #[serde(rename = "hang_up_timeout_ms", with = "crate::time::in_ms")]
    pub hang_up_timeout: Duration,
    /// The timings of the agents to which the call may be [handed](super::Event::HandedTo), by name.
    /// What concerns the call as a whole stays as it was when the call began: `greet`, `answered`,
    /// `max_call` and the warning before it. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, Self>,
}

/// Preparing replies while it is not certain yet that the caller has finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Speculation {
    /// The most replies that are prepared for one turn; each that is not used costs a request to
    /// the model. 0 turns preparing off; default 4.
    pub most: u32,
    /// How long interim words must have stood. Words of a final transcript are taken at once.
    /// Default: 100 ms.
    #[serde(rename = "stable_ms", with = "crate::time::in_ms")]
    pub stable: Duration,
    /// How long before the turn can end a reply to it is begun: at least what a model and a voice
    /// take up to the first audio. If this call's replies take longer, so does the lead. More
    /// wastes requests on pauses after which the caller goes on. Default: 700 ms, for a first
    /// token after 400 ms, ten words at 10 ms, and first audio after 200 ms.
    #[serde(rename = "lead_ms", with = "crate::time::in_ms")]
    pub lead: Duration,
}

impl Default for Speculation {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { most: 4, stable: ms(100), lead: ms(700) }
    }
}

/// What the caller's keys do. They become part of the turn, as `[pressed 1 2 3]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Keys {
    /// The key that ends what is being keyed in. Default: `#`.
    pub end: Option<Digit>,
    /// So long after the last key it has ended anyway. Default: 2 s.
    #[serde(rename = "timeout_ms", with = "crate::time::in_ms")]
    pub timeout: Duration,
}

impl Default for Keys {
    fn default() -> Self {
        Self { end: Digit::new('#'), timeout: Duration::from_secs(2) }
    }
}

/// How much a caller may say before the agent speaks. Default: any amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TurnLimit {
    /// The most words.
    pub words: Option<usize>,
    /// The longest time in all, in milliseconds.
    pub speech_ms: Option<u64>,
}

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
            noise_after: ms(10_000),
            start: Start::defaults(),
            stop: vec![Stop::Silence, Stop::Recognizer],
            mute: Vec::new(),
            profiles: profiles(),
            pauses: pauses::Config::default(),
            turn_timeout: ms(5_000),
            turn_limit: TurnLimit::default(),
            transcript_wait: ms(1_500),
            finalize_wait: ms(500),
            speculation: Speculation::default(),
            keys: Keys::default(),
            answered: None,
            dead_ends: dead_end::Config::default(),
            reprompt_after: ms(800),
            false_interruption: ms(1_000),
            backchannel_edge: ms(1_000),
            language: "en".to_owned(),
            backchannels: None,
            requests: None,
            reply_timeout: ms(8_000),
            reply_stall: ms(4_000),
            mark_grace: ms(1_000),
            idle: ms(8_000),
            idle_prompts: 2,
            max_failures: 3,
            filler_after: ms(1_500),
            filler_every: ms(8_000),
            tool_timeout: ms(60_000),
            max_tool_steps: 8,
            max_call: ms(3_600_000),
            call_warning: ms(60_000),
            call_grace: ms(20_000),
            hang_up_timeout: ms(2_000),
            agents: BTreeMap::new(),
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
        let silence = ("silence_after", self.silence_after);
        for (name, endpoint) in self.endpoints() {
            endpoint.check()?;
            let certain = format!("{name}.after_certain");
            at_least((&certain, endpoint.after_certain), silence)?;
            at_least((&format!("{name}.unjudged"), endpoint.unjudged), silence)?;
            let longest = format!("{name}.after_unlikely");
            at_least(("turn_timeout", self.turn_timeout), (&longest, endpoint.after_unlikely))?;
            at_least(("idle", self.idle), (&longest, endpoint.after_unlikely))?;
            let dictation = format!("{name}.after_dictation");
            at_least(("turn_timeout", self.turn_timeout), (&dictation, endpoint.after_dictation))?;
        }
        self.pauses.check()?;
        for start in &self.start {
            start.check(self.speech_after)?;
        }
        if let Some(answered) = &self.answered {
            answered.check()?;
        }
        self.dead_ends.check()?;
        at_least(("media_gap", self.media_gap), silence)?;
        let reprompt = ("reprompt_after", self.reprompt_after);
        at_least(("noise_after", self.noise_after), reprompt)?;
        let finalize = ("finalize_wait", self.finalize_wait);
        at_least(("transcript_wait", self.transcript_wait), finalize)?;
        at_least(("max_call", self.max_call), ("call_warning", self.call_warning))?;
        let floor = ("10 ms", Duration::from_millis(10));
        for field in [
            ("transcript_wait", self.transcript_wait),
            ("reply_timeout", self.reply_timeout),
            ("reply_stall", self.reply_stall),
            ("idle", self.idle),
            ("hang_up_timeout", self.hang_up_timeout),
            ("keys.timeout", self.keys.timeout),
            ("filler_after", self.filler_after),
            ("filler_every", self.filler_every),
            ("tool_timeout", self.tool_timeout),
        ] {
            at_least(field, floor)?;
        }
        self.agents.values().try_for_each(Self::check)
    }

    /// The endpointing of a turn that answers `expected`; the usual one if it has no profile.
    pub(super) fn endpoint_for(&self, expected: Option<&Expected>) -> &endpoint::Config {
        let profile = expected.and_then(|expected| self.profiles.get(&expected.profile));
        profile.unwrap_or(&self.endpoint)
    }

    fn endpoints(&self) -> impl Iterator<Item = (String, &endpoint::Config)> {
        let named = self.profiles.iter().map(|(name, config)| (format!("profiles.{name}"), config));
        std::iter::once(("endpoint".to_owned(), &self.endpoint)).chain(named)
    }

    pub(super) fn vocabulary(&self) -> Vocabulary {
        let mut vocabulary = Vocabulary::of(&self.language);
        if let Some(words) = &self.backchannels {
            vocabulary = vocabulary.with_backchannels(words.iter().cloned());
        }
        if let Some(words) = &self.requests {
            vocabulary = vocabulary.with_requests(words.iter().cloned());
        }
        vocabulary
    }
}

/// Numbers are read in groups with pauses of about a second between them; who spells or dictates
/// waits to be followed.
fn profiles() -> BTreeMap<String, endpoint::Config> {
    let ms = Duration::from_millis;
    let digits = endpoint::Config {
        after_certain: ms(900),
        after_likely: ms(1_400),
        after_unlikely: ms(2_000),
        unjudged: ms(1_500),
        ..endpoint::Config::default()
    };
    let dictation = endpoint::Config {
        after_likely: ms(2_000),
        after_unlikely: ms(3_000),
        unjudged: ms(2_000),
        after_dictation: ms(2_000),
        ..digits.clone()
    };
    BTreeMap::from([("digits".to_owned(), digits), ("dictation".to_owned(), dictation)])
}

pub(super) fn at_least(field: (&str, Duration), floor: (&str, Duration)) -> Result<()> {
    if field.1 >= floor.1 {
        return Ok(());
    }
    Err(invalid(format!("{} ({:?}) is below {} ({:?})", field.0, field.1, floor.0, floor.1)))
}

pub(super) fn invalid(message: String) -> Error {
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
        let text = r#"{"media_gap_ms": 900, "endpoint": {"unjudged_ms": 900}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.media_gap, Duration::from_millis(900));
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
    fn a_strategy_that_contradicts_another_timing_is_refused_by_both_names() {
        let ms = Duration::from_millis;
        let check = |pause_after, take_after| {
            let start = vec![Start::Voice { pause_after, take_after }];
            let config = Config { start, ..Config::default() };
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(ms(60), ms(60)), Ok(()));
        let early = "turn: start.pause_after (59ms) is below speech_after (60ms)";
        assert_eq!(check(ms(59), ms(700)), Err(early.to_owned()));
        let brief = "turn: start.take_after (119ms) is below start.pause_after (120ms)";
        assert_eq!(check(ms(120), ms(119)), Err(brief.to_owned()));
    }
}
