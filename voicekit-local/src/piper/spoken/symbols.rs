//! Money, telephone numbers, units, abbreviations, addresses, codes and symbols.

use super::Word;
use super::numbers::{all_digits, cardinal, digits, number, value, year};

const CURRENCIES: [(char, [&str; 2], [&str; 2]); 3] = [
    ('$', ["dollar", "dollars"], ["cent", "cents"]),
    ('€', ["euro", "euros"], ["cent", "cents"]),
    ('£', ["pound", "pounds"], ["penny", "pence"]),
];

/// "$3.50", "$5 million", "€20".
pub(super) fn money(words: &[Word<'_>], at: usize) -> Option<(String, usize)> {
    let core = words[at].core;
    let (_, [one, many], [cent, cents]) =
        CURRENCIES.into_iter().find(|(sign, ..)| core.starts_with(*sign))?;
    let amount = core.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '.');
    let scale = words.get(at + 1).map(|next| next.core);
    if let Some(scale @ ("hundred" | "thousand" | "million" | "billion")) = scale {
        return Some((format!("{} {scale} {many}", number(amount)?), 2));
    }
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "00"));
    let (whole, fraction) =
        (value(whole).or_else(|| whole.is_empty().then_some(0))?, value(fraction)?);
    let unit = if whole == 1 { one } else { many };
    let said = match (whole, fraction) {
        (_, 0) => format!("{} {unit}", cardinal(whole)),
        (0, 1) => format!("one {cent}"),
        (0, _) => format!("{} {cents}", cardinal(fraction)),
        _ => format!("{} {unit} {}", cardinal(whole), cardinal(fraction)),
    };
    Some((said, 1))
}

/// Groups of digits that make at least seven: "555-0142", "(415) 555-0142", "+1 415 555 0142".
pub(super) fn telephone(words: &[Word<'_>], at: usize) -> Option<(String, usize)> {
    let mut groups: Vec<&str> = Vec::new();
    let mut count = 0;
    for word in &words[at..] {
        let core = if count == 0 { word.core.trim_start_matches('+') } else { word.core };
        let parts: Vec<&str> = core.split(['-', '.']).collect();
        if !parts.iter().all(|part| all_digits(part)) {
            break;
        }
        groups.extend(parts);
        count += 1;
        if word.is_followed_by_pause() {
            break;
        }
    }
    let total: usize = groups.iter().map(|group| group.len()).sum();
    let even = groups.iter().all(|group| (1..=4).contains(&group.len()));
    let written_as_one = groups.len() == 1 && (10..=11).contains(&total);
    if !(7..=15).contains(&total) || !(groups.len() > 1 && even || written_as_one) {
        return None;
    }
    let plus = if words[at].core.starts_with('+') { "plus " } else { "" };
    let said: Vec<String> = groups.iter().map(|group| digits(group)).collect();
    Some((format!("{plus}{}", said.join(", ")), count))
}

const ABBREVIATIONS: [(&str, &str); 32] = [
    ("dr.", "doctor"),
    ("mr.", "mister"),
    ("mrs.", "missus"),
    ("ms.", "miz"),
    ("prof.", "professor"),
    ("jr.", "junior"),
    ("sr.", "senior"),
    ("ave.", "avenue"),
    ("rd.", "road"),
    ("blvd.", "boulevard"),
    ("ln.", "lane"),
    ("apt.", "apartment"),
    ("appt.", "appointment"),
    ("dept.", "department"),
    ("approx.", "approximately"),
    ("etc.", "et cetera"),
    ("etc", "et cetera"),
    ("e.g.", "for example"),
    ("e.g", "for example"),
    ("i.e.", "that is"),
    ("i.e", "that is"),
    ("vs.", "versus"),
    ("vs", "versus"),
    ("inc.", "incorporated"),
    ("ltd.", "limited"),
    ("co.", "company"),
    ("min.", "minutes"),
    ("hrs.", "hours"),
    ("tel.", "telephone"),
    ("ext.", "extension"),
    ("w/", "with"),
    ("w/o", "without"),
];

/// "Dr.", "Main St.", "St. Louis", "No. 5".
pub(super) fn abbreviation(words: &[Word<'_>], at: usize) -> Option<String> {
    let word = &words[at];
    let dotted = word.dotted.to_lowercase();
    let next = words.get(at + 1);
    match dotted.as_str() {
        "st." => {
            let named = at.checked_sub(1).and_then(|before| words.get(before));
            let after_name = named.is_some_and(|before| {
                before.is_capitalised() || before.core.starts_with(|c: char| c.is_ascii_digit())
            });
            let before_name = next.is_some_and(Word::is_capitalised);
            let saint = before_name && !after_name;
            return Some(if saint { "saint" } else { "street" }.to_owned());
        }
        "no." => {
            let counts =
                next.is_some_and(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
            return counts.then(|| "number".to_owned());
        }
        _ => {}
    }
    ABBREVIATIONS.iter().find(|(short, _)| *short == dotted).map(|(_, long)| (*long).to_owned())
}

/// The pause after the word at `at`. The full stop of an abbreviation ends a sentence only before
/// a capital letter or at the end of the text, and that of a title only at the end.
pub(super) fn pause(words: &[Word<'_>], at: usize) -> Option<char> {
    const TITLES: [&str; 8] = ["dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "no.", "apt."];
    let word = &words[at];
    let (Some('.'), Some(next)) = (word.pause, words.get(at + 1)) else { return word.pause };
    let dotted = word.dotted.to_lowercase();
    let initial = word.core.chars().count() == 1 && word.is_capitalised();
    let month = word.core.len() <= 4 && super::dates::month(word.core).is_some();
    if TITLES.contains(&dotted.as_str()) || initial || month {
        return None;
    }
    let half = matches!(dotted.as_str(), "a.m." | "p.m.");
    let short = half || ABBREVIATIONS.iter().any(|(short, _)| *short == dotted);
    (!short || next.is_capitalised()).then_some('.')
}

const UNITS: [(&str, &str); 20] = [
    ("%", "percent"),
    ("°c", "degrees celsius"),
    ("°f", "degrees fahrenheit"),
    ("°", "degrees"),
    ("kg", "kilograms"),
    ("g", "grams"),
    ("mg", "milligrams"),
    ("lb", "pounds"),
    ("lbs", "pounds"),
    ("oz", "ounces"),
    ("km", "kilometers"),
    ("m", "meters"),
    ("cm", "centimeters"),
    ("mm", "millimeters"),
    ("ft", "feet"),
    ("ml", "milliliters"),
    ("l", "liters"),
    ("h", "hours"),
    ("min", "minutes"),
    ("k", "thousand"),
];

const FRACTIONS: [(&str, &str); 6] = [
    ("1/2", "one half"),
    ("1/4", "one quarter"),
    ("3/4", "three quarters"),
    ("1/3", "one third"),
    ("2/3", "two thirds"),
    ("24/7", "twenty-four seven"),
];

/// "50%", "5kg", "1/2", "10-12", "#5", "1990s".
pub(super) fn quantity(core: &str) -> Option<String> {
    if let Some((_, said)) = FRACTIONS.iter().find(|(written, _)| *written == core) {
        return Some((*said).to_owned());
    }
    if let Some(count) = core.strip_prefix('#') {
        return Some(format!("number {}", number(count)?));
    }
    if let Some((from, to)) = core.split_once(['-', '–'])
        && let (Some(from), Some(to)) = (value(from), value(to))
    {
        return Some(format!("{} to {}", cardinal(from), cardinal(to)));
    }
    if let Some(decade) = core.strip_suffix('s').filter(|decade| decade.len() == 4) {
        let said = year(value(decade).filter(|decade| decade % 10 == 0)?);
        return Some(match said.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{said}s"),
        });
    }
    let unit_at = core.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',' && c != '-')?;
    let (amount, unit) = core.split_at(unit_at);
    let unit = unit.to_lowercase();
    let (_, said) = UNITS.iter().find(|(written, _)| *written == unit)?;
    Some(format!("{} {said}", number(amount)?))
}

const DOMAINS: [&str; 9] = ["com", "org", "net", "edu", "gov", "io", "dev", "co", "uk"];

/// E-mail and web addresses.
pub(super) fn address(core: &str) -> Option<String> {
    let bare = core.trim_start_matches("https://").trim_start_matches("http://");
    let host = bare.split('/').next().unwrap_or(bare);
    let top = host.rsplit_once('.').map(|(_, top)| top.to_ascii_lowercase());
    let known = top.is_some_and(|top| DOMAINS.contains(&top.as_str()));
    let mail =
        core.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !(known || mail || bare.len() < core.len() || core.starts_with("www.")) {
        return None;
    }
    let mut said = String::new();
    for c in bare.trim_end_matches('/').chars() {
        match c {
            '.' => said.push_str(" dot "),
            '@' => said.push_str(" at "),
            '-' => said.push_str(" dash "),
            '_' => said.push_str(" underscore "),
            '/' => said.push_str(" slash "),
            '0'..='9' => said.push_str(&format!(" {} ", digits(&c.to_string()))),
            c if c.is_alphanumeric() => said.push(c),
            _ => said.push(' '),
        }
    }
    let words = said.split_whitespace().map(|part| match part {
        "www" => "w w w".to_owned(),
        part => part.to_owned(),
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// Letters and digits mixed: "B12", "4K".
pub(super) fn code(core: &str) -> Option<String> {
    let mixed = core.chars().all(char::is_alphanumeric)
        && core.contains(|c: char| c.is_ascii_digit())
        && core.contains(char::is_alphabetic);
    if !mixed {
        return None;
    }
    let mut said = String::new();
    let mut run = String::new();
    for c in core.chars() {
        let same =
            run.chars().next_back().is_none_or(|last| last.is_ascii_digit() == c.is_ascii_digit());
        if !same {
            said.push_str(&run_in_words(&run));
            said.push(' ');
            run.clear();
        }
        run.push(c);
    }
    said.push_str(&run_in_words(&run));
    Some(said)
}

fn run_in_words(run: &str) -> String {
    match value(run) {
        Some(number) if run.len() <= 2 && !run.starts_with('0') => cardinal(number),
        Some(_) => digits(run),
        None => run.to_owned(),
    }
}

/// What remains: symbols with a name are said, the others dropped.
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
