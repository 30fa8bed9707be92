//! Marks in angle brackets, square brackets and fences: which there are, and where they end.

use super::special::{self, Meaning};
use super::{TextFilter, braces, citation, stage};
use crate::tool::ToolSpec;

/// The longest tag or special token, in bytes.
const LONGEST_TAG: usize = 200;

/// The longest mark that is text in brackets, parentheses or asterisks, in bytes.
const LONGEST_PHRASE: usize = 120;

/// The longest target of a link, in bytes.
const LONGEST_LINK: usize = 500;

/// What the text at hand begins with.
#[derive(Debug, PartialEq)]
pub(super) enum Mark {
    /// So many bytes of text.
    Text(usize),
    /// What follows decides.
    Wait,
    /// So many bytes that are removed.
    Remove(usize),
    /// So many bytes that open a region.
    Open(usize, Region),
    /// So many bytes that open a region and are part of it.
    OpenAt(usize, Region),
    /// So many bytes that end reasoning.
    EndOfThoughts(usize),
    /// So many bytes that are tool calls and nothing else.
    Calls(usize),
}

/// What follows a mark, up to one of the ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Region {
    /// Reasoning.
    Thoughts(&'static [&'static str]),
    /// Tool calls.
    Calls(&'static [&'static str]),
    /// What is neither spoken nor done.
    Dropped(&'static [&'static str]),
    /// The name of a role or channel.
    Header(&'static [&'static str]),
    /// The rest of the output is not the answer.
    Rest,
}

/// What is known where a mark is looked for.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) filter: TextFilter,
    pub(super) tools: &'a [ToolSpec],
    /// The character before the mark; `None` at the start of the answer.
    pub(super) before: Option<char>,
    /// The last character before the mark that is not blank.
    pub(super) before_blank: Option<char>,
    /// Nothing follows the text at hand.
    pub(super) ended: bool,
}

/// Whether a mark may begin with `c`.
pub(super) fn may_begin(c: char) -> bool {
    matches!(c, '<' | '[' | '(' | '（' | '*' | '_' | '【' | '◁' | '`' | '{' | '\u{E200}')
}

impl Context<'_> {
    /// What `text`, which begins with a character that may begin a mark, begins with.
    pub(super) fn mark(self, text: &str) -> Mark {
        match text.chars().next() {
            Some('<') => self.angle(text),
            Some('[') => self.bracket(text),
            Some('(') => self.phrase(text, 1, ')'),
            Some('（') => self.phrase(text, '（'.len_utf8(), '）'),
            Some('【') => self.phrase(text, '【'.len_utf8(), '】'),
            Some(c @ ('*' | '_')) => self.emphasis(text, c),
            Some('◁') => triangle(text),
            Some('`') => fence(text, self),
            Some('{') => self.brace(text),
            Some('\u{E200}') => Mark::Open('\u{E200}'.len_utf8(), Region::Dropped(&["\u{E201}"])),
            Some(c) => Mark::Text(c.len_utf8()),
            None => Mark::Wait,
        }
    }

    fn angle(self, text: &str) -> Mark {
        let Some(first) = text[1..].chars().next() else { return Mark::Wait };
        match first {
            '|' | '｜' => special_token(text, first),
            c if c == '/' || c.is_ascii_alphabetic() => self.tag(text),
            '0' => byte_token(text),
            _ => Mark::Text(1),
        }
    }

    fn tag(self, text: &str) -> Mark {
        let is_closing = text[1..].starts_with('/');
        let begin = 1 + usize::from(is_closing);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_:.-|｜".contains(c);
        let rest = &text[begin..];
        let Some(end) = rest.find(|c| !is_name(c)) else {
            return if rest.len() > 40 { Mark::Text(1) } else { Mark::Wait };
        };
        let name = rest[..end].to_ascii_lowercase().replace('｜', "|");
        let name = name.trim_start_matches("|dsml|");
        let follows = rest[end..].chars().next().unwrap_or(' ');
        if !matches!(follows, '>' | '=' | '/' | ' ' | '\t' | '\n') {
            return Mark::Text(1);
        }
        if let Some(mark) = citation::tag(text, name, is_closing, self) {
            return mark;
        }
        let is_direction = self.filter.stage_directions && stage::is_tag(name);
        let meaning = if is_direction { Meaning::Silent } else { special::tag(name, is_closing) };
        if matches!(meaning, Meaning::Other) {
            return Mark::Text(1);
        }
        let close = text.find('>').unwrap_or(text.len());
        if close == text.len() && close <= LONGEST_TAG {
            return Mark::Wait;
        }
        if close > LONGEST_TAG {
            return Mark::Text(1);
        }
        let whole = close + 1;
        let is_empty = text[..close].ends_with('/');
        match meaning {
            Meaning::Open(_) if is_empty => Mark::Remove(whole),
            // The tag itself names the tool.
            Meaning::Open(region @ Region::Calls(_)) => Mark::OpenAt(whole, region),
            Meaning::Open(_) | Meaning::EndOfThoughts | Meaning::Silent | Meaning::Other => {
                decided(meaning, whole)
            }
        }
    }

    fn bracket(self, text: &str) -> Mark {
        match text[1..].trim_start().chars().next() {
            None => return Mark::Wait,
            Some('{') => return braces::json(text, self),
            Some(_) => {}
        }
        if let Some(mark) = braces::python(text, self) {
            return mark;
        }
        let doubled = usize::from(text[1..].starts_with('['));
        let begin = 1 + doubled;
        let Some(end) = text[begin..].find(']').map(|end| begin + end) else {
            return self.unclosed(text, begin);
        };
        let inner = &text[begin..end];
        let whole = end + 1 + doubled;
        if inner.len() > LONGEST_PHRASE || inner.contains('\n') {
            return Mark::Text(1);
        }
        let meaning = special::bracketed(&inner.to_ascii_lowercase());
        if !matches!(meaning, Meaning::Other) {
            return decided(meaning, end + 1);
        }
        let is_possible = self.was_possible(text.chars().next(), inner);
        if self.filter.citations && is_possible && citation::in_brackets(inner) {
            if doubled == 0 {
                return self.with_target(text, whole);
            }
            return match text[end + 1..].chars().next() {
                Some(']') => self.with_target(text, whole),
                None if !self.ended => Mark::Wait,
                Some(_) | None => Mark::Text(1),
            };
        }
        if is_possible && self.is_direction(inner, stage::Form::Brackets) {
            return match text[end + 1..].chars().next() {
                None if !self.ended => Mark::Wait,
                // It is the text of a link.
                Some('(') => Mark::Text(1),
                Some(_) | None => Mark::Remove(end + 1),
            };
        }
        Mark::Text(1)
    }

    /// A citation of `end` bytes, and the address that may follow it.
    fn with_target(self, text: &str, end: usize) -> Mark {
        let rest = &text[end..];
        let at_line_start = matches!(self.before, None | Some('\n'));
        match rest.chars().next() {
            None if !self.ended => Mark::Wait,
            Some('(') => match rest.find(')') {
                Some(close) if close <= LONGEST_LINK => Mark::Remove(end + close + 1),
                Some(_) => Mark::Remove(end),
                None if self.ended || rest.len() > LONGEST_LINK => Mark::Remove(end),
                None => Mark::Wait,
            },
            // The line that says what a number stands for.
            Some(':') if at_line_start => Mark::Open(end, Region::Dropped(&["\n"])),
            Some(_) | None => Mark::Remove(end),
        }
    }

    /// Text between `open` bytes and `close`: a citation or a stage direction.
    fn phrase(self, text: &str, open: usize, close: char) -> Mark {
        if close == ')' && self.before.is_some_and(|c| c.is_alphanumeric() || c == ']') {
            return Mark::Text(open);
        }
        let Some(end) = text[open..].find(close).map(|end| open + end) else {
            return self.unclosed(text, open);
        };
        let inner = &text[open..end];
        let whole = end + close.len_utf8();
        let is_short = inner.len() <= LONGEST_PHRASE && !inner.contains('\n');
        let is_short = is_short && self.was_possible(text.chars().next(), inner);
        let cites = match close {
            '】' => citation::in_lenses(inner),
            _ => citation::in_parentheses(inner),
        };
        let form = if close == '】' { stage::Form::Brackets } else { stage::Form::Parentheses };
        let is_mark = self.filter.citations && cites || self.is_direction(inner, form);
        if is_short && is_mark { Mark::Remove(whole) } else { Mark::Text(open) }
    }

    /// A bracket or parenthesis that is not closed yet, with `open` bytes before the first word.
    fn unclosed(self, text: &str, open: usize) -> Mark {
        let inner = &text[open..];
        let is_short = inner.len() <= LONGEST_PHRASE && !inner.contains('\n');
        let is_possible = is_short && self.is_possible(text.chars().next(), inner);
        if is_possible { Mark::Wait } else { Mark::Text(open) }
    }

    /// Whether `inner`, which is not closed yet, may become a mark.
    fn is_possible(self, open: Option<char>, inner: &str) -> bool {
        open == Some('[') && special::could_be_bracketed(inner)
            || self.filter.citations && citation::could_be(open, inner)
            || self.filter.stage_directions && stage::could_be(inner)
    }

    /// Whether `inner` would have been held back up to its end, had it come letter by letter.
    fn was_possible(self, open: Option<char>, inner: &str) -> bool {
        inner.char_indices().all(|(at, _)| self.is_possible(open, &inner[..at]))
    }

    fn emphasis(self, text: &str, mark: char) -> Mark {
        let run = text.chars().take_while(|c| *c == mark).count();
        let Some(first) = text[run..].chars().next() else {
            return if run > 3 { Mark::Text(run) } else { Mark::Wait };
        };
        let is_inside_word = self.before.is_some_and(char::is_alphanumeric);
        if !self.filter.stage_directions || run > 3 || first.is_whitespace() || is_inside_word {
            return Mark::Text(run);
        }
        let close = &text[..run];
        let Some(end) = text[run..].find(close).map(|end| run + end) else {
            let inner = &text[run..];
            let is_short = inner.len() <= LONGEST_PHRASE && !inner.contains('\n');
            let is_possible = is_short && stage::could_be(inner);
            return if is_possible { Mark::Wait } else { Mark::Text(run) };
        };
        let inner = &text[run..end];
        let is_mark = inner.len() <= LONGEST_PHRASE && !inner.contains('\n');
        let is_possible = inner.char_indices().all(|(at, _)| stage::could_be(&inner[..at]));
        let is_mark = is_mark && is_possible && self.is_direction(inner, stage::Form::Emphasis);
        if is_mark { Mark::Remove(end + run) } else { Mark::Text(run) }
    }

    fn brace(self, text: &str) -> Mark {
        match text[1..].trim_start().chars().next() {
            None => Mark::Wait,
            Some('"' | '\'') => braces::json(text, self),
            Some(_) => self.phrase(text, 1, '}'),
        }
    }

    fn is_direction(self, inner: &str, form: stage::Form) -> bool {
        self.filter.stage_directions && stage::is_direction(inner, form, self.before_blank)
    }
}

fn decided(meaning: Meaning, whole: usize) -> Mark {
    match meaning {
        Meaning::Open(region) => Mark::Open(whole, region),
        Meaning::EndOfThoughts => Mark::EndOfThoughts(whole),
        Meaning::Silent => Mark::Remove(whole),
        Meaning::Other => Mark::Text(1),
    }
}

/// `<|name|>`, `<｜name｜>` and `<|name>`.
fn special_token(text: &str, bar: char) -> Mark {
    let begin = 1 + bar.len_utf8();
    let close = text.find('>').unwrap_or(text.len());
    let is_name = |c: char| c.is_alphanumeric() || "_-|｜▁/:.\"= ".contains(c);
    if close > LONGEST_TAG || close < begin || !text[begin..close].chars().all(is_name) {
        return Mark::Text(1);
    }
    if close == text.len() {
        return Mark::Wait;
    }
    let inner = text[begin..close].to_ascii_lowercase().replace('｜', "|").replace('▁', "_");
    let whole = close + 1;
    if let Some(name) = inner.strip_suffix('|') {
        return decided(special::token(name.trim()), whole);
    }
    let name = inner.split(' ').next().unwrap_or_default();
    let meaning = special::half_open(name);
    if let Meaning::Open(region @ Region::Calls(_)) = meaning {
        return Mark::OpenAt(whole, region);
    }
    decided(meaning, whole)
}

/// `<0x0A>`: a byte that a server did not decode.
fn byte_token(text: &str) -> Mark {
    let fits = |(at, c): (usize, char)| match at {
        1 => c == 'x',
        2 | 3 => c.is_ascii_hexdigit(),
        4 => c == '>',
        _ => true,
    };
    let inner = &text[1..];
    match inner.chars().enumerate().take(5).all(fits) {
        true if inner.len() >= 5 => Mark::Remove(6),
        true => Mark::Wait,
        false => Mark::Text(1),
    }
}

/// `◁think▷`.
fn triangle(text: &str) -> Mark {
    let open = '◁'.len_utf8();
    let Some(end) = text.find('▷') else {
        return if text.len() > 40 { Mark::Text(open) } else { Mark::Wait };
    };
    let name = text[open..end].to_ascii_lowercase();
    let whole = end + '▷'.len_utf8();
    match name.as_str() {
        "think" | "thinking" => decided(special::thoughts(), whole),
        "/think" | "/thinking" => Mark::EndOfThoughts(whole),
        _ => Mark::Remove(whole),
    }
}

/// A fenced block: one that says that it is a tool call, or one that may hold one.
fn fence(text: &str, context: Context<'_>) -> Mark {
    let run = text.chars().take_while(|c| *c == '`').count();
    if run < 3 {
        return if text.len() == run { Mark::Wait } else { Mark::Text(run) };
    }
    let Some(line) = text.find('\n') else {
        return if text.len() > 60 { Mark::Text(run) } else { Mark::Wait };
    };
    let info = text[run..line].trim().to_ascii_lowercase();
    let whole = line + 1;
    match info.as_str() {
        "tool_call" | "tool_calls" | "tool_code" | "tool_use" | "tool" | "function_call"
        | "function_calls" | "function" | "tool_request" | "toolcall" => {
            Mark::Open(whole, Region::Calls(&["```"]))
        }
        "tool_response" | "tool_output" | "tool_outputs" | "tool_result" => {
            Mark::Open(whole, Region::Dropped(&["```"]))
        }
        "json" | "" | "python" | "xml" if !context.tools.is_empty() => {
            braces::fenced(text, whole, context)
        }
        _ => Mark::Text(run),
    }
}
