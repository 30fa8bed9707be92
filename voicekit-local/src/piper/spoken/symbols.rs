//! Signs that are said, and the pauses between words.

use super::Word;
use super::token::{Kind, Said, Text};

/// The pause after the word at `at`. The full stop of an abbreviation ends a sentence only before
/// a capital letter or at the end of the text, and that of a title only at the end.
pub(super) fn pause(words: &[Word<'_>], at: usize) -> Option<char> {
    const TITLES: &[&str] = &[
        "dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "no.", "nr.", "nos.", "apt.", "rev.", "gen.",
        "ste.", "rm.", "pp.", "ext.", "tel.", "vs.", "e.g.", "i.e.", "approx.", "incl.",
    ];
    const SHORT: &[&str] = &[
        "a.m.", "p.m.", "u.s.", "ave.", "rd.", "blvd.", "ln.", "etc.", "inc.", "ltd.", "co.",
        "min.", "hrs.", "dept.", "appt.", "jr.", "sr.", "lbs.", "oz.", "ft.", "mins.", "sq.",
        "corp.", "hwy.", "max.",
    ];
    let word = &words[at];
    let (Some('.'), Some(next)) = (word.pause, words.get(at + 1)) else { return word.pause };
    let dotted = word.dotted.to_lowercase();
    let initial = word.core.chars().count() == 1 && word.is_capitalised();
    let month = word.core.len() <= 4 && super::dates::is_month(word.core);
    if TITLES.contains(&dotted.as_str()) || initial || month {
        return None;
    }
    let is_short = SHORT.contains(&dotted.as_str());
    (!is_short || next.is_capitalised()).then_some('.')
}

/// A sign by itself, between numbers or words.
pub(super) fn sign(text: &Text<'_>, at: usize) -> Option<Said> {
    let sign = text.sign(at)?;
    let is_between = |is: fn(&Text<'_>, usize) -> bool| {
        at > 0
            && (is(text, at - 1) || text.sign(at - 1) == Some(')'))
            && (is(text, at + 1)
                || text.sign(at + 1) == Some('(')
                || text.sign(at + 1) == Some('√'))
    };
    let numbers = is_between(is_operand);
    let said = match sign {
        '+' => "plus",
        '=' => "equals",
        '×' | '⋅' => "times",
        '÷' => "divided by",
        '√' => "the square root of",
        '&' => "and",
        '@' => "at",
        '%' => "percent",
        '°' => "degrees",
        '±' => "plus or minus",
        '≈' | '~' => "about",
        '≠' => "is not equal to",
        '≤' => "is at most",
        '≥' => "is at least",
        '§' => "section",
        '№' => "number",
        '²' => "squared",
        '³' => "cubed",
        '€' => "euros",
        '£' => "pounds",
        '$' => "dollars",
        '*' | '·' if numbers => "times",
        '/' if numbers => "over",
        '^' if numbers => "to the power of",
        '<' if numbers => "is less than",
        '>' if numbers => "is more than",
        '-' | '−' | '–' if numbers && !text.is_glued(at) => "minus",
        _ => return None,
    };
    Some(Said::new(said, at + 1))
}

fn is_operand(text: &Text<'_>, at: usize) -> bool {
    text.tokens.get(at).is_some_and(|token| {
        token.kind == Kind::Number || token.kind == Kind::Word && token.text.chars().count() == 1
    })
}

/// What remains: signs with a name are said, the others dropped.
pub(super) fn in_words(core: &str) -> String {
    let mut said = String::new();
    for c in core.chars() {
        match c {
            '&' => said.push_str(" and "),
            '+' => said.push_str(" plus "),
            '=' => said.push_str(" equals "),
            '@' => said.push_str(" at "),
            '%' => said.push_str(" percent "),
            '°' => said.push_str(" degrees "),
            '~' => said.push_str(" about "),
            '’' | '‘' => said.push('\''),
            '\'' | '-' | '.' => said.push(c),
            c if c.is_alphanumeric() => said.push(c),
            _ => said.push(' '),
        }
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    said.trim_matches(['-', '\'']).to_owned()
}
