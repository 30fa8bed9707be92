//! What happened in a call, as the caller heard it.

use std::time::Duration;

use serde::Serialize;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Digit;

use super::units::{sample_at, time_of};
use super::{Arrival, ClearRecord, Clip, MarkRecord, Phone, Utterance, wav};
use crate::mulaw;

/// An agent that talks on for this long after the caller's end has not been interrupted: the
/// slowest gate in use decides within 1.5 s.
pub(crate) const TALKS_ON: Duration = Duration::from_secs(2);

/// What happened in a call, as the caller heard it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How long the call lasted, from the line's opening.
    pub length: Duration,
    /// The caller's clips and their answers, in order.
    pub turns: Vec<Turn>,
    /// The agent's utterances as heard. A clear ends an utterance, as does a pause of more than
    /// 300 ms.
    pub utterances: Vec<Utterance>,
    /// The times the caller spoke over the agent.
    pub barge_ins: Vec<BargeIn>,
    /// Every mark the agent sent.
    pub marks: Vec<MarkRecord>,
    /// Every clear the agent sent.
    pub clears: Vec<ClearRecord>,
    /// Every piece of audio the agent sent.
    pub arrivals: Vec<Arrival>,
    /// Gaps inside the agent's utterances because its audio came too late.
    pub underruns: Vec<Underrun>,
    /// The keys the caller pressed.
    #[serde(serialize_with = "keys")]
    pub digits: Vec<(Timestamp, Digit)>,
    #[serde(skip)]
    caller: Vec<u8>,
    #[serde(skip)]
    agent: Vec<u8>,
}

/// One clip of the caller and what the agent made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// What the caller said.
    pub clip: Clip,
    /// The agent's answer: its first utterance that starts after the caller's speech has ended and
    /// before the caller speaks again. None if the agent took no notice and talked on for more
    /// than two seconds after the caller.
    pub answer: Option<Answer>,
    /// When the agent began to speak while the caller was still speaking, if it did.
    pub cut_in: Option<Timestamp>,
}

/// The agent's answer to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// The first utterance of the answer.
    pub utterance: Utterance,
    /// Caller-heard latency: from the end of the caller's speech to the first audible sample.
    pub latency: Duration,
}

/// The caller spoke over the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BargeIn {
    /// Which turn it was, from 0.
    pub turn: usize,
    /// The caller's onset.
    pub at: Timestamp,
    /// From the onset to the end of the agent's utterance: to silence.
    pub silence_after: Duration,
    /// How much of the agent's audio was audible after the onset: shorter than `silence_after` by
    /// the pauses in it.
    pub audible_after: Duration,
    /// From the onset to the agent's first clear, if one came before the caller's next clip.
    pub clear_after: Option<Duration>,
}

/// The agent's audio ran out inside an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Underrun {
    /// When the queue was empty.
    pub at: Timestamp,
    /// For how long.
    pub length: Duration,
}

impl Report {
    pub(super) fn new(phone: &Phone) -> Self {
        let end = phone.ended.unwrap_or(phone.now);
        let samples = sample_at(end);
        let played = &phone.agent[..samples.min(phone.agent.len())];
        let mut ear = phone.ear.clone();
        ear.cut(played, samples);
        let mut report = Self {
            length: end.since_start(),
            utterances: ear.utterances(),
            marks: phone.marks.clone(),
            clears: phone.clears.clone(),
            arrivals: phone.arrivals.clone(),
            digits: phone.pressed.clone(),
            caller: phone.caller[..samples.min(phone.caller.len())].to_vec(),
            agent: played.to_vec(),
            ..Self::default()
        };
        let clips: Vec<Clip> =
            phone.clips.iter().filter(|clip| clip.speech.start < end).cloned().collect();
        report.underruns = report.underruns(&phone.dry);
        report.barge_ins = report.barge_ins(&clips);
        report.turns = report.turns(&clips);
        report
    }

    /// The caller's sound by sample, 16-bit at 8 kHz, as the line carried it.
    pub fn caller_track(&self) -> Vec<i16> {
        self.track(&self.caller)
    }

    /// The agent's sound as the caller heard it, in step with
    /// [`caller_track`](Self::caller_track).
    pub fn agent_track(&self) -> Vec<i16> {
        self.track(&self.agent)
    }

    /// The recording as a WAV file: caller left, agent as heard right, 16-bit at 8 kHz.
    pub fn wav(&self) -> Vec<u8> {
        wav::stereo(&self.caller_track(), &self.agent_track())
    }

    /// The caller-heard latency of each turn that was answered, in order.
    pub fn latencies(&self) -> Vec<Duration> {
        self.turns.iter().filter_map(|turn| Some(turn.answer?.latency)).collect()
    }

    /// How long the agent was audible altogether.
    pub fn agent_speech(&self) -> Duration {
        self.utterances.iter().map(|utterance| utterance.length()).sum()
    }

    fn track(&self, codes: &[u8]) -> Vec<i16> {
        let mut samples = mulaw::decode(codes);
        samples.resize(sample_at(Timestamp::from(self.length)), 0);
        samples
    }

    fn turns(&self, clips: &[Clip]) -> Vec<Turn> {
        let nexts = clips.iter().skip(1).map(|clip| Some(clip.speech.start)).chain([None]);
        clips.iter().zip(nexts).map(|(clip, next)| self.turn(clip, next)).collect()
    }

    fn turn(&self, clip: &Clip, next: Option<Timestamp>) -> Turn {
        let speech = clip.speech;
        let ignored = |utterance: &Utterance| {
            utterance.start < speech.end && speech.end + TALKS_ON < utterance.end
        };
        let before_next = |utterance: &&Utterance| next.is_none_or(|next| utterance.start < next);
        let answer = self.utterances.iter().find(|utterance| utterance.start >= speech.end);
        let answer = answer.filter(before_next).filter(|_| !self.utterances.iter().any(ignored));
        let answer = answer
            .map(|&utterance| Answer { utterance, latency: utterance.start.since(speech.end) });
        let inside = |at: Timestamp| speech.start < at && at < speech.end;
        let cut_in = self.utterances.iter().map(|utterance| utterance.start).find(|&at| inside(at));
        Turn { clip: clip.clone(), answer, cut_in }
    }

    fn barge_ins(&self, clips: &[Clip]) -> Vec<BargeIn> {
        let nexts = clips.iter().skip(1).map(|clip| Some(clip.speech.start)).chain([None]);
        let turns = clips.iter().zip(nexts).enumerate();
        turns.filter_map(|(turn, (clip, next))| self.barge_in(turn, clip, next)).collect()
    }

    fn barge_in(&self, turn: usize, clip: &Clip, next: Option<Timestamp>) -> Option<BargeIn> {
        let at = clip.speech.start;
        let over = |utterance: &&Utterance| utterance.start <= at && at < utterance.end;
        let utterance = self.utterances.iter().find(over)?;
        let clear = self.clears.iter().map(|clear| clear.at).find(|&clear| clear >= at);
        let clear = clear.filter(|&clear| next.is_none_or(|next| clear < next));
        let pauses: Duration = self
            .underruns
            .iter()
            .filter(|gap| at <= gap.at && gap.at < utterance.end)
            .map(|gap| gap.length)
            .sum();
        let silence_after = utterance.end.since(at);
        Some(BargeIn {
            turn,
            at,
            silence_after,
            audible_after: silence_after.saturating_sub(pauses),
            clear_after: clear.map(|clear| clear.since(at)),
        })
    }

    fn underruns(&self, dry: &[(usize, usize)]) -> Vec<Underrun> {
        let gaps = dry.iter().map(|&(from, to)| (time_of(from), time_of(to)));
        let inside = |from: Timestamp, to: Timestamp| {
            self.utterances.iter().any(|utterance| utterance.start < from && to < utterance.end)
        };
        gaps.filter(|&(from, to)| inside(from, to))
            .map(|(at, to)| Underrun { at, length: to.since(at) })
            .collect()
    }
}

fn keys<S: serde::Serializer>(
    digits: &[(Timestamp, Digit)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(digits.iter().map(|(at, digit)| (at, digit.key())))
}
