//! The pace at which a reply goes out.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::playout::{Pace, Playout};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::{Mark, TransportCommand};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn audio(millis: u64) -> AudioChunk {
    let samples = usize::try_from(millis * 8).unwrap();
    let bytes: Vec<u8> = (0..samples).map(|n| u8::try_from(n % 100).unwrap()).collect();
    AudioChunk::new(AudioFormat::PHONE, bytes).unwrap()
}

fn playout() -> Playout {
    Playout::new(AudioFormat::PHONE, Pace::default())
}

/// Sends what is due: the audio's length in milliseconds and the marks' positions.
fn drain(playout: &mut Playout, now: Timestamp) -> (u128, Vec<u64>) {
    let (mut sent, mut marks) = (Duration::ZERO, Vec::new());
    while let Some(command) = playout.poll(now) {
        match command {
            TransportCommand::Audio(chunk) => sent += chunk.duration(),
            TransportCommand::Mark(Mark { position_us, .. }) => marks.push(position_us / 1_000),
            TransportCommand::Clear | TransportCommand::HangUp => unreachable!(),
        }
    }
    (sent.as_millis(), marks)
}

#[test]
fn audio_goes_out_a_little_ahead_and_then_at_the_pace_of_hearing() {
    let mut playout = playout();
    playout.begin(1);
    playout.push(audio(1_000)).unwrap();
    assert_eq!(drain(&mut playout, at(0)), (220, vec![20]));
    assert_eq!(playout.poll_timeout(), Some(at(20)));
    assert_eq!(drain(&mut playout, at(19)), (0, vec![]));
    assert_eq!(drain(&mut playout, at(20)), (20, vec![]));
}

#[test]
fn a_late_wake_up_is_caught_up_at_once() {
    let mut playout = playout();
    playout.begin(1);
    playout.push(audio(3_000)).unwrap();
    drain(&mut playout, at(0));
    assert_eq!(drain(&mut playout, at(150)).0, 140);
    // Everything sent has been played meanwhile: the lead is built up anew from here.
    assert_eq!(drain(&mut playout, at(1_000)).0, 220);
}

#[test]
fn marks_lie_at_the_start_at_intervals_and_at_the_end() {
    let mut playout = playout();
    playout.begin(7);
    playout.push(audio(1_210)).unwrap();
    playout.finish();
    let mut marks = Vec::new();
    for now in 0..1_300 {
        marks.extend(drain(&mut playout, at(now)).1);
    }
    assert_eq!(marks, [20, 520, 1_020, 1_210]);
    assert_eq!(playout.poll_timeout(), None);
}

#[test]
fn the_last_frame_is_filled_up_with_silence() {
    let mut playout = playout();
    playout.begin(1);
    playout.push(audio(5)).unwrap();
    assert_eq!(playout.poll(at(0)), None);
    playout.finish();
    let Some(TransportCommand::Audio(frame)) = playout.poll(at(0)) else { panic!("no frame") };
    assert_eq!(frame.samples(), 160);
    assert!(frame.bytes()[40..].iter().all(|&byte| byte == 0xFF));
}

#[test]
fn a_cancelled_or_held_reply_stays_silent() {
    let mut playout = playout();
    playout.begin(1);
    playout.hold(Duration::ZERO);
    playout.push(audio(500)).unwrap();
    assert_eq!((playout.poll(at(0)), playout.poll_timeout()), (None, None));
    playout.release();
    assert!(playout.poll(at(0)).is_some());
    playout.cancel();
    assert_eq!((playout.poll(at(9_000)), playout.poll_timeout()), (None, None));
    playout.push(audio(500)).unwrap();
    assert_eq!(playout.buffered(), Duration::ZERO);
}

#[test]
fn a_held_reply_goes_on_from_where_it_is_told() {
    let mut playout = playout();
    playout.begin(1);
    playout.push(audio(1_000)).unwrap();
    playout.finish();
    let mut sent = Vec::new();
    let mut take = |playout: &mut Playout, now| {
        while let Some(command) = playout.poll(now) {
            if let TransportCommand::Audio(chunk) = command {
                sent.extend_from_slice(chunk.bytes());
            }
        }
        sent.len()
    };
    for now in 0..300 {
        take(&mut playout, at(now));
    }
    assert_eq!(take(&mut playout, at(300)), 520 * 8);
    playout.hold(Duration::from_millis(235));
    assert_eq!(take(&mut playout, at(900)), 520 * 8);
    playout.release();
    for now in 1_000..2_000 {
        take(&mut playout, at(now));
    }
    let whole = audio(1_000);
    assert_eq!(&sent[520 * 8..520 * 8 + 765 * 8], &whole.bytes()[235 * 8..]);
}

#[test]
fn audio_in_another_format_is_refused() {
    let chunk = AudioChunk::from_pcm(16_000, &[0; 160]);
    assert!(playout().push(chunk).unwrap_err().to_string().contains("pcm16/16000"));
}

proptest! {
    #[test]
    fn every_sample_comes_out_once_and_in_order_and_never_too_early(
        chunks in prop::collection::vec(1..2_000_usize, 1..20),
        waits in prop::collection::vec(0..90_u64, 1..60),
    ) {
        let mut playout = playout();
        playout.begin(1);
        let total: usize = chunks.iter().sum();
        let source: Vec<u8> = (0..total).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let (mut from, mut out, mut now) = (0, Vec::new(), Timestamp::ZERO);
        let mut waits = waits.iter().cycle();
        let mut chunks = chunks.iter();
        loop {
            match chunks.next() {
                Some(len) => {
                    let chunk = AudioChunk::new(AudioFormat::PHONE, source[from..from + len].to_vec());
                    playout.push(chunk.unwrap()).unwrap();
                    from += len;
                }
                None => playout.finish(),
            }
            while let Some(command) = playout.poll(now) {
                if let TransportCommand::Audio(chunk) = command {
                    out.extend_from_slice(chunk.bytes());
                }
            }
            let played = now.as_millis() * 8 + (220 * 8);
            prop_assert!(out.len() as u64 <= played);
            if from == total && out.len() >= total {
                break;
            }
            now += Duration::from_millis(*waits.next().unwrap() + 1);
        }
        prop_assert_eq!(&out[..total], &source[..]);
        prop_assert!(out[total..].iter().all(|&byte| byte == 0xFF));
    }
}
