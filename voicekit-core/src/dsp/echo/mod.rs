//! How much of the incoming audio is the agent's own voice, come back as an echo.
//!
//! On a phone line the agent hears itself: 20 to 40 dB quieter, 50 to 500 ms late, filtered, coded
//! twice, and perhaps under the caller's voice. A detector of speech takes that for a caller.
//! [`Echo`] knows what was sent, finds where and how loud it comes back, and takes from the
//! detector's verdict what the echo explains.
//!
//! # How it works
//!
//! Both directions are split into eight bands, and the level of each is taken every 8 ms. Levels
//! that rise and fall together at one delay between 0 and 640 ms show that there is an echo, and
//! when. Its level in each band is then the usual difference between what came and what was sent,
//! and what comes louder than that is the caller. Nothing is removed from the audio: levels
//! survive codecs, lost packets and drifting clocks that would defeat a canceller.
//!
//! As long as no echo was found, verdicts are passed on as they are; but for the first 0.8 s of
//! outgoing voice in a call, when nothing can be known yet, sound 15 dB below it is held for one.
//!
//! # Driving it
//!
//! 1. [`outgoing`](Echo::outgoing) with all audio that is sent, when it is sent, placed where it is
//!    to be played on the clock of the incoming samples. A constant error in that place is part of
//!    the delay and does no harm. [`cleared`](Echo::cleared) when some of it will not be played.
//! 2. [`near_end`](Echo::near_end) with all audio that comes in, in order.

mod bank;
mod path;
mod search;

use std::time::Duration;

use self::bank::Bank;
use self::path::Path;
use self::search::Search;
use super::level::FLOOR_DBFS;

/// Samples a second, in both directions.
pub const RATE_HZ: u32 = 8_000;

/// Samples from one level to the next: 8 ms, less than a speech sound.
const HOP: usize = 64;
const HOPS_PER_SECOND: f32 = RATE_HZ as f32 / HOP as f32;
const BANDS: usize = 8;
/// Levels below this are the noise of mu-law coding, in either direction.
const QUIET_DBFS: f32 = -72.0;
/// Hops of outgoing audio that can wait to be played: 2 s, ten times the lead of the pacing.
const AHEAD: usize = 256;
/// What is sent counts as a voice from this level in some band.
const VOICE_DBFS: f32 = -50.0;

type Bands = [f32; BANDS];

/// What is known about the echo.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// How likely it is that there is an echo at this delay and level, 0 to 1.
    pub confidence: f32,
    /// How long after its place the outgoing audio comes back.
    pub delay: Duration,
    /// How much quieter it comes back, in dB.
    pub return_loss_db: f32,
    /// The share of the latest audio that the echo does not explain, 0 to 1.
    pub residual: f32,
}

/// The echo of one call. Memory is bounded; nothing is allocated after construction.
#[derive(Debug, Clone)]
pub struct Echo {
    sent: Sent,
    bank: Bank,
    /// Energy of the hop that is being heard, and its samples so far.
    energy: Bands,
    filled: usize,
    hop: u64,
    search: Search,
    path: Path,
    residual: f32,
}

impl Default for Echo {
    fn default() -> Self {
        Self::new()
    }
}

impl Echo {
    /// A line of which nothing is known yet.
    pub fn new() -> Self {
        Self {
            sent: Sent::new(),
            bank: Bank::new(),
            energy: [0.0; BANDS],
            filled: 0,
            hop: 0,
            search: Search::new(),
            path: Path::new(),
            residual: 1.0,
        }
    }

    /// Takes in samples that will be played from `at_sample` on, counted as the incoming ones are.
    /// What is placed in the past, or more than two seconds ahead, is not used.
    pub fn outgoing(&mut self, at_sample: u64, samples: &[i16]) {
        self.sent.push(self.hop, at_sample, samples);
    }

    /// Nothing that was to be played from `at_sample` on will be.
    pub fn cleared(&mut self, at_sample: u64) {
        self.sent.clear(at_sample);
    }

    /// Takes in the samples that came next and gives the probability that the caller spoke in
    /// them, from `probability` that somebody did.
    pub fn near_end(&mut self, samples: &[i16], probability: f32) -> f32 {
        probability * self.incoming(samples).residual
    }

    /// Takes in the samples that came next.
    pub fn incoming(&mut self, samples: &[i16]) -> Estimate {
        let mut rest = samples;
        let (mut unexplained, mut hops) = (0.0, 0.0);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(HOP - self.filled));
            self.bank.add_energy(part, &mut self.energy);
            self.filled += part.len();
            rest = after;
            if self.filled == HOP {
                unexplained += self.finish_hop();
                hops += 1.0;
            }
        }
        if hops > 0.0 {
            self.residual = unexplained / hops;
        }
        self.estimate()
    }

    /// What is known about the echo.
    pub fn estimate(&self) -> Estimate {
        let delay = HOP as u64 * self.search.lag as u64 * 1_000_000 / u64::from(RATE_HZ);
        Estimate {
            confidence: self.search.confidence,
            delay: Duration::from_micros(delay),
            return_loss_db: self.path.loss_db(),
            residual: self.residual,
        }
    }

    /// The share of the hop that the echo does not explain.
    fn finish_hop(&mut self) -> f32 {
        let heard = levels(&std::mem::take(&mut self.energy));
        self.filled = 0;
        let sent = self.sent.levels(self.hop);
        self.hop += 1;
        self.search.step(&sent, &heard);
        self.path.step(&self.search, &sent, &heard)
    }
}

/// What was sent and is not yet played.
#[derive(Debug, Clone)]
struct Sent {
    bank: Bank,
    hops: Box<[(u64, Bands)]>,
    end: u64,
}

const NO_HOP: u64 = u64::MAX;

impl Sent {
    fn new() -> Self {
        let hops = vec![(NO_HOP, [0.0; BANDS]); AHEAD].into_boxed_slice();
        Self { bank: Bank::new(), hops, end: 0 }
    }

    fn push(&mut self, current: u64, at_sample: u64, samples: &[i16]) {
        if at_sample != self.end {
            self.bank.rest();
        }
        let (mut at, mut rest) = (at_sample, samples);
        while !rest.is_empty() {
            let (hop, offset) = (at / HOP as u64, remainder(at, HOP));
            let (part, after) = rest.split_at(rest.len().min(HOP - offset));
            if (current..current + AHEAD as u64).contains(&hop) {
                let slot = &mut self.hops[remainder(hop, AHEAD)];
                if slot.0 != hop {
                    *slot = (hop, [0.0; BANDS]);
                }
                self.bank.add_energy(part, &mut slot.1);
            }
            at = at.saturating_add(part.len() as u64);
            rest = after;
        }
        self.end = at;
    }

    fn clear(&mut self, at_sample: u64) {
        let first = at_sample.div_ceil(HOP as u64);
        for slot in self.hops.iter_mut().filter(|slot| slot.0 >= first) {
            slot.0 = NO_HOP;
        }
    }

    fn levels(&self, hop: u64) -> Bands {
        let slot = &self.hops[remainder(hop, AHEAD)];
        if slot.0 == hop { levels(&slot.1) } else { [QUIET_DBFS; BANDS] }
    }
}

fn is_voice(sent: &Bands) -> bool {
    sent.iter().any(|&level| level > VOICE_DBFS)
}

/// The levels of a hop in dBFS.
fn levels(energy: &Bands) -> Bands {
    const FULL: f32 = 32_768.0 * 32_768.0 * HOP as f32;
    energy.map(|energy| (10.0 * log10(energy / FULL + 1e-12)).max(QUIET_DBFS))
}

/// The logarithm of a positive normal number, to seven digits. Free of branches, so that it is
/// computed for all bands at once: the exponent, and the series of the area tangent for a mantissa
/// from the root of a half to that of two.
fn log10(value: f32) -> f32 {
    use std::f32::consts::{FRAC_1_SQRT_2, LOG10_2, LOG10_E};
    const MANTISSA_BITS: u32 = 23;
    let above = value.to_bits().wrapping_sub(FRAC_1_SQRT_2.to_bits());
    let exponent = above.cast_signed() >> MANTISSA_BITS;
    let mantissa =
        f32::from_bits(value.to_bits().wrapping_sub(exponent.cast_unsigned() << MANTISSA_BITS));
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let series = 1.0 + square * (1.0 / 3.0 + square * (1.0 / 5.0 + square / 7.0));
    exponent as f32 * LOG10_2 + 2.0 * LOG10_E * t * series
}

fn remainder(number: u64, divisor: usize) -> usize {
    usize::try_from(number % divisor as u64).unwrap_or_default()
}

/// 0 up to `from`, 1 from `to` on, and evenly between.
fn ramp(value: f32, from: f32, to: f32) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        let mut value = 1e-12_f32;
        while value < 10.0 {
            let wanted = value.log10();
            assert!(
                (log10(value) - wanted).abs() < 2e-6,
                "{value}: {}, not {wanted}",
                log10(value)
            );
            value *= 1.003;
        }
    }
}
