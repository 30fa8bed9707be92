//! What is spoken, and the spaces and commas that are due before more of it.

/// The spoken text since it was last taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Output {
    text: String,
    /// The last character spoken, over all clauses.
    last: Option<char>,
    /// Whether the last word has a letter.
    has_letter: bool,
    /// A space is due before whatever is spoken next.
    space: bool,
    /// So is a comma.
    comma: bool,
}

impl Output {
    pub(super) fn space(&mut self) {
        self.space = true;
    }

    /// A pause, unless a mark stands here already.
    pub(super) fn comma(&mut self) {
        self.space = true;
        self.comma = true;
    }

    /// The end of a line, or the first character of a text.
    pub(super) fn line_end(&mut self) {
        self.comma |= self.last.is_some_and(char::is_alphanumeric);
        self.space = true;
    }

    /// Whether the last word has a letter, so that a pause may follow it.
    pub(super) fn spoke_word(&self) -> bool {
        self.has_letter
    }

    /// Speaks a character of plain text.
    pub(super) fn plain(&mut self, c: char) {
        if c.is_whitespace() || matches!(c, '<' | '>') {
            self.space = true;
        } else if matches!(c, '•' | '‣') {
            self.comma();
        } else if is_picture(c) || c.is_control() || is_invisible(c) {
            self.space |= is_picture(c) && !matches!(c, '\u{20E3}' | '™' | '©' | '®');
        } else {
            self.say(c);
        }
    }

    pub(super) fn say(&mut self, c: char) {
        let ends = matches!(c, '.' | ',' | '!' | '?' | ';' | ':' | '…' | '。' | '，' | '！' | '？');
        if ends {
            self.comma = false;
            self.space &= self.last.is_none();
        }
        self.due();
        self.has_letter |= c.is_alphabetic();
        self.put(c);
    }

    /// Speaks what is due before more text, or at the end of a clause.
    fn due(&mut self) {
        if self.comma && self.last.is_some_and(|c| c.is_alphanumeric() || is_closing_mark(c)) {
            self.put(',');
        }
        if self.space {
            self.has_letter = false;
            if self.last.is_some_and(|c| c != ' ') {
                self.put(' ');
            }
        }
        (self.space, self.comma) = (false, false);
    }

    fn put(&mut self, c: char) {
        self.text.push(c);
        self.last = Some(c);
    }

    /// The text of a clause, with the comma and the space that it ends with; empty if there is
    /// nothing in it to pronounce.
    pub(super) fn take(&mut self) -> String {
        let (has_letter, space) = (self.has_letter, self.space);
        self.due();
        // The next word begins with the space again, which is not doubled.
        (self.has_letter, self.space) = (has_letter, space);
        let text = std::mem::take(&mut self.text);
        if text.contains(char::is_alphanumeric) { text } else { String::new() }
    }

    /// The text of a reply that was read at once.
    pub(super) fn finish(self) -> String {
        if self.text.contains(char::is_alphanumeric) { self.text } else { String::new() }
    }
}

fn is_closing_mark(c: char) -> bool {
    matches!(c, '"' | '”' | '’' | '\'' | '%' | '€' | '$')
}

/// Emoji and other symbols that voices name or stumble over.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}' | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{23FF}'
        | '\u{2500}'..='\u{27BF}' | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{20E3}'
        | '™' | '©' | '®')
}

/// Joiners, variation selectors, marks of direction, and tags of flags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}' | '\u{AD}')
}
