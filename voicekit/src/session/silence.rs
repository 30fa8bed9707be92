//! Naming the provider that does not answer.
//!
//! Providers that fail say so. One that accepts a request and never answers says nothing: the engine
//! gives the reply or the turn up, and this leaves one line in the log that names who was waited for.

use voicekit_core::time::Timestamp;
use voicekit_core::turn::{Action, Source};

use super::Call;
use super::reply::Item;

/// The shortest wait that counts, in seconds: replies that are given up sooner are given up for
/// another reason.
const LEAST_SECS: f64 = 1.0;

/// What the call waits for.
#[derive(Default)]
pub(super) struct Awaited {
    /// When the live reply last came on, and whether its last item was text that is to be spoken.
    reply: Option<(Timestamp, bool)>,
    /// Whether the recognizer was asked for a transcript and has said nothing since it was opened.
    transcript: Option<bool>,
}

impl Awaited {
    /// Notes that a reply has begun; `is_text` if its text is known and only has to be spoken.
    pub(super) fn reply(&mut self, now: Timestamp, is_text: bool) {
        self.reply = Some((now, is_text));
    }

    /// Notes that the reply has made `item`.
    pub(super) fn made(&mut self, now: Timestamp, item: &Item) {
        let waits_for_voice = self.reply.is_some_and(|(_, is_text)| is_text);
        let is_text = match item {
            Item::Clause(_) => true,
            Item::Tool(_) | Item::Usage(_) | Item::Found(_) => waits_for_voice,
            Item::Word(_) | Item::Audio(_) | Item::Done | Item::Failed(_) => false,
        };
        self.reply = Some((now, is_text));
    }

    /// The recognizer is asked for a transcript.
    pub(super) fn transcript(&mut self) {
        self.transcript.get_or_insert(true);
    }

    /// The recognizer has said something.
    pub(super) fn heard(&mut self) {
        self.transcript = Some(false);
    }

    /// Another recognizer's stream is opened.
    pub(super) fn reopened(&mut self) {
        self.transcript = None;
    }
}

impl Call {
    /// `action` follows from a timeout: names the provider that was waited for in vain.
    pub(super) fn name_silent(&mut self, now: Timestamp, action: &Action) {
        if matches!(action, Action::Cancel(_)) {
            self.name_silent_reply(now);
        }
        if let Action::Reply { source: Source::NotUnderstood, .. } = action
            && self.awaited.transcript == Some(true)
        {
            self.awaited.transcript = Some(false);
            let service = self.parts.asr.info().name;
            tracing::warn!(service, "no transcript came in time");
        }
    }

    fn name_silent_reply(&mut self, now: Timestamp) {
        let is_waiting = self.reply.is_some() && self.playout.buffered().is_zero();
        let Some((since, is_text)) = self.awaited.reply.take().filter(|_| is_waiting) else {
            return;
        };
        let waited = now.since(since);
        if waited.as_secs_f64() < LEAST_SECS {
            return;
        }
        let service = if is_text { self.parts.tts.info().name } else { self.parts.llm.info().name };
        tracing::warn!(service, ?waited, "no answer came in time: the reply is given up");
    }
}
