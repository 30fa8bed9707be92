//! The jitter buffer, over simulated networks.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::dsp::jitter::{Frame, JitterBuffer, Packet, Stats};
use voicekit_core::dsp::level::rms_dbfs;
use voicekit_core::record::timeline::Timeline;
use voicekit_core::time::{MediaTime, Timestamp};

const RATE_HZ: u32 = 8_000;
const PACKET: usize = 160;
const PACKET_US: i64 = 20_000;
/// Pulls fall between the packets of a network without jitter.
const PHASE_US: i64 = 7_000;

/// Numbers that look random and are the same on every machine (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }

    /// Normally distributed with this deviation, roughly.
    fn normal(&mut self, deviation_us: i64) -> i64 {
        (0..12).map(|_| self.below(deviation_us)).sum::<i64>() - 6 * deviation_us
    }
}

/// A packet's way: which it is and when it comes.
#[derive(Clone, Copy)]
struct Sent {
    number: i64,
    comes_us: i64,
}

/// Packets one after the other, each delayed by what `delay` says; in order, as one path keeps them.
fn in_order(seconds: i64, mut delay_us: impl FnMut(&mut Dice, i64) -> i64) -> Vec<Sent> {
    let mut dice = Dice(7);
    let mut last_us = 0;
    let way = |number| {
        let sent_us = (number + 1) * PACKET_US;
        last_us = last_us.max(sent_us + 30_000 + delay_us(&mut dice, sent_us).max(-30_000));
        Sent { number, comes_us: last_us }
    };
    (0..seconds * 50).map(way).collect()
}

fn steady(seconds: i64) -> Vec<Sent> {
    in_order(seconds, |_, _| 0)
}

fn normal(seconds: i64, deviation_us: i64) -> Vec<Sent> {
    in_order(seconds, |dice, _| 3 * deviation_us + dice.normal(deviation_us))
}

/// Every ten seconds or so, a packet is late by 80 to 150 ms, and those behind it wait.
fn spikes(seconds: i64) -> Vec<Sent> {
    in_order(seconds, |dice, _| if dice.below(500) == 0 { 80_000 + dice.below(70_000) } else { 0 })
}

/// Little jitter, but the air is busy for 40 to 90 ms every half second or so.
fn wifi(seconds: i64) -> Vec<Sent> {
    in_order(seconds, |dice, _| {
        dice.below(6_000) + if dice.below(25) == 0 { 40_000 + dice.below(50_000) } else { 0 }
    })
}

/// Nothing comes for `stall_us` every `every_us`, then all of it.
fn stalls(seconds: i64, stall_us: i64, every_us: i64) -> Vec<Sent> {
    in_order(seconds, |dice, sent_us| {
        let into_us = sent_us % every_us - (every_us - stall_us);
        dice.below(4_000) + if into_us >= 0 { stall_us - into_us } else { 0 }
    })
}

/// A packet in ten comes after the one or two behind it.
fn reordered(seconds: i64) -> Vec<Sent> {
    let mut dice = Dice(7);
    let mut network = steady(seconds);
    for sent in &mut network {
        if dice.percent(10) {
            sent.comes_us += 25_000 + dice.below(20_000);
        }
    }
    network
}

fn lossy(mut network: Vec<Sent>, percent: i64) -> Vec<Sent> {
    let mut dice = Dice(11);
    network.retain(|sent| sent.number == 0 || !dice.percent(percent));
    network
}

/// The sender's clock is this much too slow; too fast if it is negative.
fn drifting(mut network: Vec<Sent>, ppm: i64) -> Vec<Sent> {
    for sent in &mut network {
        sent.comes_us += sent.comes_us * ppm / 1_000_000;
    }
    network
}

/// Speech-like: a voice of 130 Hz in syllables, a pause in every two seconds.
fn voice(at: i64) -> i16 {
    let t = at as f64 / f64::from(RATE_HZ);
    if t % 2.0 > 1.6 {
        return i16::try_from(at * 7 % 11 - 5).unwrap();
    }
    let tone: f64 = (1..8).map(|k| (f64::from(k) * t * 130.0 * std::f64::consts::TAU).sin()).sum();
    let syllable = 1.2 - (t * 4.0 * std::f64::consts::TAU).cos();
    #[expect(clippy::cast_possible_truncation, reason = "well below full scale")]
    {
        (tone * syllable * 1_000.0) as i16
    }
}

fn speech(number: i64) -> Vec<i16> {
    let start = number * PACKET as i64;
    (start..start + PACKET as i64).map(voice).collect()
}

fn at(us: i64) -> Timestamp {
    Timestamp::from_micros(u64::try_from(us).unwrap())
}

fn timestamp(number: i64) -> u32 {
    u32::try_from(number * PACKET as i64).unwrap()
}

struct Played {
    at_us: i64,
    frame: Frame,
    stats: Stats,
}

/// A call over `network`, pulled every 20 ms.
struct Call {
    network: Vec<Sent>,
    played: Vec<Played>,
    packets: i64,
}

impl Call {
    fn over(mut network: Vec<Sent>) -> Self {
        let packets = network.iter().map(|sent| sent.number).max().unwrap() + 1;
        network.sort_by_key(|sent| sent.comes_us);
        let last_us = network.last().unwrap().comes_us;
        let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
        let mut played = vec![];
        let mut coming = network.iter().peekable();
        let mut at_us = PHASE_US;
        while at_us <= last_us {
            while let Some(sent) = coming.next_if(|sent| sent.comes_us <= at_us) {
                buffer.push(at(sent.comes_us), Packet::new(timestamp(sent.number), &speech(sent.number)));
            }
            let frame = buffer.pull(at(at_us));
            played.push(Played { at_us, frame, stats: buffer.stats() });
            at_us += PACKET_US;
        }
        Self { network, played, packets }
    }

    fn stats(&self) -> Stats {
        self.played.last().unwrap().stats
    }

    /// Concealed beyond what was lost, as a share of all.
    fn concealed(&self) -> f64 {
        let lost = self.packets - self.network.len() as i64;
        let all = (self.packets * PACKET as i64) as f64;
        (self.stats().concealed as f64 - (lost * PACKET as i64) as f64).max(0.0) / all
    }

    /// How long sound waited between coming and being played, on average, in ms.
    fn delay_ms(&self) -> f64 {
        let mut comes_us = vec![None; usize::try_from(self.packets).unwrap()];
        for sent in &self.network {
            comes_us[usize::try_from(sent.number).unwrap()] = Some(sent.comes_us);
        }
        let waited: Vec<f64> = (self.played.iter())
            .filter(|played| played.frame.concealed == 0 && played.stats.delay > Duration::ZERO)
            .filter_map(|played| {
                let number = usize::try_from(played.frame.at.samples).unwrap() / PACKET;
                Some((played.at_us - comes_us[number]?) as f64 / 1_000.0)
            })
            .collect();
        waited.iter().sum::<f64>() / waited.len() as f64
    }

    /// The mean delay of a buffer that holds back constantly, for which one packet in a hundred of
    /// this very network is too late.
    fn best_ms(&self) -> f64 {
        let mut late: Vec<i64> =
            self.network.iter().map(|sent| sent.comes_us - sent.number * PACKET_US).collect();
        late.sort_unstable();
        late.truncate((late.len() * 99).div_ceil(100));
        let last = *late.last().unwrap();
        late.iter().map(|late| (last - late) as f64 / 1_000.0).sum::<f64>() / late.len() as f64
    }

    fn row(&self, name: &str) -> String {
        let stats = self.stats();
        format!(
            "| {name} | {:.0} | {:.0} | {:.2} % | {} |",
            self.delay_ms(),
            self.best_ms(),
            self.concealed() * 100.0,
            stats.late
        )
    }
}

#[test]
fn scratch() {
    let networks = [
        ("steady", steady(120)),
        ("normal, 5 ms", normal(300, 5_000)),
        ("normal, 20 ms", normal(300, 20_000)),
        ("normal, 60 ms", normal(300, 60_000)),
        ("spikes", spikes(300)),
        ("wifi", wifi(300)),
        ("stalls 200 ms/20 s", stalls(300, 200_000, 20_000_000)),
        ("stalls 2 s/30 s", stalls(300, 2_000_000, 30_000_000)),
        ("reordered", reordered(300)),
        ("loss 1", lossy(steady(300), 1)),
        ("loss 5", lossy(normal(300, 5_000), 5)),
        ("loss 20", lossy(steady(300), 20)),
        ("drift 1000", drifting(steady(600), 1_000)),
        ("drift -1000", drifting(steady(600), -1_000)),
    ];
    for (name, network) in networks {
        let call = Call::over(network);
        println!("{}  {:?}", call.row(name), call.stats());
    }
}
