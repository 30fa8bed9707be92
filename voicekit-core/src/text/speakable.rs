//! Text made fit for a voice.

/// A clause as it should be spoken: without what is made for the eye.
///
/// - Markdown: emphasis, headings, bullets, quotes, rules, table bars, footnote marks, inline code
///   marks and whole fenced blocks go; a link or picture leaves its text.
/// - Tags (HTML, SSML) and angle brackets go, so that the result can stand inside SSML once `&` is
///   escaped; the common character entities are decoded.
/// - Emoji, emoticons and control characters go.
/// - Web addresses lose their scheme; parentheses become commas, around digits nothing.
/// - Line ends become commas where no other mark stands; white space becomes single spaces, none at
///   either end.
///
/// The result is empty if nothing in the clause can be spoken. Clauses are independent of each
/// other: what one of them leaves open ends with it.
///
/// ```
/// use voicekit_core::text::speakable;
///
/// assert_eq!(speakable("## Our **hours** 🕘\n"), "Our hours");
/// assert_eq!(speakable("See [the menu](https://a.example/m?x=1) (in French)."), "See the menu, in French.");
/// ```
#[must_use]
pub fn speakable(clause: &str) -> String {
    let mut voice = Voice::default();
    let mut in_fence = false;
    for line in clause.split('\n') {
        if line.trim_start().starts_with("```")
            && !line.trim().trim_start_matches('`').contains('`')
        {
            in_fence = !in_fence;
        } else if !in_fence && !is_ornament(line) {
            voice.line(strip_line_mark(line));
        }
    }
    voice.finish()
}

/// Rules, underlines of headings, separators of tables.
fn is_ornament(line: &str) -> bool {
    let marks = line.chars().filter(|c| !c.is_whitespace());
    let line = line.trim();
    line.len() >= 3 && marks.clone().all(|c| matches!(c, '-' | '*' | '_' | '=' | '|' | ':' | '+'))
}

/// A line without what marks it as heading, bullet or quote.
fn strip_line_mark(line: &str) -> &str {
    let mut line = line.trim();
    loop {
        let hashes = line.trim_start_matches('#');
        let mark = match line.chars().next() {
            Some('#') if hashes.is_empty() || hashes.starts_with(' ') => line.len() - hashes.len(),
            Some('-' | '+' | '*') if line[1..].starts_with(' ') => 1,
            Some('•' | '‣' | '▪' | '·') => line.chars().next().map_or(0, char::len_utf8),
            Some('>') => 1,
            _ => return line,
        };
        line = line[mark..].trim_start();
        line = line.strip_prefix("[ ] ").or_else(|| line.strip_prefix("[x] ")).unwrap_or(line);
    }
}

/// What is spoken so far.
#[derive(Default)]
struct Voice {
    out: String,
    /// White space waits for what is spoken next.
    space: bool,
    /// So does a comma.
    comma: bool,
    /// An open parenthesis belongs to the word before it, as in "option(s)".
    attached: bool,
}

impl Voice {
    fn line(&mut self, line: &str) {
        if self.out.ends_with(char::is_alphanumeric) {
            self.comma = true;
        }
        self.space = true;
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            at += self.take(&chars, at);
        }
    }

    /// Speaks what begins at `at`, and returns how many characters that was.
    fn take(&mut self, chars: &[char], at: usize) -> usize {
        let rest = &chars[at..];
        let before = if at == 0 { None } else { Some(chars[at - 1]) };
        let at_word_start = before.is_none_or(|c| !c.is_alphanumeric());
        match rest[0] {
            '<' => self.angle(rest),
            '>' | '`' | '|' => self.mark(rest[0]),
            '\\' => self.escape(rest),
            '*' | '~' | '_' => self.emphasis(rest, before),
            '!' if rest.get(1) == Some(&'[') => 1,
            '[' => self.bracket(rest),
            '(' => self.parenthesis(rest, before),
            ')' => self.close(rest),
            '&' => self.entity(rest),
            'h' if at_word_start => self.scheme(rest),
            ':' | ';' if before.is_none_or(char::is_whitespace) => self.emoticon(rest),
            c => {
                self.plain(c);
                1
            }
        }
    }

    fn plain(&mut self, c: char) {
        if c.is_whitespace() {
            self.space = true;
        } else if is_picture(c) || c.is_control() || is_invisible(c) {
            self.space |= is_picture(c) && !matches!(c, '\u{20E3}' | '™' | '©' | '®');
        } else {
            self.say(c);
        }
    }

    fn say(&mut self, c: char) {
        let ends = matches!(c, '.' | ',' | '!' | '?' | ';' | ':' | '…' | '。' | '，' | '！' | '？');
        if ends {
            self.comma = false;
            self.space &= self.out.is_empty();
        }
        if self.comma && self.out.ends_with(|c: char| c.is_alphanumeric() || is_closing_mark(c)) {
            self.out.push(',');
        }
        if self.space && !self.out.is_empty() {
            self.out.push(' ');
        }
        (self.space, self.comma) = (false, false);
        self.out.push(c);
    }

    /// Marks that only separate: a bar of a table, the end of a tag, a tick of code.
    fn mark(&mut self, c: char) -> usize {
        match c {
            '|' => (self.comma, self.space) = (true, true),
            '>' => self.space = true,
            _ => {}
        }
        1
    }

    /// A backslash and the mark it makes literal.
    fn escape(&mut self, rest: &[char]) -> usize {
        match rest.get(1) {
            Some(&c) if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '`' | '|') => {
                self.say(c);
                2
            }
            Some(_) | None => 1,
        }
    }

    /// `*`, `_` and `~` are spoken only as themselves: between spaces, digits, or inside a word.
    fn emphasis(&mut self, rest: &[char], before: Option<char>) -> usize {
        let run = rest.iter().take_while(|c| **c == rest[0]).count();
        let after = rest.get(run).copied();
        let sides = |is: fn(char) -> bool| before.is_some_and(is) && after.is_some_and(is);
        let literal = run == 1
            && match rest[0] {
                '_' => sides(char::is_alphanumeric),
                '~' => after.is_some_and(char::is_numeric),
                _ => sides(char::is_numeric) || sides(char::is_whitespace),
            };
        if literal {
            self.say(rest[0]);
        }
        run
    }

    fn angle(&mut self, rest: &[char]) -> usize {
        let is_tag = rest.get(1).is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?'));
        let Some(end) = rest.iter().position(|c| *c == '>').filter(|_| is_tag) else {
            self.space = true;
            return 1;
        };
        let body: String = rest[1..end].iter().collect();
        if body.starts_with("http") || (body.contains('@') && !body.contains(' ')) {
            return 1;
        }
        let name: String = body.chars().take_while(|c| c.is_alphanumeric()).collect();
        self.space |=
            matches!(name.as_str(), "br" | "break" | "p" | "div" | "li" | "s") || name.is_empty();
        end + 1
    }

    /// A link, picture, reference, or plain brackets.
    fn bracket(&mut self, rest: &[char]) -> usize {
        let Some(end) = rest.iter().position(|c| *c == ']') else { return 1 };
        let text = &rest[1..end];
        if text.first() == Some(&'^') || (!text.is_empty() && text.iter().all(|c| c.is_numeric())) {
            return end + 1;
        }
        let mut at = 0;
        while at < text.len() {
            at += self.take(text, at);
        }
        match rest.get(end + 1) {
            Some('(') => closing(&rest[end + 1..]).map_or(end + 1, |close| end + close + 2),
            Some('[') => {
                let target = rest[end + 1..].iter().position(|c| *c == ']');
                target.map_or(end + 1, |close| end + close + 2)
            }
            Some(_) | None => end + 1,
        }
    }

    fn parenthesis(&mut self, rest: &[char], before: Option<char>) -> usize {
        let inside = closing(rest).map_or(&rest[1..], |end| &rest[1..end]);
        let is_number = inside.iter().all(|c| !c.is_alphabetic());
        self.attached = before.is_some_and(char::is_alphanumeric);
        if !self.attached {
            self.space = true;
            self.comma |= !is_number;
        }
        1
    }

    fn close(&mut self, rest: &[char]) -> usize {
        let attached = std::mem::take(&mut self.attached);
        let goes_on = !attached && rest.get(1).is_some_and(|c| c.is_whitespace());
        let text = self.out.trim_end_matches(|c: char| !c.is_whitespace());
        let spoke_word = self.out[text.len()..].contains(char::is_alphabetic);
        self.comma |= goes_on && spoke_word;
        1
    }

    fn entity(&mut self, rest: &[char]) -> usize {
        const ENTITIES: [(&str, char); 7] = [
            ("&amp;", '&'),
            ("&nbsp;", ' '),
            ("&quot;", '"'),
            ("&apos;", '\''),
            ("&#39;", '\''),
            ("&lt;", ' '),
            ("&gt;", ' '),
        ];
        for (entity, c) in ENTITIES {
            if entity.chars().eq(rest.iter().copied().take(entity.len())) {
                self.plain(c);
                return entity.len();
            }
        }
        self.say('&');
        1
    }

    fn scheme(&mut self, rest: &[char]) -> usize {
        for scheme in ["https://", "http://"] {
            if rest.len() > scheme.len() && scheme.chars().eq(rest[..scheme.len()].iter().copied())
            {
                return scheme.len();
            }
        }
        self.say('h');
        1
    }

    fn emoticon(&mut self, rest: &[char]) -> usize {
        let nose = usize::from(rest.get(1) == Some(&'-'));
        let is_face = matches!(rest.get(nose + 1), Some(')' | '(' | 'D' | 'P' | '/' | 'O'));
        let ends = rest.get(nose + 2).is_none_or(|c| !c.is_alphanumeric());
        if is_face && ends {
            return nose + 2;
        }
        self.say(rest[0]);
        1
    }

    fn finish(self) -> String {
        if self.out.contains(char::is_alphanumeric) { self.out } else { String::new() }
    }
}

/// Where the parenthesis that opens `chars` is closed.
fn closing(chars: &[char]) -> Option<usize> {
    let mut depth = 0_usize;
    chars.iter().position(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

fn is_closing_mark(c: char) -> bool {
    matches!(c, '"' | '”' | '’' | '\'' | '%' | '€' | '$')
}

/// Emoji and the other symbols that voices name or stumble over.
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
