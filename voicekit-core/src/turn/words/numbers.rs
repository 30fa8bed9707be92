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
    run: Run,
}

/// The numbers that were said one after the other, up to the latest word.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Run {
    /// How many numbers; "twenty-five" is one.
    pub(super) numbers: u32,
    /// How many of them are a single digit.
    pub(super) singles: u32,
    /// How many digits in all.
    pub(super) digits: u32,
    /// Whether the first digit is a zero.
    pub(super) zero_first: bool,
    /// Whether a digit was said as "double seven".
    pub(super) repeated: bool,
    /// Whether a word such as "double" or "oh" stands at the end.
    pub(super) open: bool,
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
        Self {
            language,
            count: 0,
            room: 0,
            repeat: 1,
            pending: 0,
            last: Last::Other,
            run: Run::default(),
        }
    }

    /// The numbers that end with the latest word; none if that is another word.
    pub(super) fn run(&self) -> Run {
        Run { open: self.repeat > 1 || self.pending > 0, ..self.run }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Whether the latest word belongs to a number, or may begin one.
    pub(super) fn is_in_number(&self) -> bool {
        self.last != Last::Other || self.repeat > 1 || self.pending > 0
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
                self.run.zero_first |= self.run.numbers == 0;
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
        self.count_in_run(width, inside, turned);
        self.count += match turned {
            Some(true) => 0,
            Some(false) => 1,
            None if inside => 0,
            None => width * self.repeat,
        };
        self.room = if turned.is_some() { 0 } else { room };
        self.numbered(inside, width == 1);
    }

    fn count_in_run(&mut self, width: u32, inside: bool, turned: Option<bool>) {
        let apart = matches!(self.last, Last::UnitAnd { .. }) && turned.is_none();
        if apart {
            // "Four and five" are two numbers and not one that is dictated.
            self.run = Run::default();
        }
        match turned {
            Some(_) => {
                self.run.singles = self.run.singles.saturating_sub(1);
                self.run.digits += 1;
            }
            None if inside => {}
            None => {
                self.run.zero_first |= self.run.numbers == 0 && self.pending > 0;
                self.run.numbers += self.repeat + self.pending;
                self.run.singles += self.pending + if width == 1 { self.repeat } else { 0 };
                self.run.digits += width * self.repeat + self.pending;
                self.run.repeated |= self.repeat > 1;
            }
        }
    }

    fn times(&mut self, zeros: u32) {
        match self.last {
            Last::Other => {
                self.run.numbers += 1;
                self.run.digits += zeros + 1;
            }
            Last::Number { inside: true, .. } | Last::UnitAnd { inside: true } => {}
            Last::Number { inside: false, unit } => {
                self.run.singles = self.run.singles.saturating_sub(u32::from(unit));
                self.run.digits += zeros;
            }
            Last::UnitAnd { inside: false } => {
                self.run.singles = self.run.singles.saturating_sub(1);
                self.run.digits += zeros;
            }
        }
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
                self.run.zero_first |= self.run.numbers == 0 && word.starts_with('0');
                self.run.numbers += 1 + self.pending;
                self.run.digits += digits + self.pending;
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
