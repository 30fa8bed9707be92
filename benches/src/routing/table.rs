//! The outcome as a table for people.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::{MEDIAN, Outcome, P99};

impl Outcome {
    /// Whether everything arrived, and soon enough.
    pub fn passes(&self) -> bool {
        let is_met = |quantile, target| self.sum(quantile).is_some_and(|sum| sum < target);
        self.is_whole() && is_met(0.5, MEDIAN) && is_met(0.99, P99)
    }

    /// Whether nothing was lost, and every turn was seen on all of its way.
    pub fn is_whole(&self) -> bool {
        self.lost == 0 && self.turns > 0 && self.sums.len() == self.turns
    }

    fn sum(&self, quantile: f64) -> Option<Duration> {
        at(&sorted(&self.sums), quantile)
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (calls, turns, lost) = (self.calls, self.turns, self.lost);
        let seconds = self.took.as_secs_f64();
        writeln!(
            f,
            "{calls} calls at once, {turns} turns in {seconds:.0} s, {lost} things lost\n"
        )?;
        writeln!(f, "| leg, in ms | count | median | p90 | p99 | max |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        row(f, "audio in: carrier to recogniser, each frame", &self.frames)?;
        row(f, "token: model to voice, each clause", &self.clauses)?;
        row(f, "voice: voice to carrier, first sound", &self.voices)?;
        row(f, "the three of each turn together", &self.sums)?;
        self.cost(f)?;
        self.verdict(f)
    }
}

impl Outcome {
    fn cost(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        let shares = [("agent", self.agent), ("carrier and services", self.world)];
        for (name, time) in shares {
            let Some(time) = time else { continue };
            let (seconds, share) = (time.as_secs_f64(), 100.0 * time.div_duration_f64(self.took));
            writeln!(f, "processor, {name}: {seconds:.2} s, {share:.1} % of one core")?;
        }
        writeln!(f, "cores: {}\n", self.cores)
    }

    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = if self.passes() { "PASS" } else { "FAIL" };
        let [median, p99] = [0.5, 0.99].map(|quantile| millis(self.sum(quantile)));
        let (most, most_p99) = (MEDIAN.as_millis(), P99.as_millis());
        write!(
            f,
            "{verdict}: added latency {median} ms in the median (target: under {most}), \
             {p99} ms at p99 (target: under {most_p99})"
        )
    }
}

fn row(f: &mut Formatter<'_>, name: &str, spans: &[Duration]) -> fmt::Result {
    let spans = sorted(spans);
    let [median, p90, p99, max] =
        [0.5, 0.9, 0.99, 1.0].map(|quantile| millis(at(&spans, quantile)));
    writeln!(f, "| {name} | {} | {median} | {p90} | {p99} | {max} |", spans.len())
}

fn sorted(spans: &[Duration]) -> Vec<Duration> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans
}

/// The span that this share of them does not exceed.
fn at(spans: &[Duration], quantile: f64) -> Option<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
    let rank = (quantile * spans.len() as f64).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to length")]
    let rank = rank as usize;
    spans.get(rank.max(1) - 1).copied()
}

fn millis(span: Option<Duration>) -> String {
    span.map_or_else(|| "–".to_owned(), |span| format!("{:.2}", span.as_secs_f64() * 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_spans() {
        let spans: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let ranks = [0.0, 0.5, 0.9, 0.99, 1.0].map(|quantile| millis(at(&spans, quantile)));
        assert_eq!(ranks, ["1.00", "50.00", "90.00", "99.00", "100.00"]);
        assert_eq!(millis(at(&[], 0.5)), "–");
    }
}
