//! What recognisers say: Deepgram's Nova and Flux, AssemblyAI.
//!
//! The first two bytes choose the codec and its settings. Then each line is a message, but for
//! some that are what the pump or the application does.

use std::time::Duration;

use voicekit_assemblyai::{AssemblyAiConfig, Turns};
use voicekit_core::asr::{AsrEvent, AsrInput, TurnSign};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::Result;
use voicekit_deepgram::{FluxConfig, NovaConfig};
use voicekit_net::{Frame, Outbox, WireCodec, understood};

use crate::Input;

const FORMAT: AudioFormat = AudioFormat::PHONE;
const UNKNOWN: &str = r#"{"type":"NotKnownYet","words":7,"start":{"a":[null]}}"#;

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (which, settings) = (input.byte(), input.byte());
    let text = String::from_utf8_lossy(input.0);
    match which {
        b'f' => {
            let mut config = FluxConfig::new(voicekit_deepgram::Account::new("key"));
            config.force_end_turn = settings & 1 == 0;
            check(voicekit_deepgram::fuzz::flux(&config, FORMAT), &text, true);
        }
        b'a' => {
            let mut config = AssemblyAiConfig::new(voicekit_assemblyai::Account::new("key"));
            let turns = settings & 1 == 1;
            config.turns = if turns { Turns::Service } else { Turns::Engine };
            config.finalize_early = settings & 2 == 0;
            config.format_turns = settings & 4 == 0;
            let opened = (settings & 8 == 0).then_some(Duration::from_secs(1_700_000_000));
            check(voicekit_assemblyai::fuzz::codec(&config, FORMAT, opened), &text, turns);
        }
        _ => {
            let mut config = NovaConfig::new(voicekit_deepgram::Account::new("key"));
            config.finalize_early = settings & 1 == 0;
            check(voicekit_deepgram::fuzz::nova(&config, FORMAT), &text, false);
        }
    }
}

/// A recogniser as its caller sees it.
struct Listener {
    owed: usize,
    has_turns: bool,
    in_turn: bool,
    is_eager: bool,
}

fn check(mut codec: impl WireCodec<In = AsrInput, Out = AsrEvent>, text: &str, has_turns: bool) {
    let mut listener = Listener { owed: 0, has_turns, in_turn: false, is_eager: false };
    let mut connection = 0;
    if codec.open(&mut Outbox::new(0)).is_err() {
        return;
    }
    for line in text.lines() {
        let more = Duration::from_millis(20) * u32::try_from(line.len()).expect("a length");
        let mut to = Outbox::new(connection);
        let done = match line.as_bytes().first() {
            Some(b'+') => codec.encode(AsrInput::Audio(AudioChunk::silence(FORMAT, more)), &mut to),
            Some(b'<') => codec.encode(AsrInput::SpeechStarted, &mut to),
            Some(b'>') => codec.encode(AsrInput::SpeechEnded, &mut to),
            Some(b'!') => {
                listener.owed += 1;
                codec.encode(AsrInput::Finalize, &mut to)
            }
            Some(b'~') => {
                connection += 1;
                codec.open(&mut Outbox::new(connection))
            }
            Some(b'?') => listener.hear(understood(|from| codec.overdue(from))),
            Some(b'.') => codec.finish(&mut to),
            Some(b'^') => {
                let code = u16::try_from(more.as_millis() % 5_000).expect("a code");
                let error = codec.closed(code, line);
                assert!(error.message().len() < 2_000, "{error}");
                Ok(())
            }
            Some(b'=') => {
                let bytes = bytes::Bytes::copy_from_slice(line.as_bytes());
                listener.hear(understood(|from| codec.decode(Frame::Binary(bytes), from)))
            }
            _ => listener.hear(understood(|from| codec.decode(Frame::text(line), from))),
        };
        if done.is_err() {
            // At most one error, and nothing after it.
            return;
        }
    }
    let skipped = understood(|from| codec.decode(Frame::text(UNKNOWN), from));
    assert!(skipped.is_ok_and(|events| events.is_empty()), "what is not known is skipped");
}

impl Listener {
    fn hear(&mut self, events: Result<Vec<AsrEvent>>) -> Result<()> {
        for event in events? {
            match event {
                AsrEvent::Interim(words) => assert_eq!(words.text.trim(), words.text),
                AsrEvent::Final(words) => {
                    assert_eq!(words.text.trim(), words.text);
                    if words.finalized {
                        assert!(self.owed > 0, "an answer that nobody asked for");
                        self.owed -= 1;
                    }
                }
                AsrEvent::Turn(sign) => self.turn(sign),
                _ => {}
            }
        }
        Ok(())
    }

    fn turn(&mut self, sign: TurnSign) {
        assert!(self.has_turns, "{sign:?} by one that follows no turns");
        match sign {
            TurnSign::Started => {
                assert!(!self.in_turn, "a turn within a turn");
                self.in_turn = true;
            }
            TurnSign::EagerEnd => {
                assert!(self.in_turn, "the end of no turn");
                self.is_eager = true;
            }
            TurnSign::Resumed => {
                assert!(self.in_turn && self.is_eager, "what did not pause was resumed");
                self.is_eager = false;
            }
            TurnSign::Ended => {
                assert!(self.in_turn, "the end of no turn");
                (self.in_turn, self.is_eager) = (false, false);
            }
        }
    }
}
