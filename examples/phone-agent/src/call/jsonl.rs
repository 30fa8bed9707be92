//! A call as JSON, one object a line, in the order of time.
//!
//! Every line has `at_ms` on the carrier's clock, `source` (`call`, `carrier` or `session`) and
//! `kind`. Session lines hold the engine's trace: `line`, without its time, is in the grammar of
//! `voicekit_core::turn::trace`, and `session_ms` is its time; both together replay the call. The `config` line holds the engine's timings and voicekit's version.

use serde_json::{Value, json};
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::{Entry, Line};

use super::record::{Record, millis};

/// The whole call.
pub(crate) fn write(record: &Record) -> String {
    let mut lines = carrier(record);
    lines.extend(record.trace.lines().map(|(at, line)| (at, session(at, line))));
    lines.extend(record.trace.failures().map(|(at, what)| {
        (at, json!({"at_ms": ms(at), "source": "session", "kind": "failed", "what": what}))
    }));
    lines.sort_by_key(|(at, _)| *at);
    let first = json!({
        "at_ms": 0.0,
        "source": "call",
        "kind": "call",
        "outcome": record.call.outcome,
        "length_ms": millis(record.call.report.length),
        "violations": record.call.violations.len(),
        "lost_messages": record.call.lost,
    });
    let config = record.trace.config().map(|turn| {
        let version = env!("CARGO_PKG_VERSION");
        json!({"at_ms": 0.0, "source": "session", "kind": "config", "voicekit": version, "turn": turn})
    });
    let all = [first].into_iter().chain(config).chain(lines.into_iter().map(|(_, line)| line));
    all.map(|line| format!("{line}\n")).collect()
}

fn carrier(record: &Record) -> Vec<(Timestamp, Value)> {
    let report = &record.call.report;
    let mut lines = Vec::new();
    let mut add = |at: Timestamp, kind: &str, rest: Value| {
        let mut line = json!({"at_ms": ms(at), "source": "carrier", "kind": kind});
        if let (Value::Object(line), Value::Object(rest)) = (&mut line, rest) {
            line.extend(rest);
        }
        lines.push((at, line));
    };
    for turn in &report.turns {
        let speech = turn.clip.speech;
        let label = &turn.clip.label;
        add(speech.start, "caller", json!({"label": label, "until_ms": ms(speech.end)}));
        if let Some(answer) = turn.answer {
            let latency = millis(answer.latency);
            add(answer.utterance.start, "answer", json!({"label": label, "latency_ms": latency}));
        }
        if let Some(at) = turn.cut_in {
            add(at, "cut_in", json!({"label": label}));
        }
    }
    for utterance in &report.utterances {
        add(utterance.start, "agent", json!({"until_ms": ms(utterance.end)}));
    }
    for barge_in in &report.barge_ins {
        let rest = json!({
            "silence_after_ms": millis(barge_in.silence_after),
            "clear_after_ms": barge_in.clear_after.map(millis),
        });
        add(barge_in.at, "barge_in", rest);
    }
    for mark in &report.marks {
        let rest = json!({
            "name": mark.name,
            "sent_ms": ms(mark.sent),
            "cleared": mark.cleared,
            "returned": mark.returned.is_some(),
        });
        add(mark.returned.unwrap_or(mark.due), "mark", rest);
    }
    for clear in &report.clears {
        add(clear.at, "clear", json!({"dropped_ms": millis(clear.dropped)}));
    }
    for gap in &report.underruns {
        add(gap.at, "underrun", json!({"length_ms": millis(gap.length)}));
    }
    for (at, digit) in &report.digits {
        add(*at, "dtmf", json!({"key": digit.key()}));
    }
    for violation in &record.call.violations {
        add(violation.at, "violation", json!({"what": violation.breach.to_string()}));
    }
    lines
}

fn session(at: Timestamp, line: &Line) -> Value {
    let (kind, text) = match &line.entry {
        Entry::Event(event) => ("event", event.to_string()),
        Entry::Timeout => ("timeout", "timeout".to_owned()),
        Entry::Action(action) => ("action", action.to_string()),
        Entry::Note(note) => ("note", note.to_string()),
    };
    json!({
        "at_ms": ms(at),
        "source": "session",
        "kind": kind,
        "session_ms": line.at.to_string(),
        "line": text,
    })
}

fn ms(at: Timestamp) -> f64 {
    millis(at.since_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::record::tests::record;

    #[test]
    fn the_lines_are_in_order_and_replay_the_session() {
        let record = record();
        let text = write(&record);
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let times: Vec<f64> = lines.iter().map(|line| line["at_ms"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        let replayed: Vec<Line> = lines
            .iter()
            .filter(|line| line.get("session_ms").is_some())
            .map(|line| {
                let way = match line["kind"].as_str().unwrap() {
                    "action" => "> ",
                    "note" => "= ",
                    _ => "",
                };
                let (at, entry) = (&line["session_ms"], &line["line"]);
                format!("{way}{} {}", at.as_str().unwrap(), entry.as_str().unwrap())
            })
            .map(|line| line.parse().unwrap())
            .collect();
        let original: Vec<Line> = record.trace.lines().map(|(_, line)| line.clone()).collect();
        assert_eq!(replayed, original);
    }

    #[test]
    fn the_carriers_side_is_there() {
        let text = write(&record());
        for part in [
            r#""kind":"call""#,
            r#""kind":"caller","label":"Stop""#,
            r#""kind":"answer","label":"When are you <open>?","latency_ms":1100.0"#,
            r#""kind":"barge_in","silence_after_ms":300.0"#,
            r#""cleared":true,"kind":"mark""#,
            r#""kind":"failed""#,
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
