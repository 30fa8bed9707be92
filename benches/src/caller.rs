//! A caller on a carrier's media stream: what it sends, and what becomes of what it is sent.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::time::Instant;
use voicekit_core::audio::AudioFormat;
use voicekit_core::playout::Pace;
use voicekit_testkit::mulaw;
use voicekit_testkit::speech::recording;

/// The length of a frame.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
const FRAME_BYTES: usize = 160;
/// A caller speaks once in so many frames: 12 s.
const ROUND: usize = 600;
/// What messages with the agent's sound begin with.
pub(crate) const MEDIA: &str = r#"{"event":"media""#;
/// Silence of the line after which another reply begins.
const GAP: Duration = Duration::from_millis(300);

/// A round of a caller's sound: a question, and time for the answer.
pub(crate) fn what_callers_say() -> Vec<u8> {
    let mut codes = mulaw::encode(&recording("goforward.wav").over_the_phone());
    codes.resize(ROUND * FRAME_BYTES, 0xFF);
    codes
}

/// A caller who says the same thing again and again. Reads no clock and owns no socket.
#[derive(Debug)]
pub(crate) struct Caller {
    number: u32,
    codes: Rc<[u8]>,
    start: Instant,
    sent: usize,
    /// When all that the agent has sent will have been played.
    until: Instant,
    marks: VecDeque<(Instant, String)>,
    /// When the reply began, and how much of it has come.
    reply: Instant,
    heard: Duration,
}

impl Caller {
    /// The caller `number`, who says `codes` round and round from `start` on.
    pub(crate) fn new(number: u32, codes: Rc<[u8]>, start: Instant) -> Self {
        Self {
            number,
            codes,
            start,
            sent: 0,
            until: start,
            marks: VecDeque::new(),
            reply: start,
            heard: Duration::ZERO,
        }
    }

    /// What a stream begins with.
    pub(crate) fn opening(&self) -> [String; 2] {
        let (number, stream) = (self.number, self.stream());
        let start = format!(
            r#"{{"event":"start","streamSid":"{stream}","start":{{"streamSid":"{stream}","callSid":"CA{number:032x}","mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"customParameters":{{}}}}}}"#
        );
        [r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned(), start]
    }

    /// What a stream ends with.
    pub(crate) fn closing(&self) -> String {
        self.message("stop", "")
    }

    /// When there is something to send.
    pub(crate) fn due(&self) -> Instant {
        let frame = self.start + FRAME * u32::try_from(self.sent).unwrap_or(u32::MAX);
        self.returns().map_or(frame, |mark| frame.min(mark))
    }

    /// When the first mark that is out is to be returned.
    pub(crate) fn returns(&self) -> Option<Instant> {
        self.marks.front().map(|(mark, _)| *mark)
    }

    /// The next mark that is to be returned by now.
    pub(crate) fn mark(&mut self, now: Instant) -> Option<String> {
        if self.returns()? > now {
            return None;
        }
        let (_, name) = self.marks.pop_front()?;
        Some(self.message("mark", &format!(r#","mark":{{"name":"{name}"}}"#)))
    }

    /// The next message that is due; into a frame's codes, `stamp` writes what it wants to.
    pub(crate) fn next(&mut self, now: Instant, stamp: impl FnOnce(&mut [u8])) -> Option<String> {
        if self.due() > now {
            return None;
        }
        if let Some(mark) = self.mark(now) {
            return Some(mark);
        }
        let mut codes = [0; FRAME_BYTES];
        // Callers do not all speak at once.
        let at = (self.sent + self.number as usize * 37) % ROUND * FRAME_BYTES;
        codes.copy_from_slice(&self.codes[at..at + FRAME_BYTES]);
        stamp(&mut codes);
        let (timestamp, payload) = (self.sent * 20, STANDARD.encode(codes));
        self.sent += 1;
        let media = format!(
            r#","media":{{"track":"inbound","chunk":"{}","timestamp":"{timestamp}","payload":"{payload}"}}"#,
            self.sent
        );
        Some(self.message("media", &media))
    }

    /// Takes in a message. How many microseconds after its time by the reply's pace it came, if it
    /// is a frame and not the first of a reply.
    pub(crate) fn receive(&mut self, now: Instant, text: &str) -> Result<Option<u64>> {
        if text.starts_with(MEDIA) {
            // Nothing is escaped in what it ends with.
            let payload = text.trim_end_matches(['}', '"']).rsplit('"').next().unwrap_or_default();
            return Ok(self.play(now, payload.len() / 4 * 3));
        }
        match serde_json::from_str(text).context("an unknown message")? {
            FromAgent::Mark { mark } => self.marks.push_back((self.until, mark.name)),
            FromAgent::Clear => self.clear(now),
        }
        Ok(None)
    }

    fn play(&mut self, now: Instant, bytes: usize) -> Option<u64> {
        let begins = now > self.until + GAP;
        if begins {
            (self.reply, self.heard) = (now, Duration::ZERO);
        }
        let due = self.reply + self.heard.saturating_sub(Pace::default().lead);
        let duration = AudioFormat::PHONE.duration_of(bytes);
        self.heard += duration;
        self.until = self.until.max(now) + duration;
        let late = now.saturating_duration_since(due).as_micros();
        (!begins).then(|| u64::try_from(late).unwrap_or(u64::MAX))
    }

    fn clear(&mut self, now: Instant) {
        self.until = now;
        for (due, _) in &mut self.marks {
            *due = now.min(*due);
        }
    }

    fn stream(&self) -> String {
        format!("MZ{:032x}", self.number)
    }

    fn message(&self, event: &str, rest: &str) -> String {
        format!(r#"{{"event":"{event}","streamSid":"{}"{rest}}}"#, self.stream())
    }
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum FromAgent {
    Mark { mark: Mark },
    Clear,
}

#[derive(Deserialize)]
struct Mark {
    name: String,
}
