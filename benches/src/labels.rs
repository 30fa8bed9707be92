//! Label tracks: what a recording holds, and when.
//!
//! A label track is a text file as Audacity exports it: a line a label, `start`, `end` and the
//! label, separated by tabs, times in seconds from the start of the recording. The first word of
//! the label is its [`Kind`]; what follows is free text.
//!
//! | label | from … to | on |
//! |---|---|---|
//! | `speech` | the first to the last sound of a turn of the caller's, pauses included | caller |
//! | `hesitation` | a silence of 200 ms or more inside such a turn | caller |
//! | `backchannel` | "mhm", "yeah": the caller listens and does not want the turn | caller |
//! | `interruption` | the caller takes the turn while the agent speaks | caller |
//! | `agent` | the agent's turn; only for people who read the track | agent |
//! | `word` | a word of the caller's; what follows the kind is the word as a recognizer writes it, such as `word tomorrow.` | caller |
//! | `dictation` | a turn in which the caller dictates a number or spells a name; `speech` marks it too | caller |
//! | `noise`, `dtmf`, `echo` | a stretch under noise, keys, or the agent's echo; what follows the word names the condition, such as `echo -25 dB` | caller |
//!
//! Lines that are empty or begin with `\` (Audacity's frequency ranges) are skipped.

use std::fmt;
use std::str::FromStr;

/// What a label stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A turn of the caller's.
    Speech,
    /// A silence inside a turn.
    Hesitation,
    /// A sign of attention over the agent.
    Backchannel,
    /// The caller takes the turn from the agent.
    Interruption,
    /// The agent's turn.
    Agent,
    /// A word of the caller's.
    Word,
    /// A turn in which the caller dictates.
    Dictation,
    /// A stretch under noise.
    Noise,
    /// A stretch in which keys are pressed.
    Dtmf,
    /// A stretch in which the agent's voice comes back.
    Echo,
}

impl Kind {
    const NAMES: [(&str, Self); 10] = [
        ("speech", Self::Speech),
        ("hesitation", Self::Hesitation),
        ("backchannel", Self::Backchannel),
        ("interruption", Self::Interruption),
        ("agent", Self::Agent),
        ("word", Self::Word),
        ("dictation", Self::Dictation),
        ("noise", Self::Noise),
        ("dtmf", Self::Dtmf),
        ("echo", Self::Echo),
    ];

    /// Whether it names the condition of a stretch, not something that somebody says.
    pub fn is_condition(self) -> bool {
        matches!(self, Self::Noise | Self::Dtmf | Self::Echo)
    }
}

/// A stretch of a recording and what it holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Label {
    /// Seconds from the start of the recording.
    pub start: f64,
    /// Seconds from the start of the recording, not before `start`.
    pub end: f64,
    /// What it stands for.
    pub kind: Kind,
    /// The whole label.
    pub text: String,
}

impl Label {
    /// A label of this kind and text, from `start` to `end`.
    pub fn new(start: f64, end: f64, kind: Kind, text: impl Into<String>) -> Self {
        Self { start, end, kind, text: text.into() }
    }

    /// The word of a [`Kind::Word`] label, with its punctuation.
    pub fn word(&self) -> Option<&str> {
        let (_, word) = self.text.split_once(char::is_whitespace)?;
        (self.kind == Kind::Word).then(|| word.trim())
    }

    /// Whether it holds the time `t`.
    pub fn holds(&self, t: f64) -> bool {
        (self.start..=self.end).contains(&t)
    }
}

/// Why a line is not a label.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LabelError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It has not three fields.
    Fields,
    /// A time is not a number of seconds.
    Time(String),
    /// It ends before it starts, or starts before the recording.
    Order,
    /// The label begins with none of the known words.
    Kind(String),
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.problem {
            Problem::Fields => write!(f, "not start, end and label, separated by tabs"),
            Problem::Time(text) => write!(f, "\"{text}\" is not a number of seconds"),
            Problem::Order => write!(f, "the times must rise from 0"),
            Problem::Kind(word) => {
                let known: Vec<&str> = Kind::NAMES.iter().map(|(name, _)| *name).collect();
                write!(f, "unknown label \"{word}\": it must begin with {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for LabelError {}

/// Reads a label track; the labels come in the order of their starts.
///
/// # Errors
///
/// The first line that is not a label.
pub fn parse(track: &str) -> Result<Vec<Label>, LabelError> {
    let lines = track.lines().map(str::trim_end).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('\\'));
    let label = |(at, line)| label(line).map_err(|problem| LabelError { line: at + 1, problem });
    let mut labels = lines.map(label).collect::<Result<Vec<Label>, LabelError>>()?;
    labels.sort_by(|a, b| a.start.total_cmp(&b.start));
    Ok(labels)
}

fn label(line: &str) -> Result<Label, Problem> {
    let mut fields = line.splitn(3, '\t');
    let (Some(start), Some(end), Some(text)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Problem::Fields);
    };
    let (start, end, text) = (seconds(start)?, seconds(end)?, text.trim());
    if start < 0.0 || end < start {
        return Err(Problem::Order);
    }
    let word = text.split_whitespace().next().unwrap_or_default();
    let kind = word.parse()?;
    Ok(Label::new(start, end, kind, text))
}

fn seconds(field: &str) -> Result<f64, Problem> {
    let seconds = field.trim().parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    seconds.ok_or_else(|| Problem::Time(field.to_owned()))
}

impl FromStr for Kind {
    type Err = Problem;

    fn from_str(word: &str) -> Result<Self, Problem> {
        let known = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(_, kind)| *kind).ok_or_else(|| Problem::Kind(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_read_in_the_order_of_time() {
        let track = "2.5\t3.0\tbackchannel mhm\n\\\t300\t3000\n\n0.5\t2\tagent\r\n";
        let labels = parse(track).unwrap();
        assert_eq!(labels[0], Label::new(0.5, 2.0, Kind::Agent, "agent"));
        assert_eq!(labels[1], Label::new(2.5, 3.0, Kind::Backchannel, "backchannel mhm"));
        assert!(labels[1].holds(3.0) && !labels[1].holds(3.01));
    }

    #[test]
    fn words_and_dictation_are_kept() {
        let track = "1\t3\tspeech\n1\t3\tdictation\n1\t1.4\tword double\n2.5\t3\tword zéro.";
        let labels = parse(track).unwrap();
        let kinds: Vec<Kind> = labels.iter().map(|label| label.kind).collect();
        assert_eq!(kinds, [Kind::Speech, Kind::Dictation, Kind::Word, Kind::Word]);
        let words: Vec<&str> = labels.iter().filter_map(Label::word).collect();
        assert_eq!(words, ["double", "zéro."]);
    }

    #[test]
    fn a_line_that_is_no_label_is_named() {
        let cases = [
            ("0\t1\tspeech\n1 2 speech", "line 2: not start, end and label, separated by tabs"),
            ("0\tx\tspeech", "line 1: \"x\" is not a number of seconds"),
            ("0\tNaN\tspeech", "line 1: \"NaN\" is not a number of seconds"),
            ("2\t1\tspeech", "line 1: the times must rise from 0"),
            ("-1\t1\tspeech", "line 1: the times must rise from 0"),
        ];
        for (track, message) in cases {
            assert_eq!(parse(track).unwrap_err().to_string(), message);
        }
        let unknown = parse("0\t1\tcough").unwrap_err().to_string();
        assert!(unknown.starts_with("line 1: unknown label \"cough\""), "{unknown}");
    }
}
