//! The words of a template's tags, with their lines.
//!
//! The template engine finds unknown names only where they are used while rendering, and tells the
//! line of what it was rendering. To say where a name stands that no trial comes by, the tags are
//! read here: not parsed, only cut into names, texts and signs.

/// A word in a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// From 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{%` or `{{`.
    Open,
    Name,
    /// Without its quotes.
    Text,
    Number,
    Sign,
}

/// All words of all tags, in order. Comments and raw blocks have none.
pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let mut scan = Scan { source, at: 0, line: 1, words: Vec::new() };
    while scan.next_tag() {}
    scan.words
}

/// What a tag does: its first name. `tag` begins with its opening.
pub(super) fn head<'a>(tag: &[Word<'a>]) -> Option<Word<'a>> {
    let inside = tag.get(1..)?;
    let head = inside.iter().find(|word| !(word.kind == Kind::Sign && "-+".contains(word.text)))?;
    (tag[0].text == "{%" && head.kind == Kind::Name).then_some(*head)
}

struct Scan<'a> {
    source: &'a str,
    at: usize,
    line: usize,
    words: Vec<Word<'a>>,
}

impl<'a> Scan<'a> {
    fn next_tag(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let Some(open) = rest
            .match_indices('{')
            .find(|(at, _)| rest[at + 1..].starts_with(['{', '%', '#']))
            .map(|(at, _)| at)
        else {
            return false;
        };
        self.advance(open);
        let close = match self.source[self.at..].get(1..2) {
            Some("#") => {
                self.skip_past("#}");
                return true;
            }
            Some("{") => "}}",
            _ => "%}",
        };
        let first = self.words.len();
        self.push(Kind::Open, 2);
        self.tag(close);
        if head(&self.words[first..]).is_some_and(|word| word.text == "raw") {
            self.skip_raw();
        }
        true
    }

    fn tag(&mut self, close: &str) {
        while let Some(c) = self.source[self.at..].chars().next() {
            let rest = &self.source[self.at..];
            if rest.starts_with(close) {
                return self.advance(2);
            }
            if c.is_whitespace() {
                self.advance(c.len_utf8());
            } else if c == '"' || c == '\'' {
                self.text(c);
            } else if c.is_alphanumeric() || c == '_' {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let kind = if c.is_numeric() { Kind::Number } else { Kind::Name };
                self.push(kind, end.unwrap_or(rest.len()));
            } else {
                self.push(Kind::Sign, c.len_utf8());
            }
        }
    }

    fn text(&mut self, quote: char) {
        self.advance(1);
        let rest = &self.source[self.at..];
        let mut escaped = false;
        let end = rest.find(|c: char| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        self.push(Kind::Text, end.unwrap_or(rest.len()));
        if end.is_some() {
            self.advance(1);
        }
    }

    fn skip_raw(&mut self) {
        while !self.source[self.at..].is_empty() {
            self.skip_past("{%");
            let inside = self.source[self.at..].trim_start_matches(['-', '+']).trim_start();
            if inside.starts_with("endraw") {
                return;
            }
        }
    }

    fn skip_past(&mut self, mark: &str) {
        let rest = &self.source[self.at..];
        let end = rest.find(mark).map_or(rest.len(), |at| at + mark.len());
        self.advance(end);
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.source[self.at..self.at + length];
        self.words.push(Word { line: self.line, kind, text });
        self.advance(length);
    }

    fn advance(&mut self, length: usize) {
        let passed = &self.source[self.at..self.at + length];
        self.line += passed.matches('\n').count();
        self.at += length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Prompt;

    fn source() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "{{", "}}", "{%", "%}", "{#", "#}", "raw", "endraw", "if", "is", "not", "|", ".",
                "'", "\"", "\\", "-", "\n", " ", "x", "é", "中", "include", "filter", "set", "{",
            ])
            .prop_map(str::to_owned),
            ".{0,3}",
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(source in source()) {
            let lines = source.matches('\n').count() + 1;
            prop_assert!(words(&source).iter().all(|word| (1..=lines).contains(&word.line)));
            if let Err(error) = Prompt::template("prompt", &*source) {
                prop_assert!(error.line.is_none_or(|line| (1..=lines + 1).contains(&line)));
            }
        }
    }

    #[test]
    fn words_are_those_of_tags_alone() {
        let source =
            "is | one {# is | two #}\n{%- raw %}{{ three }}{%- endraw %}\n{{ a.b|c('d\\'') }}";
        let words = words(source).into_iter().map(|word| (word.line, word.text));
        let words: Vec<(usize, &str)> = words.filter(|(line, _)| *line == 3).collect();
        let texts = ["{{", "a", ".", "b", "|", "c", "(", "d\\'", ")"];
        assert_eq!(words, texts.map(|text| (3, text)));
    }
}
