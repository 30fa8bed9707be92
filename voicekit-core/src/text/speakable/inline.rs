//! Markup inside a line.

use std::borrow::Cow;

use super::Filter;
use super::blocks::fence;
use super::scan::{Ahead, More};
use super::tags::{Angle, Hidden, angle};

/// The longest name of a character reference has 31 characters.
const REFERENCE: usize = 33;
/// Characters in which the first letter inside a parenthesis is looked for.
const PARENTHESIS: usize = 32;
/// Parentheses inside one another; deeper ones are not told apart.
const NESTED: usize = 16;
/// What a web address loses.
const SCHEMES: &[&str] = &["https://", "http://", "ftp://", "mailto:", "tel:"];

impl Filter {
    pub(super) fn inline(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        let first = ahead.chars[0];
        if let Some(depth) = self.address
            && let Some(depth) = goes_on(ahead, depth)
        {
            self.address = Some(depth);
            if first == '&' {
                return self.reference(ahead);
            }
            self.output.plain(first);
            return Ok(1);
        }
        self.address = None;
        let at_word_start = self.before.is_none_or(|c| !c.is_alphanumeric());
        match first {
            '\n' => {
                self.output.line_end();
                self.at_line_start = true;
                self.ticked = false;
                self.formula = self.formula.filter(|end| *end != '$');
                Ok(1)
            }
            '<' => self.angle(ahead),
            '>' => self.silent(true),
            '`' => self.ticks(ahead),
            '|' => {
                self.output.comma();
                Ok(1)
            }
            '\\' => self.escape(ahead),
            '$' => self.dollar(ahead),
            '{' | '}' if self.formula.is_some() => {
                if ahead.chars.starts_with(&['}', '{']) {
                    self.output.say('/');
                }
                Ok(1)
            }
            '#' if ahead.run(0, '#') > 1 => Ok(ahead.run(0, '#')),
            '*' | '~' | '_' => Ok(self.emphasis(ahead)),
            '!' if ahead.peek(1) == Some('[') => Ok(1),
            '[' => self.bracket(ahead),
            ']' => self.close_bracket(ahead),
            '(' => self.parenthesis(ahead),
            ')' => Ok(self.close_parenthesis(ahead)),
            '&' => self.reference(ahead),
            ':' | ';' if self.before.is_none_or(char::is_whitespace) => Ok(self.emoticon(ahead)),
            c if at_word_start && c.is_ascii_alphabetic() => self.word(ahead),
            c => {
                self.output.plain(c);
                Ok(1)
            }
        }
    }

    fn silent(&mut self, is_space: bool) -> Result<usize, More> {
        if is_space {
            self.output.space();
        }
        Ok(1)
    }

    /// The marks of code, or a fence that does not begin its line.
    fn ticks(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        let run = ahead.run(0, '`');
        let fence = if self.ticked { None } else { fence(ahead)? };
        self.ticked = !self.ticked && run >= 3 && fence.is_none();
        if let Some(length) = fence {
            self.hidden = Some(Hidden::Fence { mark: '`', length });
        }
        Ok(run)
    }

    /// A word, or the scheme of an address.
    fn word(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        for scheme in SCHEMES {
            if !ahead.starts_with(0, scheme)? {
                continue;
            }
            let next = ahead.need(scheme.len())?;
            let fits = match *scheme {
                "tel:" => ahead.chars[0] == 't' && next.is_some_and(|c| c == '+' || c.is_numeric()),
                _ => next.is_some_and(char::is_alphanumeric),
            };
            if fits {
                self.address = Some(0);
                return Ok(scheme.len());
            }
        }
        if ahead.starts_with(0, "www.")? {
            self.address = Some(0);
        }
        self.output.plain(ahead.chars[0]);
        Ok(1)
    }

    fn angle(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        match angle(ahead)? {
            Angle::Sign => self.silent(true),
            Angle::Address => Ok(1),
            Angle::Tag { length, is_space } => {
                if is_space {
                    self.output.space();
                }
                Ok(length)
            }
            Angle::Hidden { length, until } => {
                self.hidden = Some(until);
                Ok(length)
            }
        }
    }

    /// `*`, `_` and `~` are spoken only as themselves: between spaces, digits, or inside a word.
    fn emphasis(&mut self, ahead: Ahead<'_>) -> usize {
        let mark = ahead.chars[0];
        let run = ahead.run(0, mark);
        let after = ahead.peek(run);
        let sides = |is: fn(char) -> bool| self.before.is_some_and(is) && after.is_some_and(is);
        let literal = run == 1
            && match mark {
                '_' => sides(char::is_alphanumeric),
                '~' => after.is_some_and(char::is_numeric),
                _ => sides(char::is_numeric) || sides(char::is_whitespace),
            };
        if literal {
            self.output.say(mark);
        }
        run
    }

    /// A backslash: an escaped mark, a line break, or a command of a formula.
    fn escape(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        match ahead.need(1)? {
            Some('(' | '[') => {
                self.formula = Some('\\');
                Ok(2)
            }
            Some(')' | ']') => {
                self.formula = None;
                Ok(2)
            }
            Some(c) if c.is_ascii_alphabetic() && self.formula.is_some() => {
                let Some(end) = ahead.find(1, 24, |c| !c.is_ascii_alphabetic())? else {
                    return Ok(1);
                };
                for c in symbol(&ahead.text(1, end)).chars() {
                    self.output.plain(c);
                }
                Ok(end)
            }
            Some(c) if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '`' | '|' | '&') => {
                self.output.say(c);
                Ok(2)
            }
            Some(_) | None => Ok(1),
        }
    }

    /// The sign of a price, or the delimiter of a formula: "$x + y$", "$$x$$".
    fn dollar(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        if ahead.peek(1) == Some('$') {
            self.formula = if self.formula.is_some() { None } else { Some('\\') };
            return Ok(2);
        }
        if self.formula == Some('$') {
            self.formula = None;
            return Ok(1);
        }
        let begins = ahead.peek(1).is_some_and(|c| c.is_ascii_alphabetic() || c == '\\');
        if begins && !self.before.is_some_and(char::is_alphanumeric) {
            let end = ahead.find(1, 64, |c| matches!(c, '$' | '\n'))?;
            let closes = end.is_some_and(|end| {
                ahead.peek(end) == Some('$') && !ahead.chars[end - 1].is_whitespace()
            });
            if closes {
                self.formula = Some('$');
                return Ok(1);
            }
        }
        self.output.say('$');
        Ok(1)
    }

    /// The text of a link, a footnote mark, or plain brackets.
    fn bracket(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        if let Some(end) = ahead.find(1, 40, |c| !(c == '^' || c.is_alphanumeric() || c == '-'))? {
            let is_note = ahead.peek(1) == Some('^');
            let is_number = end > 1 && ahead.slice(1, end).iter().all(|c| c.is_numeric());
            if ahead.peek(end) == Some(']') && (is_note || is_number) {
                let is_definition = ahead.peek(end + 1) == Some(':');
                return Ok(end + 1 + usize::from(is_definition));
            }
        }
        self.brackets += 1;
        Ok(1)
    }

    fn close_bracket(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        if self.brackets == 0 {
            return Ok(1);
        }
        let taken = match ahead.need(1)? {
            Some('(') if is_target(ahead)? => {
                self.hidden = Some(Hidden::Target { depth: 1 });
                2
            }
            Some('[') => match ahead.find(2, 80, |c| matches!(c, ']' | '\n'))? {
                Some(end) if ahead.peek(end) == Some(']') => end + 1,
                Some(_) | None => 1,
            },
            Some(_) | None => 1,
        };
        self.brackets -= 1;
        Ok(taken)
    }

    fn parenthesis(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        let letter = ahead.find(1, PARENTHESIS, |c| c == ')' || c.is_alphabetic())?;
        let has_words = letter.is_none_or(|at| ahead.peek(at).is_some_and(char::is_alphabetic));
        let attached = self.before.is_some_and(char::is_alphanumeric);
        if self.parentheses.len() < NESTED {
            self.parentheses.push(attached);
        }
        // The end of a line is a pause already.
        let begins_line = self.before.is_none_or(|c| c == '\n');
        if !attached && has_words && !begins_line {
            self.output.comma();
        } else if !attached {
            self.output.space();
        }
        Ok(1)
    }

    fn close_parenthesis(&mut self, ahead: Ahead<'_>) -> usize {
        let attached = self.parentheses.pop().unwrap_or_default();
        let goes_on = !attached && ahead.peek(1).is_some_and(char::is_whitespace);
        if goes_on && self.output.spoke_word() {
            self.output.comma();
        }
        1
    }

    /// A character reference, also of a reference: `&amp;nbsp;`.
    fn reference(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        let mut from = 1;
        while let Some(end) = ahead.find(from, REFERENCE, is_behind_reference)? {
            let closed = ahead.peek(end) == Some(';');
            let name = ahead.text(from, end);
            let Some(meaning) = decoded(&name, closed) else { break };
            let length = end + usize::from(closed);
            let is_nested = meaning == "&"
                && ahead.need(length)?.is_some_and(|c| c.is_alphanumeric() || c == '#');
            if is_nested && closed && self.is_reference(ahead, length)? {
                from = length;
                continue;
            }
            for c in meaning.chars() {
                self.output.plain(c);
            }
            return Ok(length);
        }
        self.output.say('&');
        Ok(from)
    }

    fn is_reference(&self, ahead: Ahead<'_>, from: usize) -> Result<bool, More> {
        let end = ahead.find(from, REFERENCE, is_behind_reference)?;
        Ok(end.is_some_and(|end| {
            ahead.peek(end) == Some(';') && decoded(&ahead.text(from, end), true).is_some()
        }))
    }

    fn emoticon(&mut self, ahead: Ahead<'_>) -> usize {
        let nose = usize::from(ahead.peek(1) == Some('-'));
        let is_face = matches!(ahead.peek(nose + 1), Some(')' | '(' | 'D' | 'P' | '/' | 'O'));
        let ends = ahead.peek(nose + 2).is_none_or(|c| !c.is_alphanumeric());
        if is_face && ends {
            return nose + 2;
        }
        self.output.say(ahead.chars[0]);
        1
    }
}

/// Whether the next character belongs to the web address before it, and the number of its open
/// parentheses with it.
fn goes_on(ahead: Ahead<'_>, depth: usize) -> Option<usize> {
    match ahead.chars[0] {
        '(' => Some(depth + 1),
        ')' => depth.checked_sub(1),
        '<' | '>' | '`' | '|' | '"' | '[' | ']' | '\\' => None,
        '*' | '_' | '~' => ahead.peek(1).is_some_and(char::is_alphanumeric).then_some(depth),
        c if c.is_whitespace() => None,
        _ => Some(depth),
    }
}

/// Whether the parenthesis behind a link's text holds its target.
fn is_target(ahead: Ahead<'_>) -> Result<bool, More> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | ',' | '-' | '!');
    let Some(end) = ahead.find(2, 64, |c| !is_plain(c))? else { return Ok(true) };
    let Some(next) = ahead.peek(end) else { return Ok(true) };
    if !next.is_whitespace() {
        return Ok(true);
    }
    let title = ahead.find(end, 8, |c| !c.is_whitespace())?;
    Ok(title.is_none_or(|at| matches!(ahead.peek(at), Some('"' | '\'' | '(' | ')') | None)))
}

/// What a character reference stands for. Without its semicolon only the most common count.
fn decoded(name: &str, closed: bool) -> Option<String> {
    let common = ["amp", "lt", "gt", "quot", "nbsp", "apos"];
    if name.is_empty() || !closed && !common.contains(&name) {
        return None;
    }
    let reference = format!("&{name};");
    let found = match html_escape::decode_html_entities(&reference) {
        Cow::Owned(decoded) if decoded != reference => decoded,
        Cow::Owned(_) | Cow::Borrowed(_) => return numeric(name),
    };
    Some(found)
}

/// References to characters that HTML does not allow are spoken as nothing.
fn numeric(name: &str) -> Option<String> {
    let number = name.strip_prefix('#')?;
    let hexadecimal = number.strip_prefix(['x', 'X']);
    let digits = hexadecimal.unwrap_or(number);
    let radix = if hexadecimal.is_some() { 16 } else { 10 };
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    is_number.then(|| {
        let code = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        code.map(String::from).unwrap_or_default()
    })
}

/// The sign that a command of LaTeX draws.
fn symbol(command: &str) -> &'static str {
    match command {
        "times" => "×",
        "cdot" => "·",
        "div" => "÷",
        "pm" => "±",
        "approx" => "≈",
        "leq" | "le" => "≤",
        "geq" | "ge" => "≥",
        "neq" | "ne" => "≠",
        "sqrt" => "√",
        "pi" => "π",
        "alpha" => "α",
        "beta" => "β",
        "infty" => "∞",
        "sum" => "∑",
        "degree" | "circ" => "°",
        _ => " ",
    }
}

/// Whether `c` does not belong to the name of a character reference.
fn is_behind_reference(c: char) -> bool {
    !(c.is_alphanumeric() || c == '#')
}
