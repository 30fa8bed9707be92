//! HTML, by its tokens: no tree is built, so that no nesting is too deep.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use voicekit_core::error::Result;

use super::outline::Outline;

/// What is not for readers.
const HIDDEN: &[&str] = &["script", "style", "template", "noscript", "svg", "iframe", "textarea"];
/// What is around the text of a page.
const AROUND: &[&str] = &["nav", "footer", "form", "button", "select"];
/// What has no line of its own.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s",
    "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr", "img",
];
/// What is within a block and begins a line.
const LINES: &[&str] = &["br", "li", "dt", "dd", "tr", "caption"];

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let sink = Sink(RefCell::new(Page { outline, state: State::default(), failure: None }));
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    // The sink never asks for a pause, so that all of the input is read.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    match tokenizer.sink.0.into_inner().failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

struct Sink<'a>(RefCell<Page<'a>>);

struct Page<'a> {
    outline: &'a mut Outline,
    state: State,
    /// The first, which ends the reading.
    failure: Option<voicekit_core::error::Error>,
}

#[derive(Default)]
struct State {
    /// The open elements that are left out.
    hidden: Vec<String>,
    /// The text of a heading or title, while it is open.
    heading: Option<String>,
    columns: Vec<String>,
    /// The cells of an open row, and whether they are all names of columns.
    cells: Option<(Vec<String>, bool)>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        if page.failure.is_some() {
            return TokenSinkResult::Continue;
        }
        let opened = if let Token::TagToken(tag) = &token { Some(tag) } else { None };
        let opened = opened.filter(|tag| tag.kind == TagKind::StartTag);
        let raw = opened.and_then(|tag| raw(&tag.name));
        if let Err(failure) = page.take(token) {
            page.failure = Some(failure);
        }
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }
}

/// How the content of an element is read that is not made of tags.
fn raw(name: &str) -> Option<RawKind> {
    match name {
        "script" => Some(RawKind::ScriptData),
        "style" | "iframe" | "noframes" | "xmp" => Some(RawKind::Rawtext),
        "title" | "textarea" => Some(RawKind::Rcdata),
        _ => None,
    }
}

impl Page<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "comments and the like are not for readers")]
    fn take(&mut self, token: Token) -> Result<()> {
        match token {
            Token::TagToken(tag) => self.tag(&tag),
            Token::CharacterTokens(text) if self.state.hidden.is_empty() => self.text(&text),
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let state = &mut self.state;
        if let Some(heading) = &mut state.heading {
            heading.push_str(text);
        } else if let Some(cell) = state.cells.as_mut().and_then(|(cells, _)| cells.last_mut()) {
            cell.push_str(text);
        } else {
            // Line breaks in the source are spaces.
            self.outline.text(&text.replace(['\n', '\r'], " "))?;
        }
        Ok(())
    }

    fn tag(&mut self, tag: &Tag) -> Result<()> {
        let name = &*tag.name;
        let opens = tag.kind == TagKind::StartTag;
        if HIDDEN.contains(&name) || AROUND.contains(&name) {
            self.hide(name, opens && !tag.self_closing);
            return Ok(());
        }
        if !self.state.hidden.is_empty() || INLINE.contains(&name) {
            return Ok(());
        }
        match (name, opens) {
            ("title" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6", true) => {
                self.outline.end_block()?;
                self.state.heading = Some(String::new());
            }
            ("title", false) => {
                self.outline.title(&self.state.heading.take().unwrap_or_default());
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => {
                let level = name.as_bytes()[1] - b'0';
                self.outline.heading(level, &self.state.heading.take().unwrap_or_default())?;
            }
            ("table", _) => {
                self.row()?;
                self.state.columns.clear();
                self.outline.end_block()?;
            }
            ("tr", true) => {
                self.row()?;
                self.state.cells = Some((Vec::new(), true));
            }
            ("tr", false) => self.row()?,
            ("td" | "th", true) => self.cell(name == "th"),
            ("td" | "th", false) => {}
            _ if LINES.contains(&name) => self.line("\n")?,
            _ if self.state.cells.is_some() => self.line(" ")?,
            _ => self.outline.end_block()?,
        }
        Ok(())
    }

    fn hide(&mut self, name: &str, opens: bool) {
        let hidden = &mut self.state.hidden;
        if opens && hidden.first().is_none_or(|first| first == name) {
            hidden.push(name.to_owned());
        } else if hidden.last().is_some_and(|last| last == name) {
            hidden.pop();
        }
    }

    fn line(&mut self, separator: &str) -> Result<()> {
        let cells = self.state.cells.as_mut();
        match cells.and_then(|(cells, _)| cells.last_mut()).or(self.state.heading.as_mut()) {
            Some(text) => text.push(' '),
            None => self.outline.text(separator)?,
        }
        Ok(())
    }

    fn cell(&mut self, names: bool) {
        if let Some((cells, all)) = &mut self.state.cells {
            cells.push(String::new());
            *all &= names;
        }
    }

    /// A row of names says what the columns are.
    fn row(&mut self) -> Result<()> {
        let Some((cells, names)) = self.state.cells.take() else { return Ok(()) };
        if names && self.state.columns.is_empty() {
            self.state.columns = cells;
            return Ok(());
        }
        self.outline.row(&self.state.columns, &cells)
    }
}
