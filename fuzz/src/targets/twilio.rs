//! Twilio's media stream, webhook and signatures.

use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::transport::{Mark, TransportCommand, TransportEvent};
use voicekit_twilio::bare::{Message, Stream, message, start, webhook};
use voicekit_twilio::{Secret, SignedBody, is_signed, is_upgrade_signed, sign};

use crate::Input;

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        b'w' => form(input.0),
        b's' => signature(input),
        _ => stream(data),
    }
}

/// A message a line; some bytes at the start of a line are the agent's commands.
fn stream(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut stream = Stream::new(text.lines().find_map(start).as_deref().unwrap_or("MZ1"));
    let (mut sent, mut end, mut is_over) = (0, None, false);
    for line in text.lines() {
        let more = u64::try_from(line.len()).expect("a length");
        let was_over = stream.is_over();
        let command = match line.as_bytes().first() {
            Some(b'+') => {
                let chunk = AudioChunk::new(AudioFormat::PHONE, line.as_bytes().to_vec());
                Some(TransportCommand::Audio(chunk.expect("a byte is a sample")))
            }
            Some(b'#') => {
                sent += 1;
                Some(TransportCommand::Mark(Mark { reply: more, position_us: more * 1_000 }))
            }
            Some(b'!') => Some(TransportCommand::Clear),
            Some(b'.') => Some(TransportCommand::HangUp),
            Some(b'?') => {
                stream.lost();
                None
            }
            Some(b'=') => {
                stream.binary();
                None
            }
            _ => {
                known(line);
                stream.text(line);
                None
            }
        };
        if let Some(command) = command {
            let is_refused = was_over && command != TransportCommand::HangUp;
            let may_fail = matches!(command, TransportCommand::Mark(_));
            let done = stream.command(command);
            assert!(done.is_err() == is_refused || may_fail, "{done:?}");
        }
        while let Some(event) = stream.event() {
            assert!(!is_over, "{event:?} after the end");
            match event {
                Ok(TransportEvent::Audio { at, chunk }) => {
                    assert!(!chunk.is_empty());
                    let begins = at.samples;
                    assert!(end.is_none_or(|end| end == begins), "a hole: {end:?}, {begins}");
                    end = Some(begins + chunk.samples() as u64);
                }
                Ok(TransportEvent::Played(_) | TransportEvent::Cleared(_)) => {
                    assert!(sent > 0, "a mark that was not sent");
                    sent -= 1;
                }
                Ok(TransportEvent::Ended(_)) | Err(_) => is_over = true,
                Ok(_) => {}
            }
        }
        assert_eq!(is_over, stream.is_over());
        // What is sent is valid, and is all that waits.
        if line.len().is_multiple_of(2) {
            while let Some(frame) = stream.frame() {
                let frame: serde_json::Value =
                    serde_json::from_str(frame.as_ref()).expect("it is JSON");
                assert!(frame["event"].is_string() && frame["streamSid"].is_string());
            }
            assert_eq!(stream.queued(), 0);
        }
    }
}

/// What has a type that nobody knows is never malformed.
fn known(line: &str) {
    let understood = message(line);
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(line) else {
        return assert_ne!(understood, Message::Known, "{line:?} is no JSON");
    };
    if value.get("event").is_some_and(serde_json::Value::is_string) {
        value["event"] = "not_known_yet".into();
        assert_eq!(message(&value.to_string()), Message::Unknown, "{value}");
    }
}

fn form(body: &[u8]) {
    let (pairs, call) = webhook(body);
    if let Some(call) = call {
        assert!(pairs.iter().any(|(name, value)| name == "CallSid" && *value == call));
    }
    let (token, other) = (Secret::new("the right one"), Secret::new("another one"));
    let url = "https://example.org/voice?a=b";
    let signature = sign(&token, url, SignedBody::Form(&pairs));
    let accepts = |token: &Secret, pairs: &[(String, String)]| {
        is_signed(std::slice::from_ref(token), &signature, url, SignedBody::Form(pairs))
    };
    assert!(accepts(&token, &pairs));
    assert!(!accepts(&other, &pairs));
    let mut reversed = pairs.clone();
    reversed.reverse();
    assert!(accepts(&token, &reversed), "the order must not matter");
    let added = [pairs.as_slice(), &[("zz-added".to_owned(), "1".to_owned())]].concat();
    assert!(!accepts(&token, &added), "a parameter was added unnoticed");
}

/// A signature and a URL, apart by a line end.
fn signature(input: Input<'_>) {
    let text = String::from_utf8_lossy(input.0);
    let (signature, url) = text.split_once('\n').unwrap_or(("", &text));
    let token = [Secret::new("the right one")];
    let right = sign(&token[0], url, SignedBody::Empty);
    if signature.trim_end_matches('=').len() != right.trim_end_matches('=').len() {
        assert!(!is_signed(&token, signature, url, SignedBody::Empty));
        assert!(!is_upgrade_signed(&token, signature, url));
    }
    let _ = is_signed(&token, signature, url, SignedBody::Raw(signature.as_bytes()));
    if !url.contains('#') {
        assert!(is_signed(&token, &right, url, SignedBody::Empty), "{url:?}");
        assert!(is_upgrade_signed(&token, &right, url) || !url.starts_with("ws"), "{url:?}");
    }
}
