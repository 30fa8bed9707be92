//! Text that is never spoken: code, comments, tags, link targets.

use super::scan::{Ahead, More};

/// What is skipped, and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// A fenced block, to a line of at least `length` marks.
    Fence { mark: char, length: usize },
    /// To a fixed end, such as that of a comment.
    To(&'static str),
    /// The rest of the line.
    Line,
    /// The target of a link inside `depth` parentheses.
    Target { depth: usize },
    /// Between the target and the end of a link.
    Title { quote: Option<char> },
}

/// Characters in which the end of a tag is looked for.
const TAG: usize = 400;

impl Hidden {
    /// Returns how many characters are skipped, and what goes on to be hidden behind them.
    pub(super) fn skip(
        self,
        ahead: Ahead<'_>,
        at_line_start: bool,
    ) -> Result<(usize, Option<Self>), More> {
        match self {
            Self::Fence { mark, length } if at_line_start => {
                Ok(match closing_fence(ahead, mark, length)? {
                    Some(end) => (end, None),
                    None if ahead.chars[0] == mark => (ahead.run(0, mark), Some(self)),
                    None => return self.skip_code(mark, length, ahead),
                })
            }
            Self::Fence { mark, length } => self.skip_code(mark, length, ahead),
            Self::Line => {
                let end = ahead.chars.iter().position(|c| *c == '\n');
                Ok(end.map_or((ahead.chars.len(), Some(self)), |end| (end, None)))
            }
            Self::To(end) => self.skip_to(end, ahead),
            Self::Target { depth } => Ok(target(ahead, depth)),
            Self::Title { quote } => Ok(title(ahead, quote)),
        }
    }

    /// Whether a line end in it begins a line.
    pub(super) fn keeps_lines(self) -> bool {
        matches!(self, Self::Fence { .. })
    }

    /// Code inside a line, to its end or to marks that close the block behind it.
    fn skip_code(
        self,
        mark: char,
        length: usize,
        ahead: Ahead<'_>,
    ) -> Result<(usize, Option<Self>), More> {
        let found = ahead.chars.iter().position(|c| *c == mark || *c == '\n');
        let Some(at) = found else { return Ok((ahead.chars.len(), Some(self))) };
        if ahead.chars[at] == '\n' {
            return Ok((at + 1, Some(self)));
        }
        if at > 0 {
            return Ok((at, Some(self)));
        }
        let run = ahead.run(0, mark);
        ahead.need(run)?;
        let blank = ahead.find(run, TAG, |c| c == '\n' || !c.is_whitespace())?;
        let ends_line = blank.is_none_or(|at| ahead.peek(at).is_none_or(|c| c == '\n'));
        Ok((run, Some(self).filter(|_| run < length || !ends_line)))
    }

    fn skip_to(self, end: &'static str, ahead: Ahead<'_>) -> Result<(usize, Option<Self>), More> {
        let lower: Vec<char> = ahead.chars.iter().map(char::to_ascii_lowercase).collect();
        let mark: Vec<char> = end.chars().collect();
        if let Some(at) = lower.windows(mark.len()).position(|window| window == mark) {
            return Ok((at + mark.len(), None));
        }
        if ahead.ended {
            return Ok((ahead.chars.len(), None));
        }
        match (ahead.chars.len() + 1).saturating_sub(mark.len()) {
            0 => Err(More),
            skipped => Ok((skipped, Some(self))),
        }
    }
}

/// Where the text behind the marks that close a fence begins.
fn closing_fence(ahead: Ahead<'_>, mark: char, length: usize) -> Result<Option<usize>, More> {
    let is_indent = |c: char| c == ' ' || c == '\t' || c == '>';
    let Some(begin) = ahead.find(0, TAG, |c| !is_indent(c))? else { return Ok(None) };
    let Some(end) = ahead.find(begin, TAG, |c| c != mark)? else { return Ok(None) };
    let closes = end - begin >= length && ahead.peek(end).is_none_or(char::is_whitespace);
    Ok(closes.then_some(end))
}

fn target(ahead: Ahead<'_>, mut depth: usize) -> (usize, Option<Hidden>) {
    for (at, c) in ahead.chars.iter().enumerate() {
        match c {
            '(' => depth += 1,
            ')' if depth <= 1 => return (at + 1, None),
            ')' => depth -= 1,
            c if c.is_whitespace() => return (at, Some(Hidden::Title { quote: None })),
            _ => {}
        }
    }
    (ahead.chars.len(), Some(Hidden::Target { depth }))
}

/// The title of a link and the parenthesis that ends it. A link without one ends here.
fn title(ahead: Ahead<'_>, quote: Option<char>) -> (usize, Option<Hidden>) {
    let first = ahead.chars[0];
    if let Some(quote) = quote {
        return match ahead.chars.iter().position(|c| *c == quote) {
            Some(end) => (end + 1, Some(Hidden::Title { quote: None })),
            None => (ahead.chars.len(), Some(Hidden::Title { quote: Some(quote) })),
        };
    }
    match first {
        ')' => (1, None),
        '"' | '\'' => (1, Some(Hidden::Title { quote: Some(first) })),
        '(' => (1, Some(Hidden::Title { quote: Some(')') })),
        c if c.is_whitespace() => (1, Some(Hidden::Title { quote: None })),
        _ => (0, None),
    }
}

/// Something between angle brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Angle {
    /// Not markup: a sign of comparison.
    Sign,
    /// An address; its brackets are not spoken.
    Address,
    /// A tag of this length that is as good as a space, or nothing.
    Tag { length: usize, is_space: bool },
    /// The beginning of something that is hidden, of this length.
    Hidden { length: usize, until: Hidden },
}

/// What an angle bracket begins.
pub(super) fn angle(ahead: Ahead<'_>) -> Result<Angle, More> {
    match ahead.need(1)? {
        Some('!') => declaration(ahead),
        Some('?') => Ok(Angle::Hidden { length: 2, until: Hidden::To(">") }),
        Some('/') => tag(ahead, 2),
        Some(c) if c.is_alphabetic() && is_address(ahead)? => Ok(Angle::Address),
        Some(c) if c.is_ascii_alphabetic() => tag(ahead, 1),
        Some(_) | None => Ok(Angle::Sign),
    }
}

fn declaration(ahead: Ahead<'_>) -> Result<Angle, More> {
    for (mark, end) in [("<!--", "-->"), ("<![cdata[", "]]>"), ("<!doctype", ">")] {
        if ahead.starts_with(0, mark)? {
            // `<!-->` is a whole comment.
            let length = if mark == "<!--" { 2 } else { mark.len() };
            return Ok(Angle::Hidden { length, until: Hidden::To(end) });
        }
    }
    Ok(Angle::Sign)
}

/// A URI or e-mail address in angle brackets; neither holds white space.
fn is_address(ahead: Ahead<'_>) -> Result<bool, More> {
    let name_end = ahead.find(1, 64, |c| !(c.is_alphanumeric() || "+-._%".contains(c)))?;
    let Some(end) = name_end else { return Ok(false) };
    match ahead.peek(end) {
        Some('@') => Ok(true),
        Some(':') => Ok(ahead.need(end + 1)?.is_some_and(|c| !c.is_whitespace() && c != '>')
            && ["http", "https", "mailto", "tel", "ftp", "sip", "sips"]
                .contains(&ahead.text(1, end).to_ascii_lowercase().as_str())),
        Some(_) | None => Ok(false),
    }
}

/// A tag whose name begins at `from`.
fn tag(ahead: Ahead<'_>, from: usize) -> Result<Angle, More> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_' | '.');
    let Some(name_end) = ahead.find(from, 40, |c| !is_name(c))? else { return Ok(Angle::Sign) };
    let name = ahead.text(from, name_end).to_ascii_lowercase();
    let end = match tag_end(ahead, name_end)? {
        End::At(end) => end,
        End::Never => return Ok(Angle::Sign),
        End::Far => return Ok(Angle::Hidden { length: TAG, until: Hidden::To(">") }),
        // A tag that the text ends in.
        End::Cut { has_value } => {
            let is_tag = has_value || from == 2 || TAGS.contains(&name.as_str());
            let length = ahead.chars.len();
            return Ok(if is_tag { Angle::Tag { length, is_space: true } } else { Angle::Sign });
        }
    };
    let length = end + 1;
    let closed = ahead.peek(end.saturating_sub(1)) == Some('/');
    let until = match name.as_str() {
        "script" => Some("</script>"),
        "style" => Some("</style>"),
        _ => None,
    };
    if let Some(until) = until.filter(|_| from == 1 && !closed) {
        return Ok(Angle::Hidden { length, until: Hidden::To(until) });
    }
    let is_space = name.is_empty() || BLOCKS.contains(&name.as_str());
    Ok(Angle::Tag { length, is_space })
}

enum End {
    At(usize),
    Never,
    /// Not within [`TAG`] characters, but it is one.
    Far,
    /// The text ends before the tag does.
    Cut {
        has_value: bool,
    },
}

/// Where a tag ends whose name ends at `from`. More than two words without a value are no tag.
fn tag_end(ahead: Ahead<'_>, from: usize) -> Result<End, More> {
    let (mut quote, mut words, mut has_value, mut quoted_end) = (None, 0, false, None);
    match ahead.need(from)? {
        Some(c) if c.is_whitespace() || matches!(c, '>' | '/') => {}
        None => return Ok(End::Cut { has_value: false }),
        Some(_) => return Ok(End::Never),
    }
    for at in from..from + TAG {
        let Some(c) = ahead.need(at)? else {
            return Ok(quoted_end.map_or(End::Cut { has_value }, End::At));
        };
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), '>') => quoted_end = quoted_end.or(Some(at)),
            (Some(_), _) => {}
            (None, '>') => return Ok(End::At(at)),
            (None, '<') => return Ok(End::Never),
            (None, '"' | '\'') if has_value => quote = Some(c),
            (None, '=') => has_value = true,
            (None, c) if c.is_whitespace() => words += 1,
            (None, _) => {}
        }
        if words > 3 && !has_value {
            return Ok(End::Never);
        }
    }
    Ok(quoted_end.map_or(if has_value { End::Far } else { End::Never }, End::At))
}

/// Tags around pieces of text that are not parts of one word.
const BLOCKS: &[&str] = &[
    "br", "break", "p", "div", "li", "s", "td", "th", "tr", "ul", "ol", "table", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "dt", "dd", "section", "article", "img", "option", "summary",
    "details",
];

/// Names of tags that a text may end in the middle of.
const TAGS: &[&str] = &[
    "a", "b", "i", "u", "s", "br", "p", "div", "li", "ul", "ol", "td", "th", "tr", "table", "span",
    "strong", "em", "code", "pre", "img", "speak", "break", "prosody", "emphasis", "sub", "sup",
    "say-as", "phoneme", "voice", "audio", "h1", "h2", "h3", "h4", "h5", "h6", "html", "body",
    "head", "font", "small", "mark", "details", "summary",
];
