//! A caller's words, as speech recognition writes them.

use std::ops::Range;

/// What was heard, in words without punctuation.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// Lower case, digits as digits, "twenty-five" as two words.
    pub(super) plain: Vec<String>,
    /// As they were written.
    raw: Vec<String>,
}

impl Words {
    pub(super) fn new(text: &str) -> Self {
        let mut words = Self::default();
        for written in text.split_whitespace() {
            let bare = written.trim_matches(|c: char| !c.is_alphanumeric() && c != '$');
            let has_digit = bare.contains(|c: char| c.is_ascii_digit());
            let parts: Vec<&str> =
                if has_digit { vec![bare] } else { bare.split(['-', '–', '/']).collect() };
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                words.plain.push(part.to_lowercase().replace('’', "'"));
                words.raw.push(part.to_owned());
            }
        }
        words
    }

    /// The words in `range` as they were written.
    pub(super) fn written(&self, range: Range<usize>) -> String {
        self.raw.get(range).unwrap_or_default().join(" ")
    }

    /// The same words with those in `range` made unreadable.
    pub(super) fn without(&self, range: Range<usize>) -> Self {
        let mut rest = self.clone();
        for at in range {
            for words in [&mut rest.plain, &mut rest.raw] {
                if let Some(word) = words.get_mut(at) {
                    "_".clone_into(word);
                }
            }
        }
        rest
    }

    pub(super) fn len(&self) -> usize {
        self.plain.len()
    }

    pub(super) fn at(&self, index: usize) -> &str {
        self.plain.get(index).map_or("", String::as_str)
    }

    /// Whether the words of `phrase` follow one another somewhere.
    pub(super) fn have(&self, phrase: &str) -> bool {
        (0..self.len()).any(|at| self.has_at(at, phrase).is_some())
    }

    /// Whether one of `phrases` is among the words.
    pub(super) fn have_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.have(phrase))
    }

    /// How many words `phrase` takes if it stands at `at`.
    pub(super) fn has_at(&self, at: usize, phrase: &str) -> Option<usize> {
        let mut count = 0;
        for word in phrase.split(' ') {
            if self.at(at + count) != word {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    /// The number of words at `at` that one of `phrases` takes, the longest that fits.
    pub(super) fn any_at(&self, at: usize, phrases: &[&str]) -> Option<usize> {
        phrases.iter().filter_map(|phrase| self.has_at(at, phrase)).max()
    }

    /// The first word that is not part of a greeting, a hesitation or an announcement.
    pub(super) fn start(&self) -> usize {
        let mut at = 0;
        while let Some(count) = self.any_at(at, ANNOUNCEMENTS) {
            at += count;
        }
        if at < self.len() { at } else { 0 }
    }

    /// What is left without greetings, hesitations and courtesies: the text whose meaning counts.
    pub(super) fn core(&self) -> String {
        let words = &self.plain[self.start()..];
        let courtesy = |word: &String| ["please", "thanks"].contains(&word.as_str());
        let end =
            words.iter().rposition(|word| !courtesy(word)).map_or(words.len(), |last| last + 1);
        words[..end].join(" ")
    }

    /// Whether it sounds like a question rather than an answer.
    pub(super) fn ask(&self) -> bool {
        QUESTIONS.contains(&self.at(self.start()))
            || self
                .any_at(
                    0,
                    &["can you tell me", "could you tell me", "i was wondering", "do you know"],
                )
                .is_some()
    }

    /// A word like `wanted`, as far as a misheard letter or two go.
    pub(super) fn resemble(&self, wanted: &str) -> bool {
        self.plain.iter().any(|word| alike(word, wanted))
            || self.plain.windows(2).any(|pair| alike(&pair.concat(), wanted))
    }
}

const ANNOUNCEMENTS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "um",
    "uh",
    "uhm",
    "er",
    "hmm",
    "well",
    "so",
    "yeah",
    "okay",
    "ok",
    "oh",
    "and",
    "but",
    "please",
    "sorry",
    "good morning",
    "good afternoon",
    "good evening",
    "excuse me",
    "actually",
    "i was wondering if",
    "i was wondering",
    "i wanted to know",
    "i wanted to ask",
    "i'd like to know",
    "i want to know",
    "i would like to know",
    "can you tell me",
    "could you tell me",
    "would you tell me",
    "do you know",
    "tell me",
    "quick question",
    "i have a question",
    "just wondering",
    "i just wanted to ask",
    "thanks",
    "thank you",
];

const QUESTIONS: &[&str] = &[
    "what", "what's", "when", "where", "where's", "who", "why", "how", "how's", "which", "is",
    "are", "do", "does", "did", "can", "could", "will", "would", "should", "have", "has", "may",
];

/// Whether two words differ by no more than recognition errors do: one letter in four, two in
/// seven.
pub(super) fn alike(a: &str, b: &str) -> bool {
    let shorter = a.chars().count().min(b.chars().count());
    let allowed = match shorter {
        0..=3 => 0,
        4..=6 => 1,
        _ => 2,
    };
    a == b || allowed > 0 && distance(a, b) <= allowed
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What the caller says of what the agent asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assent {
    Yes,
    No,
    Neither,
}

/// Whether the words agree or disagree. "No" wins over a "right" later on.
pub(super) fn assent(words: &Words) -> Assent {
    const NO: &[&str] = &[
        "no",
        "nope",
        "nah",
        "wrong",
        "incorrect",
        "not quite",
        "not right",
        "not correct",
        "that's wrong",
        "don't",
        "not really",
        "actually no",
    ];
    const YES: &[&str] = &[
        "yes",
        "yeah",
        "yep",
        "yup",
        "sure",
        "correct",
        "right",
        "that's right",
        "exactly",
        "okay",
        "ok",
        "fine",
        "perfect",
        "good",
        "great",
        "absolutely",
        "definitely",
        "please do",
        "it is",
        "of course",
        "uh huh",
        "go ahead",
    ];
    if words.have_any(NO) {
        return Assent::No;
    }
    if words.len() <= 6 && words.have_any(YES) { Assent::Yes } else { Assent::Neither }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_do_not_count() {
        for (text, core) in [
            ("Hi, um, can you tell me when you open?", "when you open"),
            ("Hello.", "hello"),
            ("Twenty-five people, please", "twenty five people"),
        ] {
            assert_eq!(Words::new(text).core(), core);
        }
    }

    #[test]
    fn misheard_words_are_alike() {
        assert!(alike("chocolate", "choclate"));
        assert!(alike("carrot", "carrots"));
        assert!(!alike("cat", "car"));
        assert!(Words::new("a cheese cake").resemble("cheesecake"));
    }

    #[test]
    fn no_wins_over_right() {
        for (text, expected) in [
            ("Yes, that's right.", Assent::Yes),
            ("No that's not right", Assent::No),
            ("yeah sure", Assent::Yes),
            ("on Friday", Assent::Neither),
        ] {
            assert_eq!(assent(&Words::new(text)), expected, "{text}");
        }
    }
}
