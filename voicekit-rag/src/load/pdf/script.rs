//! Characters as they are written rather than as they are drawn.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// The text of a row with ligatures taken apart, and in reading order where it runs from right to
/// left.
pub(super) fn readable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // Within a row it is drawn like any other hyphen; at the end, it divides a word.
            '\u{ad}' if chars.peek().is_some() => plain.push('-'),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => plain.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}' => {}
            c => plain.push(c),
        }
    }
    let ordered = if is_right_to_left(&plain) { reordered(&plain) } else { parts(&plain) };
    ordered.chars().fold(String::with_capacity(ordered.len()), |mut text, c| {
        match c {
            // Ligatures and the drawn forms of Arabic letters.
            '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => {
                text.extend([c].into_iter().nfkc())
            }
            c => text.push(c),
        }
        text
    })
}

/// The text of one glyph in the order in which a row draws its characters: from left to right.
pub(super) fn as_drawn(text: &str) -> Cow<'_, str> {
    let is_turned = text.chars().nth(1).is_some() && text.chars().all(is_right);
    if is_turned { text.chars().rev().collect::<String>().into() } else { text.into() }
}

/// The text, in which words from right to left among others are in reading order.
fn parts(text: &str) -> String {
    let mut ordered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_right) {
        let length = rest[start..].find(|c: char| !is_right(c) && !c.is_whitespace());
        let turned = &rest[start..length.map_or(rest.len(), |length| start + length)];
        let turned = turned.trim_end();
        ordered.push_str(&rest[..start]);
        ordered.push_str(&reordered(turned));
        rest = &rest[start + turned.len()..];
    }
    ordered + rest
}

/// Whether most letters of the text belong to a script that runs from right to left.
pub(super) fn is_right_to_left(text: &str) -> bool {
    let right = text.chars().filter(|c| is_right(*c)).count();
    right > 0 && right * 2 >= text.chars().filter(|c| c.is_alphabetic()).count()
}

fn is_right(c: char) -> bool {
    // Numbers are written from left to right.
    !c.is_numeric()
        && matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// Rows are drawn from left to right: the whole is turned around, numbers and foreign words stay.
fn reordered(text: &str) -> String {
    let turned: Vec<char> = text.chars().rev().map(mirrored).collect();
    let mut ordered = String::with_capacity(text.len());
    let mut run: Vec<char> = Vec::new();
    for c in turned {
        let is_left = !is_right(c) && c.is_alphanumeric();
        let joins = !run.is_empty() && matches!(c, '.' | ',' | ':' | '/' | '-' | '@' | '%');
        if is_left || joins {
            run.push(c);
            continue;
        }
        flush(&mut run, &mut ordered);
        ordered.push(c);
    }
    flush(&mut run, &mut ordered);
    ordered
}

fn flush(run: &mut Vec<char>, ordered: &mut String) {
    let letters = run.iter().rposition(|c| c.is_alphanumeric()).map_or(0, |last| last + 1);
    let marks = run.split_off(letters);
    ordered.extend(run.drain(..).rev());
    ordered.extend(marks);
}

fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arabic_is_read_from_right_to_left_and_its_numbers_from_left_to_right() {
        // "Welcome 1434", as drawn, with the forms of letters at the end, in the middle and alone.
        assert_eq!(readable("١٤٣٤ \u{fe8e}\u{fe92}\u{fea3}\u{feae}\u{fee3}"), "مرحبا ١٤٣٤");
        // A ligature of two letters is one glyph.
        assert_eq!(readable("\u{fe94}\u{fef3}\u{fefb}\u{feed}"), "ولاية");
        assert_eq!(as_drawn("لا"), "ال");
    }

    #[test]
    fn arabic_words_among_latin_ones_are_in_reading_order() {
        let drawn: String = "العربية".chars().rev().collect();
        assert_eq!(
            readable(&format!("the word {drawn} means Arabic")),
            "the word العربية means Arabic"
        );
    }

    #[test]
    fn soft_hyphens_within_a_row_are_drawn() {
        assert_eq!(readable("a year\u{ad}long stay, break\u{ad}"), "a year-long stay, break\u{ad}");
    }
}
