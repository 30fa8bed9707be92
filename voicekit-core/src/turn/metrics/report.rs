use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::turn::event::Latency;

use super::Metrics;

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::as_secs_f64;
        writeln!(
            f,
            "call         {:.1} s, dead air {:.1} s, talk-over {:.1} s",
            seconds(&self.duration),
            seconds(&self.dead_air),
            seconds(&self.talk_over),
        )?;
        self.write_latency(f)?;
        writeln!(
            f,
            "turns        {}, replies {}, reprompts {}, idle prompts {}, failures {}, missed \
             transcripts {}",
            self.turns,
            self.replies,
            self.reprompts,
            self.idle_prompts,
            self.failures,
            self.missed_transcripts,
        )?;
        writeln!(
            f,
            "barge-in     interruptions {}, pauses {}, resumed {}, cut-offs suspected {}",
            self.interruptions, self.pauses, self.resumed, self.cut_offs,
        )?;
        write!(
            f,
            "speculation  prepared {}, adopted {}, discarded {}",
            self.prepared, self.adopted, self.discarded,
        )
    }
}

impl Metrics {
    fn write_latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(median), Some(p90)) = (self.median(Latency::total), self.p90(Latency::total))
        else {
            return writeln!(f, "latency      not measured");
        };
        let (median, p90, of) = (median.as_millis(), p90.as_millis(), self.latencies.len());
        write!(f, "latency      median {median} ms, p90 {p90} ms, of {of}; medians:")?;
        let parts: [(&str, Part); 5] = [
            (" endpointing", |latency| latency.endpointing),
            (", transcript", |latency| latency.transcript),
            (", model", |latency| latency.model),
            (", voice", |latency| latency.voice),
            (", line", |latency| latency.line),
        ];
        for (name, part) in parts {
            write!(f, "{name} {}", self.median(part).unwrap_or_default().as_millis())?;
        }
        writeln!(f)
    }
}

type Part = fn(&Latency) -> Duration;

/// A latency as files have it.
#[derive(Serialize)]
struct Row {
    reply: u64,
    #[serde(rename = "endpointing_ms", with = "crate::time::in_ms")]
    endpointing: Duration,
    #[serde(rename = "transcript_ms", with = "crate::time::in_ms")]
    transcript: Duration,
    #[serde(rename = "model_ms", with = "crate::time::in_ms")]
    model: Duration,
    #[serde(rename = "voice_ms", with = "crate::time::in_ms")]
    voice: Duration,
    #[serde(rename = "line_ms", with = "crate::time::in_ms")]
    line: Duration,
    #[serde(rename = "total_ms", with = "crate::time::in_ms")]
    total: Duration,
}

pub(super) fn latencies<S: Serializer>(latencies: &[Latency], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(latencies.iter().map(|latency| Row {
        reply: latency.reply.number(),
        endpointing: latency.endpointing,
        transcript: latency.transcript,
        model: latency.model,
        voice: latency.voice,
        line: latency.line,
        total: latency.total(),
    }))
}
