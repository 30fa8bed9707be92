//! Characters as they are written rather than as they are drawn.

use unicode_normalization::UnicodeNormalization;

/// The text of a row with ligatures taken apart, and in reading order where it runs from right to
/// left.
pub(super) fn readable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Ligatures and the drawn forms of Arabic letters.
            '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => {
                plain.extend([c].into_iter().nfkc())
            }
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => plain.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}' => {}
            c => plain.push(c),
        }
    }
    if is_right_to_left(&plain) { reordered(&plain) } else { plain }
}

/// Whether most letters of the text belong to a script that runs from right to left.
pub(super) fn is_right_to_left(text: &str) -> bool {
    let right = text.chars().filter(|c| is_right(*c)).count();
    right > 0 && right * 2 >= text.chars().filter(|c| c.is_alphabetic()).count()
}

fn is_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
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
