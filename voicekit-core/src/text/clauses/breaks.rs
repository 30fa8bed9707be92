//! Where a clause may end.

use super::super::abbreviations::{Stop, is_starter, stop_after};
use super::super::joints::{Joint, joint_at_pause, joint_at_space};
use super::super::words::{is_digit, is_ordinal};

/// What a character ends, and where the next clause would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    None,
    Wait,
    Sentence(usize),
    Soft(usize),
    Space(usize),
    /// A space inside what is said in one breath.
    Bound(usize),
    /// A place between characters of scripts without spaces.
    Glyph(usize),
}

impl Break {
    /// Where the clause would end.
    pub(super) fn end(self) -> Option<usize> {
        match self {
            Self::Sentence(end)
            | Self::Soft(end)
            | Self::Space(end)
            | Self::Bound(end)
            | Self::Glyph(end) => Some(end),
            Self::None | Self::Wait => None,
        }
    }
}

/// The text of at most one clause, and some of what follows it.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) chars: &'a [char],
    /// What follows is not waited for: the reply ended, or the clause may not be longer.
    pub(super) complete: bool,
    /// Places inside a sentence are not asked for.
    pub(super) sentences_only: bool,
}

/// A character ahead, if there is one.
enum Ahead {
    At(usize),
    End,
    Unknown,
}

impl Scan<'_> {
    pub(super) fn break_at(self, at: usize) -> Break {
        match self.chars[at] {
            '\n' => Break::Sentence(at + 1),
            '.' | '!' | '?' | '…' | '؟' | '।' | '۔' => self.stop(at),
            '。' | '！' | '？' | '｡' => self.wide_stop(at),
            _ if self.sentences_only => Break::None,
            '，' | '、' | '；' | '：' => self.wide_comma(at),
            ',' | ';' | ':' | '—' | '–' => self.comma(at),
            c if c.is_whitespace() => self.space(at),
            c if is_ideograph(c) => self.glyph(at),
            _ => Break::None,
        }
    }

    fn comma(self, at: usize) -> Break {
        match self.chars.get(at + 1) {
            Some(next) if next.is_whitespace() => {
                match joint_at_pause(self.chars, self.complete, at + 1) {
                    Joint::Free => Break::Soft(at + 2),
                    Joint::Bound => Break::Bound(at + 2),
                    Joint::Unknown => Break::Wait,
                }
            }
            Some(_) | None => Break::None,
        }
    }

    /// A comma of scripts that put no space behind it. It may separate groups of digits.
    fn wide_comma(self, at: usize) -> Break {
        if !at.checked_sub(1).is_some_and(|at| is_digit(self.chars[at])) {
            return Break::Soft(at + 1);
        }
        match self.ahead(at + 1, char::is_whitespace) {
            Ahead::At(next) if is_digit(self.chars[next]) => Break::Bound(at + 1),
            Ahead::At(_) | Ahead::End => Break::Soft(at + 1),
            Ahead::Unknown => Break::Wait,
        }
    }

    fn space(self, at: usize) -> Break {
        if matches!(self.chars[at], '\u{A0}' | '\u{202F}' | '\u{2007}') {
            return Break::None;
        }
        // Behind a comma the comma decides.
        if at > 0 && matches!(self.chars[at - 1], ',' | ';' | ':' | '—' | '–') {
            return Break::None;
        }
        match joint_at_space(self.chars, self.complete, at) {
            Joint::Free => Break::Space(at + 1),
            Joint::Bound => Break::Bound(at + 1),
            Joint::Unknown => Break::Wait,
        }
    }

    fn glyph(self, at: usize) -> Break {
        match self.chars.get(at + 1) {
            Some(next) if is_ideograph(*next) && !is_digit(*next) => Break::Glyph(at + 1),
            Some(_) | None => Break::None,
        }
    }

    /// A stop of scripts that put no space behind it.
    fn wide_stop(self, at: usize) -> Break {
        let more = |c| matches!(c, '。' | '！' | '？' | '｡' | '!' | '?') || is_closer(c);
        match self.ahead(at + 1, more) {
            Ahead::At(next) if self.chars[next].is_whitespace() => Break::Sentence(next + 1),
            Ahead::At(next) => Break::Sentence(next),
            Ahead::End => Break::None,
            Ahead::Unknown => Break::Wait,
        }
    }

    fn stop(self, at: usize) -> Break {
        if at > 0 && is_stop(self.chars[at - 1]) {
            return Break::None;
        }
        let after_run = match self.ahead(at + 1, is_stop) {
            Ahead::At(next) => next,
            Ahead::End => return Break::None,
            Ahead::Unknown => return Break::Wait,
        };
        let next = match self.ahead(after_run, is_closer) {
            Ahead::At(next) => next,
            Ahead::End => return Break::None,
            Ahead::Unknown => return Break::Wait,
        };
        let run = &self.chars[at..after_run];
        if !self.chars[next].is_whitespace() {
            return self.stop_without_space(at, run, next);
        }
        let dots_only = run.iter().all(|c| matches!(c, '.' | '…'));
        if dots_only && (run.len() > 1 || run[0] == '…') {
            return Break::Soft(next + 1);
        }
        if run == ['.'] {
            return self.full_stop(at, next + 1);
        }
        if next > after_run { self.unless_lower_case(next + 1) } else { Break::Sentence(next + 1) }
    }

    /// A stop right before the next sentence, as in "Hola.¿Qué tal?" or "Sure!How".
    fn stop_without_space(self, at: usize, run: &[char], next: usize) -> Break {
        let following = self.chars[next];
        let asks = run.iter().any(|c| matches!(c, '!' | '?'));
        let word = self.word_before(at);
        let is_address = word.contains(['/', ':', '@', '&', '=']);
        let begins = matches!(following, '¿' | '¡') || (asks && following.is_uppercase());
        if begins && !is_address { Break::Sentence(next) } else { Break::None }
    }

    /// One full stop and a space behind it; `end` is behind the space.
    fn full_stop(self, at: usize, end: usize) -> Break {
        let word = self.word_before(at);
        if word.contains(char::is_numeric) && word.chars().all(|c| c.is_numeric() || c == '.') {
            return self.after_number(at, end, &word);
        }
        match stop_after(&word) {
            Stop::Sentence if self.chars[end - 2] == '.' => Break::Sentence(end),
            Stop::Sentence => self.unless_lower_case(end),
            Stop::Title => Break::None,
            Stop::Number => self.unless(end, |c| c.is_numeric() || c == '#'),
            Stop::Either => self.if_starter(end),
        }
    }

    /// A stop behind a number: of a list, of an ordinal as in "5. Mai", or of a sentence.
    fn after_number(self, at: usize, end: usize, number: &str) -> Break {
        if self.begins_line(at, number) {
            return Break::None;
        }
        let begin = match self.ahead(end, is_before_word) {
            Ahead::At(begin) => begin,
            Ahead::End => return Break::Sentence(end),
            Ahead::Unknown => return Break::Wait,
        };
        let first = self.chars[begin];
        if first.is_lowercase() {
            return Break::None;
        }
        if !first.is_uppercase() && !first.is_numeric() {
            return Break::Sentence(end);
        }
        let behind = match self.ahead(begin, |c| !c.is_whitespace()) {
            Ahead::At(behind) => behind,
            Ahead::End => self.chars.len(),
            Ahead::Unknown => return Break::Wait,
        };
        let next: String = self.chars[begin..behind].iter().collect();
        if number.len() <= 2 && is_ordinal(&self.word_before_space(at, number), &next) {
            return Break::None;
        }
        Break::Sentence(end)
    }

    /// The word before the one that ends at `at`.
    fn word_before_space(self, at: usize, word: &str) -> String {
        let begin = at - word.chars().count().min(at);
        let gap = self.chars[..begin].iter().rev().take_while(|c| c.is_whitespace()).count();
        self.word_before(begin - gap)
    }

    fn unless_lower_case(self, end: usize) -> Break {
        self.unless(end, char::is_lowercase)
    }

    /// A sentence's end, unless the first thing after it tells otherwise.
    fn unless(self, end: usize, goes_on: impl Fn(char) -> bool) -> Break {
        match self.ahead(end, is_before_word) {
            Ahead::At(next) if goes_on(self.chars[next]) => Break::None,
            Ahead::At(_) | Ahead::End => Break::Sentence(end),
            Ahead::Unknown => Break::Wait,
        }
    }

    fn if_starter(self, end: usize) -> Break {
        let begin = match self.ahead(end, is_before_word) {
            Ahead::At(next) => next,
            Ahead::End => return Break::Sentence(end),
            Ahead::Unknown => return Break::Wait,
        };
        if self.chars[begin..].starts_with(&['¿']) || self.chars[begin..].starts_with(&['¡']) {
            return Break::Sentence(end);
        }
        if !self.chars[begin].is_uppercase() {
            return Break::None;
        }
        let behind = match self.ahead(begin, |c| c.is_alphabetic() || matches!(c, '\'' | '’')) {
            Ahead::At(behind) => behind,
            Ahead::End => self.chars.len(),
            Ahead::Unknown => return Break::Wait,
        };
        let word: String = self.chars[begin..behind].iter().collect();
        if is_starter(&word) { Break::Sentence(end) } else { Break::None }
    }

    /// The first character from `from` on that is not skipped.
    fn ahead(self, from: usize, skip: impl Fn(char) -> bool) -> Ahead {
        match (from..self.chars.len()).find(|&at| !skip(self.chars[at])) {
            Some(at) => Ahead::At(at),
            None if self.complete => Ahead::End,
            None => Ahead::Unknown,
        }
    }

    /// The word that ends before `at`, without what opens it.
    fn word_before(self, at: usize) -> String {
        let begin = self.chars[..at].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
        self.chars[begin..at].iter().skip_while(|c| !c.is_alphanumeric()).collect()
    }

    /// Whether `word`, which ends before `at`, is the first of its line: a number in a list.
    fn begins_line(self, at: usize, word: &str) -> bool {
        let before = &self.chars[..at - word.chars().count()];
        before.iter().rev().take_while(|c| **c != '\n').all(|c| !c.is_alphanumeric())
    }
}

/// Scripts without spaces: Han and kana.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '؟' | '।' | '۔')
}

/// What may stand between a stop and the space behind it.
fn is_closer(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | ')'
            | ']'
            | '}'
            | '»'
            | '*'
            | '_'
            | '`'
            | '」'
            | '』'
            | '）'
            | '】'
    )
}

/// What may stand between a space and the first letter of a word.
fn is_before_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '“' | '‘' | '«' | '(' | '[' | '*' | '_' | '`')
}
