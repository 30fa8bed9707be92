//! Tool calls in bare JSON, in Python and in fenced blocks: where they end.

use super::calls;
use super::marks::{Context, Mark};
use crate::tool::ToolSpec;

/// The longest text that is held back because it may be a tool call, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// JSON that begins the text: calls, or text.
pub(super) fn json(text: &str, context: Context<'_>) -> Mark {
    match end_of_json(text) {
        Some(end) if end <= LONGEST && calls::looks_like_call(&text[..end], context.tools) => {
            Mark::Calls(end)
        }
        Some(end) => Mark::Text(end),
        None if context.ended => unfinished(text, text.len(), context.tools),
        None if text.len() > LONGEST => unfinished(text, 1, context.tools),
        None => Mark::Wait,
    }
}

/// A call in Python that begins the text, such as `[get_weather(city="Paris")]`.
pub(super) fn python(text: &str, context: Context<'_>) -> Option<Mark> {
    let inner = text[1..].trim_start();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let end = inner.find(|c| !is_name(c));
    let name = &inner[..end.unwrap_or(inner.len())];
    let mut tools = context.tools.iter();
    let Some(end) = end else {
        let could_be = !name.is_empty() && tools.any(|tool| tool.name.starts_with(name));
        return (could_be && !context.ended).then_some(Mark::Wait);
    };
    if !inner[end..].starts_with('(') || calls::find_tool(name, context.tools).is_none() {
        return None;
    }
    Some(match end_of_json(text) {
        Some(end) if end <= LONGEST => Mark::Calls(end),
        Some(_) => Mark::Text(1),
        None if context.ended => Mark::Remove(text.len()),
        None if text.len() > LONGEST => Mark::Text(1),
        None => Mark::Wait,
    })
}

/// A fenced block whose body begins at `body`: calls, or text that is passed on whole.
pub(super) fn fenced(text: &str, body: usize, context: Context<'_>) -> Mark {
    let close = text[body..].find("```").map_or(text.len(), |at| body + at);
    if close > LONGEST {
        return Mark::Text(body);
    }
    if close == text.len() && !context.ended {
        return Mark::Wait;
    }
    let whole = text.len().min(close + 3);
    let is_call = !calls::parse(&text[body..close], context.tools).is_empty();
    if is_call { Mark::Calls(whole) } else { Mark::Text(whole) }
}

/// JSON that does not end: a call is dropped.
fn unfinished(text: &str, length: usize, tools: &[ToolSpec]) -> Mark {
    let begins_call = calls::begins_call(text, tools);
    if begins_call { Mark::Remove(text.len()) } else { Mark::Text(length) }
}

/// Where the brackets that `text` begins with are closed, strings left out.
fn end_of_json(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if std::mem::take(&mut escaped) => {}
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"') => quote = Some('"'),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}' | ']' | ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + c.len_utf8());
                }
            }
            (None, _) => {}
        }
    }
    None
}
