//! The call in a table.

use std::fmt::Write;
use std::time::Duration;

use voicekit_core::turn::Latency;
use voicekit_testkit::phone::Turn;
use voicekit_testkit::script::Outcome;

use super::record::Record;

/// The turns with their latency and its parts, then what else is worth knowing.
pub(crate) fn write(record: &Record) -> String {
    let mut text = String::new();
    let split = !record.trace.is_empty();
    if !record.call.report.turns.is_empty() {
        header(&mut text, split);
    }
    for (index, turn) in record.call.report.turns.iter().enumerate() {
        row(&mut text, record, index, turn, split);
    }
    if let Some((median, slowest)) = spread(record.call.report.latencies()) {
        let _ = writeln!(
            text,
            "\nheard after {} ms in the median, {} ms at most",
            ms(median),
            ms(slowest)
        );
    }
    remarks(&mut text, record);
    text
}

/// How the call ended, in words.
pub(crate) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Completed => "the caller hung up after the last answer".to_owned(),
        Outcome::AgentHungUp => "the agent hung up".to_owned(),
        Outcome::Redirected => "the caller was transferred".to_owned(),
        Outcome::NoAnswer { step } => format!("the agent never answered step {}", step + 1),
        Outcome::TooLong => "the call took too long".to_owned(),
        Outcome::Lost => "the connection broke".to_owned(),
        _ => "the call ended".to_owned(),
    }
}

fn header(text: &mut String, split: bool) {
    let _ = write!(text, "\n{:<6}{:<38}{:>8}", "turn", "caller", "heard");
    if split {
        for part in ["endpoint", "asr", "model", "voice", "line"] {
            let _ = write!(text, "{part:>9}");
        }
    }
    text.push_str("   (ms)\n");
}

fn row(text: &mut String, record: &Record, index: usize, turn: &Turn, split: bool) {
    let heard = turn.answer.map_or_else(|| "–".to_owned(), |answer| ms(answer.latency));
    let label = shorten(&turn.clip.label, 36);
    let _ = write!(text, "{:<6}{label:<38}{heard:>8}", index + 1);
    if split && let Some(latency) = record.latency(turn) {
        let Latency { endpointing, transcript, model, voice, line, .. } = latency;
        for part in [endpointing, transcript, model, voice, line] {
            let _ = write!(text, "{:>9}", ms(part));
        }
    }
    text.push('\n');
    if turn.cut_in.is_some() {
        text.push_str("      the agent cut in before the caller had finished\n");
    }
    let transcript = record.transcript(turn);
    if !transcript.is_empty() {
        let _ = writeln!(text, "      understood: {transcript}");
    }
}

fn remarks(text: &mut String, record: &Record) {
    let report = &record.call.report;
    for barge_in in &report.barge_ins {
        let after = ms(barge_in.silence_after);
        let turn = barge_in.turn + 1;
        let _ =
            writeln!(text, "turn {turn} interrupted the agent, who was silent after {after} ms");
    }
    if !report.underruns.is_empty() {
        let total: Duration = report.underruns.iter().map(|gap| gap.length).sum();
        let count = report.underruns.len();
        let _ = writeln!(text, "{count} gaps in the agent's speech, {} ms in all", ms(total));
    }
    for (at, call, outcome) in record.trace.tools() {
        let how = if outcome.failed { "failed" } else { "ok" };
        let said = shorten(&outcome.text, 100);
        let _ = writeln!(text, "tool at {at} ms: {} {} {how}: {said}", call.name, call.arguments);
    }
    for violation in &record.call.violations {
        let _ = writeln!(text, "protocol violation at {} ms: {}", violation.at, violation.breach);
    }
    for (at, what) in record.trace.failures() {
        let _ = writeln!(text, "failure at {at} ms: {what}");
    }
    if record.call.lost > 0 {
        let _ = writeln!(text, "{} messages lost: the server reads too slowly", record.call.lost);
    }
}

fn spread(mut latencies: Vec<Duration>) -> Option<(Duration, Duration)> {
    latencies.sort();
    Some((*latencies.get(latencies.len() / 2)?, *latencies.last()?))
}

fn shorten(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

fn ms(duration: Duration) -> String {
    format!("{:.0}", duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::record::tests::record;

    #[test]
    fn the_table_has_a_row_for_each_turn_and_the_split() {
        let text = write(&record());
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(words).collect();
        for expected in [
            "1 When are you <open>? 1100 600 100 200 200 20",
            "understood: When are you open?",
            "2 Stop –",
            "heard after 1100 ms in the median, 1100 ms at most",
            "turn 2 interrupted the agent, who was silent after 300 ms",
            "failure at 4005 ms: asr: lost",
            "tool at 3305 ms: book_table {\"party_size\":14} failed: Too many.",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected} is not in\n{text}");
        }
    }
}
