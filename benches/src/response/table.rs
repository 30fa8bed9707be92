//! The results of the calls, as tables.

use std::fmt;
use std::time::Duration;

use voicekit_core::llm::Usage;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Latency};
use voicekit_testkit::phone::Report;

use super::Delays;

/// The responses of all calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    delays: Delays,
    /// From the caller's last sound to the first audible one of the answer.
    responses: Vec<(String, Duration)>,
    parts: Vec<Latency>,
    /// What went into the engine and came out of it, call by call.
    pub traces: Vec<Vec<Line>>,
    /// The caller's turns that were cut off, or answered with nothing.
    cut: usize,
    unanswered: usize,
    requests: usize,
    wasted: Usage,
}

/// Limits that an [`Outcome`] is held to.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a table of numbers")]
pub struct Targets {
    /// The median response.
    pub median: Duration,
    /// The response of the slowest twentieth.
    pub slow: Duration,
    /// Requests to the model for each turn of the caller.
    pub requests: f64,
}

impl Outcome {
    pub(super) fn new(delays: Delays) -> Self {
        Self {
            delays,
            responses: Vec::new(),
            parts: Vec::new(),
            traces: Vec::new(),
            cut: 0,
            unanswered: 0,
            requests: 0,
            wasted: Usage::default(),
        }
    }

    pub(super) fn add(
        &mut self,
        report: &Report,
        trace: Vec<Line>,
        requests: usize,
        wasted: Usage,
    ) {
        for turn in &report.turns {
            match &turn.answer {
                Some(answer) => self.responses.push((turn.clip.label.clone(), answer.latency)),
                None => self.unanswered += 1,
            }
            self.cut += usize::from(turn.cut_in.is_some());
        }
        self.parts.extend(trace.iter().filter_map(|line| match &line.entry {
            Entry::Action(Action::Measured(latency)) => Some(*latency),
            Entry::Action(_) | Entry::Event(_) | Entry::Timeout | Entry::Note(_) => None,
        }));
        self.traces.push(trace);
        self.requests += requests;
        self.wasted.input_tokens += wasted.input_tokens;
        self.wasted.output_tokens += wasted.output_tokens;
    }

    /// The response that `percent` of the turns do not exceed.
    pub fn quantile(&self, percent: usize) -> Duration {
        let responses = self.responses.iter().map(|(_, response)| *response).collect();
        quantile(responses, percent)
    }

    /// Requests to the model for each turn that was answered.
    pub fn requests_per_turn(&self) -> f64 {
        self.requests as f64 / self.responses.len().max(1) as f64
    }

    /// Whether there were turns, every turn was answered, and the responses are within `targets`.
    pub fn meets(&self, targets: &Targets) -> bool {
        !self.responses.is_empty()
            && self.unanswered == 0
            && self.quantile(50) <= targets.median
            && self.quantile(95) <= targets.slow
            && self.requests_per_turn() <= targets.requests
    }
}

fn quantile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    values.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_millis();
        let mut clips: Vec<&str> = self.responses.iter().map(|(clip, _)| clip.as_str()).collect();
        clips.sort_unstable();
        clips.dedup();
        writeln!(f, "| clip | responses, in ms |\n|---|---|")?;
        for clip in clips {
            let of_clip = self.responses.iter().filter(|(label, _)| label == clip);
            let responses: Vec<String> =
                of_clip.map(|(_, response)| ms(*response).to_string()).collect();
            writeln!(f, "| {clip} | {} |", responses.join(", "))?;
        }
        writeln!(f)?;
        writeln!(f, "| response, in ms | p5 | p25 | median | p75 | p95 | max |")?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        write!(f, "| {} turns |", self.responses.len())?;
        for percent in [5, 25, 50, 75, 95, 100] {
            write!(f, " {} |", ms(self.quantile(percent)))?;
        }
        writeln!(f, "\n\n| part, in ms | median | p95 |\n|---|---|---|")?;
        type Part = fn(&Latency) -> Duration;
        let parts: [(&str, Part); 5] = [
            ("silence until the turn is over", |latency| latency.endpointing),
            ("final transcript", |latency| latency.transcript),
            ("model, to the first clause", |latency| latency.model),
            ("voice, to the first audio", |latency| latency.voice),
            ("line, to the first mark", |latency| latency.line),
        ];
        for (name, part) in parts {
            let values: Vec<Duration> = self.parts.iter().map(part).collect();
            writeln!(
                f,
                "| {name} | {} | {} |",
                ms(quantile(values.clone(), 50)),
                ms(quantile(values, 95))
            )?;
        }
        writeln!(
            f,
            "\nFloor, nothing done ahead, first sentence of 7 words: {} ms",
            ms(self.delays.floor(7))
        )?;
        writeln!(f, "Model requests per turn: {:.2}", self.requests_per_turn())?;
        writeln!(
            f,
            "Wasted tokens: {} in, {} out",
            self.wasted.input_tokens, self.wasted.output_tokens
        )?;
        write!(f, "Turns cut off: {}, not answered: {}", self.cut, self.unanswered)
    }
}
