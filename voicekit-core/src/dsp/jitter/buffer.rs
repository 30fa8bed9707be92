//! The buffer itself: where packets belong, and what is played next.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::conceal::Concealer;
use super::delay::{Lateness, now_us};
use super::store::{Store, distance, end};
use super::{Frame, Packet, Stats, stretch};
use crate::dsp::level::rms_dbfs;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{MediaTime, Timestamp};

/// Frames a second: 20 ms each, what telephones send.
const FRAMES_PER_S: u32 = 50;
/// How much later than the target sound may be before a piece is taken out: the longest piece and
/// some more, so that taking it out does not lead to putting one in.
const SLACK_US: i64 = 20_000;
/// How much later it may be before pieces are taken out that are not like what follows.
const PRESSING_US: i64 = 60_000;
/// How alike pieces must be to be blended if nothing presses.
const ALIKE: f32 = 0.6;
/// Sound below this level may be left out by whole frames. Chosen, not measured: the noise of a quiet
/// line lies below it, and speech does not.
const QUIET_DBFS: f32 = -50.0;
/// The most that waits: a stall of some seconds, at 48 kHz 384 kB.
const HELD_SECONDS: usize = 4;
/// The same in packets: four seconds of 10 ms and some more.
const HELD_PACKETS: usize = 512;
/// The longest packet.
const LONGEST_PACKET_SECONDS: usize = 1;
/// How far a timestamp may be from where it belongs.
const JUMP_SECONDS: i64 = 5;
/// How many packets are remembered so as to tell a copy from a straggler.
const REMEMBERED: usize = 64;

/// Packets in, whenever they come; 20 ms of sound out, every 20 ms.
///
/// The [module](super) says how.
#[derive(Clone)]
pub struct JitterBuffer {
    rate_hz: u32,
    frame: usize,
    store: Store,
    lateness: Lateness,
    concealer: Concealer,
    /// The timestamp last seen, and the position it stands for.
    clock: Option<(u32, i64)>,
    /// The timestamp of the stray packet before, if it was one.
    stray: Option<u32>,
    /// Where packets began that came lately.
    seen: VecDeque<i64>,
    /// The position behind the newest packet.
    newest: i64,
    /// The next sample to be played.
    position: i64,
    playing: bool,
    /// Samples made up, since sound was played last, while time went on and `position` did not.
    owed: i64,
    stats: Stats,
}

impl JitterBuffer {
    /// An empty buffer for samples at `rate_hz`: 8,000 to 48,000 and a multiple of 50, so that 20 ms
    /// are whole samples.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for other rates.
    pub fn new(rate_hz: u32) -> Result<Self> {
        if !(8_000..=48_000).contains(&rate_hz) || !rate_hz.is_multiple_of(FRAMES_PER_S) {
            let message = format!("{rate_hz} Hz is not 8,000 to 48,000 and a multiple of 50");
            return Err(Error::new(ErrorKind::Config, "jitter", message));
        }
        Ok(Self {
            rate_hz,
            frame: (rate_hz / FRAMES_PER_S) as usize,
            store: Store::default(),
            lateness: Lateness::new(),
            concealer: Concealer::new(rate_hz as usize),
            clock: None,
            stray: None,
            seen: VecDeque::with_capacity(REMEMBERED + 1),
            newest: 0,
            position: 0,
            playing: false,
            owed: 0,
            stats: Stats::default(),
        })
    }

    /// Samples a second.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        let target_us = u64::try_from(self.lateness.target_us()).unwrap_or(0);
        Stats { target: Duration::from_micros(target_us), ..self.stats }
    }

    /// Takes in a packet that came at `now`.
    pub fn push(&mut self, now: Timestamp, packet: Packet<'_>) {
        let Some(start) = self.place(now, packet) else {
            self.stats.stray += 1;
            return;
        };
        if self.seen.contains(&start) {
            self.stats.duplicate += 1;
            return;
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(start);
        self.learn(now, start, packet.samples);
        let played = if self.playing { distance(start, self.position) } else { 0 };
        if played >= packet.samples.len() {
            self.stats.late += 1;
        } else if !self
            .store
            .insert(end(start, &packet.samples[..played]), &packet.samples[played..])
        {
            self.stats.duplicate += 1;
        }
        self.make_room();
    }

    /// The next 20 ms.
    pub fn pull(&mut self, now: Timestamp) -> Frame {
        if !self.playing {
            self.begin(now);
        }
        let at = self.position;
        let made_up = self.stats.concealed;
        let samples = if self.playing { self.next(now) } else { vec![0; self.frame] };
        self.store.forget_before(if self.playing { self.position } else { i64::MIN });
        self.concealer.remember(&samples);
        Frame {
            at: MediaTime { samples: u64::try_from(at).unwrap_or(0), rate_hz: self.rate_hz },
            samples,
            concealed: usize::try_from(self.stats.concealed - made_up).unwrap_or(self.frame),
        }
    }

    /// The position at which a packet belongs; `None` if it belongs nowhere.
    fn place(&mut self, now: Timestamp, packet: Packet<'_>) -> Option<i64> {
        let longest = LONGEST_PACKET_SECONDS * self.rate_hz as usize;
        if packet.samples.is_empty() || packet.samples.len() > longest {
            return None;
        }
        let Some((timestamp, position)) = self.clock else {
            return Some(self.restart(packet.timestamp, i64::from(packet.timestamp)));
        };
        let start = position.saturating_add(difference(timestamp, packet.timestamp));
        let transit_us = self.transit_us(now, end(start, packet.samples));
        let off_us = transit_us.saturating_sub(self.lateness.fastest_us().unwrap_or(transit_us));
        if off_us.saturating_abs() > JUMP_SECONDS * 1_000_000 {
            return self.jump(packet.timestamp);
        }
        self.stray = None;
        self.clock = Some((packet.timestamp, start));
        Some(start)
    }

    /// A timestamp from nowhere near: begins anew if the one before was like it.
    fn jump(&mut self, timestamp: u32) -> Option<i64> {
        let before = self.stray.replace(timestamp)?;
        if difference(before, timestamp).abs() > JUMP_SECONDS * i64::from(self.rate_hz) {
            return None;
        }
        Some(self.restart(timestamp, self.position.max(self.newest)))
    }

    fn restart(&mut self, timestamp: u32, position: i64) -> i64 {
        self.store = Store::default();
        self.lateness = Lateness::new();
        self.seen.clear();
        self.clock = Some((timestamp, position));
        self.stray = None;
        self.newest = position;
        self.position = position;
        self.playing = false;
        self.owed = 0;
        position
    }

    fn learn(&mut self, now: Timestamp, start: i64, samples: &[i16]) {
        let end = end(start, samples);
        let length_us = self.micros(end.saturating_sub(start));
        let transit_us = self.transit_us(now, end);
        self.lateness.learn(now, transit_us, length_us, end > self.newest);
        self.newest = self.newest.max(end);
    }

    /// Drops the oldest of more than may wait.
    fn make_room(&mut self) {
        let most = HELD_SECONDS * self.rate_hz as usize;
        loop {
            let (packets, samples) = self.store.size();
            if packets <= HELD_PACKETS && samples <= most {
                return;
            }
            let Some((_, end)) = self.store.first().and_then(|at| self.store.packet_at(at)) else {
                return;
            };
            if self.playing {
                self.stats.drained += distance(self.position, end) as u64;
                self.position = self.position.max(end);
                self.owed = 0;
            }
            self.store.forget_before(end);
        }
    }

    /// Starts playing if the first packet has waited long enough.
    fn begin(&mut self, now: Timestamp) {
        let Some((first, end)) = self.store.first().and_then(|at| self.store.packet_at(at)) else {
            return;
        };
        if self.spare_us(now, end) >= self.lateness.target_us() {
            self.playing = true;
            self.position = self.position.max(first);
        }
    }

    fn next(&mut self, now: Timestamp) -> Vec<i16> {
        let ahead = self.store.peek(self.position, 2 * self.frame);
        if ahead.len() < self.frame {
            return self.patch(now);
        }
        let (mut samples, used) = self.adjust(now, ahead);
        self.concealer.resume(&mut samples);
        self.advance(used);
        self.owed = 0;
        samples
    }

    /// A frame from `ahead`, which holds one at least, and how much of it was used up.
    fn adjust(&mut self, now: Timestamp, ahead: Vec<i16>) -> (Vec<i16>, usize) {
        let timing = self.timing(now);
        let quiet = rms_dbfs(&ahead) < QUIET_DBFS;
        let piece = self.piece_to_drop(timing, &ahead, quiet);
        if piece > 0 {
            self.stats.drained += piece as u64;
            let used = self.frame + piece;
            return (stretch::without(&ahead[..used], piece, self.frame / 2), used);
        }
        let piece = self.piece_to_repeat(timing, &ahead, quiet);
        self.stats.inserted += piece as u64;
        let fade = (self.frame / 2).min(self.frame - piece);
        let mut samples = stretch::with_twice(&ahead[..self.frame], piece, fade);
        samples.truncate(self.frame);
        (samples, self.frame - piece)
    }

    /// How many samples to leave out: none unless sound is too late, or will be no nearer to being
    /// too early without them.
    fn piece_to_drop(&self, timing: Timing, ahead: &[i16], quiet: bool) -> usize {
        let too_late = timing.late_us > SLACK_US;
        if too_late && quiet && ahead.len() == 2 * self.frame {
            return self.frame;
        }
        let rate = self.rate_hz as usize;
        let most = match timing.late_us {
            late_us if late_us > SLACK_US => stretch::longest_period(rate),
            0.. => timing.free,
            _ => 0,
        };
        let most = most.min(ahead.len() - self.frame);
        if most < stretch::shortest_period(rate) {
            return 0;
        }
        let window = self.frame / 2;
        let (piece, likeness) = stretch::period(&ahead[..window + most], window, rate);
        let pressing = timing.late_us > PRESSING_US;
        if likeness >= ALIKE || pressing || quiet { piece } else { 0 }
    }

    /// How many samples to play twice: none unless sound is too early.
    fn piece_to_repeat(&self, timing: Timing, ahead: &[i16], quiet: bool) -> usize {
        if timing.late_us >= 0 {
            return 0;
        }
        let samples = &ahead[..self.frame];
        let (piece, likeness) = stretch::period(samples, self.frame / 4, self.rate_hz as usize);
        if likeness >= ALIKE || quiet { piece } else { 0 }
    }

    /// A frame of what there is, patched where nothing is.
    fn patch(&mut self, now: Timestamp) -> Vec<i16> {
        let mut output = Vec::with_capacity(self.frame);
        while output.len() < self.frame {
            let room = self.frame - output.len();
            let mut there = self.store.peek(self.position, room);
            if !there.is_empty() {
                self.concealer.resume(&mut there);
                self.advance(there.len());
                self.owed = 0;
                output.append(&mut there);
                continue;
            }
            self.store.forget_before(self.position);
            let Some(next) = self.store.first() else {
                self.conceal(room, &mut output);
                self.owed = self.owed.saturating_add(length(room));
                break;
            };
            if !self.jump_over(now, next, &mut output) {
                let filled = room.min(distance(self.position, next));
                self.conceal(filled, &mut output);
                self.advance(filled);
            }
        }
        output
    }

    /// Shortens the gap before `next` by what was made up already, and by what sound is too late
    /// anyway; says whether that closed it.
    fn jump_over(&mut self, now: Timestamp, next: i64, output: &mut Vec<i16>) -> bool {
        let late_us = self.spare_us(now, self.position.saturating_add(length(self.frame)))
            - self.lateness.target_us();
        let late = if late_us > SLACK_US { self.samples(late_us) } else { 0 };
        let gap = next.saturating_sub(self.position);
        let paid = gap.min(self.owed);
        let drained = (gap - paid).min(late);
        self.owed -= paid;
        self.stats.drained += u64::try_from(drained).unwrap_or(0);
        self.position = self.position.saturating_add(paid + drained);
        self.concealer.fill(0, output);
        self.position == next
    }

    fn conceal(&mut self, samples: usize, output: &mut Vec<i16>) {
        self.concealer.fill(samples, output);
        self.stats.concealed += samples as u64;
    }

    fn advance(&mut self, samples: usize) {
        self.position = self.position.saturating_add(length(samples));
    }

    /// When the frame is played that begins at `position`, which is there.
    fn timing(&mut self, now: Timestamp) -> Timing {
        let last = self.position.saturating_add(length(self.frame)) - 1;
        let Some((start, end)) = self.store.packet_at(last) else { return Timing::default() };
        // Of a long packet, only the first frame had to wait for it.
        let into = distance(start, last);
        let waited_us = self.micros(length(into / self.frame * self.frame));
        let spare_us = self.spare_us(now, end).saturating_sub(waited_us);
        self.stats.delay = Duration::from_micros(u64::try_from(spare_us).unwrap_or(0));
        Timing {
            late_us: spare_us.saturating_sub(self.lateness.target_us()),
            free: (distance(last, end) - 1).min(self.frame - 1 - into % self.frame),
        }
    }

    /// How much slower than the fastest a packet that ends at `end` could be and be here.
    fn spare_us(&self, now: Timestamp, end: i64) -> i64 {
        let transit_us = self.transit_us(now, end);
        transit_us.saturating_sub(self.lateness.fastest_us().unwrap_or(transit_us))
    }

    /// The time between the recording of the sample at `position` and `now`, but for a constant.
    fn transit_us(&self, now: Timestamp, position: i64) -> i64 {
        now_us(now).saturating_sub(self.micros(position))
    }

    fn micros(&self, samples: i64) -> i64 {
        let micros = i128::from(samples) * 1_000_000 / i128::from(self.rate_hz);
        i64::try_from(micros).unwrap_or(i64::MAX)
    }

    fn samples(&self, micros: i64) -> i64 {
        let samples = i128::from(micros) * i128::from(self.rate_hz) / 1_000_000;
        i64::try_from(samples).unwrap_or(i64::MAX)
    }
}

/// When a frame is played.
#[derive(Clone, Copy, Default)]
struct Timing {
    /// How much later than the target; less than zero if it is too early.
    late_us: i64,
    /// How many samples could be left out without a frame needing its last packet earlier.
    free: usize,
}

/// Shows what was done only: audio does not belong in logs.
impl fmt::Debug for JitterBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JitterBuffer({} Hz, {:?})", self.rate_hz, self.stats())
    }
}

/// From one timestamp to another, the short way round.
fn difference(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

/// A number of samples as a distance between positions.
fn length(samples: usize) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX)
}
