//! The caller's words, as a recognizer shows them and as it settles them.
//!
//! A word that was shown is never taken back: where no final transcript says what became of an
//! interim, its words are kept as they were shown.

use std::time::Duration;

use crate::llm::Message;
use crate::time::Timestamp;
use crate::turn::event::Action;
use crate::turn::timer::Timer;
use crate::turn::words::is_ideograph;

use super::Engine;
use super::reply::Reply;

/// A final transcript that comes later than this after its words were kept is one of other words.
const LATEST: Duration = Duration::from_secs(5);

/// Interim words that were kept without a final transcript, which may still come.
#[derive(Debug)]
pub(super) struct Assumed {
    text: String,
    since: Timestamp,
    /// Whether they are part of the turn, and not of the history yet.
    pending: bool,
}

impl Engine {
    pub(super) fn interim(&mut self, now: Timestamp, text: &str) {
        self.hearing_lost = 0;
        let text = self.unkept(now, text).to_owned();
        // An interim without words takes none back.
        if !has_words(&text) || self.turn.interim == text {
            return;
        }
        self.turn.interim = text;
        if !self.turn.owed && !self.hung_up {
            self.heard_words(now, false);
            self.plan_reply(now);
        }
    }

    /// What an interim shows beyond the words that were kept already.
    fn unkept<'a>(&mut self, now: Timestamp, text: &'a str) -> &'a str {
        let spoke_at = self.turn.spoke_at;
        let is_same =
            |assumed: &Assumed| spoke_at <= assumed.since && now.since(assumed.since) <= LATEST;
        self.turn.assumed = self.turn.assumed.take().filter(is_same);
        let assumed = self.turn.assumed.as_ref();
        assumed.and_then(|assumed| beyond(&assumed.text, text)).unwrap_or(text)
    }

    pub(super) fn transcript(
        &mut self,
        now: Timestamp,
        text: &str,
        finalized: bool,
        until: Option<Timestamp>,
    ) {
        self.hearing_lost = 0;
        self.turn.final_at = Some(now);
        if finalized {
            self.turn.finalizing = false;
        }
        self.keep(now, text);
        if self.turn.owed {
            self.turn.owed = !finalized;
            return self.commit_words(now);
        }
        let sounded = self.reply.as_ref().and_then(|reply| reply.sounded_at);
        let late = until.zip(sounded).is_some_and(|(until, sounded)| until <= sounded);
        self.heard_words(now, late);
        if self.turn.over.is_some_and(|over| over.forced || !self.speech.is_active()) {
            self.close_if_whole(now);
        }
        self.plan_reply(now);
    }

    /// Ends a turn whose words are known, unless they show that the silence was a pause in what is
    /// dictated.
    fn close_if_whole(&mut self, now: Timestamp) {
        let forced = self.turn.over.is_some_and(|over| over.forced);
        let Some(until) = self.kept_open_until(now).filter(|_| !forced) else {
            return self.close_turn(now);
        };
        self.turn.over = None;
        self.timers.clear(Timer::Transcript);
        self.timers.set(Timer::EndOfTurn, until);
    }

    /// Adds a final transcript to the turn. If it has no words, those that were shown are kept.
    pub(super) fn keep(&mut self, now: Timestamp, text: &str) {
        if !has_words(text) && has_words(&self.turn.interim) {
            return self.keep_interim(now);
        }
        if !text.trim().is_empty() {
            self.settle(now, text);
        }
        self.turn.interim.clear();
    }

    /// Adds the words of a final transcript, but for those that were kept already.
    fn settle(&mut self, now: Timestamp, text: &str) {
        let assumed = self.turn.assumed.take();
        let assumed = assumed.filter(|assumed| {
            let (kept_for, again) = (now.since(assumed.since), self.turn.spoke_at > assumed.since);
            kept_for <= if again { self.config.transcript_wait } else { LATEST }
        });
        let rest = assumed.as_ref().and_then(|assumed| beyond(&assumed.text, text));
        let Some((assumed, rest)) = assumed.as_ref().zip(rest) else {
            self.turn.finals = join(&self.turn.finals, text);
            return;
        };
        let before = self.turn.finals.strip_suffix(&assumed.text).filter(|_| assumed.pending);
        self.turn.finals = match before {
            // The final transcript spells them better.
            Some(before) => join(before, text),
            None => join(&self.turn.finals, rest),
        };
    }

    /// Keeps the words of the interim: no final transcript of them comes, or none may come.
    pub(super) fn keep_interim(&mut self, now: Timestamp) {
        let interim = std::mem::take(&mut self.turn.interim);
        if has_words(&interim) {
            let text = interim.trim().to_owned();
            self.turn.finals = join(&self.turn.finals, &text);
            self.turn.assumed = Some(Assumed { text, since: now, pending: true });
        }
    }

    /// Moves the turn's words into the history.
    pub(super) fn commit_words(&mut self, now: Timestamp) {
        self.keep_interim(now);
        if let Some(assumed) = &mut self.turn.assumed {
            assumed.pending = false;
        }
        let text = self.turn.text();
        self.turn.finals.clear();
        self.turn.meant = 0;
        self.turn.late = 0;
        self.turn.meant_over = 0;
        self.turn.request = false;
        self.turn.prepared = 0;
        if !text.is_empty() {
            self.actions.push_back(Action::Remember(Message::caller(text)));
        }
    }

    /// Words that were answered before they came are remembered as they were shown, if no final
    /// transcript of them came.
    pub(super) fn settle_owed(&mut self, now: Timestamp) {
        if self.turn.owed && self.turn.has_words() {
            self.commit_words(now);
        }
    }

    /// Words have come in: they may interrupt, unless they were said before the agent spoke, and
    /// they give the turn a deadline if the voice activity detector missed them.
    fn heard_words(&mut self, now: Timestamp, late: bool) {
        let text = self.turn.text();
        self.turn.changed_at = now;
        if late {
            self.turn.late = self.turn.finals.len();
        }
        self.weigh_words(&text);
        if late && !self.caller_has_floor() {
            // They are kept for the turn that follows.
            return;
        }
        if !text.is_empty() {
            self.timers.clear(Timer::Idle);
            self.timers.clear(Timer::Noise);
            self.tell_answered(now, |answered| answered.text(&text));
            self.await_more(now);
            self.limit_turn(now);
            let signs = self.signs(now);
            self.weigh(now, &signs);
            let paused = |reply: &Reply| reply.held && reply.sounded_at.is_some();
            let paused = self.reply.as_ref().is_some_and(paused);
            if paused && !self.speech.is_active() && self.means_little() {
                self.release(now);
            }
        }
    }

    pub(super) fn weigh_words(&mut self, text: &str) {
        let over = text.get(self.turn.late..).unwrap_or_default();
        (self.turn.meant_over, self.turn.request) = self.vocabulary.weigh(over);
        self.turn.meant = self.turn.meant_over;
        if self.turn.late > 0 {
            self.turn.meant = self.vocabulary.meaningful_words(text);
        }
    }

    fn await_more(&mut self, now: Timestamp) {
        if self.turn.over.is_some() {
            return;
        }
        if self.speech.is_active() {
            // The voice of somebody else may go on for ever; the caller's words do not.
            return self.timers.set(Timer::EndOfTurn, now + self.config.turn_timeout);
        }
        let owed = |quiet| now.since(quiet) <= self.config.transcript_wait;
        if self.turn.unvoiced || !self.turn.quiet_since.is_some_and(owed) {
            // No voice was heard for these words: it was too low.
            self.turn.unvoiced = true;
            self.turn.quiet_since = Some(now);
        }
        self.await_end_of_turn(now);
    }
}

/// Whether a text says anything at all.
fn has_words(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// What `text` says after the words of `start`, if it begins with them.
fn beyond<'a>(start: &str, text: &'a str) -> Option<&'a str> {
    let mut expected = start.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    let mut end = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        let mut letters = c.to_lowercase();
        let first = letters.next();
        match expected.next() {
            None => break,
            wanted if wanted != first => return None,
            Some(_) => {}
        }
        if letters.any(|letter| expected.next() != Some(letter)) {
            return None;
        }
        end = at + c.len_utf8();
    }
    if expected.next().is_some() || end == 0 {
        return None;
    }
    let rest = &text[end..];
    let apart = |c: char| !c.is_alphanumeric() || is_ideograph(c);
    let cut = rest.chars().next().is_none_or(apart);
    cut.then(|| rest.trim_start_matches(|c: char| !c.is_alphanumeric()))
}

/// Both texts, with one space between them if both have words.
pub(super) fn join(a: &str, b: &str) -> String {
    let (a, b) = (a.trim(), b.trim());
    let space = if a.is_empty() || b.is_empty() { "" } else { " " };
    format!("{a}{space}{b}")
}
