//! The incremental cut of a reply into clauses.

use super::abbreviations::{Stop, is_starter, leans_on_next, stop_after};

/// How [`Clauses`] cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClausesConfig {
    /// Words after which the first clause may end at a comma, semicolon, colon, dash or ellipsis.
    /// Default 3. Fewer words make the first audio come earlier and sound more chopped;
    /// `usize::MAX` makes the first clause a sentence like all others.
    pub first_comma_words: usize,
    /// Words after which the first clause may end between any two words. Default 10. It bounds the
    /// wait for the first audio where the model writes without commas; `usize::MAX` turns it off.
    pub first_words: usize,
    /// Characters below which a sentence is joined with the next, except the first. Default 12, so
    /// that "Yes." is not a request to the voice of its own. 0 joins none.
    pub min_chars: usize,
    /// Characters after which a clause is cut at the last comma or else the last space. Default
    /// 240, about 16 seconds of speech. Values below 16 count as 16.
    pub max_chars: usize,
}

impl Default for ClausesConfig {
    fn default() -> Self {
        Self { first_comma_words: 3, first_words: 10, min_chars: 12, max_chars: 240 }
    }
}

impl ClausesConfig {
    /// Sets the words after which the first clause may end at a comma.
    #[must_use]
    pub fn with_first_comma_words(mut self, words: usize) -> Self {
        self.first_comma_words = words;
        self
    }

    /// Sets the words after which the first clause may end between any two words.
    #[must_use]
    pub fn with_first_words(mut self, words: usize) -> Self {
        self.first_words = words;
        self
    }

    /// Sets the characters below which a later sentence is joined with the next.
    #[must_use]
    pub fn with_min_chars(mut self, chars: usize) -> Self {
        self.min_chars = chars;
        self
    }

    /// Sets the characters after which a clause is cut wherever it can be.
    #[must_use]
    pub fn with_max_chars(mut self, chars: usize) -> Self {
        self.max_chars = chars;
        self
    }

    /// Sentences only: the first clause ends like all others.
    #[must_use]
    pub fn without_early_first(self) -> Self {
        self.with_first_comma_words(usize::MAX).with_first_words(usize::MAX)
    }
}

/// One reply of a model, cut into clauses while it is being written.
///
/// Clauses end at the end of a sentence or line; the first may end earlier, so that the voice can
/// begin. Abbreviations, initials, decimals, times, ellipses, addresses of web and mail, links and
/// tags stay in one piece.
///
/// # Invariants
///
/// - The clauses, joined, are the text, byte for byte; a clause keeps the white space behind it.
/// - The clauses do not depend on how the text was split into deltas.
/// - A clause is at most [`max_chars`](ClausesConfig::max_chars) long.
/// - Each clause but the last of a reply holds a letter or digit, unless `max_chars` cuts it.
///
/// A full stop ends a sentence only once the next character is known (the stop of "3." may be that
/// of "3.5"), and after an abbreviation once the next word is; [`flush`](Self::flush) ends the wait.
#[derive(Debug, Clone, Default)]
pub struct Clauses {
    config: ClausesConfig,
    pending: String,
    began: bool,
}

impl Clauses {
    /// A reply yet to be written.
    pub fn new(config: ClausesConfig) -> Self {
        Self { config, pending: String::new(), began: false }
    }

    /// Takes in what the model wrote and returns the clauses it completes, often none.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.pending.push_str(delta);
        self.cut(false)
    }

    /// Ends the reply: returns the rest of it, and begins a new one.
    pub fn flush(&mut self) -> Vec<String> {
        let mut clauses = self.cut(true);
        if !self.pending.is_empty() {
            clauses.push(std::mem::take(&mut self.pending));
        }
        self.began = false;
        clauses
    }

    /// Drops what was not returned yet, and begins a new reply.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.began = false;
    }

    /// The text that waits for the end of its clause.
    pub fn pending(&self) -> &str {
        &self.pending
    }

    fn cut(&mut self, ended: bool) -> Vec<String> {
        let mut clauses = Vec::new();
        while let Some(len) = self.next_cut(ended) {
            let rest = self.pending.split_off(len);
            clauses.push(std::mem::replace(&mut self.pending, rest));
            self.began = true;
        }
        clauses
    }

    /// The length in bytes of the first clause of the pending text, once it is known.
    fn next_cut(&self, ended: bool) -> Option<usize> {
        let max = self.config.max_chars.max(16);
        let chars: Vec<char> = self.pending.chars().take(max).collect();
        let full = chars.len() == max;
        let scan = Scan { chars: &chars, complete: full || ended };
        let cut = match self.first_break(scan) {
            Found::Cut(end) => end,
            Found::Wait => return None,
            Found::Nothing { fallback } if full => fallback.unwrap_or(max),
            Found::Nothing { .. } => return None,
        };
        Some(chars[..cut].iter().map(|c| c.len_utf8()).sum())
    }

    fn first_break(&self, scan: Scan<'_>) -> Found {
        let mut markup = Markup::default();
        let (mut soft, mut space) = (None, None);
        for at in 0..scan.chars.len() {
            markup.advance(scan.chars, at);
            if markup.is_open() {
                continue;
            }
            match scan.break_at(at) {
                Break::Wait => return Found::Wait,
                Break::Sentence(end) if self.may_end(scan, end) => return Found::Cut(end),
                Break::Soft(end) if self.may_begin(scan, end, self.config.first_comma_words) => {
                    return Found::Cut(end);
                }
                Break::Space(end) if self.may_begin(scan, end, self.config.first_words) => {
                    return Found::Cut(end);
                }
                Break::Sentence(end) | Break::Soft(end) => soft = Some(end),
                Break::Space(end) => space = Some(end),
                Break::None => {}
            }
        }
        // A comma near the start would leave nearly all to the next clause.
        let late = soft.filter(|end| end * 4 >= scan.chars.len());
        Found::Nothing { fallback: late.or(space).or(soft) }
    }

    /// Whether a sentence that ends here is a clause.
    fn may_end(&self, scan: Scan<'_>, end: usize) -> bool {
        let long_enough = !self.began || end >= self.config.min_chars;
        long_enough && scan.chars[..end].iter().any(|c| c.is_alphanumeric())
    }

    /// Whether the first clause may end here, before its sentence does.
    fn may_begin(&self, scan: Scan<'_>, end: usize, words: usize) -> bool {
        !self.began && words != usize::MAX && count_words(&scan.chars[..end]) >= words.max(1)
    }
}

enum Found {
    Cut(usize),
    /// What follows decides.
    Wait,
    /// No end in sight; the place to cut a text that is too long.
    Nothing {
        fallback: Option<usize>,
    },
}

/// What a character ends, and where the next clause would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    None,
    Wait,
    Sentence(usize),
    Soft(usize),
    Space(usize),
}

/// The text of at most one clause.
#[derive(Clone, Copy)]
struct Scan<'a> {
    chars: &'a [char],
    /// Nothing will be appended: the reply ended, or the clause may not be longer.
    complete: bool,
}

/// A character ahead, if there is one.
enum Ahead {
    At(usize),
    End,
    Unknown,
}

impl Scan<'_> {
    fn break_at(self, at: usize) -> Break {
        match self.chars[at] {
            '\n' => Break::Sentence(at + 1),
            '.' | '!' | '?' | '…' | '؟' | '।' | '۔' => self.stop(at),
            '。' | '！' | '？' | '｡' => self.wide_stop(at),
            '，' | '、' | '；' | '：' => Break::Soft(at + 1),
            ',' | ';' | ':' | '—' | '–' => self.comma(at),
            c if c.is_whitespace() => self.space(at),
            _ => Break::None,
        }
    }

    fn comma(self, at: usize) -> Break {
        match self.chars.get(at + 1) {
            Some(next) if next.is_whitespace() => Break::Soft(at + 2),
            Some(_) | None => Break::None,
        }
    }

    fn space(self, at: usize) -> Break {
        let word = self.word_before(at);
        let word = word.strip_suffix('.').unwrap_or(&word);
        let binds = word.ends_with(|c: char| c.is_numeric())
            || leans_on_next(word)
            || stop_after(word) != Stop::Sentence;
        if binds { Break::None } else { Break::Space(at + 1) }
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
        let is_number = !word.is_empty() && word.chars().all(char::is_numeric);
        if is_number {
            return if self.begins_line(at, &word) {
                Break::None
            } else {
                self.unless_lower_case(end)
            };
        }
        match stop_after(&word) {
            Stop::Sentence if self.chars[end - 2] == '.' => Break::Sentence(end),
            Stop::Sentence => self.unless_lower_case(end),
            Stop::Title => Break::None,
            Stop::Number => self.unless(end, |c| c.is_numeric() || c == '#'),
            Stop::Either => self.if_starter(end),
        }
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

/// What must not be cut: a tag, the text of a link, or code between fences.
#[derive(Default)]
struct Markup {
    tag: bool,
    link: bool,
    fence: bool,
}

impl Markup {
    fn advance(&mut self, chars: &[char], at: usize) {
        let next = chars.get(at + 1);
        match chars[at] {
            '`' if chars[..=at].ends_with(&['`'; 3]) && next != Some(&'`') => {
                self.fence = !self.fence;
            }
            '<' => self.tag = next.is_some_and(|c| c.is_alphabetic() || *c == '/'),
            '>' => self.tag = false,
            '[' => self.link = true,
            ']' => self.link = false,
            '\n' => (self.tag, self.link) = (false, false),
            _ => {}
        }
    }

    fn is_open(&self) -> bool {
        self.tag || self.link || self.fence
    }
}

fn count_words(chars: &[char]) -> usize {
    let ideographs = chars.iter().filter(|c| is_ideograph(**c)).count();
    let words = chars
        .split(|c| c.is_whitespace())
        .filter(|word| word.iter().any(|c| c.is_alphanumeric() && !is_ideograph(*c)))
        .count();
    // A Chinese word has two characters in the mean.
    words + ideographs / 2
}

/// Scripts without spaces: Han and kana.
fn is_ideograph(c: char) -> bool {
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
