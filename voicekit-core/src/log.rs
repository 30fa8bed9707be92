//! Text from outside, made fit for log lines and terminals.
//!
//! Names, numbers, parameters, headers and what models and providers say may hold line breaks that
//! forge log lines, and escape sequences that change terminals.
//!
//! ```
//! use voicekit_core::log::escaped;
//!
//! assert_eq!(escaped("a\nb\u{1b}[31m").to_string(), "a\\nb\\u{1b}[31m");
//! ```

use std::fmt::{self, Debug, Display, Formatter, Write};

/// Displays `value` on one line: control characters, line separators and characters that change the
/// direction of text are written as Rust escapes.
pub fn escaped<T: Display>(value: T) -> Escaped<T> {
    Escaped { value, keeps_lines: false }
}

/// Displays `value` like [`escaped`], but keeps line feeds.
pub fn escaped_lines<T: Display>(value: T) -> Escaped<T> {
    Escaped { value, keeps_lines: true }
}

/// A value that is displayed without control characters; see [`escaped`].
#[derive(Clone, Copy)]
pub struct Escaped<T> {
    value: T,
    keeps_lines: bool,
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, keeps_lines: self.keeps_lines }, "{}", self.value)
    }
}

impl<T: Display> Debug for Escaped<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Escapes what is written to it.
struct Escaping<'a, 'b> {
    out: &'a mut Formatter<'b>,
    keeps_lines: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            if !is_unfit(c) || (self.keeps_lines && c == '\n') {
                continue;
            }
            self.out.write_str(&text[plain..at])?;
            write!(self.out, "{}", c.escape_default())?;
            plain = at + c.len_utf8();
        }
        self.out.write_str(&text[plain..])
    }
}

/// Control characters (C0, C1, DEL), line and paragraph separators, and what reorders text (Unicode
/// Standard Annex 9, section 2).
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_forges_a_line_or_moves_a_cursor_is_left() {
        for (text, shown) in [
            ("CA1", "CA1"),
            ("Zoë 北京 \u{1f600}", "Zoë 北京 \u{1f600}"),
            ("a\r\nb", "a\\r\\nb"),
            ("a\tb", "a\\tb"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("a\u{2028}b\u{202e}c\u{2066}", "a\\u{2028}b\\u{202e}c\\u{2066}"),
        ] {
            assert_eq!(escaped(text).to_string(), shown);
            assert_eq!(format!("{:?}", escaped(text)), shown);
        }
        assert_eq!(escaped_lines("a\nb\r\u{1b}").to_string(), "a\nb\\r\\u{1b}");
    }
}
