//! Dialects of Markdown become common Markdown with HTML.
//!
//! Boxes, folds and tabs become `details`; templates, attributes, imports and comments are left out.
//! Code blocks stay as they are.

use super::directive::{Opening, callout, opening, template_title};

/// Boxes within boxes.
const DEEPEST: usize = 16;
/// The most lines between a template and the one that ends it.
const LONGEST: usize = 400;
/// The most lines of a template or a comment.
const TALLEST: usize = 40;
/// Lines that stand for a table of contents or another file.
const INSTEAD: &[&str] = &["[toc]", "[[toc]]", "[[_toc_]]", "{:toc}", "${toc}"];
/// What templates, comments and expressions are between.
const HOLES: &[(&str, &str)] =
    &[("{{<", ">}}"), ("{{%", "%}}"), ("{{", "}}"), ("{%", "%}"), ("{/*", "*/}"), ("%%", "%%")];
/// What attributes begin with.
const ATTRIBUTES: &[&str] = &["{:", "{#", "{.", "{ .", "{ #"];

pub(super) fn to_common(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut common = String::with_capacity(text.len());
    blocks(&lines, 0, &mut common);
    common
}

fn blocks(lines: &[String], depth: usize, out: &mut String) {
    let mut fence: Option<&str> = None;
    let mut boxes = 0_usize;
    let mut nth = 0;
    while let Some(line) = lines.get(nth) {
        nth += 1;
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        if let Some(mark) = fence {
            push(out, line);
            if text.starts_with(mark) && text.trim_start_matches(&mark[..1]).trim().is_empty() {
                fence = None;
            }
            continue;
        }
        if let Some(mark) = fence_of(text) {
            fence = Some(mark);
            push(out, line);
            continue;
        }
        match opening(text).filter(|_| depth < DEEPEST) {
            Some(Opening::Indented(title)) => {
                let (inner, after) = indented(&lines[nth..], indent.len());
                nth += after;
                open(out, indent, title);
                blocks(&inner, depth + 1, out);
                close(out, indent);
                continue;
            }
            Some(Opening::Fenced(title)) => {
                boxes += 1;
                open(out, indent, title);
                continue;
            }
            Some(Opening::End) => {
                if boxes > 0 {
                    boxes -= 1;
                    close(out, indent);
                }
                continue;
            }
            None => {}
        }
        if let Some(title) = alone(text).and_then(template_title)
            && depth < DEEPEST
            && let Some(end) = template_end(text, &lines[nth..])
        {
            open(out, indent, title);
            blocks(&lines[nth..nth + end], depth + 1, out);
            close(out, indent);
            nth += end + 1;
            continue;
        }
        if indent.len() >= 4
            && boxes == 0
            && depth == 0
            && !line.contains("{{")
            && !line.contains("{%")
        {
            push(out, line);
            continue;
        }
        nth += statement(text, &lines[nth..]);
        if is_left_out(text) {
            push(out, "");
            continue;
        }
        let (whole, more) = closed(line, &lines[nth..]);
        nth += more;
        push(out, &inline(&whole));
    }
    for _ in 0..boxes {
        close(out, "");
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn open(out: &mut String, indent: &str, title: &str) {
    let title = plain(title);
    let summary =
        if title.is_empty() { String::new() } else { format!("<summary>{title}</summary>") };
    push(out, "");
    push(out, &format!("{indent}<details>{summary}"));
    push(out, "");
}

fn close(out: &mut String, indent: &str) {
    push(out, "");
    push(out, &format!("{indent}</details>"));
    push(out, "");
}

/// A title as HTML.
fn plain(title: &str) -> String {
    title.replace(['*', '`'], "").replace('&', "&amp;").replace('<', "&lt;").trim().to_owned()
}

/// The mark of the code block that a line begins.
fn fence_of(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = text.len() - text.trim_start_matches(mark).len();
    let inline = mark == '`' && text[length..].contains('`');
    (length >= 3 && !inline).then(|| &text[..length])
}

/// The lines that are indented by four more than `base`, without these, and how many those are.
fn indented(lines: &[String], base: usize) -> (Vec<String>, usize) {
    let mut inner = Vec::new();
    let mut count = 0;
    for (nth, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            inner.push(String::new());
            continue;
        }
        let wide = line.replace('\t', "    ");
        let indent = wide.len() - wide.trim_start().len();
        if indent < base + 2 {
            break;
        }
        // Some indent by less than four.
        let cut = (indent - base).min(4);
        inner.push(wide[cut..].to_owned());
        count = nth + 1;
    }
    inner.truncate(count);
    (inner, count)
}

/// The number of further lines of an import or export of MDX.
fn statement(text: &str, below: &[String]) -> usize {
    if !is_export(text) {
        return 0;
    }
    let opens = |line: &str| line.matches(['{', '[', '(']).count();
    let closes = |line: &str| line.matches(['}', ']', ')']).count();
    let (mut open, mut closed) = (opens(text), closes(text));
    let mut count = 0;
    while open > closed && count < below.len().min(TALLEST) {
        open += opens(&below[count]);
        closed += closes(&below[count]);
        count += 1;
    }
    if open > closed { 0 } else { count }
}

fn is_export(text: &str) -> bool {
    let imports = text.starts_with("import ")
        && (text.contains(" from \"")
            || text.contains(" from '")
            || text.starts_with("import '")
            || text.starts_with("import \"")
            || text.trim_end().ends_with('{'));
    let exports = ["const ", "default ", "function ", "let ", "async ", "var "];
    imports
        || text
            .strip_prefix("export ")
            .is_some_and(|rest| exports.iter().any(|one| rest.starts_with(one)))
}

/// Whether a line is no text at all.
fn is_left_out(text: &str) -> bool {
    let line = text.trim();
    let lower = line.to_ascii_lowercase();
    let item = lower.trim_start_matches(['*', '-', '1', '.', ' ']);
    let expression = line.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let expression = expression.is_some_and(|inner| {
        !inner.is_empty()
            && inner
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '(' | ')' | '$'))
    });
    is_export(text)
        || INSTEAD.contains(&item)
        || (item == "toc" && lower.starts_with(['*', '-', '1']))
        || line.starts_with("--8<--")
        || expression
}

/// A line with those after it that end what it begins, and how many those are.
fn closed(line: &str, below: &[String]) -> (String, usize) {
    let mut whole = line.to_owned();
    let mut count = 0;
    while is_open(&whole) && count < below.len().min(TALLEST) {
        whole.push(' ');
        whole.push_str(below[count].trim());
        count += 1;
    }
    if is_open(&whole) { (line.to_owned(), 0) } else { (whole, count) }
}

fn is_open(line: &str) -> bool {
    let hole = HOLES[..5].iter().find_map(|(open, close)| {
        let place = line.find(open)?;
        Some((place, !line[place + open.len()..].contains(close)))
    });
    let comment = line.contains("{% comment %}") && !line.contains("{% endcomment %}");
    comment
        || hole.is_some_and(|(place, open)| open && !is_code(line, place))
        || (is_component(line.trim_start()) && line.contains('{') && !line.contains('>'))
}

/// Whether `place` is within backquotes.
fn is_code(line: &str, place: usize) -> bool {
    line[..place].matches('`').count() & 1 == 1
}

fn is_component(text: &str) -> bool {
    text.strip_prefix('<').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

fn inline(line: &str) -> String {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let line = quoted_callout(line).unwrap_or_else(|| line.to_owned());
    let line = match line.split_once("{% comment %}") {
        Some((before, after)) => {
            let after = after.split_once("{% endcomment %}").map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => line,
    };
    let title = alone(text).and_then(template_title);
    if let Some(title) = title {
        return format!("\n{indent}**{}**\n", title.replace('*', ""));
    }
    let line = without_holes(&line);
    let line = if is_component(line.trim_start()) { without_expressions(&line) } else { line };
    let line = without_attributes(&line);
    highlights(&line)
}

/// A template that is all of a line.
fn alone(text: &str) -> Option<&str> {
    let text = text.trim();
    let (open, close) = HOLES[..4].iter().find(|(open, _)| text.starts_with(open))?;
    let ends = text.find(close)? + close.len() == text.len();
    let closes = text[open.len()..].trim_start_matches(['-', ' ']).starts_with('/');
    (ends && !closes).then_some(text)
}

/// The name of a template that is all of a line, and whether it ends what that name begins.
fn template_name(text: &str) -> Option<(&str, bool)> {
    let text = text.trim();
    let (open, close) = HOLES[..4].iter().find(|(open, _)| text.starts_with(open))?;
    let inner = text[open.len()..].strip_suffix(close).filter(|inner| !inner.contains(close))?;
    let inner = inner.trim_matches(|c: char| c == '-' || c.is_whitespace());
    let ended = inner.strip_prefix('/').or_else(|| inner.strip_prefix("end"));
    let name = ended.unwrap_or(inner).split_whitespace().next()?;
    (!inner.ends_with('/')).then_some((name, ended.is_some()))
}

/// The number of lines before the one that ends the template `call`.
fn template_end(call: &str, below: &[String]) -> Option<usize> {
    let (wanted, _) = template_name(call)?;
    let mut open = 0_usize;
    for (nth, line) in below.iter().enumerate().take(LONGEST) {
        match template_name(line) {
            Some((name, true)) if name == wanted && open == 0 => return Some(nth),
            Some((name, true)) if name == wanted => open -= 1,
            Some((name, false)) if name == wanted => open += 1,
            Some(_) | None => {}
        }
    }
    None
}

/// A line of a quote that begins a callout, with its title in bold letters.
fn quoted_callout(line: &str) -> Option<String> {
    let text = line.trim_start_matches([' ', '>']);
    let marks = &line[..line.len() - text.len()];
    let title = callout(text).filter(|_| marks.contains('>'))?;
    let marks = marks.trim_end();
    Some(if title.is_empty() { marks.to_owned() } else { format!("{marks} **{title}**\n{marks}") })
}

/// `line` without templates, expressions and comments.
fn without_holes(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    loop {
        let found = HOLES.iter().filter_map(|(open, close)| {
            let place = rest.find(open)?;
            let end = rest[place + open.len()..].find(close)?;
            let end = place + open.len() + end + close.len();
            Some((place, std::cmp::Reverse(open.len()), end))
        });
        let Some((place, _, end)) = found.min() else { break };
        if is_code(rest, place) {
            let tick = rest[place..].find('`').map_or(rest.len(), |tick| place + tick + 1);
            kept.push_str(&rest[..tick]);
            rest = &rest[tick..];
            continue;
        }
        kept.push_str(&rest[..place]);
        rest = &rest[end..];
    }
    kept + rest
}

/// A component of MDX without attributes that are expressions; of those that are texts, the texts.
fn without_expressions(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some(place) = rest.find("={") {
        let mut depth = 0_usize;
        let end = rest[place + 1..].bytes().position(|byte| {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        let Some(end) = end.map(|end| place + 1 + end) else { break };
        let value = rest[place + 2..end].trim();
        let inner = value
            .strip_prefix(['"', '\'', '`'])
            .and_then(|value| value.strip_suffix(['"', '\'', '`']));
        kept.push_str(&rest[..place]);
        if let Some(inner) = inner.filter(|inner| !inner.contains('"') && !inner.contains("${")) {
            kept.push_str(&format!("=\"{inner}\""));
        }
        rest = &rest[end + 1..];
    }
    kept + rest
}

/// `line` without `{: .class}` and the like.
fn without_attributes(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::new();
    loop {
        let place = ATTRIBUTES.iter().filter_map(|mark| rest.find(mark)).min();
        let target = rest.find("){").filter(|place| {
            let inner = rest[place + 2..].split('}').next().unwrap_or_default();
            inner.contains('=') || inner.starts_with(['.', '#', ':'])
        });
        let place = match (place, target.map(|target| target + 1)) {
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => break,
        };
        let Some(end) = rest[place..].find('}').map(|end| place + end + 1) else { break };
        if is_code(rest, place) {
            kept.push_str(&rest[..end]);
        } else {
            kept.push_str(rest[..place].trim_end_matches(' '));
        }
        rest = &rest[end..];
    }
    kept + rest
}

/// `line` without the marks of highlighted text and of Obsidian's blocks.
fn highlights(line: &str) -> String {
    // Each second part is code.
    let mut parts: Vec<String> = line.split('`').map(str::to_owned).collect();
    let paired = !parts.len().is_multiple_of(2) && !line.contains("``");
    let marks: usize = parts.iter().step_by(2).map(|part| part.matches("==").count()).sum();
    let is_rule = line.trim().chars().all(|c| c == '=');
    let mut line = line.to_owned();
    if marks > 0 && marks.is_multiple_of(2) && paired && !is_rule && !line.contains(" == ") {
        for part in parts.iter_mut().step_by(2) {
            *part = part.replace("==", "");
        }
        line = parts.join("`");
    }
    if let Some((before, id)) = line.rsplit_once(" ^")
        && !id.is_empty()
        && id.len() <= 32
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        line = before.to_owned();
    }
    line
}
