//! Telephone numbers, digit by digit in their groups: "+1 (555) 014-2298 ext. 12".

use super::numbers::{all_digits, digits};
use super::token::{Said, Text};

/// Groups of digits that make a telephone number.
pub(super) fn telephone(text: &Text<'_>, at: usize) -> Option<Said> {
    let plus = text.sign(at) == Some('+') && text.is_glued(at + 1);
    let (groups, signs, end) = groups(text, at + usize::from(plus));
    let (word, end) = vanity(text, end);
    let groups = match groups.as_slice() {
        [one] if word.is_empty() => split(one, plus, &text.context(at))?,
        many if is_telephone(many, plus, signs) => groups,
        [_, _, ..] if !word.is_empty() && signs > 0 => groups,
        _ => return None,
    };
    let mut said = groups.iter().map(|group| digits(group)).collect::<Vec<_>>().join(", ");
    if plus {
        said.insert_str(0, "plus ");
    }
    said.push_str(&word);
    let (extension, end) = extension(text, end);
    said.push_str(&extension);
    Some(Said::new(said, end))
}

/// Groups of digits from `at` on, how many signs separate them, and where they end.
fn groups<'a>(text: &Text<'a>, at: usize) -> (Vec<&'a str>, usize, usize) {
    let (mut groups, mut signs, mut next, mut end) = (Vec::new(), 0, at, at);
    loop {
        let open = usize::from(text.sign(next) == Some('('));
        let Some(group) = text.number(next + open) else { break };
        let behind = next + open + 1;
        // "555 0142 5pm", "555 0142, 10:30", "555 0142 50%": the last is no group.
        let is_other = match text.glued_sign(behind) {
            Some(':' | '%' | '°' | '€' | '$') => true,
            Some(',' | '.') => text.glued_number(behind + 1).is_some() && group.len() > 4,
            Some(_) | None => text.glued_word(behind).is_some_and(|word| word != "x"),
        };
        if is_other || !groups.is_empty() && group.len() < 2 && open == 0 {
            break;
        }
        groups.push(group);
        let close = usize::from(open > 0 && text.sign(behind) == Some(')'));
        end = behind + close;
        next = end;
        signs += open;
        let mark = matches!(text.sign(next), Some('-' | '.' | '/' | '–' | '‑'));
        if mark && text.is_glued(next) == text.is_glued(next + 1) {
            signs += 1;
            next += 1;
        } else if text.is_glued(next) && text.sign(next) != Some('(') && close == 0 {
            break;
        }
    }
    (groups, signs, end)
}

fn is_telephone(groups: &[&str], plus: bool, signs: usize) -> bool {
    let total: usize = groups.iter().map(|group| group.len()).sum();
    let longest = groups.iter().map(|group| group.len()).max().unwrap_or_default();
    let Some((first, rest)) = groups.split_first() else { return false };
    let is_trunk = plus || first.starts_with('0');
    let is_grouped_number = !is_trunk
        && first.len() <= 3
        && rest.iter().all(|group| group.len() == 3)
        && rest.contains(&"000");
    let is_year = |group: &str| group.len() == 4 && matches!(&group[..2], "19" | "20");
    let are_years = groups.iter().all(|group| is_year(group));
    (7..=15).contains(&total)
        && (longest <= 4 || longest <= 8 && (is_trunk || signs > 0))
        && !is_grouped_number
        && !are_years
}

/// A number that is written as one: groups of three or four digits.
fn split<'a>(digits: &'a str, plus: bool, before: &str) -> Option<Vec<&'a str>> {
    const BEFORE: [&str; 9] =
        ["call", "phone", "number", "tel", "telephone", "dial", "text", "fax", "mobile"];
    let length = digits.len();
    let is_called = (7..=15).contains(&length) && (plus || BEFORE.contains(&before));
    let is_long = (10..=11).contains(&length) || length == 12 && digits.starts_with('0');
    if !(is_called || is_long) || !all_digits(digits) {
        return None;
    }
    let head = match length {
        11 if !digits.starts_with('0') => 1,
        12 if plus => 2,
        length => length % 3 + if length % 3 == 0 { 3 } else { 0 },
    };
    let (head, mut rest) = match length % 3 {
        1 if !matches!(length, 11) => digits.split_at(3),
        _ => digits.split_at(head),
    };
    let mut groups = vec![head];
    while rest.len() > 4 {
        let (group, behind) = rest.split_at(3);
        groups.push(group);
        rest = behind;
    }
    groups.push(rest);
    groups.retain(|group| !group.is_empty());
    Some(groups)
}

/// Letters in place of digits: "1-800-FLOWERS".
fn vanity(text: &Text<'_>, end: usize) -> (String, usize) {
    let word = text
        .glued_word(end + 1)
        .filter(|word| word.len() >= 3 && word.chars().all(|c| c.is_ascii_uppercase()));
    match word.filter(|_| text.glued_sign(end) == Some('-')) {
        Some(word) => (format!(", {}", word.to_lowercase()), end + 2),
        None => (String::new(), end),
    }
}

/// "x123", "ext. 12", ", extension 5", "#40".
fn extension(text: &Text<'_>, end: usize) -> (String, usize) {
    let at = end + usize::from(text.sign(end) == Some(','));
    let is_word = text.word(at).is_some_and(|word| {
        matches!(word.to_ascii_lowercase().as_str(), "x" | "ext" | "extn" | "extension")
    });
    if !is_word && text.sign(at) != Some('#') {
        return (String::new(), end);
    }
    let number = at + 1 + usize::from(matches!(text.sign(at + 1), Some('.' | ':')));
    match text.number(number) {
        Some(group) => (format!(", extension {}", digits(group)), number + 1),
        None => (String::new(), end),
    }
}
