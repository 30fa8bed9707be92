//! How much a request may hold, and what goes first when it is too much.

use std::fmt;
use std::sync::Arc;

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatRequest, Message};
use voicekit_core::retrieve::Passage;
use voicekit_core::tool::ToolSpec;

/// What every message costs beside its words: its role and its ends.
const MESSAGE: u64 = 4;

/// What a tool costs beside its words, and a passage: names of fields, marks.
const FRAME: u64 = 16;

/// What passages cost together: the marks around them and the rule about them.
const KNOWLEDGE: u64 = 100;

/// Where turns go, room for new ones is made at once: this share of the budget. What is left begins
/// with the same words for some turns then, which providers find in their caches.
const SLACK: u64 = 8;

/// The shortest that a message of the turn that is being answered is cut to.
const STUMP: u64 = 32;

/// How many tokens a request may have, in the model's reading direction.
///
/// What is too much goes in this order: the oldest turns, each whole, so that no answer is left
/// without its question, and some more at once, so that it is not different ones for each reply; passages, but for the best; what is longest in the turn that is being
/// answered, such as a tool's output, each cut and said to be. Instructions, tools and the last
/// words of the caller stay; instructions and tools that alone are too much are an error when the
/// agent is built. What is dropped is not lost: see [`crate::memory`].
///
/// A [`Fallback`](crate::resilience::Fallback) that goes on in the middle of an answer adds what was
/// said of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Budget {
    /// The most tokens that a request may have. Default: 8,000, which models read in little time
    /// and for little money.
    pub tokens: u64,
    /// What counts them. Default: [`Estimate`].
    pub count: Arc<dyn TokenCount>,
}

impl Budget {
    /// A budget of so many tokens, estimated.
    pub fn new(tokens: u64) -> Self {
        Self { tokens, count: Arc::new(Estimate) }
    }

    /// Sets what counts the tokens.
    #[must_use]
    pub fn with_count(mut self, count: impl TokenCount) -> Self {
        self.count = Arc::new(count);
        self
    }

    /// What instructions and tools take.
    pub(crate) fn fixed(&self, instructions: &str, tools: &[ToolSpec]) -> u64 {
        let tools = tools.iter().map(|tool| {
            let parameters = self.count.count(&tool.parameters.to_string());
            self.count.count(&tool.name) + self.count.count(&tool.description) + parameters + FRAME
        });
        self.count.count(instructions) + tools.sum::<u64>()
    }

    pub(crate) fn messages(&self, messages: &[Message]) -> u64 {
        messages.iter().map(|message| self.message(message)).sum()
    }

    fn message(&self, message: &Message) -> u64 {
        let words = self.count.count(message.text());
        match message {
            Message::Caller { .. } | Message::Agent { .. } => words + MESSAGE,
            Message::Tool { call, .. } => {
                let asked = self.count.count(&call.name) + self.count.count(&call.arguments);
                words + asked + FRAME
            }
        }
    }

    fn passages(&self, passages: &[Passage]) -> u64 {
        let all: u64 = passages.iter().map(|passage| self.passage(passage)).sum();
        if passages.is_empty() { 0 } else { all + KNOWLEDGE }
    }

    fn passage(&self, passage: &Passage) -> u64 {
        let known: u64 = passage.metadata.values().map(|value| self.count.count(value)).sum();
        self.count.count(&passage.text) + known + FRAME
    }

    /// Cuts messages and passages to what is left once `taken` is.
    ///
    /// # Errors
    ///
    /// `Config` if too much is taken already.
    pub(crate) fn fit(&self, request: &mut ChatRequest, taken: u64) -> Result<()> {
        let size = taken + self.messages(&request.messages) + self.passages(&request.passages);
        let Some(mut excess) = size.checked_sub(self.tokens).filter(|excess| *excess > 0) else {
            return Ok(());
        };
        self.drop_turns(&mut request.messages, &mut excess);
        self.drop_passages(&mut request.passages, 1, &mut excess);
        self.shorten(&mut request.messages, &mut excess);
        self.drop_passages(&mut request.passages, 0, &mut excess);
        if excess == 0 {
            return Ok(());
        }
        let message = format!(
            "a request takes {excess} tokens more than the budget of {}, although all is cut that \
             can be",
            self.tokens
        );
        Err(Error::new(ErrorKind::Config, "prompt", message))
    }

    fn drop_turns(&self, messages: &mut Vec<Message>, excess: &mut u64) {
        let mut start = 0;
        let mut wanted = *excess + self.tokens / SLACK;
        while wanted > 0 && start < answered(messages) {
            let end = turn_end(messages, start);
            let size = self.messages(&messages[start..end]);
            wanted = wanted.saturating_sub(size);
            *excess = excess.saturating_sub(size);
            start = end;
        }
        messages.drain(..start);
    }

    fn drop_passages(&self, passages: &mut Vec<Passage>, keep: usize, excess: &mut u64) {
        while *excess > 0 && passages.len() > keep {
            let before = self.passages(passages);
            passages.pop();
            *excess = excess.saturating_sub(before - self.passages(passages));
        }
    }

    fn shorten(&self, messages: &mut [Message], excess: &mut u64) {
        while *excess > 0 {
            let words = |message: &Message| self.count.count(message.text());
            let longest = messages.iter_mut().max_by_key(|message| words(message));
            let Some(message) = longest.filter(|message| words(message) > STUMP) else { return };
            let before = words(message);
            let most = before.saturating_sub(*excess).max(STUMP);
            match message {
                Message::Caller { text } | Message::Agent { text, .. } => {
                    *text = self.cut(text, most);
                }
                Message::Tool { outcome, .. } => outcome.text = self.cut(&outcome.text, most),
            }
            *excess = excess.saturating_sub(before.saturating_sub(words(message)));
        }
    }

    /// The beginning of `text` in `most` tokens.
    fn cut(&self, text: &str, most: u64) -> String {
        const CUT: &str = "… (cut)";
        let room = most.saturating_sub(self.count.count(CUT));
        let mut kept = text;
        loop {
            let tokens = self.count.count(kept);
            if tokens <= room || kept.is_empty() {
                return format!("{kept}{CUT}");
            }
            let end = share(kept.len(), room, tokens).min(kept.len() - 1);
            kept = &kept[..kept.floor_char_boundary(end)];
        }
    }
}

/// `part` / `whole` of `length`.
fn share(length: usize, part: u64, whole: u64) -> usize {
    let share = (length as u64).saturating_mul(part) / whole.max(1);
    usize::try_from(share).unwrap_or(length)
}

/// Where the turn that is being answered begins: the caller's last words.
fn answered(messages: &[Message]) -> usize {
    let is_caller = |message: &Message| matches!(message, Message::Caller { .. });
    messages.iter().rposition(is_caller).unwrap_or_else(|| messages.len().saturating_sub(1))
}

/// Where the next turn of the caller begins after `start`.
pub(crate) fn turn_end(messages: &[Message], start: usize) -> usize {
    let is_caller = |message: &Message| matches!(message, Message::Caller { .. });
    let after = messages[start..].iter().skip(1).position(is_caller);
    after.map_or(messages.len(), |turn| start + 1 + turn)
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(8_000)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("tokens", &self.tokens).field("count", &self.count).finish()
    }
}

/// Counts the tokens of a text, as a model would.
///
/// # Contract
///
/// 1. It is quick: it runs beside a call's audio. A millisecond is a lot.
/// 2. A longer text has no fewer tokens than a piece of it, give or take one.
pub trait TokenCount: fmt::Debug + Send + Sync + 'static {
    /// The tokens of `text`.
    fn count(&self, text: &str) -> u64;
}

/// Tokens by the script of the text, without a model's vocabulary.
///
/// Measured against the vocabulary `cl100k_base` on what callers say: in English 31 % too many, in
/// German, French, Spanish, Russian and Arabic about 20 %, in Italian, Polish, Chinese, Japanese,
/// Korean, Greek and Thai within 7 %, in Hindi 15 % too few; in English prose 19 % too many, in JSON
/// half as many again. Newer vocabularies take fewer tokens for all of these.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to set")]
pub struct Estimate;

impl TokenCount for Estimate {
    fn count(&self, text: &str) -> u64 {
        let sixteenths: u64 = text.chars().map(sixteenths).sum();
        sixteenths.div_ceil(16)
    }
}

/// A character, in sixteenths of a token: chosen so that nearly all of the above come out too high.
fn sixteenths(c: char) -> u64 {
    match c {
        'a'..='z' | 'A'..='Z' | ' ' | '\n' => 5,
        // Digits and punctuation.
        '\0'..='\u{7f}' => 7,
        // Cyrillic.
        '\u{400}'..='\u{52f}' => 10,
        // Accents, other alphabets and their punctuation.
        '\u{80}'..='\u{2dff}' => 16,
        // Chinese, Japanese, Korean; emoji.
        _ => 18,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use voicekit_core::tool::{ToolCall, ToolOutcome};

    use super::*;

    fn message() -> impl Strategy<Value = Message> {
        let words = "[a-zé中 ]{0,400}";
        prop_oneof![
            words.prop_map(Message::caller),
            words.prop_map(Message::agent),
            words.prop_map(|text| {
                Message::tool(ToolCall::new("id", "tool", "{}"), ToolOutcome::ok(text))
            }),
        ]
    }

    fn passage() -> impl Strategy<Value = Passage> {
        "[a-z ]{0,400}".prop_map(|text| Passage::new("id", text, 1.0))
    }

    proptest! {
        /// Whatever was said, a request fits, loses nothing but its oldest turns and what is too
        /// long for any, and begins with a question.
        #[test]
        fn a_request_is_cut_to_the_budget_at_the_caller_s_turns(
            before in prop::collection::vec(message(), 0..40),
            after in prop::collection::vec(message(), 0..3),
            passages in prop::collection::vec(passage(), 0..5),
            tokens in 400_u64..4_000,
            taken in 0_u64..100,
        ) {
            let mut messages = before;
            messages.push(Message::caller("What does it cost?"));
            messages.extend(after);
            let budget = Budget::new(tokens);
            let mut request = ChatRequest::new("", messages.clone());
            request.passages = passages.clone();
            let cut = budget.fit(&mut request, taken);
            let size = budget.messages(&request.messages) + budget.passages(&request.passages);
            prop_assert!(cut.is_ok() && taken + size <= tokens, "{size} of {tokens}");
            let start = messages.len() - request.messages.len();
            prop_assert!(start <= answered(&messages));
            let whole = matches!(request.messages[0], Message::Caller { .. }) || start == 0;
            prop_assert!(whole, "begins with {:?}", request.messages[0]);
            // Nothing is shortened or left without its best passage while an older turn is kept.
            if start < answered(&messages) {
                prop_assert_eq!(&request.messages[..], &messages[start..]);
                prop_assert_eq!(request.passages.len(), passages.len());
            }
            for (kept, said) in request.messages.iter().zip(&messages[start..]) {
                let head = kept.text().trim_end_matches("… (cut)");
                prop_assert!(said.text().starts_with(head));
            }
        }
    }

    #[test]
    fn what_cannot_be_cut_is_an_error_that_says_by_how_much() {
        let mut request = ChatRequest::new("", [Message::caller("Hello?")]);
        let error = Budget::new(100).fit(&mut request, 200).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("budget of 100"), "{error}");
    }
}
