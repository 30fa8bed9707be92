//! What the happenings of calls are worth, by their labels.
//!
//! | measure | how it is counted |
//! |---|---|
//! | hesitation cut | `end` within a hesitation, or up to 60 ms after it: before the voice is known to be back |
//! | end-of-turn delay | from the end of `speech` to the first `end` at most [`MISSED`] later and before the next `speech` |
//! | missed end | `speech` without such an `end` |
//! | barge-in | from the start of `interruption` to the first `pause`, and to the first `interrupt`, at most [`NOTICED`] later |
//! | backchannel | `pause`, `interrupt`, `resume` from its start to [`ANSWERED`] after its end |
//! | false interruption | `pause` or `interrupt` under a condition, away from everything that the caller says |
//!
//! Turns are counted under the conditions that hold at their end, or else as clear.

use std::collections::BTreeMap;

use crate::happening::{Happening, What};
use crate::labels::{Kind, Label};

/// An end that takes longer than this, in seconds, is missed.
pub const MISSED: f64 = 3.0;
/// An interruption that takes longer than this, in seconds, is not noticed.
pub const NOTICED: f64 = 3.0;
/// How long after a backchannel, in seconds, it may still be taken for more.
pub const ANSWERED: f64 = 1.5;
/// How long after what the caller says, in seconds, a pause may still be due to it.
const AFTERMATH: f64 = 1.5;
/// How long after a hesitation, in seconds, the voice is not yet known to be back.
const ONSET: f64 = 0.06;
/// Turns and hesitations where no condition holds.
pub const CLEAR: &str = "clear";

/// The measures of a set of calls.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Turns, by condition.
    pub turns: BTreeMap<String, Turns>,
    /// Interruptions, by condition.
    pub interruptions: BTreeMap<String, Interruptions>,
    /// Backchannels, by condition.
    pub backchannels: BTreeMap<String, Backchannels>,
    /// False interruptions, by condition.
    pub disturbances: BTreeMap<String, Disturbances>,
}

/// How turns ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Turns {
    /// Hesitations inside turns.
    pub hesitations: usize,
    /// Of these, taken for the end.
    pub cut: usize,
    /// Turns.
    pub turns: usize,
    /// Of these, whose end was not noticed.
    pub missed: usize,
    /// Seconds from the end to its being noticed, for the others.
    pub delays: Vec<f64>,
}

/// How interruptions fared.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Interruptions {
    /// Interruptions.
    pub all: usize,
    /// Seconds until the agent paused or gave way, where it did.
    pub paused: Vec<f64>,
    /// Seconds until the agent gave way, where it did.
    pub taken: Vec<f64>,
}

/// How backchannels fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backchannels {
    /// Backchannels.
    pub all: usize,
    /// Of these, at which the agent paused.
    pub paused: usize,
    /// Of these, at which the agent's turn ended.
    pub ended: usize,
    /// Of these, after which the agent went on.
    pub resumed: usize,
}

/// What happened while the caller said nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Disturbances {
    /// How long nothing was said, in seconds.
    pub seconds: f64,
    /// Pauses of the agent.
    pub pauses: usize,
    /// Turns taken from the agent.
    pub interrupts: usize,
}

impl Metrics {
    /// Adds the happenings of a call that lasted `seconds`.
    pub fn add(&mut self, labels: &[Label], happenings: &[Happening], seconds: f64) {
        let call = Call { labels, happenings, seconds };
        for label in labels {
            match label.kind {
                Kind::Speech => self.turn(&call, label),
                Kind::Hesitation => self.hesitation(&call, label),
                Kind::Interruption => self.interruption(&call, label),
                Kind::Backchannel => self.backchannel(&call, label),
                Kind::Noise | Kind::Dtmf | Kind::Echo => self.disturbance(&call, label),
                Kind::Agent | Kind::Word | Kind::Dictation => {}
            }
        }
    }

    fn turn(&mut self, call: &Call<'_>, label: &Label) {
        let delay = call.end_delay(label);
        for condition in call.conditions(label.end) {
            let turns = self.turns.entry(condition).or_default();
            turns.turns += 1;
            turns.missed += usize::from(delay.is_none());
            turns.delays.extend(delay);
        }
    }

    fn hesitation(&mut self, call: &Call<'_>, label: &Label) {
        let cut = call.first(What::End, label.start, label.end + ONSET).is_some();
        for condition in call.conditions(label.start) {
            let turns = self.turns.entry(condition).or_default();
            turns.hesitations += 1;
            turns.cut += usize::from(cut);
        }
    }

    fn interruption(&mut self, call: &Call<'_>, label: &Label) {
        let until = label.start + NOTICED;
        let taken = call.first(What::Interrupt, label.start, until);
        let paused = call.first(What::Pause, label.start, until);
        let paused = [paused, taken].into_iter().flatten().reduce(f64::min);
        for condition in call.conditions(label.start) {
            let interruptions = self.interruptions.entry(condition).or_default();
            interruptions.all += 1;
            interruptions.paused.extend(paused.map(|at| at - label.start));
            interruptions.taken.extend(taken.map(|at| at - label.start));
        }
    }

    fn backchannel(&mut self, call: &Call<'_>, label: &Label) {
        let until = label.end + ANSWERED;
        let happened = |what| usize::from(call.first(what, label.start, until).is_some());
        for condition in call.conditions(label.start) {
            let backchannels = self.backchannels.entry(condition).or_default();
            backchannels.all += 1;
            backchannels.paused += happened(What::Pause);
            backchannels.ended += happened(What::Interrupt);
            backchannels.resumed += happened(What::Resume);
        }
    }

    fn disturbance(&mut self, call: &Call<'_>, label: &Label) {
        let disturbances = self.disturbances.entry(label.text.clone()).or_default();
        disturbances.seconds += call.unsaid(label);
        let inside = call.happenings.iter().filter(|h| label.holds(h.t) && !call.is_due(h.t));
        for happening in inside {
            disturbances.pauses += usize::from(happening.ev == What::Pause);
            disturbances.interrupts += usize::from(happening.ev == What::Interrupt);
        }
    }
}

struct Call<'a> {
    labels: &'a [Label],
    happenings: &'a [Happening],
    seconds: f64,
}

impl Call<'_> {
    fn first(&self, what: What, from: f64, to: f64) -> Option<f64> {
        let mut times = self.happenings.iter().filter(|h| h.ev == what).map(|h| h.t);
        times.find(|t| (from..=to).contains(t))
    }

    fn end_delay(&self, turn: &Label) -> Option<f64> {
        let next = self.labels.iter().filter(|l| l.kind == Kind::Speech && l.start > turn.end);
        let next = next.map(|l| l.start).fold(self.seconds, f64::min);
        let at = self.first(What::End, turn.end, next.min(turn.end + MISSED))?;
        Some(at - turn.end)
    }

    fn conditions(&self, t: f64) -> Vec<String> {
        let holding = self.labels.iter().filter(|l| l.kind.is_condition() && l.holds(t));
        let texts: Vec<String> = holding.map(|l| l.text.clone()).collect();
        if texts.is_empty() { vec![CLEAR.to_owned()] } else { texts }
    }

    fn said(&self) -> impl Iterator<Item = (f64, f64)> {
        let said = self
            .labels
            .iter()
            .filter(|l| matches!(l.kind, Kind::Speech | Kind::Backchannel | Kind::Interruption));
        said.map(|l| (l.start, l.end + AFTERMATH))
    }

    fn is_due(&self, t: f64) -> bool {
        self.said().any(|(start, end)| (start..=end).contains(&t))
    }

    /// How long in `stretch` the caller says nothing, in seconds.
    fn unsaid(&self, stretch: &Label) -> f64 {
        let (mut at, end) = (stretch.start, stretch.end.min(self.seconds));
        let mut unsaid = 0.0;
        // Labels come in the order of their starts.
        for (from, to) in self.said() {
            unsaid += (from.min(end) - at).max(0.0);
            at = at.max(to);
        }
        unsaid + (end - at).max(0.0)
    }
}

/// The value below which this share of `values` lies, between its neighbours; none of none.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted.iter().enumerate().rfind(|(at, _)| *at as f64 <= place)?;
    let above = sorted[(below.0 + 1).min(last)];
    Some(below.1 + (above - below.1) * (place - below.0 as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;

    fn happenings(text: &[(f64, What)]) -> Vec<Happening> {
        text.iter().map(|&(t, ev)| Happening { t, ev }).collect()
    }

    fn metrics(track: &str, list: &[(f64, What)]) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add(&labels::parse(track).unwrap(), &happenings(list), 60.0);
        metrics
    }

    #[test]
    fn an_end_within_a_hesitation_cuts_it_and_the_one_after_the_turn_is_its_delay() {
        let track = "1\t5\tspeech\n2\t2.8\thesitation\n4\t4.5\thesitation\n20\t22\tspeech";
        let list = [(2.5, What::End), (2.9, What::Start), (5.4, What::End), (25.5, What::End)];
        let turns = &metrics(track, &list).turns[CLEAR];
        assert_eq!((turns.hesitations, turns.cut), (2, 1));
        assert_eq!((turns.turns, turns.missed), (2, 1));
        assert!((turns.delays[0] - 0.4).abs() < 1e-9, "{turns:?}");
    }

    #[test]
    fn an_end_that_comes_after_the_next_turn_began_is_missed() {
        let track = "1\t2\tspeech\n3\t4\tspeech";
        let turns = &metrics(track, &[(3.5, What::End), (4.5, What::End)]).turns[CLEAR];
        assert_eq!((turns.turns, turns.missed), (2, 1));
    }

    #[test]
    fn turns_are_counted_under_the_conditions_at_their_end() {
        let track = "0\t10\tnoise babble 10 dB\n1\t2\tspeech\n12\t13\tspeech";
        let metrics = metrics(track, &[(2.5, What::End), (13.3, What::End)]);
        assert_eq!(metrics.turns["noise babble 10 dB"].turns, 1);
        assert_eq!(metrics.turns[CLEAR].turns, 1);
    }

    #[test]
    fn an_interruption_has_a_pause_and_a_commit() {
        let track = "1\t3\tinterruption\n10\t12\tinterruption\n20\t21\tinterruption";
        let list = [
            (1.2, What::Pause),
            (1.6, What::Interrupt),
            (10.5, What::Interrupt),
            (24.0, What::Pause),
        ];
        let found = &metrics(track, &list).interruptions[CLEAR];
        let millis = |times: &[f64]| times.iter().map(|t| (t * 1e3).round()).collect::<Vec<_>>();
        assert_eq!(found.all, 3);
        assert_eq!(millis(&found.paused), [200.0, 500.0]);
        assert_eq!(millis(&found.taken), [600.0, 500.0]);
    }

    #[test]
    fn a_backchannel_pauses_the_agent_or_ends_its_turn() {
        let track = "1\t1.4\tbackchannel\n5\t5.4\tbackchannel\n9\t9.4\tbackchannel";
        let list = [
            (1.3, What::Pause),
            (1.8, What::Resume),
            (5.3, What::Pause),
            (5.9, What::Interrupt),
            (15.0, What::Pause),
        ];
        let expected = Backchannels { all: 3, paused: 2, ended: 1, resumed: 1 };
        assert_eq!(metrics(track, &list).backchannels[CLEAR], expected);
    }

    #[test]
    fn pauses_away_from_all_that_is_said_are_false() {
        let track = "0\t30\techo -25 dB\n10\t11\tinterruption\n28\t40\tspeech";
        let list =
            [(5.0, What::Pause), (5.5, What::Interrupt), (10.2, What::Pause), (50.0, What::Pause)];
        let found = metrics(track, &list).disturbances["echo -25 dB"];
        assert_eq!((found.pauses, found.interrupts), (1, 1));
        assert!((found.seconds - 25.5).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.5), Some(2.5));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
