//! What an answer that was broken off and the one that continues it have in common.

/// Gives text out in whole words, so that what is cut off is cut between words.
///
/// Only letters and digits of scripts with spaces are kept back: elsewhere each character is a
/// word.
#[derive(Debug, Default)]
pub(super) struct WholeWords {
    held: String,
}

impl WholeWords {
    /// What is complete, with `piece`.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let word = self.held.chars().rev().take_while(|&c| is_spelled(c));
        let length: usize = word.map(char::len_utf8).sum();
        let rest = self.held.split_off(self.held.len() - length);
        std::mem::replace(&mut self.held, rest)
    }

    /// The last word.
    pub(super) fn flush(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Letters and digits below the scripts of East Asia, which begin here.
fn is_spelled(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2e80}'
}

/// Leaves out what a continuation repeats of what was said: the longest beginning of it that is
/// also an end of that.
#[derive(Debug)]
pub(super) struct Overlap {
    said: Vec<String>,
    /// Where in `said` the continuation may have begun; all of its words so far agree.
    starts: Vec<usize>,
    /// The words compared so far.
    words: usize,
    /// What is kept back, and how much of it repeats the end of `said`.
    held: String,
    repeated: usize,
    /// Up to here, `held` has been compared.
    compared: usize,
}

impl Overlap {
    /// Compares with what was `said`.
    pub(super) fn new(said: &str) -> Self {
        let said: Vec<String> = said.split_whitespace().map(plain).collect();
        let said: Vec<String> = said.into_iter().filter(|word| !word.is_empty()).collect();
        let starts = (0..said.len()).collect();
        Self { said, starts, words: 0, held: String::new(), repeated: 0, compared: 0 }
    }

    /// What is new, with `piece`, of the continuation.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        while let Some((word, end)) = self.next_word() {
            self.compared = end;
            self.compare(&word);
        }
        if self.starts.is_empty() { self.flush() } else { String::new() }
    }

    /// What is new of all that is left.
    pub(super) fn flush(&mut self) -> String {
        if !self.starts.is_empty() {
            let last = plain(&self.held[self.compared..]);
            self.compared = self.held.len();
            self.compare(&last);
            self.starts.clear();
        }
        let new = self.held.split_off(std::mem::take(&mut self.repeated));
        self.held.clear();
        self.compared = 0;
        new
    }

    /// The next whole word that was not compared, and where it ends, with the space after it.
    fn next_word(&self) -> Option<(String, usize)> {
        let rest = &self.held[self.compared..];
        let begin = rest.len() - rest.trim_start().len();
        let length = rest[begin..].find(char::is_whitespace)?;
        let after = &rest[begin + length..];
        let space = after.len() - after.trim_start().len();
        let end = self.compared + begin + length + space;
        Some((plain(&rest[begin..begin + length]), end))
    }

    fn compare(&mut self, word: &str) {
        if word.is_empty() || self.starts.is_empty() {
            return;
        }
        let (said, words) = (&self.said, self.words);
        self.starts.retain(|start| said.get(start + words).is_some_and(|said| said == word));
        self.words += 1;
        if self.starts.iter().any(|start| start + self.words == self.said.len()) {
            self.repeated = self.compared;
        }
        self.starts.retain(|start| start + self.words < self.said.len());
    }
}

/// The word without case and punctuation.
pub(super) fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_of(said: &str, pieces: &[&str]) -> String {
        let mut overlap = Overlap::new(said);
        let mut new: String = pieces.iter().map(|piece| overlap.push(piece)).collect();
        new.push_str(&overlap.flush());
        new
    }

    #[test]
    fn a_continuation_that_repeats_nothing_is_given_whole() {
        assert_eq!(new_of("We are open from ", &["nine ", "to five."]), "nine to five.");
        assert_eq!(new_of("", &["Good ", "morning."]), "Good morning.");
    }

    #[test]
    fn an_answer_from_the_start_goes_on_where_the_other_stopped() {
        let again = ["We are", " open, from nine", " to five."];
        assert_eq!(new_of("We are open from ", &again), "nine to five.");
    }

    #[test]
    fn the_last_words_are_not_said_again() {
        assert_eq!(new_of("We are open from nine to ", &["from nine ", "to five."]), "five.");
        assert_eq!(new_of("It is the ", &["the ", "last."]), "last.");
    }

    #[test]
    fn the_longest_repetition_counts() {
        assert_eq!(new_of("no no no ", &["no no ", "no and yes"]), "and yes");
    }

    #[test]
    fn an_answer_that_takes_another_turn_is_given_whole() {
        assert_eq!(new_of("We are open from ", &["We are ", "closed."]), "We are closed.");
    }

    #[test]
    fn a_repetition_and_nothing_more_gives_nothing() {
        assert_eq!(new_of("We are open.", &["We are ", "open."]), "");
    }

    #[test]
    fn words_come_whole() {
        let mut words = WholeWords::default();
        let pieces = ["Sat", "ur", "day, at ni", "ne"].map(|piece| words.push(piece));
        assert_eq!(pieces, ["", "", "Saturday, at ", ""]);
        assert_eq!(words.flush(), "nine");
        assert_eq!(words.push("星期六"), "星期六");
    }
}
