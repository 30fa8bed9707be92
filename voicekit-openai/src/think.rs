//! Thoughts that a model writes into its answer, and that nobody should hear.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Takes out `<think>…</think>` at the start of an answer, as open models write it where their
/// server does not separate it.
#[derive(Debug)]
pub(crate) enum Thoughts {
    /// The answer so far is white space and perhaps a part of the opening mark.
    Opening(String),
    /// Within thoughts; the last bytes may be a part of the closing mark.
    Inside(String),
    /// Between the thoughts and the first word.
    Closed,
    /// There are no more thoughts.
    Over,
}

impl Default for Thoughts {
    fn default() -> Self {
        Self::Opening(String::new())
    }
}

impl Thoughts {
    /// What of the next piece of the answer is to be heard.
    pub(crate) fn without(&mut self, text: &str) -> String {
        match std::mem::replace(self, Self::Over) {
            Self::Opening(held) => self.open(held + text),
            Self::Inside(tail) => self.close(&(tail + text)),
            Self::Closed => self.begin(text),
            Self::Over => text.to_owned(),
        }
    }

    /// What was held back when the answer ended.
    pub(crate) fn rest(&mut self) -> String {
        match std::mem::replace(self, Self::Over) {
            Self::Opening(held) => held,
            Self::Inside(_) | Self::Closed | Self::Over => String::new(),
        }
    }

    fn open(&mut self, held: String) -> String {
        let start = held.trim_start();
        if let Some(inside) = start.strip_prefix(OPEN) {
            return self.close(inside);
        }
        if OPEN.starts_with(start) {
            *self = Self::Opening(held);
            return String::new();
        }
        held
    }

    fn close(&mut self, inside: &str) -> String {
        if let Some((_, after)) = inside.split_once(CLOSE) {
            return self.begin(after);
        }
        let cut = inside.char_indices().rev().nth(CLOSE.len() - 2).map_or(0, |(at, _)| at);
        *self = Self::Inside(inside[cut..].to_owned());
        String::new()
    }

    fn begin(&mut self, text: &str) -> String {
        let text = text.trim_start();
        if text.is_empty() {
            *self = Self::Closed;
        }
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(answer: &str, size: usize) -> String {
        let mut thoughts = Thoughts::default();
        let characters: Vec<char> = answer.chars().collect();
        let pieces = characters.chunks(size).map(|piece| piece.iter().collect::<String>());
        let mut heard: String = pieces.map(|piece| thoughts.without(&piece)).collect();
        heard.push_str(&thoughts.rest());
        heard
    }

    #[test]
    fn thoughts_are_not_heard_however_they_are_cut() {
        for (answer, expected) in [
            ("<think>He asks… </thin> hm</think>\n\nWe open at 9.", "We open at 9."),
            ("\n<think></think>Yes.", "Yes."),
            ("<think>never ends", ""),
            ("We <think> so.", "We <think> so."),
            ("<thin", "<thin"),
            ("  Hi", "  Hi"),
            ("", ""),
        ] {
            for size in 1..=answer.len().max(1) {
                assert_eq!(heard(answer, size), expected, "{answer:?} by {size}");
            }
        }
    }
}
