use super::language::{Language, is_ideograph, starts_with_phrase};

/// What a word is to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// So many digits, of which the words that follow may say the last `room`.
    Plain { width: u32, room: u32 },
    /// The digit zero.
    Zero,
    /// Zero next to another number, else an interjection.
    Oh,
    /// So many zeros after what was said, which the words that follow may replace.
    Times(u32),
    /// The next digit so many times.
    Repeat(u32),
    /// Stands between the parts of a number.
    And,
    /// No number, although a part of it is one elsewhere.
    No,
}

pub(super) const DIGIT: Number = Number::Plain { width: 1, room: 0 };
pub(super) const TEEN: Number = Number::Plain { width: 2, room: 0 };
pub(super) const TENS: Number = Number::Plain { width: 2, room: 1 };

/// Counts the digits of a text, word by word.
#[derive(Debug)]
pub(super) struct Tally {
    language: &'static Language,
    count: u32,
    /// The last so many digits were counted as zeros; the next words may say what they are.
    room: u32,
    /// So often the next digit counts.
    repeat: u32,
    /// Zeros that count if a number follows.
    pending: u32,
    last: Last,
}

/// What the last word was.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    Other,
    /// A number that was counted, or one that said digits counted before.
    Number {
        inside: bool,
        unit: bool,
    },
    /// The word "and" after a single digit.
    UnitAnd {
        inside: bool,
    },
}

impl Tally {
    pub(super) fn new(language: &'static Language) -> Self {
        Self { language, count: 0, room: 0, repeat: 1, pending: 0, last: Last::Other }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Takes in the first word or phrase of normalised text and returns the rest.
    pub(super) fn take<'a>(&mut self, text: &'a str) -> &'a str {
        let known = self.language.numbers.iter();
        let known = known.filter(|(phrase, _)| starts_with_phrase(text, phrase));
        if let Some((phrase, number)) = known.max_by_key(|(phrase, _)| phrase.len()) {
            self.number(*number);
            return &text[phrase.len()..];
        }
        let end = match text.chars().next() {
            Some(c) if is_ideograph(c) => c.len_utf8(),
            Some(_) | None => text.find(' ').unwrap_or(text.len()),
        };
        let (word, rest) = text.split_at(end);
        if !self.compound(word) {
            self.written(word);
        }
        rest
    }

    /// A number of several parts in one word, such as "fünfundzwanzig".
    fn compound(&mut self, word: &str) -> bool {
        let language = self.language;
        let part = |word: &str| {
            let parts = language.numbers.iter().chain(language.inside);
            let fitting = parts.filter(|(part, _)| word.starts_with(part));
            fitting.max_by_key(|(part, _)| part.len()).copied()
        };
        if language.inside.is_empty() {
            return false;
        }
        let mut parts = Vec::new();
        let mut rest = word;
        while let Some((found, number)) = part(rest) {
            parts.push(number);
            rest = &rest[found.len()..];
        }
        if parts.len() < 2 || !rest.is_empty() {
            return false;
        }
        parts.into_iter().for_each(|number| self.number(number));
        true
    }

    fn number(&mut self, number: Number) {
        match number {
            Number::Plain { width, room } => self.plain(width, room),
            // "One hundred (and) zero five", as Chinese has it.
            Number::Zero if self.room >= 2 => self.plain(1, self.room - 1),
            Number::Zero => {
                self.room = 0;
                self.plain(1, 0);
            }
            Number::Oh if self.last == Last::Other => self.pending += self.repeat,
            Number::Oh => self.number(Number::Zero),
            Number::Times(zeros) => self.times(zeros),
            Number::Repeat(times) => {
                self.room = 0;
                self.repeat = times;
            }
            Number::And => {
                if let Last::Number { inside, unit: true } = self.last {
                    self.last = Last::UnitAnd { inside };
                }
            }
            Number::No => self.other(),
        }
    }

    fn plain(&mut self, width: u32, room: u32) {
        let turned = match self.last {
            // "Fünf und zwanzig": the tens follow the unit.
            Last::UnitAnd { inside } if width == 2 && room == 1 => Some(inside),
            Last::UnitAnd { .. } | Last::Number { .. } | Last::Other => None,
        };
        let inside = turned.unwrap_or(width <= self.room);
        self.count += match turned {
            Some(true) => 0,
            Some(false) => 1,
            None if inside => 0,
            None => width * self.repeat,
        };
        self.room = if turned.is_some() { 0 } else { room };
        self.numbered(inside, width == 1);
    }

    fn times(&mut self, zeros: u32) {
        let (added, inside) = match self.last {
            Last::Number { inside: true, .. } | Last::UnitAnd { inside: true } => (0, true),
            Last::Number { inside: false, .. } | Last::UnitAnd { inside: false } => (zeros, false),
            Last::Other => (zeros + 1, false),
        };
        self.count += added;
        self.room = zeros;
        self.numbered(inside, false);
    }

    /// A word that says no number, but may be written with digits.
    fn written(&mut self, word: &str) {
        let digits: u32 = word.chars().filter(|c| c.is_numeric()).map(|_| 1).sum();
        match digits {
            0 => self.other(),
            1 => {
                self.room = 0;
                self.plain(1, 0);
            }
            _ => {
                self.count += digits;
                self.room = 0;
                self.numbered(false, false);
            }
        }
    }

    fn numbered(&mut self, inside: bool, unit: bool) {
        self.count += self.pending;
        self.pending = 0;
        self.repeat = 1;
        self.last = Last::Number { inside, unit };
    }

    fn other(&mut self) {
        let Self { language, count, .. } = *self;
        *self = Self { count, ..Self::new(language) };
    }
}
