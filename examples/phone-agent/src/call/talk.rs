//! The conversation on the console, as it happens.

use voicekit::CallEvent;
use voicekit_core::llm::Message;
use voicekit_core::log::escaped;
use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::Entry;
use voicekit_core::turn::{Action, Event};
use voicekit_testkit::carrier::Observation;

use crate::console;

/// Prints what somebody on the line would notice.
pub(crate) fn print(at: Timestamp, observation: &Observation) {
    match observation {
        Observation::CallerSpeaks { label, .. } => say(at, "caller", label),
        Observation::AgentSpeaks { latency: Some(latency) } => {
            say(at, "", format_args!("heard after {:.0} ms", latency.as_secs_f64() * 1e3));
        }
        Observation::Cleared { dropped } => {
            say(at, "", format_args!("interrupted; {:.0} ms unsaid", dropped.as_secs_f64() * 1e3));
        }
        Observation::Violation(violation) => {
            say(at, "", format_args!("protocol violation: {}", violation.breach));
        }
        Observation::AgentSpeaks { latency: None }
        | Observation::CallerDone { .. }
        | Observation::AgentSilent { .. }
        | _ => {}
    }
}

/// Prints what the agent understands and says.
pub(crate) fn show(at: Timestamp, event: &CallEvent<'_>) {
    match event {
        CallEvent::Trace(line) => match &line.entry {
            Entry::Event(Event::Clause { text, .. }) => say(at, "agent", text.trim()),
            Entry::Action(Action::Remember(Message::Caller { text })) => {
                say(at, "", format_args!("understood: {text}"));
            }
            Entry::Action(Action::RunTool { call, .. }) => {
                say(at, "tool", format_args!("{} {}", call.name, call.arguments));
            }
            Entry::Event(Event::ToolDone { outcome, .. }) => {
                let how = if outcome.failed { "failed" } else { "ok" };
                say(at, "tool", format_args!("{how}: {}", outcome.text));
            }
            Entry::Event(_) | Entry::Action(_) | Entry::Timeout | Entry::Note(_) => {}
        },
        CallEvent::Ended(report) => {
            for line in report.metrics.to_string().lines() {
                say(at, "", line);
            }
        }
        CallEvent::Failed { part, error } => say(at, "", format_args!("{part} failed: {error}")),
        CallEvent::Started(_) | _ => {}
    }
}

fn say(at: Timestamp, who: &str, what: impl std::fmt::Display) {
    let what = escaped(what);
    console::line(format_args!("{:>7.2} s  {who:<7} {what}", at.as_secs_f64()));
}
