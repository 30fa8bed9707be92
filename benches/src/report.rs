//! The measures as a table for people.

use std::fmt::{self, Display, Formatter};

use crate::metrics::{Metrics, quantile};

/// Prints the measures of [`Metrics`] as Markdown, a table a subject.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a way to print what it holds")]
pub struct Report<'a>(pub &'a Metrics);

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.turns(f)?;
        self.interruptions(f)?;
        self.backchannels(f)?;
        self.disturbances(f)
    }
}

impl Report<'_> {
    fn turns(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, &["turns", "hesitations", "cut", "ends", "missed", "delay p50", "p90"])?;
        for (condition, turns) in &self.0.turns {
            let Some(cells) = Some([
                turns.hesitations.to_string(),
                share(turns.cut, turns.hesitations),
                turns.turns.to_string(),
                share(turns.missed, turns.turns),
                millis(&turns.delays, 0.5),
                millis(&turns.delays, 0.9),
            ]) else {
                continue;
            };
            row(f, condition, &cells)?;
        }
        Ok(())
    }

    fn interruptions(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let columns =
            ["interruptions", "all", "paused", "p50", "p90", "commit", "commit p50", "commit p90"];
        head(f, &columns)?;
        for (condition, found) in &self.0.interruptions {
            let cells = [
                found.all.to_string(),
                share(found.paused.len(), found.all),
                millis(&found.paused, 0.5),
                millis(&found.paused, 0.9),
                share(found.taken.len(), found.all),
                millis(&found.taken, 0.5),
                millis(&found.taken, 0.9),
            ];
            row(f, condition, &cells)?;
        }
        Ok(())
    }

    fn backchannels(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, &["backchannels", "all", "paused", "ended", "resumed"])?;
        for (condition, found) in &self.0.backchannels {
            let cells = [
                found.all.to_string(),
                share(found.paused, found.all),
                share(found.ended, found.all),
                share(found.resumed, found.all),
            ];
            row(f, condition, &cells)?;
        }
        Ok(())
    }

    fn disturbances(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, &["false interruptions", "minutes", "pauses a minute", "ended a minute"])?;
        for (condition, found) in &self.0.disturbances {
            let minutes = found.seconds / 60.0;
            let cells = [
                format!("{minutes:.1}"),
                a_minute(found.pauses, minutes),
                a_minute(found.interrupts, minutes),
            ];
            row(f, condition, &cells)?;
        }
        Ok(())
    }
}

fn head(f: &mut Formatter<'_>, columns: &[&str]) -> fmt::Result {
    writeln!(f, "\n| {} |", columns.join(" | "))?;
    writeln!(f, "|{}", "---|".repeat(columns.len()))
}

fn row(f: &mut Formatter<'_>, condition: &str, cells: &[String]) -> fmt::Result {
    writeln!(f, "| {condition} | {} |", cells.join(" | "))
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.0} %", 100.0 * part as f64 / whole as f64)
}

fn millis(seconds: &[f64], at: f64) -> String {
    quantile(seconds, at).map_or_else(|| "-".to_owned(), |s| format!("{:.0} ms", s * 1e3))
}

fn a_minute(count: usize, minutes: f64) -> String {
    if minutes > 0.0 { format!("{:.2}", count as f64 / minutes) } else { "-".to_owned() }
}
