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
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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

/// Three tones that have no period in common.
fn tones(at: i64) -> i16 {
    let t = at as f64 / f64::from(RATE_HZ) * std::f64::consts::TAU;
    let tone: f64 = [110.0, 173.0, 257.0].iter().map(|hz| (hz * t).sin()).sum();
    #[expect(clippy::cast_possible_truncation, reason = "well below full scale")]
    {
        (tone * 5_000.0) as i16
    }
}

fn packet(source: fn(i64) -> i16, number: i64) -> Vec<i16> {
    let start = number * PACKET as i64;
    (start..start + PACKET as i64).map(source).collect()
}

fn speech(number: i64) -> Vec<i16> {
    packet(voice, number)
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
    fn over(network: Vec<Sent>) -> Self {
        Self::of(voice, network)
    }

    fn of(source: fn(i64) -> i16, mut network: Vec<Sent>) -> Self {
        let packets = network.iter().map(|sent| sent.number).max().unwrap() + 1;
        network.sort_by_key(|sent| sent.comes_us);
        let last_us = network.last().unwrap().comes_us;
        let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
        let mut played = vec![];
        let mut coming = network.iter().peekable();
        let mut at_us = PHASE_US;
        while at_us <= last_us {
            while let Some(sent) = coming.next_if(|sent| sent.comes_us <= at_us) {
                buffer.push(
                    at(sent.comes_us),
                    Packet::new(timestamp(sent.number), &packet(source, sent.number)),
                );
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
                let first = usize::try_from(played.frame.at.samples).unwrap();
                let of_next = (first % PACKET) as f64 / PACKET as f64;
                let came = |number: usize| Some((*comes_us.get(number)?)? as f64);
                let (this, next) = (came(first / PACKET)?, came(first / PACKET + 1)?);
                Some((played.at_us as f64 - this * (1.0 - of_next) - next * of_next) / 1_000.0)
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

    /// From when on the delay stays within 40 ms of its target.
    fn settled_after_us(&self, from_us: i64) -> i64 {
        let off =
            |played: &&Played| played.stats.delay > played.stats.target + Duration::from_millis(40);
        let last = self.played.iter().filter(|played| played.at_us > from_us).rfind(off);
        last.map_or(0, |played| played.at_us - from_us)
    }
}

#[test]
fn little_is_concealed_and_the_delay_is_near_the_best() {
    let networks = [
        ("no jitter", steady(300), 25.0),
        ("normal jitter, 5 ms", normal(300, 5_000), 32.0),
        ("normal jitter, 20 ms", normal(300, 20_000), 70.0),
        ("normal jitter, 60 ms", normal(300, 60_000), 150.0),
        ("spikes of 80 to 150 ms", spikes(300), 84.0),
        ("Wi-Fi, busy for 40 to 90 ms", wifi(300), 105.0),
        ("a stall of 200 ms every 20 s", stalls(300, 200_000, 20_000_000), 125.0),
        ("one in ten reordered", reordered(300), 60.0),
        ("1 % lost", lossy(steady(300), 1), 25.0),
        ("5 % lost, normal jitter, 20 ms", lossy(normal(300, 20_000), 5), 70.0),
        ("20 % lost", lossy(steady(300), 20), 25.0),
    ];
    for (name, network, most_ms) in networks {
        let call = Call::over(network);
        let (delay_ms, best_ms) = (call.delay_ms(), call.best_ms());
        let concealed = 100.0 * call.concealed();
        println!("//! | {name} | {delay_ms:.0} ms | {best_ms:.0} ms | {concealed:.2} % |");
        assert!(concealed <= 0.9, "{name}: {concealed} % concealed");
        assert!(delay_ms <= most_ms, "{name}: {delay_ms} ms");
    }
}

#[test]
fn packets_of_10_to_60_ms_at_any_rate_are_buffered_as_well() {
    for (rate_hz, packet_ms) in [(8_000, 10), (16_000, 30), (48_000, 60)] {
        let mut dice = Dice(3);
        let mut buffer = JitterBuffer::new(rate_hz).unwrap();
        let length = packet_ms * u64::from(rate_hz) / 1_000;
        let mut network: Vec<(u64, u64)> = (0..60_000 / packet_ms)
            .map(|n| ((n + 1) * packet_ms + u64::try_from(dice.below(30)).unwrap(), n * length))
            .collect();
        network.sort_unstable();
        let mut coming = network.iter().peekable();
        for now_ms in (7..60_000).step_by(20) {
            while let Some(&(_, first)) = coming.next_if(|packet| packet.0 <= now_ms) {
                let samples: Vec<i16> = (first..first + length).map(source).collect();
                let packet = Packet::new(u32::try_from(first).unwrap(), &samples);
                buffer.push(Timestamp::from_millis(now_ms), packet);
            }
            buffer.pull(Timestamp::from_millis(now_ms));
        }
        let stats = buffer.stats();
        assert!(stats.concealed < u64::from(rate_hz) * 60 / 200, "{packet_ms} ms: {stats:?}");
        assert!(stats.delay < Duration::from_millis(70), "{packet_ms} ms: {stats:?}");
    }
}

#[test]
fn the_first_words_wait_for_40_ms_at_most() {
    let call = Call::over(normal(10, 5_000));
    let first = call.network[0].comes_us;
    let heard = call.played.iter().find(|played| played.stats.delay > Duration::ZERO).unwrap();
    assert!(heard.at_us - first <= 60_000, "{}", heard.at_us - first);
}

#[test]
fn a_backlog_is_drained_within_four_times_its_length() {
    for stall_us in [200_000, 500_000, 2_000_000] {
        let call = Call::over(stalls(40, stall_us, 20_000_000));
        let after_us = call.settled_after_us(20_000_000);
        assert!(after_us <= 4 * stall_us, "{stall_us}: {after_us} us");
        let before = call.played.iter().rfind(|played| played.at_us < 19_000_000).unwrap().stats;
        let stats = call.played.iter().rfind(|played| played.at_us < 39_000_000).unwrap().stats;
        let concealed = i64::try_from(stats.concealed - before.concealed).unwrap() * 125;
        assert!(concealed <= stall_us + 20_000, "{stall_us}: {concealed} us concealed");
        assert_eq!(stats.late, 0, "no word is lost");
    }
}

#[test]
fn a_stall_that_no_delay_could_bridge_is_not_learnt_from() {
    let call = Call::over(stalls(120, 2_000_000, 30_000_000));
    assert!(call.stats().target <= Duration::from_millis(20), "{:?}", call.stats());
}

#[test]
fn what_comes_back_and_is_drained_does_not_click() {
    let steepest = |samples: &[i16]| {
        samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
    };
    let sent: Vec<i16> = (0..500).flat_map(|number| packet(tones, number)).collect();
    let call = Call::of(tones, stalls(60, 600_000, 15_000_000));
    assert!(call.stats().drained > 10_000);
    let heard: Vec<i16> =
        call.played.iter().flat_map(|played| played.frame.samples.clone()).collect();
    assert!(steepest(&heard) < steepest(&sent) * 5 / 4, "{}", steepest(&heard));
}

#[test]
fn a_clock_that_is_1000_ppm_off_is_absorbed_for_ten_minutes() {
    for ppm in [1_000, -1_000] {
        let call = Call::over(drifting(normal(600, 1_000), ppm));
        let stats = call.stats();
        assert!(call.concealed() < 0.002, "{ppm}: {stats:?}");
        assert!(stats.delay < Duration::from_millis(60), "{ppm}: {stats:?}");
        let moved = i64::try_from(stats.inserted).unwrap() - i64::try_from(stats.drained).unwrap();
        let drift = 600 * i64::from(RATE_HZ) * ppm / 1_000_000;
        assert!((moved - drift).abs() < 800, "{ppm}: {moved} for {drift}");
    }
}

#[test]
fn a_lost_packet_sounds_like_what_was_before_and_a_long_loss_falls_silent() {
    let mut network = steady(4);
    network.retain(|sent| sent.number != 52 && !(100..110).contains(&sent.number));
    let call = Call::over(network);
    let concealed: Vec<&Frame> = call
        .played
        .iter()
        .map(|played| &played.frame)
        .filter(|frame| frame.concealed > 0)
        .collect();
    let first = concealed[0];
    assert!((rms_dbfs(&first.samples) - rms_dbfs(&speech(51))).abs() < 6.0);
    assert_eq!(rms_dbfs(&concealed[6].samples), voicekit_core::dsp::level::FLOOR_DBFS);
    let stats = call.stats();
    assert!((8 * 160..=12 * 160).contains(&stats.concealed), "{stats:?}");
}

#[test]
fn a_pause_that_is_not_sent_is_silence_of_its_length() {
    let mut network = steady(12);
    network.retain(|sent| !(200..350).contains(&sent.number));
    let call = Call::over(network);
    let stats = call.stats();
    assert!((23_600..=24_160).contains(&stats.concealed), "{stats:?}");
    assert!(stats.drained <= 960, "{stats:?}");
    assert_eq!(call.settled_after_us(4_000_000), 0);
}

#[test]
fn copies_are_dropped_and_not_learnt_from() {
    let mut network = steady(60);
    let copies: Vec<Sent> =
        network.iter().map(|sent| Sent { comes_us: sent.comes_us + 90_000, ..*sent }).collect();
    network.extend(copies);
    let call = Call::over(network);
    assert!(call.stats().duplicate >= 2_990, "{:?}", call.stats());
    assert_eq!(call.stats().late, 0);
    assert!(call.stats().target <= Duration::from_millis(10));
}

/// Pushes a packet of constant samples and pulls a frame, each 20 ms, with these timestamps.
fn frames(buffer: &mut JitterBuffer, from_ms: u64, timestamps: &[u32]) -> Vec<Frame> {
    let times = (0..).map(|n| Timestamp::from_millis(from_ms + 20 * n));
    let pull = |(now, &timestamp): (Timestamp, &u32)| {
        buffer.push(now, Packet::new(timestamp, &[1_000; PACKET]));
        buffer.pull(now + Duration::from_millis(7))
    };
    times.zip(timestamps).map(pull).collect()
}

fn from(start: u32, packets: u32) -> Vec<u32> {
    (0..packets).map(|n| start.wrapping_add(n * 160)).collect()
}

#[test]
fn timestamps_wrap_around() {
    let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
    let frames = frames(&mut buffer, 0, &from(u32::MAX - 1_000, 50));
    assert_eq!(buffer.stats().concealed + buffer.stats().stray, 0);
    assert!(frames.last().unwrap().at.samples > u64::from(u32::MAX) + 5_000);
}

#[test]
fn one_timestamp_from_nowhere_is_dropped_and_two_begin_anew() {
    let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
    frames(&mut buffer, 0, &from(1_000_000, 50));
    frames(&mut buffer, 1_000, &[3_000_000_000]);
    frames(&mut buffer, 1_020, &from(1_008_160, 50));
    assert_eq!((buffer.stats().stray, buffer.stats().concealed), (1, 160));
    let before = frames(&mut buffer, 2_020, &from(1_016_160, 1));
    let after = frames(&mut buffer, 2_040, &from(77, 50));
    assert_eq!(buffer.stats().stray, 2);
    assert!(after[0].at.samples >= before[0].at.samples);
    assert!(after[49].at.samples >= before[0].at.samples + 44 * 160, "it plays on");
    assert_eq!(after[49].concealed, 0);
}

#[test]
fn what_comes_after_its_turn_is_dropped_and_counted() {
    let mut network = steady(10);
    for number in [100, 250, 400] {
        network[number].comes_us += 700_000;
    }
    let call = Call::over(network);
    assert_eq!((call.stats().late, call.stats().duplicate), (3, 0));
}

#[test]
fn more_than_four_seconds_are_not_held() {
    let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
    frames(&mut buffer, 0, &from(0, 50));
    for timestamp in from(50 * 160, 240) {
        buffer.push(Timestamp::from_millis(5_800), Packet::new(timestamp, &[1_000; PACKET]));
    }
    let frame = buffer.pull(Timestamp::from_millis(5_807));
    assert!((14_000..18_000).contains(&frame.at.samples), "{frame:?}");
    assert_eq!(buffer.stats().stray, 0);
}

#[test]
fn rates_whose_frames_are_not_whole_samples_are_refused() {
    for rate_hz in [0, 7_999, 11_025, 48_001, u32::MAX] {
        assert!(JitterBuffer::new(rate_hz).is_err(), "{rate_hz}");
    }
}

/// A carrier's stream over TCP: 20 ms chunks in order, but nothing for a while, then all at once.
fn tcp() -> Vec<Sent> {
    let mut network = stalls(20, 600_000, 4_000_000);
    network.retain(|sent| !(300..325).contains(&sent.number));
    network
}

#[test]
fn a_recording_of_a_stalling_stream_is_that_of_a_steady_one() {
    let mut timeline = Timeline::new(RATE_HZ, Duration::from_secs(30));
    for sent in tcp() {
        let at = MediaTime { samples: u64::from(timestamp(sent.number)), rate_hz: RATE_HZ };
        timeline.caller(at.samples, &speech(sent.number));
    }
    let caller: Vec<i16> = timeline.interleaved().into_iter().step_by(2).collect();
    let gap = 300 * PACKET..325 * PACKET;
    let expected: Vec<i16> = (0..1_000).flat_map(speech).collect();
    assert!(caller[gap.clone()].iter().all(|&sample| sample == 0), "the gap is silence");
    assert_eq!(caller[..gap.start], expected[..gap.start]);
    assert_eq!(caller[gap.end..], expected[gap.end..]);
}

#[test]
fn a_listener_to_a_stalling_stream_hears_all_of_it_and_no_backlog_stays() {
    let call = Call::over(tcp());
    assert_eq!(call.stats().late, 0);
    assert!(call.settled_after_us(16_000_000) <= 2_400_000);
}

fn source(position: u64) -> i16 {
    i16::try_from(position * 7_919 % 20_011).unwrap() - 10_000
}

/// Packets of 10 to 60 ms, as (length in steps of 10 ms, delay in ms, lost, sent twice).
fn packets() -> impl Strategy<Value = Vec<(u64, i64, bool, bool)>> {
    prop::collection::vec((1_u64..=6, 0_i64..200, prop::bool::weighted(0.1), any::<bool>()), 1..150)
}

proptest! {
    #[test]
    fn what_is_played_is_in_order_and_where_it_belongs(
        rate_hz in prop::sample::select(vec![8_000_u32, 16_000, 24_000, 48_000]),
        packets in packets(),
    ) {
        let (mut network, mut position) = (vec![], 0);
        for (steps, delay_ms, lost, twice) in packets {
            let length = steps * u64::from(rate_hz) / 100;
            let samples: Vec<i16> = (position..position + length).map(source).collect();
            let timestamp = u32::try_from(position).unwrap();
            position += length;
            let ready_ms = i64::try_from(position * 1_000 / u64::from(rate_hz)).unwrap();
            for copy in 0..i64::from(!lost) + i64::from(twice) {
                network.push((ready_ms + delay_ms + 50 * copy, timestamp, samples.clone()));
            }
        }
        network.sort_by_key(|packet| packet.0);
        let mut buffer = JitterBuffer::new(rate_hz).unwrap();
        let mut coming = network.iter().peekable();
        let mut before: Option<(Frame, Stats)> = None;
        for n in 0..600 {
            let now_ms = 20 * n + 7;
            while let Some((comes_ms, timestamp, samples)) = coming.next_if(|packet| packet.0 <= now_ms) {
                buffer.push(at(comes_ms * 1_000), Packet::new(*timestamp, samples));
            }
            let frame = buffer.pull(at(now_ms * 1_000));
            let stats = buffer.stats();
            prop_assert_eq!(frame.samples.len(), rate_hz as usize / 50);
            if let Some((last, then)) = before {
                prop_assert!(frame.at.samples >= last.at.samples);
                let as_sent = (stats.drained, stats.inserted) == (then.drained, then.inserted)
                    && last.concealed + frame.concealed == 0
                    && then.delay > Duration::ZERO;
                if as_sent {
                    let first = frame.at.samples;
                    let sent = (first..).take(frame.samples.len()).map(source);
                    prop_assert!(sent.eq(frame.samples.iter().copied()));
                }
            }
            before = Some((frame, stats));
        }
    }

    #[test]
    fn nothing_panics_whatever_comes(
        rate_hz in prop::sample::select(vec![8_000_u32, 22_050, 44_100, 48_000]),
        calls in prop::collection::vec(
            (prop_oneof![0_u64..60_000, any::<u64>()], any::<u32>(), 0_usize..60_000, 0_u8..3, any::<i16>()),
            1..60,
        ),
    ) {
        let mut buffer = JitterBuffer::new(rate_hz).unwrap();
        let (mut timestamp, mut last) = (0_u32, 0);
        for (micros, number, length, kind, value) in calls {
            let now = Timestamp::from_micros(micros);
            timestamp = match kind {
                0 => number,
                1 => timestamp.wrapping_add(number % 100_000),
                _ => timestamp.wrapping_sub(number % 100_000),
            };
            buffer.push(now, Packet::new(timestamp, &vec![value; length]));
            buffer.push(now, Packet::new(timestamp.wrapping_add(7), &vec![value; length % 1_000]));
            for _ in 0..number % 5 {
                let frame = buffer.pull(now);
                prop_assert_eq!(frame.samples.len(), rate_hz as usize / 50);
                prop_assert!(frame.concealed <= frame.samples.len());
                prop_assert!(frame.at.samples >= last);
                last = frame.at.samples;
            }
        }
    }
}
