//! The call as a page to look at: one HTML file that needs nothing else.

use serde_json::{Value, json};
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Event, ReplyId, Source};

use super::record::{Record, millis};
use super::summary;

const HTML: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");

/// Points of the waveform: one for each 10 ms, or fewer in calls of more than five minutes.
const POINTS: usize = 30_000;

/// The page of a call.
pub(crate) fn write(record: &Record, title: &str) -> String {
    // "<" must not end the script element that the data stands in.
    let data = data(record).to_string().replace('<', "\\u003c");
    HTML.replace("{{title}}", &escape(title))
        .replace("{{outcome}}", &escape(&summary::outcome(record.call.outcome)))
        .replace("/*{{css}}*/", CSS)
        .replace("/*{{js}}*/", JS)
        .replace("{{data}}", &data)
}

fn data(record: &Record) -> Value {
    let report = &record.call.report;
    let samples = report.caller_track().len();
    let step = samples.div_ceil(POINTS).max(80);
    json!({
        "length": millis(report.length),
        "step": millis(std::time::Duration::from_micros(step as u64 * 125)),
        "wav": base64(&report.wav()),
        "caller": peaks(&report.caller_track(), step),
        "agent": peaks(&report.agent_track(), step),
        "turns": turns(record),
        "utterances": report.utterances.iter().map(|heard| [ms(heard.start), ms(heard.end)])
            .collect::<Vec<_>>(),
        "bargeIns": report.barge_ins.iter().map(|barge_in| json!({
            "at": ms(barge_in.at),
            "silence": millis(barge_in.silence_after),
            "clear": barge_in.clear_after.map(millis),
        })).collect::<Vec<_>>(),
        "marks": report.marks.iter().map(|mark| json!({
            "name": mark.name,
            "sent": ms(mark.sent),
            "returned": mark.returned.map(ms),
            "cleared": mark.cleared,
        })).collect::<Vec<_>>(),
        "clears": report.clears.iter().map(|clear| json!({
            "at": ms(clear.at),
            "dropped": millis(clear.dropped),
        })).collect::<Vec<_>>(),
        "underruns": report.underruns.iter().map(|gap| json!({
            "at": ms(gap.at),
            "length": millis(gap.length),
        })).collect::<Vec<_>>(),
        "digits": report.digits.iter().map(|(at, digit)| json!({
            "at": ms(*at),
            "key": digit.key(),
        })).collect::<Vec<_>>(),
        "violations": record.call.violations.iter().map(|violation| json!({
            "at": ms(violation.at),
            "what": violation.breach.to_string(),
        })).collect::<Vec<_>>(),
        "failures": record.trace.failures().map(|(at, what)| json!({"at": ms(at), "what": what}))
            .collect::<Vec<_>>(),
        "states": states(record),
        "transcripts": transcripts(record),
        "replies": replies(record),
    })
}

fn turns(record: &Record) -> Vec<Value> {
    let turn = |turn| {
        let latency = record.latency(turn);
        json!({
            "label": turn.clip.label,
            "start": ms(turn.clip.speech.start),
            "end": ms(turn.clip.speech.end),
            "heardAt": turn.answer.map(|answer| ms(answer.utterance.start)),
            "latency": turn.answer.map(|answer| millis(answer.latency)),
            "cutIn": turn.cut_in.map(ms),
            "understood": record.transcript(turn),
            "split": latency.map(|latency| json!({
                "endpointing": millis(latency.endpointing),
                "transcript": millis(latency.transcript),
                "model": millis(latency.model),
                "voice": millis(latency.voice),
                "line": millis(latency.line),
            })),
        })
    };
    record.call.report.turns.iter().map(turn).collect()
}

fn states(record: &Record) -> Vec<Value> {
    let state = |(at, entry): (Timestamp, &Entry)| match entry {
        Entry::Action(Action::State(state)) => {
            Some(json!({"at": ms(at), "state": state.to_string()}))
        }
        Entry::Action(_) | Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
    };
    record.trace.lines().filter_map(|(at, line)| state((at, &line.entry))).collect()
}

fn transcripts(record: &Record) -> Vec<Value> {
    let transcript = |(at, entry): (Timestamp, &Entry)| {
        let (text, kind) = match entry {
            Entry::Event(Event::Interim(text)) => (text, "interim"),
            Entry::Event(Event::Final { text, .. }) => (text, "final"),
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => return None,
        };
        Some(json!({"at": ms(at), "kind": kind, "text": text}))
    };
    record.trace.lines().filter_map(|(at, line)| transcript((at, &line.entry))).collect()
}

/// Each reply with its whole text, when it was asked for, and when it was cancelled.
fn replies(record: &Record) -> Vec<Value> {
    let mut replies: Vec<(ReplyId, Value)> = Vec::new();
    for (at, line) in record.trace.lines() {
        if let Some((reply, source)) = begun(&line.entry) {
            let source = source.to_string();
            let made = json!({"id": reply.number(), "at": ms(at), "source": source, "text": ""});
            replies.push((reply, made));
            continue;
        }
        let (id, key, value) = match &line.entry {
            Entry::Event(Event::Clause { reply, text }) => (reply, "text", json!(text)),
            Entry::Event(Event::Audio { reply, .. }) => (reply, "audio", json!(ms(at))),
            Entry::Action(Action::Cancel(reply)) => (reply, "cancelled", json!(ms(at))),
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => continue,
        };
        let Some((_, reply)) = replies.iter_mut().find(|(known, _)| known == id) else { continue };
        match (&reply[key], &value) {
            (Value::String(before), Value::String(more)) => {
                reply[key] = json!(format!("{before}{more}"))
            }
            (Value::Null, _) => reply[key] = value,
            _ => {}
        }
    }
    replies.into_iter().map(|(_, reply)| reply).collect()
}

/// The reply that begins here, and why.
fn begun(entry: &Entry) -> Option<(ReplyId, Source)> {
    match entry {
        Entry::Action(Action::Reply { reply, source }) => Some((*reply, *source)),
        Entry::Action(Action::Adopt(reply)) => Some((*reply, Source::Turn)),
        Entry::Action(Action::Say { reply, .. }) => Some((*reply, Source::Said)),
        Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => None,
    }
}

/// The loudest sample of each step, 0 to 100.
fn peaks(samples: &[i16], step: usize) -> Vec<u16> {
    let loudest = |piece: &[i16]| piece.iter().map(|sample| sample.unsigned_abs()).max();
    samples.chunks(step).map(|piece| loudest(piece).unwrap_or_default() / 328).collect()
}

fn ms(at: Timestamp) -> f64 {
    millis(at.since_start())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::record::tests::record;

    #[test]
    fn the_page_needs_nothing_else_and_nothing_breaks_out_of_it() {
        let page = write(&record(), "A <call>");
        assert!(page.contains("<h1>A &lt;call&gt;</h1>"));
        assert_eq!(page.matches("</script>").count(), 2, "the data's own and the code's");
        let links = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!links.contains("http:") && !links.contains("https:") && !links.contains("{{"));
    }

    #[test]
    fn the_page_holds_the_whole_call() {
        let data = data(&record());
        assert_eq!(data["length"], 5_000.0);
        assert_eq!(data["caller"].as_array().unwrap().len(), 500);
        assert_eq!(data["turns"][0]["latency"], 1_100.0);
        assert_eq!(data["turns"][0]["split"]["endpointing"], 600.0);
        assert_eq!(data["bargeIns"][0]["silence"], 300.0);
        assert_eq!(data["replies"][1]["text"], "We are open </script> from nine.");
        assert_eq!(data["replies"][1]["cancelled"], 3_300.0);
        assert_eq!(data["states"][1]["state"], "speaking");
        assert_eq!(data["transcripts"][0]["kind"], "interim");
        assert_eq!(data["marks"][0]["cleared"], true);
    }
}
