//! The invariants of the phone, whatever is done to it.

use std::time::Duration;

use proptest::prelude::*;
use voicekit_core::time::Timestamp;
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::{Output, Phone, silence, tone};

/// What can happen to a phone.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Play(u64, bool),
    Mark,
    Clear,
    Say(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..400_000_u64).prop_map(Step::Wait),
        4 => (1..600_u64, any::<bool>()).prop_map(|(length, loud)| Step::Play(length, loud)),
        3 => Just(Step::Mark),
        1 => Just(Step::Clear),
        1 => (1..500_u64).prop_map(Step::Say),
    ]
}

/// What came out, and when by the phone's own account.
#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    marks: Vec<usize>,
}

fn sound(length: u64, loud: bool) -> Vec<i16> {
    let length = Duration::from_millis(length);
    if loud { tone(length) } else { silence(length) }
}

fn drain(phone: &mut Phone, seen: &mut Seen) {
    while let Some(output) = phone.poll_output() {
        match output {
            Output::Frame { number, codes } => {
                assert_eq!((number, codes.len()), (seen.frames, 160));
                seen.frames += 1;
            }
            Output::Mark { name, .. } => seen.marks.push(name.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn marks_return_once_and_in_order_and_the_past_does_not_change(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut phone, mut seen) = (Phone::new(), Seen::default());
        let (mut now, mut marks) = (Timestamp::ZERO, 0);
        let mut past: Vec<i16> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(micros) => {
                    now += Duration::from_micros(micros);
                    phone.handle_timeout(now);
                }
                Step::Play(length, loud) => phone.play(now, &mulaw::encode(&sound(length, loud))),
                Step::Mark => {
                    phone.mark(now, marks.to_string());
                    marks += 1;
                }
                Step::Clear => {
                    phone.clear(now);
                    prop_assert_eq!(phone.queued(), Duration::ZERO);
                }
                Step::Say(length) => drop(phone.say(now, "", &sound(length, true))),
            }
            drain(&mut phone, &mut seen);
            prop_assert!(phone.poll_timeout().is_some_and(|due| due > now));
            let heard = phone.report().agent_track();
            prop_assert_eq!(&heard[..past.len()], &past[..]);
            past = heard;
        }
        phone.handle_timeout(now + Duration::from_secs(60));
        drain(&mut phone, &mut seen);
        prop_assert_eq!(seen.marks, (0..marks).collect::<Vec<_>>());
        prop_assert_eq!(seen.frames, (now + Duration::from_secs(60)).as_millis() / 20);
        let report = phone.report();
        for mark in &report.marks {
            prop_assert!(mark.returned.is_some_and(|at| mark.sent <= at && at <= mark.due));
            prop_assert!(mark.cleared || mark.returned == Some(mark.due));
        }
        for pair in report.utterances.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
    }
}
