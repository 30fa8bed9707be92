//! From text to tree, within limits.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::interface::TreeSink;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use voicekit_core::error::Result;

use super::super::rejected;
use super::inline::is_component_name as is_component;
use super::tree::{DEEPEST, Id, MOST, Sink, Tree};

/// Elements that hold nothing, or whose content is no tags, and so add no depth.
const FLAT: &[&str] = &[
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "iframe",
    "img",
    "input",
    "link",
    "meta",
    "noframes",
    "param",
    "plaintext",
    "script",
    "source",
    "style",
    "textarea",
    "title",
    "track",
    "wbr",
    "xmp",
];
/// Elements that end where another of their kind begins.
const ENDED: &[&str] = &["p", "li", "dt", "dd", "option", "optgroup", "html", "head", "body"];
/// Parts of tables, which end what is open within them.
const PARTS: &[&str] = &["tr", "td", "th", "tbody", "thead", "tfoot", "caption", "colgroup"];

/// Builds the tree of a page.
pub(super) fn parse(text: &str) -> Result<Tree> {
    let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let builder = TreeBuilder::new(Sink::new(), options);
    let tokens = Shallow { builder, open: RefCell::default() };
    let tokenizer = Tokenizer::new(tokens, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // The tokenizer pauses after scripts and declared encodings.
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    let tree = tokenizer.sink.builder.sink.finish();
    if tree.is_full() {
        return Err(rejected(format!("has more than {MOST} elements")));
    }
    Ok(tree)
}

/// Leaves out elements that are nested too deep, and all after too many nodes: the work of the
/// builder for an element grows with its depth.
struct Shallow {
    builder: TreeBuilder<Id, Sink>,
    /// The names of elements that are open.
    open: RefCell<Vec<String>>,
}

impl Shallow {
    /// Notes that `tag` opens or closes; whether it is left out.
    fn skips(&self, tag: &Tag) -> bool {
        let name = &*tag.name;
        let mut open = self.open.borrow_mut();
        if FLAT.contains(&name) || ENDED.contains(&name) {
            return false;
        }
        if PARTS.contains(&name) {
            let table = open.iter().rposition(|one| one == "table");
            if let Some(table) = table {
                open.truncate(table + 1);
            }
            return false;
        }
        if tag.kind == TagKind::EndTag {
            if let Some(place) = open.iter().rposition(|one| one == name) {
                open.truncate(place);
            }
            return false;
        }
        if open.len() == DEEPEST {
            return true;
        }
        open.push(name.to_owned());
        false
    }
}

impl TokenSink for Shallow {
    type Handle = Id;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Id> {
        let skips = match &token {
            Token::TagToken(tag) => self.skips(tag) || self.builder.sink.is_full(),
            Token::CharacterTokens(_) => self.builder.sink.is_full(),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => false,
        };
        if skips {
            return TokenSinkResult::Continue;
        }
        // Browsers leave such an element open; who writes it means that it is empty.
        let ended = match &token {
            Token::TagToken(tag) if tag.self_closing && is_component(&tag.name) => Some(Tag {
                kind: TagKind::EndTag,
                self_closing: false,
                attrs: Vec::new(),
                ..tag.clone()
            }),
            Token::TagToken(_)
            | Token::CharacterTokens(_)
            | Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => None,
        };
        let result = self.builder.process_token(token, line);
        if let Some(tag) = ended {
            self.skips(&tag);
            // An end tag never asks the tokenizer for anything.
            let _ = self.builder.process_token(Token::TagToken(tag), line);
        }
        result
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}
