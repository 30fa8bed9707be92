//! The incremental cut of a reply into clauses.

mod breaks;

use breaks::{Break, Scan, is_ideograph};

use super::markup::Markup;

/// How [`Clauses`] cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClausesConfig {
    /// Words after which the first clause may end at a comma, semicolon, colon, dash or ellipsis.
    /// Default 1: "Sure," goes to the voice at once, which saves a model's next words, and people
    /// pause there as well. More words sound smoother where a model is so slow that the next clause
    /// would come late; `usize::MAX` makes the first clause a sentence like all others.
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
        Self { first_comma_words: 1, first_words: 10, min_chars: 12, max_chars: 240 }
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

/// Characters behind the longest clause that are looked at before it is cut: the rest of what must
/// not be cut.
const AHEAD: usize = 64;

/// One reply of a model, cut into clauses while it is being written.
///
/// Clauses end at the end of a sentence or line; the first may end earlier, so that the voice can
/// begin. What is said in one breath stays in one piece: abbreviations, initials, numbers, prices,
/// dates, times, telephone numbers (also in words), street addresses, e-mail and web addresses. So
/// do code, comments, links and tags, unless they are longer than a clause may be.
///
/// # Invariants
///
/// - The clauses, joined, are the text, byte for byte; a clause keeps the white space behind it.
/// - The clauses do not depend on how the text was split into deltas.
/// - A clause is at most [`max_chars`](ClausesConfig::max_chars) long.
/// - Each clause but the last of a reply holds a letter or digit, unless `max_chars` cuts it.
///
/// A full stop ends a sentence only once the next character is known (the stop of "3." may be that
/// of "3.5"), and after an abbreviation or a number once the next word is;
/// [`flush`](Self::flush) ends the wait.
///
/// A clause may hold markup that an earlier one opened. Use [`SpokenClauses`](super::SpokenClauses)
/// for clauses without markup.
#[derive(Debug, Clone, Default)]
pub struct Clauses {
    config: ClausesConfig,
    pending: String,
    /// What is open where `pending` begins.
    markup: Markup,
    began: bool,
}

impl Clauses {
    /// Creates an empty reply.
    pub fn new(config: ClausesConfig) -> Self {
        Self { config, ..Self::default() }
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
        self.reset();
        clauses
    }

    /// Drops what was not returned yet, and begins a new reply.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.markup = Markup::default();
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
    fn next_cut(&mut self, ended: bool) -> Option<usize> {
        let max = self.config.max_chars.max(16);
        let chars: Vec<char> = self.pending.chars().take(max + AHEAD).collect();
        let full = chars.len() == max + AHEAD || ended && chars.len() > max;
        let early = self.config.first_comma_words.min(self.config.first_words) != usize::MAX;
        let scan = Scan {
            chars: &chars,
            complete: full || ended,
            sentences_only: !full && (self.began || !early),
        };
        let cut = match self.first_break(scan, max) {
            Found::Cut(end) => end,
            Found::Wait => return None,
            Found::Nothing { fallback: Some(end) } if full => end,
            Found::Nothing { fallback: None } if full => max,
            Found::Nothing { .. } => return None,
        };
        for at in 0..cut {
            self.markup.advance(scan.chars, at, scan.complete);
        }
        if cut < max {
            self.markup.close_spans();
        }
        Some(chars[..cut].iter().map(|c| c.len_utf8()).sum())
    }

    fn first_break(&self, scan: Scan<'_>, max: usize) -> Found {
        let mut markup = self.markup;
        let mut places = Places::default();
        for at in 0..scan.chars.len().min(max) {
            markup.advance(scan.chars, at, scan.complete);
            if markup.is_open() {
                continue;
            }
            let place = scan.break_at(at);
            if place.end().is_some_and(|end| end > max) {
                continue;
            }
            match place {
                Break::Wait => return Found::Wait,
                Break::Sentence(end) if self.may_end(scan, end) => return Found::Cut(end),
                Break::Soft(end) if self.may_begin(scan, end, self.config.first_comma_words) => {
                    return Found::Cut(end);
                }
                Break::Space(end) if self.may_begin(scan, end, self.config.first_words) => {
                    return Found::Cut(end);
                }
                Break::Sentence(end) | Break::Soft(end) => places.soft = Some(end),
                Break::Space(end) => places.space = Some(end),
                Break::Bound(end) => places.bound = Some(end),
                Break::Glyph(end) => places.glyph = Some(end),
                Break::None => {}
            }
        }
        Found::Nothing { fallback: places.best(max) }
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

/// The last places of each kind at which a text that is too long may be cut.
#[derive(Default)]
struct Places {
    soft: Option<usize>,
    space: Option<usize>,
    /// Inside what is said in one breath.
    bound: Option<usize>,
    /// Between characters of scripts without spaces.
    glyph: Option<usize>,
}

impl Places {
    fn best(self, length: usize) -> Option<usize> {
        // Near the start, a place would leave nearly all to the next clause.
        let late = |place: Option<usize>| place.filter(|end| end * 4 >= length);
        let kinds = [late(self.soft), late(self.space), late(self.glyph)];
        let any = [self.space, self.soft, self.glyph, self.bound];
        kinds.into_iter().chain(any).flatten().next()
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
