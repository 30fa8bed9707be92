//! Written text as tokens: numbers, words and signs.

use super::Word;

/// What is said for some tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) words: String,
    /// The first token behind them.
    pub(super) end: usize,
}

impl Said {
    pub(super) fn new(words: impl Into<String>, end: usize) -> Self {
        Self { words: words.into(), end }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// ASCII digits.
    Number,
    /// Letters, with apostrophes inside.
    Word,
    /// One character of any other kind.
    Sign,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind,
    /// The written word it is part of.
    pub(super) word: usize,
    /// Whether no white space stands before it.
    pub(super) glued: bool,
}

/// A text in written words and in tokens.
pub(super) struct Text<'a> {
    pub(super) words: Vec<Word<'a>>,
    pub(super) tokens: Vec<Token<'a>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut tokens = Vec::new();
        for (word, written) in text.split_whitespace().enumerate() {
            tokenize(written, word, &mut tokens);
        }
        Self { words: text.split_whitespace().map(Word::new).collect(), tokens }
    }

    pub(super) fn number(&self, at: usize) -> Option<&'a str> {
        self.of_kind(at, Kind::Number)
    }

    pub(super) fn word(&self, at: usize) -> Option<&'a str> {
        self.of_kind(at, Kind::Word)
    }

    pub(super) fn sign(&self, at: usize) -> Option<char> {
        self.of_kind(at, Kind::Sign)?.chars().next()
    }

    fn of_kind(&self, at: usize, kind: Kind) -> Option<&'a str> {
        self.tokens.get(at).filter(|token| token.kind == kind).map(|token| token.text)
    }

    /// Whether the token follows the one before it without white space.
    pub(super) fn is_glued(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.glued)
    }

    pub(super) fn glued_number(&self, at: usize) -> Option<&'a str> {
        self.number(at).filter(|_| self.is_glued(at))
    }

    pub(super) fn glued_word(&self, at: usize) -> Option<&'a str> {
        self.word(at).filter(|_| self.is_glued(at))
    }

    pub(super) fn glued_sign(&self, at: usize) -> Option<char> {
        self.sign(at).filter(|_| self.is_glued(at))
    }

    /// Whether the token is the first of its written word.
    pub(super) fn begins_word(&self, at: usize) -> bool {
        !self.is_glued(at)
    }

    /// The word token right before, in lower case.
    pub(super) fn before(&self, at: usize) -> String {
        let before = at.checked_sub(1).and_then(|at| self.word(at));
        before.map(str::to_lowercase).unwrap_or_default()
    }

    /// The last word token before `at`, in lower case, with signs between passed over.
    pub(super) fn context(&self, at: usize) -> String {
        let tokens = self.tokens.get(..at).unwrap_or_default();
        let mut signs = tokens.iter().rev().skip_while(|token| {
            token.kind == Kind::Sign && matches!(token.text, "#" | ":" | "." | "№" | "(")
        });
        let last = signs.next().filter(|token| token.kind == Kind::Word);
        last.map(|token| token.text.to_lowercase()).unwrap_or_default()
    }

    /// The first token behind a dash at `at`: one without white space, or one with it on both
    /// sides.
    pub(super) fn after_dash(&self, at: usize) -> Option<usize> {
        let dash = self.sign(at)?;
        let next = at + 1;
        let even = self.is_glued(at) == self.is_glued(next) && next < self.tokens.len();
        (matches!(dash, '-' | '–' | '—' | '−') && even).then_some(next)
    }

    /// The tokens from `from` to `to` as they are written, without white space.
    pub(super) fn written(&self, from: usize, to: usize) -> String {
        let tokens = self.tokens.get(from..to.min(self.tokens.len())).unwrap_or_default();
        tokens.iter().map(|token| token.text).collect()
    }

    /// The first token behind the written word of the token at `at`.
    pub(super) fn word_end(&self, at: usize) -> usize {
        let word = self.tokens.get(at).map(|token| token.word);
        let rest = self.tokens.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|token| Some(token.word) == word).count()
    }
}

fn tokenize<'a>(written: &'a str, word: usize, tokens: &mut Vec<Token<'a>>) {
    let mut rest = written;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first.is_ascii_digit() {
            (Kind::Number, prefix(rest, |c| c.is_ascii_digit()))
        } else if is_letter(first) {
            (Kind::Word, letters(rest))
        } else {
            (Kind::Sign, first.len_utf8())
        };
        let (text, behind) = rest.split_at(length);
        tokens.push(Token { text, kind, word, glued: rest.len() < written.len() });
        rest = behind;
    }
}

fn prefix(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

/// Letters, and apostrophes between them.
fn letters(text: &str) -> usize {
    let length = prefix(text, is_letter);
    let mut behind = text[length..].chars();
    match (behind.next(), behind.next()) {
        (Some(mark @ ('\'' | '’')), Some(next)) if is_letter(next) => {
            let from = length + mark.len_utf8();
            from + letters(&text[from..])
        }
        _ => length,
    }
}

/// Letters, and digits of other scripts, but no signs of fractions and powers.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !matches!(c, 'º' | 'ª') || c.is_numeric() && !c.is_ascii() && !is_small(c)
}

fn is_small(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '¼'..='¾' | '⅐'..='⅞')
}
