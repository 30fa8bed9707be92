//! Server-sent events, as the HTML standard defines `text/event-stream` (section 9.2).
//!
//! [`Parser`] is pure: bytes go in as they arrive, split anywhere, and [`Event`]s come out. Lines
//! end in LF, CR or CRLF; a byte order mark at the start and comments are skipped; several `data`
//! lines are joined with LF; an event without data is none; types and ids of more than 1 KiB are
//! skipped; what is cut off by the end of the
//! stream is dropped. Markers such as `[DONE]` are data like any other.

use std::collections::VecDeque;

/// The largest event taken unless set otherwise, in bytes: 1 MiB.
const LARGEST: usize = 1024 * 1024;

/// The longest id and type of an event, in bytes. The id is repeated with every event after it.
const LONGEST_NAME: usize = 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its type; `message` if the service gave none.
    pub event: String,
    /// Its data.
    pub data: String,
    /// The last id that the service gave, empty if none.
    pub id: String,
}

/// An event is larger than the parser takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge;

/// Bytes to events.
#[derive(Debug)]
pub struct Parser {
    line: Vec<u8>,
    event: String,
    data: String,
    has_data: bool,
    id: String,
    /// The last byte was a CR, whose LF may follow.
    after_cr: bool,
    at_start: bool,
    largest: usize,
    ready: VecDeque<Event>,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            event: String::new(),
            data: String::new(),
            has_data: false,
            id: String::new(),
            after_cr: false,
            at_start: true,
            largest: LARGEST,
            ready: VecDeque::new(),
        }
    }
}

impl Parser {
    /// A parser that takes events of up to `bytes`. Default: 1 MiB.
    pub fn with_largest(bytes: usize) -> Self {
        Self { largest: bytes, ..Self::default() }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if an event does not end; the events before it can still be taken.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let line = &rest[..end.unwrap_or(rest.len())];
            if self.line.len() + line.len() + self.data.len() > self.largest {
                return Err(TooLarge);
            }
            self.line.extend_from_slice(line);
            let Some(end) = end else { break };
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line();
        }
        Ok(())
    }

    /// The next event, if one is complete.
    pub fn next_event(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let mut text = text.as_ref();
        if std::mem::take(&mut self.at_start) {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if text.is_empty() {
            return self.end_event();
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" | "id" if value.len() > LONGEST_NAME => {}
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        self.ready.push_back(Event { event, data, id: self.id.clone() });
    }
}
