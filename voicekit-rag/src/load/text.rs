//! Plain text.
//!
//! Lines that were broken to fit a width are joined; lists, tables and addresses keep their lines.
//! Underlined lines and lines in capitals are headings, and a question stays with its answer.

use voicekit_core::error::Result;

use super::outline::Outline;

/// The shortest line that may have been broken to fit, in characters.
const FULL: usize = 45;
/// The longest heading in capitals, in characters.
const LONGEST_HEADING: usize = 70;

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let mut reader =
        Reader { outline, paragraph: Vec::new(), question: Vec::new(), answered: false };
    let lines: Vec<&str> = text.split(['\n', '\u{c}', '\u{2028}', '\u{2029}', '\u{85}']).collect();
    let mut nth = 0;
    while let Some(line) = lines.get(nth) {
        let next = lines.get(nth + 1).copied().unwrap_or_default();
        nth += 1;
        if line.trim().is_empty() {
            reader.end_paragraph()?;
        } else if let Some(level) = underline(line, next) {
            reader.heading(level, line)?;
            nth += 1;
        } else if let Some((level, heading)) = marked(line) {
            reader.heading(level, heading)?;
        } else if is_rule(line) {
            reader.end_paragraph()?;
        } else if reader.paragraph.is_empty() && is_in_capitals(line) && !is_in_capitals(next) {
            reader.heading(2, line)?;
        } else {
            reader.line(line)?;
        }
    }
    reader.end_question()
}

struct Reader<'o> {
    outline: &'o mut Outline,
    paragraph: Vec<String>,
    /// The paragraphs of a question and its answer.
    question: Vec<String>,
    answered: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) -> Result<()> {
        match speaker(line) {
            Some(Speaker::Question) => self.end_question()?,
            Some(Speaker::Answer) if !self.question.is_empty() || self.asks() => {
                self.answered = true;
            }
            Some(Speaker::Answer) | None => {}
        }
        self.paragraph.push(line.to_owned());
        Ok(())
    }

    /// Whether the paragraph begins with a question.
    fn asks(&self) -> bool {
        let first = self.paragraph.first().and_then(|line| speaker(line));
        matches!(first, Some(Speaker::Question))
    }

    fn end_paragraph(&mut self) -> Result<()> {
        if self.paragraph.is_empty() {
            return Ok(());
        }
        let asks = self.asks();
        let answers = self.paragraph.first().and_then(|line| speaker(line)).is_some() && !asks;
        let text = joined(&std::mem::take(&mut self.paragraph));
        if asks || (!self.question.is_empty() && (answers || !self.answered)) {
            // An answer without a mark is a paragraph.
            self.answered |= !asks;
            self.question.push(text);
            return Ok(());
        }
        self.put_question()?;
        self.outline.text(&text)?;
        self.outline.end_block()
    }

    fn put_question(&mut self) -> Result<()> {
        self.answered = false;
        let question = std::mem::take(&mut self.question).join("\n");
        if question.is_empty() { Ok(()) } else { self.outline.whole(None, &question) }
    }

    fn end_question(&mut self) -> Result<()> {
        self.end_paragraph()?;
        self.put_question()
    }

    fn heading(&mut self, level: u8, text: &str) -> Result<()> {
        self.end_question()?;
        self.outline.headline(level, text)
    }
}

enum Speaker {
    Question,
    Answer,
}

/// What `Q:`, `Question 3:` or `A.` begins.
fn speaker(line: &str) -> Option<Speaker> {
    let line = line.trim_start().trim_start_matches(['*', '-', '•']).trim_start();
    // The number of a list.
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = number.strip_prefix(['.', ')']).filter(|_| number.len() < line.len());
    let line = numbered.map_or(line, str::trim_start);
    let end = line.find([':', '.', ')'])?;
    let (mark, rest) = line.split_at(end);
    let mark = mark
        .trim_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || c == '*' || c == '#');
    if rest.len() < 2 || !rest[1..].starts_with([' ', '\t', '*']) {
        return None;
    }
    let dotted = rest.starts_with(['.', ')']);
    match mark.to_lowercase().as_str() {
        "q" | "question" | "frage" => Some(Speaker::Question),
        "a" | "answer" | "antwort" => Some(Speaker::Answer),
        "f" | "p" if !dotted => Some(Speaker::Question),
        "r" if !dotted => Some(Speaker::Answer),
        _ => None,
    }
}

/// The level of a heading with a line of `=` or `-` below it.
fn underline(line: &str, next: &str) -> Option<u8> {
    let (line, next) = (line.trim(), next.trim());
    let wide = next.chars().count() >= 3 && next.chars().count() * 2 >= line.chars().count();
    let fits =
        wide && line.chars().count() <= LONGEST_HEADING && line.chars().any(char::is_alphanumeric);
    let all = |mark: char| next.chars().all(|c| c == mark);
    match next.chars().next() {
        _ if !fits || is_columns(line) => None,
        Some('=') if all('=') => Some(1),
        Some(mark @ ('-' | '~' | '*' | '^' | '#' | '_')) if all(mark) => Some(2),
        _ => None,
    }
}

/// A heading as Markdown writes it, which people use in plain text, too.
fn marked(line: &str) -> Option<(u8, &str)> {
    let rest = line.trim_start_matches('#');
    let level =
        u8::try_from(line.len() - rest.len()).ok().filter(|level| (1..=6).contains(level))?;
    (rest.starts_with(' ') && !rest.trim().is_empty()).then_some((level, rest))
}

/// Whether a line only separates.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 3
        && line.chars().all(|c| "=-_*~#+.\u{2014}\u{2500}\u{2550}".contains(c))
}

fn is_in_capitals(line: &str) -> bool {
    let line = line.trim();
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3
        && line.chars().count() <= LONGEST_HEADING
        && !line.chars().any(char::is_lowercase)
        && line.chars().any(char::is_uppercase)
        && !line.ends_with(['.', ',', ';', '!'])
        && letters * 2 > line.chars().filter(|c| !c.is_whitespace()).count()
        && !is_columns(line)
}

/// Whether a line holds columns.
fn is_columns(line: &str) -> bool {
    let line = line.trim();
    line.contains(['\t', '|', '\u{2502}', '\u{2551}']) || line.contains("   ") || {
        // Two spaces after a sentence are the habit of some.
        line.match_indices("  ").any(|(place, _)| !line[..place].ends_with(['.', '!', '?', ':']))
    }
}

/// Whether a line begins with a mark of a list, a label or a speaker.
fn begins_item(line: &str) -> bool {
    let line = line.trim_start();
    let bullets = ["- ", "* ", "+ ", "• ", "· ", "– ", "— ", "o ", "> ", "▪ ", "‣ ", "[ ]", "[x]"];
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = digits.len() < line.len()
        && line.len() - digits.len() <= 3
        && [". ", ") ", ".)"].iter().any(|mark| digits.starts_with(mark));
    let lettered = line.as_bytes().get(1) == Some(&b')')
        && line.starts_with(|c: char| c.is_ascii_alphabetic());
    bullets.iter().any(|bullet| line.starts_with(bullet))
        || numbered
        || lettered
        || speaker(line).is_some()
}

/// The lines of a paragraph, without those breaks that only fit it into a width.
fn joined(lines: &[String]) -> String {
    let columns = lines.iter().filter(|line| is_columns(line)).count();
    if columns * 2 > lines.len() {
        return lines.join("\n");
    }
    let mut text = String::new();
    let mut before: Option<&str> = None;
    for line in lines {
        let line = line.trim();
        match before {
            None => {}
            Some(before) if continues(before, line) => {
                let begins = line.starts_with(char::is_lowercase);
                let mut ends = text.chars().rev();
                let hyphen =
                    ends.next() == Some('-') && ends.next().is_some_and(char::is_lowercase);
                if hyphen && begins {
                    text.pop();
                } else {
                    text.push(' ');
                }
            }
            Some(_) => text.push('\n'),
        }
        text.push_str(line);
        before = Some(line);
    }
    text
}

/// Whether `line` goes on with the sentence or paragraph of `before`.
fn continues(before: &str, line: &str) -> bool {
    if begins_item(line) || is_columns(line) || is_columns(before) || before.ends_with(':') {
        return false;
    }
    let is_label =
        line.split_once(": ").is_some_and(|(label, _)| label.len() <= 20 && !label.contains(' '));
    let full = before.chars().count() >= FULL;
    line.starts_with(char::is_lowercase) || (full && !is_label)
}
