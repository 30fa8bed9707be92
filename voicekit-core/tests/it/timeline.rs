//! The two tracks of a recording.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::record::timeline::Timeline;

fn timeline() -> Timeline {
    Timeline::new(1_000, Duration::from_secs(1))
}

#[test]
fn gaps_are_silence_of_the_right_length() {
    let mut timeline = timeline();
    timeline.caller(2, &[5]);
    timeline.caller(4, &[6]);
    assert_eq!(timeline.interleaved(), [0, 0, 0, 0, 5, 0, 0, 0, 6, 0]);
    assert_eq!(timeline.duration(), Duration::from_millis(5));
}

#[test]
fn what_is_placed_twice_holds_the_later_samples() {
    let mut timeline = timeline();
    timeline.agent(0, &[1, 1, 1, 1]);
    timeline.agent(1, &[2, 2]);
    assert_eq!(timeline.interleaved(), [0, 1, 0, 2, 0, 2, 0, 1]);
}

#[test]
fn the_shorter_track_ends_in_silence() {
    let mut timeline = timeline();
    timeline.caller(0, &[1, 2, 3]);
    timeline.agent(0, &[9]);
    assert_eq!(timeline.interleaved(), [1, 9, 2, 0, 3, 0]);
}

#[test]
fn a_cut_takes_back_what_the_agent_did_not_get_to_say() {
    let mut timeline = timeline();
    timeline.agent(0, &[1, 2, 3, 4]);
    timeline.caller(0, &[7, 7, 7]);
    timeline.agent_cut(2);
    assert_eq!(timeline.interleaved(), [7, 1, 7, 2, 7, 0]);
    timeline.agent_cut(100);
    timeline.agent(3, &[5]);
    assert_eq!(timeline.interleaved(), [7, 1, 7, 2, 7, 0, 0, 5]);
}

#[test]
fn samples_beyond_the_span_are_dropped_and_counted() {
    let mut timeline = timeline();
    timeline.caller(998, &[1, 2, 3, 4]);
    timeline.agent(u64::MAX - 1, &[1; 10]);
    assert_eq!(timeline.end(), 1_000);
    assert_eq!(timeline.dropped(), 12);
    assert_eq!(timeline.interleaved()[1_996..], [1, 0, 2, 0]);
}

#[test]
fn what_was_taken_is_forgotten_and_makes_room() {
    let mut timeline = timeline();
    timeline.caller(0, &[1; 600]);
    timeline.agent(0, &[2; 900]);
    assert_eq!(timeline.take_until(800).len(), 1_600);
    assert_eq!((timeline.start(), timeline.end()), (800, 900));
    timeline.caller(799, &[3, 4]);
    timeline.caller(1_700, &[5]);
    assert_eq!(timeline.dropped(), 1);
    assert_eq!(timeline.interleaved()[..4], [4, 2, 0, 2]);
    timeline.agent_cut(100);
    assert_eq!(timeline.interleaved()[..2], [4, 0]);
    assert_eq!(timeline.take_until(u64::MAX).len(), 2 * 901);
    assert_eq!((timeline.start(), timeline.duration()), (1_701, Duration::from_millis(1_701)));
}

proptest! {
    #[test]
    fn taken_piece_by_piece_it_is_the_same_recording(
        placed in prop::collection::vec((any::<bool>(), 0_u64..900, 0_usize..90), 0..20),
        takes in prop::collection::vec(0_u64..1_200, 0..6),
    ) {
        let mut whole = timeline();
        for (value, (is_caller, at, len)) in (1_i16..).zip(placed) {
            let samples = vec![value; len];
            if is_caller { whole.caller(at, &samples) } else { whole.agent(at, &samples) }
        }
        let mut taken = whole.clone();
        let mut pieces = Vec::new();
        for at in takes {
            pieces.extend(taken.take_until(at));
        }
        pieces.extend(taken.take_until(u64::MAX));
        prop_assert_eq!(pieces, whole.interleaved());
        prop_assert_eq!(taken.end(), whole.end());
    }
}
