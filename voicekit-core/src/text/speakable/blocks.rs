//! The start of a line: fences, headings, bullets, quotes, rules, definitions.

use super::Filter;
use super::scan::{Ahead, More};
use super::tags::Hidden;

/// Characters in which the end of a rule, fence line or definition is looked for.
const LINE: usize = 160;

impl Filter {
    pub(super) fn line_start(&mut self, ahead: Ahead<'_>) -> Result<usize, More> {
        let first = ahead.chars[0];
        if first == '\n' {
            self.output.line_end();
            return Ok(1);
        }
        if first.is_whitespace() {
            self.output.space();
            return Ok(1);
        }
        if is_ornament(ahead)? {
            return Ok(ahead.chars.iter().take_while(|c| is_ornamental(**c)).count());
        }
        if let Some(run) = fence(ahead)? {
            self.at_line_start = false;
            self.hidden = Some(Hidden::Fence { mark: first, length: run });
            return Ok(run);
        }
        if let Some(taken) = self.line_mark(ahead)? {
            return Ok(taken);
        }
        if first == '[' && is_definition(ahead)? {
            self.at_line_start = false;
            self.hidden = Some(Hidden::Line);
            return Ok(1);
        }
        self.at_line_start = false;
        if first == '|' {
            self.output.space();
            return Ok(1);
        }
        self.inline(ahead).inspect_err(|More| self.at_line_start = true)
    }

    /// The mark of a heading, bullet, number of a list, or quote; another may follow it.
    fn line_mark(&mut self, ahead: Ahead<'_>) -> Result<Option<usize>, More> {
        let space_at = |at| Ok(ahead.need(at)?.is_none_or(char::is_whitespace));
        let first = ahead.chars[0];
        let taken = match first {
            '#' => {
                let run = ahead.run(0, '#');
                if !space_at(run)? {
                    return Ok(None);
                }
                run
            }
            '-' | '+' | '*' | '–' | '—' if space_at(1)? => 1,
            '•' | '‣' | '▪' | '·' | '◦' | '●' | '>' => 1,
            c if c.is_ascii_digit() => return self.list_number(ahead),
            _ => return Ok(None),
        };
        let blank = ahead.find(taken, 4, |c| c != ' ')?.unwrap_or(taken);
        let is_box = blank > taken
            && ahead.peek(blank) == Some('[')
            && matches!(ahead.need(blank + 1)?, Some(' ' | 'x' | 'X'))
            && ahead.need(blank + 2)? == Some(']');
        Ok(Some(if is_box { blank + 3 } else { taken }))
    }

    /// The number of a list, which is spoken: "1." or "1)".
    fn list_number(&mut self, ahead: Ahead<'_>) -> Result<Option<usize>, More> {
        let Some(end) = ahead.find(0, 4, |c| !c.is_ascii_digit())? else { return Ok(None) };
        let is_mark = matches!(ahead.need(end)?, Some('.' | ')'));
        if !is_mark || ahead.need(end + 1)? != Some(' ') {
            return Ok(None);
        }
        for digit in ahead.slice(0, end) {
            self.output.say(*digit);
        }
        if ahead.peek(end) == Some('.') {
            self.output.say('.');
        }
        self.output.space();
        Ok(Some(end + 2))
    }
}

fn is_ornamental(c: char) -> bool {
    matches!(c, '-' | '*' | '_' | '=' | '|' | ':' | '+' | ' ' | '\t' | '\r')
}

/// Rules, underlines of headings, separators of tables.
fn is_ornament(ahead: Ahead<'_>) -> Result<bool, More> {
    let Some(end) = ahead.find(0, LINE, |c| !is_ornamental(c))? else { return Ok(true) };
    let ends_line = ahead.peek(end).is_none_or(|c| c == '\n');
    Ok(ends_line && ahead.text(0, end).trim().chars().count() >= 3)
}

/// The length of the marks that open a fenced block, if one begins here.
pub(super) fn fence(ahead: Ahead<'_>) -> Result<Option<usize>, More> {
    let mark = ahead.chars[0];
    if !matches!(mark, '`' | '~') {
        return Ok(None);
    }
    let run = ahead.run(0, mark);
    if run < 3 {
        // A run of marks at the end of what has arrived may go on.
        ahead.need(run)?;
        return Ok(None);
    }
    ahead.need(run)?;
    if mark == '`' {
        let end = ahead.find(run, LINE, |c| matches!(c, '\n' | '`'))?;
        let is_inline = end.and_then(|end| ahead.peek(end)) == Some('`');
        return Ok((!is_inline).then_some(run));
    }
    Ok(Some(run))
}

/// The target of a reference link: `[label]: https://…`.
fn is_definition(ahead: Ahead<'_>) -> Result<bool, More> {
    if ahead.need(1)? == Some('^') {
        return Ok(false);
    }
    let Some(close) = ahead.find(1, LINE, |c| matches!(c, ']' | '\n' | '['))? else {
        return Ok(false);
    };
    if ahead.peek(close) != Some(']') || ahead.need(close + 1)? != Some(':') {
        return Ok(false);
    }
    let Some(begin) = ahead.find(close + 2, 8, |c| !matches!(c, ' ' | '\t'))? else {
        return Ok(false);
    };
    let Some(end) = ahead.find(begin, LINE, char::is_whitespace)? else { return Ok(true) };
    let target = ahead.text(begin, end);
    let is_path = target.starts_with(['/', '#', '<', '.']);
    Ok(is_path || target.contains("://") || target.contains("mailto:") || target.contains('.'))
}
