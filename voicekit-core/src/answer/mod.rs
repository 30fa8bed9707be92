//! What a language model's output holds besides its answer, and how that is kept from the caller.
//!
//! Models, and the servers in front of them, put more into the text of an answer than words to say:
//! reasoning between marks, tool calls written out, tokens of the chat template, citation marks,
//! stage directions. [`AnswerFilter`] takes them out of the text while it streams, and hands over
//! the tool calls that it finds. [`checked`] does so for a whole answer and holds it to the
//! [contract](crate::llm::Llm#contract): an answer without a word and without a tool call is an
//! error. Adapters apply it to what their service sends, and the driver and the wrappers of
//! `voicekit::resilience` to every model once more, so that one that does not is covered too.
//!
//! ```
//! use voicekit_core::answer::{AnswerFilter, TextFilter};
//! use voicekit_core::tool::ToolSpec;
//!
//! let tools = [ToolSpec::new("get_weather", "Looks up the weather.")];
//! let mut filter = AnswerFilter::new(TextFilter::default(), tools);
//! let mut text = filter.push("<think>Paris, so").text;
//! text += &filter.push("...</think>*clears throat* One mo").text;
//! text += &filter.push("ment.<tool_call>{\"name\":\"get_weather\",\"arguments\":{}}").text;
//! text += &filter.finish().text;
//! assert_eq!(text, "One moment.");
//! assert_eq!(filter.take_calls()[0].name, "get_weather");
//! ```
//!
//! # Invariants
//!
//! - Text without any mark is passed on unchanged, each piece at once.
//! - Only what may become a mark is held back: at most a few words, or what can never be spoken
//!   (JSON, code).
//! - The filtered text does not depend on how the text was split into deltas, except that text
//!   before a closing mark of reasoning that was never opened is taken back
//!   ([`Filtered::retracted`]) where it was given out already.

mod arguments;
mod braces;
mod calls;
mod check;
mod citation;
mod ends;
mod filter;
mod finish;
mod marks;
mod python;
mod special;
mod stage;
mod stage_words;

pub use arguments::join_arguments;
pub use calls::find_tool;
pub use check::{Check, checked, is_empty_answer};
pub use filter::{AnswerFilter, Filtered};
pub use finish::Finish;

/// What is removed from an answer in addition to reasoning and machine text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextFilter {
    /// Whether to remove stage directions, such as `*clears throat*`, `[laughs]` and `(sighs)`.
    /// Emphasis such as `*very*` stays. Default: true.
    pub stage_directions: bool,
    /// Whether to remove citation marks, such as `[1]`, `【4†source】` and `(source: hours.md)`.
    /// Default: true.
    pub citations: bool,
}

impl Default for TextFilter {
    fn default() -> Self {
        Self { stage_directions: true, citations: true }
    }
}

impl TextFilter {
    /// Sets [`stage_directions`](Self::stage_directions).
    #[must_use]
    pub fn with_stage_directions(mut self, remove: bool) -> Self {
        self.stage_directions = remove;
        self
    }

    /// Sets [`citations`](Self::citations).
    #[must_use]
    pub fn with_citations(mut self, remove: bool) -> Self {
        self.citations = remove;
        self
    }
}
