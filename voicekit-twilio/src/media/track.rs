//! The caller's audio on media time: gaps are filled, duplicates are dropped.

use std::ops::Range;
use std::time::Duration;

use voicekit_core::audio::AudioFormat;
use voicekit_core::time::MediaTime;

/// Samples in a millisecond.
const PER_MS: u64 = 8;
/// How far a timestamp may be off before it counts: half a frame of 20 ms. Timestamps are whole
/// milliseconds, chunks need not be.
const TOLERANCE: u64 = 10 * PER_MS;
/// The longest gap that is filled. After a longer one, the stream goes on after this much silence
/// and is shorter than the call by the rest.
pub(super) const MAX_FILL: Duration = Duration::from_secs(2);
/// After so many late chunks in a row (one second) the carrier's clock has jumped back, and its
/// new time is taken.
const MAX_LATE: u32 = 50;

/// The latest position a stream may start at, in samples: four years. Leaves room to count on.
const LATEST_START: u64 = 1 << 40;

/// Where the next chunk belongs.
///
/// # Invariants
///
/// - Positions have no holes: each chunk, filled-in silence included, starts where the one before
///   ended.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// The end of what has been delivered. `None` before the first chunk.
    end: Option<u64>,
    /// The timestamp, in samples, that would follow without a gap.
    expected: u64,
    late: u32,
}

/// What to deliver for one chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Silence to put first: where it starts, and for how long.
    pub(super) silence: Option<(MediaTime, Duration)>,
    /// Where the chunk starts.
    pub(super) at: MediaTime,
    /// The samples of the chunk to deliver.
    pub(super) samples: Range<usize>,
}

impl Track {
    /// Places a chunk of `samples` samples that the carrier timed at `timestamp_ms`; `None` if it
    /// comes too late.
    pub(super) fn place(&mut self, timestamp_ms: Option<u64>, samples: usize) -> Option<Placed> {
        let timed = timestamp_ms.map(|ms| ms.saturating_mul(PER_MS));
        let end = *self.end.get_or_insert_with(|| {
            self.expected = timed.unwrap_or(0);
            self.expected.min(LATEST_START)
        });
        let length = samples as u64;
        let (filled, skipped) = match self.timing(timed.unwrap_or(self.expected), length) {
            Timing::Next => (0, 0),
            Timing::Overlap(overlap) => (0, overlap),
            Timing::Gap { timed, gap } => {
                self.expected = timed;
                (gap.min(max_fill()), 0)
            }
            Timing::JumpedBack { timed } => {
                self.expected = timed;
                (0, 0)
            }
            Timing::Late => {
                self.late += 1;
                return None;
            }
        };
        self.late = 0;
        let at = end.saturating_add(filled);
        self.expected = self.expected.saturating_add(length - skipped);
        self.end = Some(at.saturating_add(length - skipped));
        let silence = (filled > 0).then(|| (time(end), time(filled).duration()));
        let first = usize::try_from(skipped).unwrap_or(samples);
        Some(Placed { silence, at: time(at), samples: first..samples })
    }

    fn timing(&self, timed: u64, length: u64) -> Timing {
        let gap = timed.saturating_sub(self.expected);
        let overlap = self.expected.saturating_sub(timed);
        if gap > TOLERANCE {
            Timing::Gap { timed, gap }
        } else if overlap <= TOLERANCE {
            Timing::Next
        } else if overlap < length {
            Timing::Overlap(overlap)
        } else if self.late < MAX_LATE {
            Timing::Late
        } else {
            Timing::JumpedBack { timed }
        }
    }
}

/// How a chunk's time, in samples, relates to the one expected.
enum Timing {
    Next,
    Gap {
        timed: u64,
        gap: u64,
    },
    /// So many samples have been delivered already.
    Overlap(u64),
    Late,
    JumpedBack {
        timed: u64,
    },
}

fn max_fill() -> u64 {
    AudioFormat::PHONE.bytes_in(MAX_FILL) as u64
}

fn time(samples: u64) -> MediaTime {
    MediaTime { samples, rate_hz: AudioFormat::PHONE.rate_hz }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds 20 ms chunks with these timestamps; shows `start+samples` of what is delivered.
    fn check(timestamps: &[u64], expected: &str) {
        let mut track = Track::default();
        let mut seen = Vec::new();
        for &ms in timestamps {
            let Some(placed) = track.place(Some(ms), 160) else {
                seen.push("late".to_owned());
                continue;
            };
            if let Some((at, length)) = placed.silence {
                seen.push(format!("{}~{}", at.samples, length.as_millis() * 8));
            }
            seen.push(format!("{}+{}", placed.at.samples, placed.samples.len()));
        }
        assert_eq!(seen.join(" "), expected);
    }

    #[test]
    fn chunks_in_time_follow_each_other() {
        check(&[5, 25, 45], "40+160 200+160 360+160");
    }

    #[test]
    fn jitter_of_less_than_half_a_frame_is_not_a_gap() {
        check(&[0, 29, 31, 60], "0+160 160+160 320+160 480+160");
    }

    #[test]
    fn a_gap_is_filled_with_its_length_of_silence() {
        check(&[0, 100, 120], "0+160 160~640 800+160 960+160");
    }

    #[test]
    fn a_gap_of_hours_is_filled_with_two_seconds_and_the_stream_goes_on() {
        check(&[0, 9_999_999, 10_000_019], "0+160 160~16000 16160+160 16320+160");
        check(&[0, u64::MAX, u64::MAX], "0+160 160~16000 16160+160 16320+160");
    }

    #[test]
    fn duplicates_and_late_chunks_are_dropped_and_overlaps_cut() {
        check(&[0, 20, 20, 0, 40], "0+160 160+160 late late 320+160");
        check(&[0, 20, 28, 48], "0+160 160+160 320+64 384+160");
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_mute_the_caller_for_good() {
        let mut track = Track::default();
        track.place(Some(1_000_000), 160);
        let heard = (0..100).filter_map(|n| track.place(Some(n * 20), 160)).count();
        assert_eq!(heard, 50);
    }

    #[test]
    fn chunks_without_a_timestamp_follow_the_one_before() {
        let mut track = Track::default();
        track.place(Some(20), 160);
        assert_eq!(track.place(None, 160).unwrap().at.samples, 320);
    }

    proptest! {
        #[test]
        fn positions_have_no_holes(chunks in prop::collection::vec((prop_oneof![9 => 0_u64..4_000, 1 => any::<u64>()], 1_usize..800), 1..200)) {
            let mut track = Track::default();
            let mut end = None;
            for (ms, samples) in chunks {
                let Some(placed) = track.place(Some(ms), samples) else { continue };
                if let Some((at, length)) = placed.silence {
                    prop_assert_eq!(Some(at.samples), end);
                    prop_assert!(length <= MAX_FILL);
                    end = Some(at.samples + AudioFormat::PHONE.bytes_in(length) as u64);
                }
                prop_assert!(end.is_none_or(|end| end == placed.at.samples));
                end = Some(placed.at.samples + placed.samples.len() as u64);
            }
        }
    }
}
