//! The echo of the agent's voice under Silero: interruptions that are none, and those that are.

use voicekit_core::codec::mulaw;
use voicekit_core::dsp::echo::Echo;
use voicekit_core::vad::Vad;
use voicekit_local::silero::Silero;
use voicekit_testkit::speech::recording;

const WINDOW: usize = 256;
const WINDOW_MS: usize = 32;
/// How far ahead the agent's audio is sent: 200 ms.
const LEAD: usize = 1_600;
/// Between the caller's utterances: 5 s.
const APART: usize = 40_000;

/// An agent who talks for 40 s.
fn agent() -> Vec<i16> {
    let files = ["0870", "0880", "0890", "0920", "0930"].iter().cycle().take(9);
    let mut sent = vec![0; 4_000];
    for file in files {
        let recording = recording(&format!("librivox-{file}.wav"));
        sent.extend(at_level(&recording.over_the_phone(), -20.0));
        sent.resize(sent.len() + 3_200, 0);
    }
    sent
}

/// Utterances of other speakers, from their first sound.
fn callers() -> Vec<Vec<i16>> {
    let files = ["cards-001.wav", "cards-002.wav", "goforward.wav", "lj050-0131.wav"];
    let utterance = |file: &&str| {
        let loud = at_level(&recording(file).over_the_phone(), -25.0);
        let first = loud.chunks(80).position(|chunk| energy(chunk) > 300.0 * 300.0).unwrap();
        loud[first * 80..].iter().copied().take(16_000).collect()
    };
    files.iter().map(utterance).collect()
}

/// The echo of `sent` over a line that smears it, over mu-law, with noise at −60 dBFS.
fn echo_of(sent: &[i16], delay: usize, loss_db: f32) -> Vec<f32> {
    const TAPS: [(usize, f32); 4] = [(0, 0.84), (3, 0.42), (9, -0.3), (21, 0.17)];
    let gain = 10_f32.powf(-loss_db / 20.0);
    let tap = |at: usize, (late, weight): (usize, f32)| {
        at.checked_sub(delay + late).map_or(0.0, |at| f32::from(sent[at]) * weight * gain)
    };
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as f32 / 32_768.0 - 1.0) * 55.0
    };
    (0..sent.len()).map(|at| TAPS.map(|t| tap(at, t)).iter().sum::<f32>() + noise()).collect()
}

fn coded(line: &[f32]) -> Vec<i16> {
    line.iter().map(|&s| mulaw::decode_sample(mulaw::encode_sample(sample(s)))).collect()
}

fn at_level(samples: &[i16], dbfs: f32) -> Vec<i16> {
    let mut energies: Vec<f32> = samples.chunks(160).map(energy).collect();
    energies.sort_by(|a, b| b.total_cmp(a));
    let louder_half = &energies[..energies.len() / 2];
    let now = (louder_half.iter().sum::<f32>() / louder_half.len() as f32).sqrt();
    let gain = 32_768.0 * 10_f32.powf(dbfs / 20.0) / now;
    samples.iter().map(|&quiet| sample(f32::from(quiet) * gain)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn sample(value: f32) -> i16 {
    value as i16
}

fn energy(samples: &[i16]) -> f32 {
    samples.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / samples.len() as f32
}

/// Interrupts after 300 ms of speech, as the engine does by default.
#[derive(Default)]
struct Gate {
    speaking: bool,
    opposite_ms: usize,
    since_ms: usize,
}

impl Gate {
    fn interrupts(&mut self, probability: f32) -> bool {
        self.since_ms += WINDOW_MS;
        let opposite = if self.speaking { probability < 0.35 } else { probability >= 0.5 };
        self.opposite_ms = if opposite { self.opposite_ms + WINDOW_MS } else { 0 };
        let needed = if self.speaking { 200 } else { 60 };
        if self.opposite_ms > needed {
            (self.speaking, self.since_ms) = (!self.speaking, self.opposite_ms);
            self.opposite_ms = 0;
        }
        self.speaking && self.opposite_ms == 0 && self.since_ms >= 300
    }
}

/// How often the agent is interrupted while the caller is silent, and how many of the caller's
/// `utterances`, given by their first sample, interrupt it within a second. With `known`, the gate
/// knows the agent's voice.
fn interruptions(sent: &[i16], line: &[i16], utterances: &[usize], known: bool) -> (usize, usize) {
    let (mut vad, mut echo, mut gate) = (Silero::new().unwrap(), Echo::new(), Gate::default());
    let (mut falsely, mut noticed, mut deaf_until) = (0, 0, 0);
    for (window, heard) in line.chunks_exact(WINDOW).enumerate() {
        let at = window * WINDOW;
        let ahead = if window == 0 { 0 } else { at + LEAD - WINDOW };
        let sent = &sent[ahead.min(sent.len())..(at + LEAD).min(sent.len())];
        echo.outgoing(ahead as u64, sent);
        let probability = vad.probability(heard);
        let discounted = echo.near_end(heard, probability);
        if !gate.interrupts(if known { discounted } else { probability }) || at < deaf_until {
            continue;
        }
        gate = Gate::default();
        let utterance = utterances.iter().find(|&&start| (start..start + 24_000).contains(&at));
        match utterance {
            Some(start) => {
                noticed += usize::from(at < start + 8_000);
                deaf_until = start + 24_000;
            }
            None => {
                falsely += 1;
                deaf_until = at + 8_000;
            }
        }
    }
    (falsely, noticed)
}

#[test]
fn the_agents_echo_does_not_interrupt_it_and_callers_do() {
    let sent = agent();
    let minutes = sent.len() as f32 / (60.0 * 8_000.0);
    let (mut unaware, mut falsely, mut noticed, mut real) = (0, 0, 0, 0);
    let mut lines = 0.0;
    for (delay_ms, loss_db) in [(80, 25.0), (200, 35.0), (400, 25.0)] {
        let alone = echo_of(&sent, delay_ms * 8, loss_db);
        let line = coded(&alone);
        unaware += interruptions(&sent, &line, &[], false).0;
        falsely += interruptions(&sent, &line, &[], true).0;

        let mut line = alone;
        let starts: Vec<usize> = (APART..line.len() - 24_000).step_by(APART).collect();
        for (start, caller) in starts.iter().zip(callers().iter().cycle()) {
            for (sample, near) in line[*start..].iter_mut().zip(caller) {
                *sample += f32::from(*near);
            }
        }
        let (more, heard) = interruptions(&sent, &coded(&line), &starts, true);
        (falsely, noticed, real) = (falsely + more, noticed + heard, real + starts.len());
        lines += 2.0;
    }
    assert!(unaware as f32 > 10.0 * 3.0 * minutes, "the echo is a real one: {unaware}");
    let a_minute = falsely as f32 / (lines * minutes);
    assert!(a_minute < 1.0, "{falsely} false interruptions, {a_minute} a minute");
    assert!(noticed * 10 >= real * 9, "{noticed} of {real} interruptions were noticed");
}
