//! Who watches a call.

use voicekit_core::error::Error;
use voicekit_core::log::escaped;
use voicekit_core::time::Timestamp;
use voicekit_core::transport::CallInfo;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Latency, Metrics};

use super::clock::Clock;
use crate::observer::{CallEvent, CallReport, Observer, Part};

pub(super) fn log_end(info: &CallInfo, report: &CallReport) {
    let (id, seconds) = (escaped(&info.id), report.ended.as_secs_f64());
    let Metrics { turns, interruptions, resumed, cut_offs, .. } = report.metrics;
    let latency = report.metrics.median(Latency::total).unwrap_or_default();
    tracing::info!(call = %id, seconds, turns, interruptions, resumed, cut_offs, ?latency, "call ended");
    if let Some(error) = &report.error {
        tracing::error!(call = %id, error = %escaped(error), "the line broke");
    }
}

/// The clock and whoever watches.
pub(super) struct Watch {
    pub(super) observer: Option<Box<dyn Observer>>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

impl Watch {
    pub(super) fn show(&mut self, event: CallEvent<'_>) {
        if let Some(observer) = &mut self.observer {
            observer.event(self.clock.now(), event);
        }
    }

    pub(super) fn trace(&mut self, at: Timestamp, entry: Entry) {
        let line = Line { at, entry };
        self.metrics.line(&line);
        if let Some(observer) = &mut self.observer {
            observer.event(at, CallEvent::Trace(&line));
        }
    }

    pub(super) fn failed(&mut self, part: Part, error: &Error) {
        tracing::warn!(%part, error = %escaped(error), "a part of the call failed");
        if let Some(detail) = error.detail() {
            tracing::debug!(%part, ?detail, "what the provider says about it");
        }
        self.show(CallEvent::Failed { part, error });
    }
}
