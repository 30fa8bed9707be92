//! A recording that is written while the call goes on.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::audio::{AudioChunk, AudioFormat, Encoding};
use voicekit_core::listen::{AudioEvent, Missed};
use voicekit_core::record::recording::Recording;
use voicekit_core::record::wav::{Wav, WavWriter};
use voicekit_core::time::{MediaTime, Timestamp};

const RATE: u32 = 1_000;

fn at(samples: u64) -> MediaTime {
    MediaTime { samples, rate_hz: RATE }
}

fn chunk(value: i16, samples: usize) -> AudioChunk {
    AudioChunk::from_pcm(RATE, &vec![value; samples])
}

fn caller(from: u64, value: i16, samples: usize) -> AudioEvent {
    AudioEvent::caller(at(from), Timestamp::ZERO, chunk(value, samples))
}

fn agent(from: u64, value: i16, samples: usize) -> AudioEvent {
    AudioEvent::agent(at(from), chunk(value, samples))
}

/// A recording and the file that it makes.
struct Written {
    recording: Recording,
    file: Vec<u8>,
    /// The most that was given out at once.
    largest: usize,
}

impl Written {
    fn new(encoding: Option<Encoding>) -> Self {
        let recording = Recording::new(AudioFormat::pcm16(RATE), encoding).unwrap();
        let file = recording.header();
        Self { recording, file, largest: 0 }
    }

    fn hear(&mut self, event: AudioEvent) {
        self.recording.handle(event);
        self.write();
    }

    fn write(&mut self) {
        let mut before = self.file.len();
        while self.recording.poll(&mut self.file) {
            self.largest = self.largest.max(self.file.len() - before);
            before = self.file.len();
        }
    }

    fn finish(&mut self) -> [Vec<i16>; 2] {
        self.recording.finish();
        self.write();
        let left_open = Wav::parse(&self.file).unwrap().samples();
        self.recording.patches().iter().for_each(|patch| patch.apply(&mut self.file));
        let wav = Wav::parse(&self.file).unwrap();
        assert_eq!(wav.samples(), left_open);
        assert!(!wav.is_truncated());
        assert_eq!(self.recording.duration(), Duration::from_millis(wav.frames() as u64));
        [wav.channel(0), wav.channel(1)]
    }
}

fn record(events: impl IntoIterator<Item = AudioEvent>) -> (Written, [Vec<i16>; 2]) {
    let mut written = Written::new(None);
    events.into_iter().for_each(|event| written.hear(event));
    let tracks = written.finish();
    (written, tracks)
}

#[test]
fn both_sides_stand_where_they_were_heard_and_gaps_are_exactly_long() {
    let (_, [left, right]) =
        record([caller(0, 1, 20), agent(30, 7, 20), caller(60, 2, 20), AudioEvent::ended(at(100))]);
    let expected = [vec![1; 20], vec![0; 40], vec![2; 20], vec![0; 20]].concat();
    assert_eq!(left, expected);
    assert_eq!(right, [vec![0; 30], vec![7; 20], vec![0; 50]].concat());
}

#[test]
fn what_was_cut_is_not_on_the_recording() {
    let events = [agent(0, 7, 200), AudioEvent::cut(at(120)), agent(150, 8, 20)];
    let (_, [_, right]) = record(events.into_iter().chain([AudioEvent::ended(at(160))]));
    assert_eq!(right, [vec![7; 120], vec![0; 30], vec![8; 10]].concat());
}

#[test]
fn what_a_call_had_ahead_of_its_end_is_not_on_the_recording() {
    let (_, [left, right]) =
        record([caller(0, 1, 20), agent(0, 7, 200), AudioEvent::ended(at(50))]);
    assert_eq!((left.len(), right), (50, vec![7; 50]));
}

#[test]
fn what_was_missed_is_silence_of_the_right_length_and_counted() {
    let missed = AudioEvent::Missed(Missed::new(at(20), 60, 40));
    let (written, [left, right]) = record([caller(0, 1, 20), missed, caller(80, 2, 20)]);
    assert_eq!(left, [vec![1; 20], vec![0; 60], vec![2; 20]].concat());
    assert_eq!(right, [0; 100]);
    let lacks = written.recording.lacks();
    assert_eq!((lacks.caller, lacks.agent), (60, 40));
}

#[test]
fn a_long_gap_is_written_piece_by_piece() {
    let hour = 3_600 * u64::from(RATE);
    let (written, [left, _]) = record([caller(0, 1, 20), caller(hour, 2, 20)]);
    assert_eq!(left.len() as u64, hour + 20);
    assert_eq!(left[left.len() - 21..], [vec![0], vec![2; 20]].concat());
    assert!(written.largest <= 500 * 4, "{} bytes at once", written.largest);
    assert!(written.recording.lacks().is_nothing());
}

#[test]
fn positions_that_nobody_believes_do_not_fill_the_disk() {
    let (written, [left, right]) = record([
        caller(0, 1, 20),
        caller(u64::MAX - 5, 2, 20),
        agent(1 << 60, 3, 20),
        AudioEvent::cut(at(u64::MAX)),
        AudioEvent::ended(at(u64::MAX)),
    ]);
    assert_eq!((left, right), (vec![1; 20], vec![0; 20]));
    let lacks = written.recording.lacks();
    assert_eq!((lacks.caller, lacks.agent), (20, 20));
}

#[test]
fn sound_in_another_format_is_counted_as_missing() {
    let other = AudioChunk::from_pcm(RATE * 2, &[1; 40]);
    let (written, _) = record([AudioEvent::caller(at(0), Timestamp::ZERO, other)]);
    assert_eq!(written.recording.lacks().caller, 40);
}

#[test]
fn a_recording_is_written_within_a_second_of_the_call() {
    let mut written = Written::new(None);
    for position in 0..500 {
        written.hear(caller(position * 20, 1, 20));
        let heard = (position + 1) * 20;
        let frames = (written.file.len() as u64 - 44) / 4;
        assert!(frames + 1_000 >= heard, "{frames} of {heard}");
    }
}

#[test]
fn an_agent_whose_caller_is_never_heard_is_recorded_in_bounded_memory() {
    let (written, [_, right]) = record((0..6_000).map(|second| agent(second * 20, 3, 20)));
    assert_eq!(right, vec![3; 120_000]);
    assert!(written.recording.lacks().is_nothing());
}

#[test]
fn a_file_that_was_cut_short_anywhere_is_resumed_behind_its_last_whole_frame() {
    for encoding in [Encoding::Pcm16, Encoding::MuLaw] {
        let mut written = Written::new(Some(encoding));
        let header = written.file.len();
        (0..100).for_each(|position| written.hear(caller(position * 20, 99, 20)));
        let frame = encoding.bytes_per_sample() * 2;
        for len in header..written.file.len() {
            let mut file = written.file[..len].to_vec();
            let whole = Wav::parse(&file).unwrap().samples();
            let writer = WavWriter::resume(&file[..len.min(128)], len as u64).unwrap();
            assert_eq!(writer.len(), (len - (len - header) % frame) as u64);
            file.truncate(usize::try_from(writer.len()).unwrap());
            for patch in writer.patches() {
                // A crash may tear a patch, too.
                for bytes in 0..4 {
                    let mut torn = file.clone();
                    let from = usize::try_from(patch.offset).unwrap();
                    torn[from..from + bytes].copy_from_slice(&patch.bytes[..bytes]);
                    assert_eq!(Wav::parse(&torn).unwrap().samples(), whole);
                }
                patch.apply(&mut file);
            }
            let wav = Wav::parse(&file).unwrap();
            assert_eq!((wav.samples(), wav.is_truncated()), (whole, false));
        }
        for len in 0..header {
            assert!(WavWriter::resume(&written.file[..len], len as u64).is_err(), "{len}");
        }
    }
}

proptest! {
    #[test]
    fn pieces_in_any_order_of_sides_make_the_same_file(turns in prop::collection::vec((0_u64..40, 1_usize..30, any::<bool>()), 0..80)) {
        let (mut tracks, mut ends, mut events) = ([vec![], vec![]], [0_u64, 0], vec![]);
        for (number, (gap, samples, is_agent)) in turns.into_iter().enumerate() {
            let side = usize::from(is_agent);
            let value = i16::try_from(number).unwrap() + 1;
            // The agent is never behind what the caller was heard saying.
            let from = ends[side].max(if is_agent { ends[0] } else { 0 }) + gap;
            tracks[side].resize(usize::try_from(from).unwrap(), 0);
            tracks[side].extend(std::iter::repeat_n(value, samples));
            ends[side] = from + samples as u64;
            events.push(if is_agent { agent(from, value, samples) } else { caller(from, value, samples) });
        }
        let length = tracks[0].len().max(tracks[1].len());
        tracks.iter_mut().for_each(|track| track.resize(length, 0));
        let (written, recorded) = record(events);
        prop_assert_eq!(recorded, tracks);
        prop_assert!(written.recording.lacks().is_nothing());
    }
}
