//! Text without its markup, as a TTS voice should receive it.

mod blocks;
mod inline;
mod output;
mod scan;
mod tags;

use scan::{Ahead, More};
use tags::Hidden;

use self::output::Output;

/// Returns `text` as it should be spoken, without its markup.
///
/// - Markdown: emphasis, headings, bullets, quotes, rules, table bars, footnote marks, inline code
///   marks, link definitions and whole fenced blocks are removed; a link or image keeps its text.
/// - HTML and SSML tags, comments, scripts and style sheets are removed, also when they are left
///   open. Angle brackets are removed, so the result can stand inside SSML once `&` is escaped.
/// - HTML character references are decoded.
/// - The delimiters of LaTeX formulas are removed and common commands become symbols.
/// - Emoji, emoticons and control characters are removed.
/// - Web addresses lose their scheme; parentheses become commas, around digits nothing.
/// - Line ends become commas where no other mark stands; white space becomes single spaces, none at
///   either end.
///
/// The result is empty if nothing in the text can be spoken. To process a reply in pieces, use
/// [`SpokenClauses`](super::SpokenClauses): markup that one piece leaves open goes on in the next.
///
/// ```
/// use voicekit_core::text::speakable;
///
/// assert_eq!(speakable("## Our **hours** 🕘\n"), "Our hours");
/// assert_eq!(speakable("See [the menu](https://a.example/m?x=1) (in French)."), "See the menu, in French.");
/// assert_eq!(speakable("Fish &amp; chips <!-- ask first -->"), "Fish & chips");
/// ```
#[must_use]
pub fn speakable(text: &str) -> String {
    let mut filter = Filter::default();
    filter.read(text, true);
    filter.output.finish()
}

/// Removes markup from text that arrives in pieces. What it returns depends on the text alone,
/// and not on where the pieces begin.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    output: Output,
    /// Text that cannot be understood before more of it is known.
    pending: String,
    hidden: Option<Hidden>,
    at_line_start: bool,
    /// The last character before `pending`.
    before: Option<char>,
    /// Open square brackets.
    brackets: usize,
    /// Whether each open parenthesis belongs to the word before it, as in "option(s)".
    parentheses: Vec<bool>,
    /// Inside a web address: the number of its open parentheses.
    address: Option<usize>,
    /// Inside code between three ticks or more in one line.
    ticked: bool,
    /// Inside a formula: the delimiter that ends it.
    formula: Option<char>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            output: Output::default(),
            pending: String::new(),
            hidden: None,
            at_line_start: true,
            before: None,
            brackets: 0,
            parentheses: Vec::new(),
            address: None,
            ticked: false,
            formula: None,
        }
    }
}

impl Filter {
    /// Returns what is spoken of the next clause, which may be empty. A tag, comment or character
    /// reference that the clause cuts in two is decided with the next.
    pub(super) fn clause(&mut self, clause: &str) -> String {
        self.read(clause, false);
        self.output.take()
    }

    /// Returns what is spoken of the last clause, and begins a new text.
    pub(super) fn last_clause(&mut self, clause: &str) -> String {
        self.read(clause, true);
        let spoken = self.output.take();
        *self = Self::default();
        spoken
    }

    fn read(&mut self, text: &str, ended: bool) {
        self.pending.push_str(text);
        let chars: Vec<char> = self.pending.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let Ok(taken) = self.step(Ahead { chars: &chars[at..], ended }) else { break };
            at = (at + taken).min(chars.len());
            self.before = at.checked_sub(1).map(|last| chars[last]).or(self.before);
        }
        self.pending = chars[at..].iter().collect();
    }

    /// Processes what begins at the next character and returns its length in characters. Zero means
    /// that something hidden ends before it.
    fn step(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        if let Some(hidden) = self.hidden.take() {
            let (taken, still) = hidden.skip(ahead, self.at_line_start).inspect_err(|More| {
                self.hidden = Some(hidden);
            })?;
            self.hidden = still;
            if taken == 0 {
                self.output.space();
                return Ok(0);
            }
            let last = ahead.chars.get(taken - 1);
            self.at_line_start = last.is_some_and(|c| *c == '\n') && hidden.keeps_lines();
            return Ok(taken);
        }
        if self.at_line_start { self.line_start(ahead) } else { self.inline(ahead) }
    }
}
