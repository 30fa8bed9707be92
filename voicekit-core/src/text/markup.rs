//! Markup that a clause should not be cut inside of.

/// Characters in which the end of a link's text, a tag or a code span is looked for.
const SPAN: usize = 160;

/// What is open at a place in a reply. It decides where to cut, never what is spoken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Markup {
    /// The mark of a fenced block and how many of them opened it.
    fence: Option<(char, usize)>,
    comment: bool,
    tag: bool,
    link: bool,
    /// Open parentheses of a link's target.
    target: usize,
    code: bool,
    /// Whether more than the marks of quotes and lists stands in this line.
    past_indent: bool,
    /// Dashes before this place, at most two.
    dashes: usize,
    /// Characters that belong to a mark which was counted already.
    skip: usize,
}

impl Markup {
    pub(super) fn is_open(&self) -> bool {
        self.fence.is_some()
            || self.comment
            || self.tag
            || self.link
            || self.code
            || self.target > 0
    }

    /// Forgets what ends with its line: a clause that is cut where nothing is open may still hold
    /// marks behind its end, of which it is not known yet what they open.
    pub(super) fn close_spans(&mut self) {
        let Self { fence, comment, past_indent, dashes, .. } = *self;
        *self = Self { fence, comment, past_indent, dashes, ..Self::default() };
    }

    /// Goes on over the character at `at`. What follows `chars` is unknown unless `complete`.
    pub(super) fn advance(&mut self, chars: &[char], at: usize, complete: bool) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let c = chars[at];
        if c == '\n' {
            let (fence, comment) = (self.fence, self.comment);
            *self = Self { fence, comment, ..Self::default() };
            return;
        }
        if self.comment {
            self.comment = !(c == '>' && self.dashes == 2);
            self.dashes = if c == '-' { (self.dashes + 1).min(2) } else { 0 };
            return;
        }
        if !self.past_indent && self.indent(chars, at) {
            return;
        }
        match self.fence {
            Some((mark, length)) if c == mark => self.close_fence(chars, at, length),
            Some(_) => {}
            None => self.inline(chars, at, complete),
        }
    }

    /// The marks at the start of a line. Returns whether a fence begins or ends here.
    fn indent(&mut self, chars: &[char], at: usize) -> bool {
        let c = chars[at];
        self.past_indent = !(c.is_whitespace()
            || c.is_ascii_digit()
            || matches!(c, '>' | '-' | '*' | '+' | '.' | ')'));
        let run = run(chars, at);
        if run < 3 || !matches!(c, '`' | '~') {
            return false;
        }
        let behind = &chars[at + run..];
        match self.fence {
            Some((mark, length)) => {
                let closes = behind.first().is_none_or(|c| c.is_whitespace());
                if mark == c && run >= length && closes {
                    self.fence = None;
                }
            }
            None => {
                let end = behind.iter().position(|c| matches!(c, '\n' | '`'));
                if c == '`' && end.is_some_and(|end| behind[end] == '`') {
                    return false;
                }
                self.fence = Some((c, run));
            }
        }
        self.skip = run - 1;
        true
    }

    /// Marks inside a line of code: they close the block if the line ends with them.
    fn close_fence(&mut self, chars: &[char], at: usize, length: usize) {
        let run = run(chars, at);
        self.skip = run - 1;
        let mut behind = chars[at + run..].iter();
        let ends_line = behind.find(|c| **c == '\n' || !c.is_whitespace()) == Some(&'\n');
        if run >= length && ends_line {
            self.fence = None;
        }
    }

    fn inline(&mut self, chars: &[char], at: usize, complete: bool) {
        let next = chars.get(at + 1).copied();
        let closes_with = |mark: char, from: usize| {
            let behind = chars.get(from..).unwrap_or_default();
            let found = behind.iter().take(SPAN).position(|c| *c == mark || *c == '\n');
            found.map_or(!complete && behind.len() < SPAN, |end| behind[end] == mark)
        };
        match chars[at] {
            c if self.target > 0 => match c {
                '(' => self.target += 1,
                ')' => self.target -= 1,
                _ => {}
            },
            '>' => self.tag = false,
            _ if self.tag => {}
            '`' => {
                let run = run(chars, at);
                self.skip = run - 1;
                let behind = chars[at + run..].iter().find(|c| matches!(**c, '\n' | '`'));
                if run >= 3 && !self.code && behind != Some(&'`') {
                    self.fence = Some(('`', run));
                    return;
                }
                self.code = !self.code && closes_with('`', at + run);
            }
            _ if self.code => {}
            '<' if chars[at..].starts_with(&['<', '!', '-', '-']) => {
                (self.comment, self.skip) = (true, 1);
            }
            '<' => {
                let begins =
                    next.is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?'));
                self.tag = begins && closes_with('>', at + 1);
            }
            '[' => self.link = closes_with(']', at + 1),
            ']' => {
                if self.link && next == Some('(') && closes_with(')', at + 2) {
                    (self.target, self.skip) = (1, 1);
                }
                self.link = false;
            }
            _ => {}
        }
    }
}

/// The number of equal characters from `at` on.
fn run(chars: &[char], at: usize) -> usize {
    chars[at..].iter().take_while(|c| **c == chars[at]).count()
}
