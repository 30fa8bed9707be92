//! The phone machine.

use std::time::Duration;

use voicekit_core::time::Timestamp;
use voicekit_core::transport::Digit;
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::{Output, Phone, silence, tone};

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn sound(length: u64) -> Vec<u8> {
    mulaw::encode(&tone(ms(length)))
}

fn outputs(phone: &mut Phone) -> Vec<Output> {
    std::iter::from_fn(|| phone.poll_output()).collect()
}

/// The marks among the outputs: name and whether cleared.
fn marks(phone: &mut Phone) -> Vec<(String, bool)> {
    let mark = |output| match output {
        Output::Mark { name, cleared } => Some((name, cleared)),
        _ => None,
    };
    outputs(phone).into_iter().filter_map(mark).collect()
}

#[test]
fn a_frame_leaves_every_20_ms_and_holds_the_20_ms_before() {
    let mut phone = Phone::new();
    phone.say(at(30), "hi", &tone(ms(20)));
    assert_eq!(phone.poll_timeout(), Some(at(20)));
    phone.handle_timeout(at(61));
    let frames: Vec<_> = outputs(&mut phone)
        .into_iter()
        .map(|output| match output {
            Output::Frame { number, codes } => (number, codes),
            other => panic!("{other:?}"),
        })
        .collect();
    let quiet = |codes: &[u8]| codes.iter().all(|&code| code == 0xFF);
    assert_eq!(frames.len(), 3);
    assert!(frames.iter().enumerate().all(|(i, (n, codes))| *n == i as u64 && codes.len() == 160));
    assert!(quiet(&frames[0].1) && quiet(&frames[1].1[..80]));
    assert_eq!(frames[1].1[80..], sound(20)[..80]);
    assert_eq!(frames[2].1[..80], sound(20)[80..]);
    assert!(quiet(&frames[2].1[80..]));
}

#[test]
fn a_clip_starts_with_the_next_frame_at_the_earliest() {
    let mut phone = Phone::new();
    phone.handle_timeout(at(100));
    let clip = phone.say(at(10), "late", &tone(ms(10)));
    assert_eq!(phone.clips()[clip].start, at(100));
}

#[test]
fn the_speech_of_a_clip_is_told_from_the_silence_around_it() {
    let mut phone = Phone::new();
    let clip = [silence(ms(125)), tone(ms(500)), silence(ms(200))].concat();
    phone.say(at(1_000), "clip", &clip);
    let speech = phone.clips()[0].speech;
    assert_eq!((speech.start, speech.end), (at(1_125), at(1_625)));
    assert_eq!(phone.clips()[0].end, at(1_825));
}

#[test]
fn noise_and_clicks_around_speech_are_no_speech() {
    let hiss = |length| -> Vec<i16> {
        silence(ms(length))
            .iter()
            .enumerate()
            .map(|(i, _)| if i % 3 == 0 { 300 } else { -300 })
            .collect()
    };
    let click = tone(ms(10));
    let clip = [hiss(200), click, hiss(190), tone(ms(600)), hiss(500)].concat();
    let mut phone = Phone::new();
    phone.say(at(0), "noisy", &clip);
    let speech = phone.clips()[0].speech;
    assert_eq!((speech.start, speech.end), (at(400), at(1_000)));
}

#[test]
fn a_mark_returns_when_all_audio_before_it_has_been_played() {
    let mut phone = Phone::new();
    phone.play(at(100), &sound(300));
    phone.mark(at(110), "a");
    phone.play(at(120), &sound(200));
    phone.mark(at(130), "b");
    phone.handle_timeout(at(399));
    assert!(marks(&mut phone).is_empty());
    phone.handle_timeout(at(400));
    assert_eq!(marks(&mut phone), [("a".to_owned(), false)]);
    phone.handle_timeout(at(600));
    assert_eq!(marks(&mut phone), [("b".to_owned(), false)]);
    assert_eq!(phone.report().marks[1].returned, Some(at(600)));
}

#[test]
fn a_mark_returns_at_once_if_nothing_is_queued() {
    let mut phone = Phone::new();
    phone.mark(at(55), "early");
    assert_eq!(marks(&mut phone), [("early".to_owned(), false)]);
}

#[test]
fn a_clear_drops_the_rest_and_returns_every_mark() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(1_000));
    phone.mark(at(0), "half");
    phone.play(at(0), &sound(1_000));
    phone.mark(at(0), "end");
    phone.clear(at(1_500));
    assert_eq!(marks(&mut phone), [("half".to_owned(), false), ("end".to_owned(), true)]);
    phone.handle_timeout(at(3_000));
    let report = phone.report();
    assert_eq!(report.clears[0].dropped, ms(500));
    assert_eq!(report.clears[0].marks, 1);
    assert_eq!(report.utterances.len(), 1);
    assert_eq!(report.utterances[0].end, at(1_500));
}

#[test]
fn audio_after_a_clear_starts_at_once_and_opens_an_utterance_of_its_own() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(1_000));
    phone.clear(at(400));
    phone.play(at(450), &sound(100));
    phone.handle_timeout(at(2_000));
    let report = phone.report();
    let spans: Vec<_> = report.utterances.iter().map(|u| (u.start, u.end)).collect();
    assert_eq!(spans, [(at(0), at(400)), (at(450), at(550))]);
    assert_eq!(report.clears[0].next_audio, Some(at(450)));
    assert!(report.underruns.is_empty(), "a pause the agent chose is no underrun");
}

#[test]
fn audio_that_comes_too_late_is_an_underrun() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(200));
    phone.play(at(250), &sound(200));
    phone.play(at(2_000), &sound(200));
    phone.handle_timeout(at(3_000));
    let report = phone.report();
    assert_eq!(report.underruns.len(), 1, "the long pause is between utterances");
    assert_eq!((report.underruns[0].at, report.underruns[0].length), (at(200), ms(50)));
    assert_eq!(report.utterances.len(), 2);
}

#[test]
fn latency_runs_from_the_end_of_speech_to_the_first_audible_sample() {
    let mut phone = Phone::new();
    let clip = [tone(ms(800)), silence(ms(300))].concat();
    phone.say(at(1_000), "question", &clip);
    let answer = [mulaw::encode(&silence(ms(33))), sound(500)].concat();
    phone.play(at(2_500), &answer);
    phone.handle_timeout(at(4_000));
    assert_eq!(phone.report().latencies(), [ms(733)]);
}

#[test]
fn a_barge_in_is_measured_from_the_onset_to_silence() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(5_000));
    phone.say(at(1_000), "stop", &tone(ms(400)));
    phone.clear(at(1_230));
    phone.play(at(2_400), &sound(300));
    phone.handle_timeout(at(4_000));
    let report = phone.report();
    assert_eq!(report.barge_ins.len(), 1);
    assert_eq!(report.barge_ins[0].silence_after, ms(230));
    assert_eq!(report.barge_ins[0].clear_after, Some(ms(230)));
    assert_eq!(report.latencies(), [ms(1_000)]);
}

#[test]
fn an_agent_that_talks_on_has_not_answered() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(6_000));
    phone.say(at(1_000), "uh-huh", &tone(ms(300)));
    phone.play(at(7_000), &sound(300));
    phone.handle_timeout(at(9_000));
    let report = phone.report();
    assert!(report.turns[0].answer.is_none());
    assert_eq!(report.barge_ins[0].silence_after, ms(5_000));
}

#[test]
fn an_agent_that_cuts_in_is_found_out() {
    let mut phone = Phone::new();
    phone.say(at(1_000), "long", &tone(ms(2_000)));
    phone.play(at(2_000), &sound(300));
    phone.handle_timeout(at(4_000));
    assert_eq!(phone.report().turns[0].cut_in, Some(at(2_000)));
}

#[test]
fn what_was_not_played_when_the_call_ends_is_not_heard() {
    let mut phone = Phone::new();
    phone.play(at(0), &sound(1_000));
    phone.mark(at(0), "goodbye");
    phone.end(at(400));
    phone.handle_timeout(at(2_000));
    let report = phone.report();
    assert_eq!(report.length, ms(400));
    assert_eq!(report.agent_speech(), ms(400));
    assert_eq!(report.marks[0].returned, None);
    assert_eq!(phone.poll_timeout(), None);
}

#[test]
fn keys_are_pressed_in_their_order() {
    let mut phone = Phone::new();
    phone.press(at(10), Digit::new('2').unwrap());
    phone.press(at(5), Digit::new('#').unwrap());
    phone.handle_timeout(at(15));
    let keys: Vec<char> = outputs(&mut phone)
        .into_iter()
        .map(|output| match output {
            Output::Digit(digit) => digit.key(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(keys, ['#', '2']);
}

#[test]
fn both_sides_of_the_recording_are_as_long_as_the_call() {
    let mut phone = Phone::new();
    phone.play(at(500), &sound(100));
    phone.say(at(1_000), "x", &tone(ms(100)));
    phone.handle_timeout(at(2_000));
    let report = phone.report();
    assert_eq!(report.caller_track().len(), 16_000);
    assert_eq!(report.agent_track().len(), 16_000);
    assert_eq!(report.wav().len(), 44 + 16_000 * 4);
    assert!(report.agent_track()[4_000].abs() > 1_000 && report.agent_track()[3_999] == 0);
}
