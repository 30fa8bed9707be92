//! Properties of the session against a model of the carrier's playout buffer.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use voicekit_core::transport::Mark;

use super::*;

/// One step of a call.
#[derive(Clone, Debug)]
enum Step {
    /// Sends audio that is labelled with the number of clears so far.
    Say(usize),
    Mark(u64),
    Clear,
    /// The network takes so many messages to the carrier.
    Write(usize),
    /// The carrier plays so many things.
    Play(usize),
    /// So many of the carrier's marks arrive here.
    Return(usize),
    /// A name that is not one of ours arrives.
    Foreign(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_usize..400).prop_map(Step::Say),
        // Few values, so that marks are often equal.
        (0_u64..3).prop_map(Step::Mark),
        Just(Step::Clear),
        (1_usize..5).prop_map(Step::Write),
        (1_usize..5).prop_map(Step::Play),
        (1_usize..5).prop_map(Step::Return),
        "r[0-3]/0/[0-9]{1,2}x?".prop_map(|name| Step::Foreign(format!("_{name}"))),
    ]
}

/// The carrier as its documentation describes it: one queue, marks returned when they are played,
/// all of them when the queue is cleared.
#[derive(Default)]
struct Carrier {
    buffer: VecDeque<Value>,
    returning: VecDeque<Value>,
    clears: u8,
}

impl Carrier {
    fn receive(&mut self, message: Value) {
        match message["event"].as_str().unwrap() {
            "clear" => {
                self.clears += 1;
                self.play(usize::MAX);
            }
            "media" => {
                let audio = STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap();
                assert!(audio.iter().all(|byte| *byte == self.clears), "stale audio after a clear");
                assert!(audio.len() <= FRAME_BYTES);
                self.buffer.push_back(message);
            }
            "mark" => self.buffer.push_back(message),
            other => panic!("{other} is not an event that the carrier knows"),
        }
    }

    fn play(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.returning.extend(self.buffer.drain(..count).filter(|m| m["event"] == "mark"));
    }
}

/// A mark that was sent: the value, and whether a clear came before it was reported.
type Sent = (Mark, bool);

struct Call {
    session: Session,
    carrier: Carrier,
    clears: u8,
    outstanding: VecDeque<Sent>,
}

impl Call {
    fn step(&mut self, step: Step) {
        match step {
            Step::Say(samples) => {
                let audio = vec![self.clears; samples];
                let chunk = AudioChunk::new(AudioFormat::PHONE, audio).unwrap();
                self.session.handle_command(TransportCommand::Audio(chunk)).unwrap();
            }
            Step::Mark(reply) => {
                let mark = Mark { reply, position_us: 0 };
                self.session.handle_command(TransportCommand::Mark(mark)).unwrap();
                self.outstanding.push_back((mark, false));
            }
            Step::Clear => {
                self.clears += 1;
                self.session.handle_command(TransportCommand::Clear).unwrap();
                self.outstanding.iter_mut().for_each(|(_, cleared)| *cleared = true);
            }
            Step::Write(count) => {
                for text in (0..count).map_while(|_| self.session.poll_frame()) {
                    self.carrier.receive(serde_json::from_str(&text).unwrap());
                }
            }
            Step::Play(count) => self.carrier.play(count),
            Step::Return(count) => {
                for _ in 0..count.min(self.carrier.returning.len()) {
                    let mark = self.carrier.returning.pop_front().unwrap();
                    self.returned(mark["mark"]["name"].as_str().unwrap());
                    let (mark, cleared) = self.outstanding.pop_front().unwrap();
                    let expected = match cleared {
                        true => TransportEvent::Cleared(mark),
                        false => TransportEvent::Played(mark),
                    };
                    assert_eq!(self.session.poll_event().unwrap().unwrap(), expected);
                }
            }
            Step::Foreign(name) => self.returned(&name),
        }
    }

    fn returned(&mut self, name: &str) {
        let message = json!({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}});
        self.session.handle_text(&message.to_string());
    }
}

#[test]
fn nothing_is_left_to_write_after_hanging_up() {
    let mut session = Session::new("MZ1");
    let chunk = AudioChunk::new(AudioFormat::PHONE, vec![0; 320]).unwrap();
    session.handle_command(TransportCommand::Audio(chunk)).unwrap();
    assert!(session.queued_bytes() > 0);
    session.handle_command(TransportCommand::HangUp).unwrap();
    assert_eq!((session.queued_bytes(), session.poll_frame()), (0, None));
}

proptest! {
    #[test]
    fn every_mark_comes_back_once_and_nothing_stale_follows_a_clear(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let (session, carrier) = (Session::new("MZ1"), Carrier::default());
        let mut call = Call { session, carrier, clears: 0, outstanding: VecDeque::new() };
        steps.into_iter().for_each(|step| call.step(step));
        [Step::Write(usize::MAX), Step::Play(usize::MAX), Step::Return(usize::MAX)]
            .into_iter()
            .for_each(|step| call.step(step));
        prop_assert!(call.outstanding.is_empty());
        prop_assert_eq!(call.session.queued_bytes(), 0);
        prop_assert!(call.session.poll_event().is_none());
    }

    #[test]
    fn whatever_arrives_the_session_ends_exactly_once(texts in prop::collection::vec(text(), 0..40)) {
        let mut session = Session::new("MZ1");
        let mut opening = super::super::opening::Opening::default();
        for text in &texts {
            session.handle_text(text);
            let _ = opening.handle_text(text);
        }
        session.handle_loss();
        session.handle_hang_up();
        let ends = |event: &Result<TransportEvent>| {
            matches!(event, Err(_) | Ok(TransportEvent::Ended(_)))
        };
        let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
        prop_assert_eq!(events.iter().filter(|event| ends(event)).count(), 1);
        prop_assert!(events.last().is_some_and(ends));
    }
}

/// Anything from noise to messages that are almost right.
fn text() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        ".{0,8}".prop_map(|text| json!(text)),
        prop::sample::select(vec!["MZ1", "f38=", "inbound", "r0/0/0", "5", "*"])
            .prop_map(|t| json!(t)),
    ];
    let key = prop::sample::select(vec!["track", "timestamp", "payload", "digit", "name", "x"]);
    let part = prop_oneof![
        4 => prop::collection::btree_map(key, value.clone(), 0..5).prop_map(|map| json!(map)),
        1 => value,
    ];
    let event =
        prop::sample::select(vec!["connected", "start", "media", "dtmf", "mark", "stop", "later"]);
    let message = (event.clone(), event, part, "MZ[12]").prop_map(|(event, name, part, stream)| {
        json!({"event": event, "streamSid": stream, name: part}).to_string()
    });
    prop_oneof![
        8 => message,
        1 => any::<String>(),
        1 => any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

#[test]
fn sound_in_both_directions_allocates_nothing() {
    let payload = STANDARD.encode([0x55; 160]);
    let texts: Vec<String> = (0..4_500)
        .map(|frame| {
            let media = json!({"track": "inbound", "timestamp": frame * 20, "payload": payload});
            json!({"event": "media", "streamSid": "MZ1", "media": media}).to_string()
        })
        .collect();
    let sound = AudioChunk::silence(AudioFormat::PHONE, std::time::Duration::from_millis(20));
    let mut session = Session::new("MZ1");
    let mut minute = |texts: &[String]| {
        for text in texts {
            session.handle_text(text);
            assert!(matches!(session.poll_event(), Some(Ok(TransportEvent::Audio { .. }))));
            session.handle_command(TransportCommand::Audio(sound.clone())).unwrap();
            assert!(session.poll_frame().is_some());
        }
    };
    let (first, rest) = texts.split_at(1_500);
    minute(first);
    assert_eq!(allocation_counter::measure(|| minute(rest)).count_total, 0);
}
