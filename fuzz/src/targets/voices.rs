//! What voices say: Deepgram's Aura, ElevenLabs, Piper.

use std::time::Duration;

use bytes::Bytes;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::tts::Spoken;
use voicekit_deepgram::{Account, AuraConfig};
use voicekit_elevenlabs::AlignmentChoice;
use voicekit_elevenlabs::fuzz::{Reply, values};
use voicekit_net::{Frame, Outbox, WireCodec, understood};

use crate::{Input, pieces};

const PCM: AudioFormat = AudioFormat::pcm16(8_000);

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        b'a' => aura(input),
        b'e' => elevenlabs(input),
        b'v' => lines(input),
        b'h' => http(input),
        _ => wyoming(input),
    }
}

/// A message a line; some lines are audio, text, or what happens to the connection.
fn aura(mut input: Input<'_>) {
    let format = if input.flag() { PCM } else { AudioFormat::PHONE };
    let mut codec = voicekit_deepgram::fuzz::aura(&AuraConfig::new(Account::new("key")), format);
    let (mut connection, mut came, mut given) = (0, 0, 0);
    for line in input.0.split(|byte| *byte == b'\n') {
        let mut to = Outbox::new(connection);
        let text = String::from_utf8_lossy(line);
        let frame = match line.first() {
            Some(b'"') => {
                assert!(codec.encode(text.into_owned(), &mut to).is_ok());
                continue;
            }
            Some(b'~') => {
                connection += 1;
                assert!(codec.open(&mut Outbox::new(connection)).is_ok());
                continue;
            }
            Some(b'.') => {
                assert!(codec.finish(&mut to).is_ok());
                continue;
            }
            Some(b'=') => {
                came += line.len();
                Frame::Binary(Bytes::copy_from_slice(line))
            }
            _ => Frame::text(text),
        };
        let Ok(events) = understood(|from| codec.decode(frame, from)) else { return };
        for event in events {
            let Spoken::Audio(chunk) = event else { panic!("{event:?}") };
            assert!(chunk.format() == format && !chunk.is_empty());
            given += chunk.bytes().len();
        }
        assert!(given <= came, "audio that did not come");
        assert!(connection > 0 || format == PCM || given == came, "audio that was not given");
    }
    let unknown = Frame::text(r#"{"type":"NotKnownYet","description":{"a":[null]}}"#);
    assert!(understood(|from| codec.decode(unknown, from)).is_ok_and(|events| events.is_empty()));
}

/// A message a line; a line in quotes is text that is sent. All audio is given, whole samples only,
/// and words in order.
fn elevenlabs(mut input: Input<'_>) {
    let settings = input.byte();
    let format = if settings & 1 == 0 { AudioFormat::PHONE } else { PCM };
    let choice = match settings >> 1 & 3 {
        0 => None,
        1 => Some(AlignmentChoice::Normalized),
        _ => Some(AlignmentChoice::Given),
    };
    let mut reply = Reply::new(format, choice);
    let (mut came, mut given, mut last) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut was_lost = false;
    for line in input.0.split(|byte| *byte == b'\n').chain([b".".as_slice()]) {
        match line.first() {
            Some(b'"') => reply.sent(&String::from_utf8_lossy(&line[1..])),
            Some(b'~') => {
                was_lost = true;
                let _ = reply.lost();
            }
            Some(b'.') => {
                assert!(reply.finish().is_ok());
                came.truncate(came.len() - came.len() % format.encoding.bytes_per_sample());
            }
            _ => match reply.message(line) {
                Ok(audio) => came.extend_from_slice(&audio),
                Err(_) => {
                    let value = serde_json::from_slice::<serde_json::Value>(line);
                    let has_audio = value.as_ref().is_ok_and(|value| {
                        value.get("audio").or_else(|| value.get("audio_base64")).is_some()
                    });
                    assert!(!value.is_ok_and(|value| value.is_object()) || has_audio);
                }
            },
        }
        while let Some(spoken) = reply.next_spoken() {
            match spoken {
                Spoken::Audio(chunk) => given.extend_from_slice(chunk.bytes()),
                Spoken::Word(word) => {
                    assert!(choice.is_some(), "a word that nobody wanted");
                    assert!(
                        last <= word.start && word.start <= word.end,
                        "{word:?} after {last:?}"
                    );
                    last = word.start;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(was_lost || came.starts_with(&given), "audio that did not come");
    }
    assert!(was_lost || came == given, "audio is missing");
}

/// The answer over HTTP, however it is cut.
fn lines(mut input: Input<'_>) {
    let how = input.byte();
    let (whole, cut) = (values(pieces(input.0, 0)), values(pieces(input.0, how)));
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(cut, whole),
        (whole, cut) => assert_eq!(cut.is_err(), whole.is_err(), "{cut:?}, {whole:?}"),
    }
}

fn http(input: Input<'_>) {
    if let Ok(chunk) = voicekit_piper::fuzz::audio(input.0) {
        assert_eq!(chunk.format().encoding, Encoding::Pcm16);
        assert!(chunk.bytes().len() <= input.0.len());
    }
}

/// Wyoming's events, however they are cut, and read again as they are written.
fn wyoming(mut input: Input<'_>) {
    use voicekit_piper::fuzz::events;
    let how = input.byte();
    let (whole, is_wrong) = events(pieces(input.0, 0));
    assert_eq!(events(pieces(input.0, how)), (whole.clone(), is_wrong));
    let payloads: usize = whole.iter().map(|event| event.payload.len()).sum();
    assert!(payloads <= input.0.len());
    let written: Vec<&[u8]> = whole.iter().map(|event| &*event.encoded).collect();
    assert_eq!(events(written.into_iter()), (whole, false));
}
