//! Quantities: units, percentages, fractions, dimensions, ranges and comparisons.

use super::amount::{Amount, Reading};
use super::numbers::{cardinal, ordinal, value};
use super::token::{Kind, Said, Text};

/// Written form, name of one, name of several. Forms match as they are written.
const UNITS: &[(&str, &str, &str)] = &[
    ("%", "percent", "percent"),
    ("‰", "per mille", "per mille"),
    ("°C", "degree Celsius", "degrees Celsius"),
    ("°F", "degree Fahrenheit", "degrees Fahrenheit"),
    ("ºC", "degree Celsius", "degrees Celsius"),
    ("ºF", "degree Fahrenheit", "degrees Fahrenheit"),
    ("°", "degree", "degrees"),
    ("kg", "kilogram", "kilograms"),
    ("g", "gram", "grams"),
    ("mg", "milligram", "milligrams"),
    ("µg", "microgram", "micrograms"),
    ("mcg", "microgram", "micrograms"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("km", "kilometer", "kilometers"),
    ("m", "meter", "meters"),
    ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"),
    ("mi", "mile", "miles"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("yds", "yard", "yards"),
    ("m²", "square meter", "square meters"),
    ("m2", "square meter", "square meters"),
    ("sqm", "square meter", "square meters"),
    ("sqft", "square foot", "square feet"),
    ("km²", "square kilometer", "square kilometers"),
    ("km2", "square kilometer", "square kilometers"),
    ("cm²", "square centimeter", "square centimeters"),
    ("ft²", "square foot", "square feet"),
    ("ft2", "square foot", "square feet"),
    ("m³", "cubic meter", "cubic meters"),
    ("m3", "cubic meter", "cubic meters"),
    ("cm³", "cubic centimeter", "cubic centimeters"),
    ("ha", "hectare", "hectares"),
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("cl", "centiliter", "centiliters"),
    ("dl", "deciliter", "deciliters"),
    ("l", "liter", "liters"),
    ("L", "liter", "liters"),
    ("gal", "gallon", "gallons"),
    ("qt", "quart", "quarts"),
    ("tsp", "teaspoon", "teaspoons"),
    ("tbsp", "tablespoon", "tablespoons"),
    ("h", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("min", "minute", "minutes"),
    ("mins", "minute", "minutes"),
    ("sec", "second", "seconds"),
    ("secs", "second", "seconds"),
    ("s", "second", "seconds"),
    ("ms", "millisecond", "milliseconds"),
    ("wk", "week", "weeks"),
    ("wks", "week", "weeks"),
    ("mo", "month", "months"),
    ("yr", "year", "years"),
    ("yrs", "year", "years"),
    ("km/h", "kilometer per hour", "kilometers per hour"),
    ("kph", "kilometer per hour", "kilometers per hour"),
    ("kmh", "kilometer per hour", "kilometers per hour"),
    ("mph", "mile per hour", "miles per hour"),
    ("mpg", "mile per gallon", "miles per gallon"),
    ("m/s", "meter per second", "meters per second"),
    ("W", "watt", "watts"),
    ("kW", "kilowatt", "kilowatts"),
    ("MW", "megawatt", "megawatts"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("V", "volt", "volts"),
    ("mA", "milliampere", "milliamperes"),
    ("mAh", "milliampere hour", "milliampere hours"),
    ("Hz", "hertz", "hertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("MHz", "megahertz", "megahertz"),
    ("GHz", "gigahertz", "gigahertz"),
    ("kB", "kilobyte", "kilobytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("MB", "megabyte", "megabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("Mbit/s", "megabit per second", "megabits per second"),
    ("Mb/s", "megabit per second", "megabits per second"),
    ("Gbps", "gigabit per second", "gigabits per second"),
    ("MB/s", "megabyte per second", "megabytes per second"),
    ("px", "pixel", "pixels"),
    ("dB", "decibel", "decibels"),
    ("kcal", "kilocalorie", "kilocalories"),
    ("cal", "calorie", "calories"),
    ("hp", "horsepower", "horsepower"),
    ("psi", "pound per square inch", "pounds per square inch"),
    ("k", "thousand", "thousand"),
    ("x", "time", "times"),
    ("×", "time", "times"),
];
/// Forms that count as units only right behind their number.
const GLUED: &[&str] = &["s", "k", "x", "×", "W", "V", "mo", "in"];

/// A number with a unit, or a range of them: "5 km", "20–25 °C", "10%".
pub(super) fn measure(text: &Text<'_>, at: usize) -> Option<Said> {
    let (sign, from) = sign(text, at);
    if super::codes::is_place(&text.context(at)) {
        return None;
    }
    let first = Amount::parse(text, from, Reading::Plain)?;
    if let Some(unit) = unit(text, first.end, &first) {
        // "2h 30m", "5 km - 10 km".
        if let Some(next) = text.after_dash(unit.end)
            && let Some(rest) = measure(text, next)
        {
            return Some(Said::new(
                format!("{sign}{} {} to {}", first.said(), unit.words, rest.words),
                rest.end,
            ));
        }
        let said = format!("{sign}{} {}", first.said(), unit.words);
        let minutes = text.number(unit.end).filter(|_| unit.words.starts_with("hour"));
        if let Some(minutes) = minutes.and_then(value)
            && matches!(text.glued_word(unit.end + 1), Some("m" | "min"))
        {
            return Some(Said::new(format!("{said} {} minutes", cardinal(minutes)), unit.end + 2));
        }
        return Some(with_per(said, text, unit.end));
    }
    let next = text.after_dash(first.end)?;
    let last = Amount::parse(text, next, Reading::Plain)?;
    let unit = unit(text, last.end, &last)?;
    let said = format!("{sign}{} to {} {}", first.said(), last.said(), unit.words);
    Some(with_per(said, text, unit.end))
}

fn with_per(said: String, text: &Text<'_>, end: usize) -> Said {
    match per(text, end) {
        Some(per) => Said::new(format!("{said} {}", per.words), per.end),
        None => Said::new(said, end),
    }
}

/// The unit behind an amount.
fn unit(text: &Text<'_>, at: usize, amount: &Amount) -> Option<Said> {
    let area = match text.word(at) {
        Some("sq") => "square ",
        Some("cu") => "cubic ",
        Some("fl") => "fluid ",
        Some(_) | None => "",
    };
    let mut from = at;
    if !area.is_empty() {
        from += 1 + usize::from(text.glued_sign(at + 1) == Some('.'));
    }
    let (_, one, many, mut end) = (1..=3).rev().find_map(|length| {
        let end = from + length;
        let whole = end <= text.tokens.len() && (from + 1..end).all(|at| text.is_glued(at));
        // "5 m2" is an area, "5 m 2" and "5 mb" are none.
        let ends = text.glued_word(end).is_none() && text.glued_number(end).is_none();
        if !whole || !ends {
            return None;
        }
        let written = text.written(from, end);
        let (form, one, many) = UNITS.iter().find(|(form, ..)| *form == written)?;
        let fits = text.is_glued(from) || !GLUED.contains(form);
        fits.then_some((form, one, many, end))
    })?;
    if is_short_word(text, from) && text.glued_sign(end) == Some('.') && text.is_glued(end + 1) {
        return None;
    }
    let is_dotted = text.word(from).is_some_and(|word| word.len() > 1) && !area.is_empty();
    if is_dotted && text.glued_sign(end) == Some('.') {
        end += 1;
    }
    let name = if amount.is_one() { one } else { many };
    Some(Said::new(format!("{area}{name}"), end))
}

/// "5 a.m." and "5 m.p.h." hold no unit of one letter.
fn is_short_word(text: &Text<'_>, at: usize) -> bool {
    text.word(at).is_some_and(|word| word.len() == 1)
}

/// "/month", "/kg", "/2 people": per what.
pub(super) fn per(text: &Text<'_>, at: usize) -> Option<Said> {
    if text.glued_sign(at) != Some('/') {
        return None;
    }
    let word = text.glued_word(at + 1)?;
    let unit = UNITS.iter().find(|(form, ..)| *form == word).map(|(_, one, _)| *one);
    Some(Said::new(format!("per {}", unit.unwrap_or(word)), at + 2))
}

/// A sign before a number: "-5", "+5", "~5", "<5", "±5".
pub(super) fn sign(text: &Text<'_>, at: usize) -> (&'static str, usize) {
    let is_free =
        !text.is_glued(at) || text.sign(at.wrapping_sub(1)).is_some_and(|c| "([\"“'=:".contains(c));
    let leads = text.is_glued(at + 1)
        && (text.number(at + 1).is_some()
            || text.sign(at + 1) == Some('.') && text.glued_number(at + 2).is_some());
    let said = match text.sign(at).filter(|_| leads) {
        Some('-' | '−' | '–') if is_free => "minus ",
        Some('+') => "plus ",
        Some('~' | '≈' | '∼') => "about ",
        Some('<') => "less than ",
        Some('>') => "more than ",
        Some('≤') => "at most ",
        Some('≥') => "at least ",
        Some('±') => "plus or minus ",
        Some(_) | None => return ("", at),
    };
    (said, at + 1)
}

/// "1/2", "3 1/2", "½", "1½", "24/7", "9/11", "4.5/5".
pub(super) fn fraction(text: &Text<'_>, at: usize) -> Option<Said> {
    if let Some(part) = text.sign(at).and_then(vulgar) {
        return Some(Said::new(lone(part.0, part.1)?, at + 1));
    }
    let whole = text.number(at)?;
    if let Some(part) = text.sign(at + 1).and_then(vulgar) {
        return Some(Said::new(mixed(whole, part)?, at + 2));
    }
    if let Some(part) = simple(text, at + 1).filter(|_| !text.is_glued(at + 1)) {
        return Some(Said::new(mixed(whole, part)?, at + 4));
    }
    let part = simple(text, at);
    if let Some(special) = special(&text.written(at, at + 3))
        .filter(|_| part.is_some() || text.glued_sign(at + 1) == Some('/'))
    {
        return Some(Said::new(special, at + 3));
    }
    if let Some(part) = part {
        return Some(Said::new(lone(part.0, part.1)?, at + 3));
    }
    let amount = Amount::parse(text, at, Reading::Plain)?;
    let of =
        text.glued_number(amount.end + 1).filter(|_| text.glued_sign(amount.end) == Some('/'))?;
    if text.glued_sign(amount.end + 2) == Some('/') {
        return None;
    }
    let link = if value(&amount.whole)? <= value(of)? { "out of" } else { "over" };
    Some(Said::new(format!("{} {link} {}", amount.said(), cardinal(value(of)?)), amount.end + 2))
}

fn special(written: &str) -> Option<&'static str> {
    Some(match written {
        "24/7" => "twenty-four seven",
        "9/11" => "nine eleven",
        "50/50" => "fifty-fifty",
        _ => return None,
    })
}

/// A fraction of two numbers with a slash, below one.
fn simple(text: &Text<'_>, at: usize) -> Option<(u64, u64)> {
    let over = text.number(at)?;
    let under = text.glued_number(at + 2)?;
    let slash = matches!(text.glued_sign(at + 1), Some('/' | '⁄'));
    let goes_on = text.glued_sign(at + 3) == Some('/') || text.glued_word(at + 3).is_some();
    let (over, under) = (value(over)?, value(under)?);
    let fits = over < under && over > 0 && matches!(under, 2..=10 | 12 | 16 | 20 | 32 | 64 | 100);
    (slash && !goes_on && fits).then_some((over, under))
}

fn vulgar(sign: char) -> Option<(u64, u64)> {
    Some(match sign {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    })
}

fn lone(over: u64, under: u64) -> Option<String> {
    let name = match under {
        0 | 1 => return None,
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        _ => ordinal(under),
    };
    let name = match (over, under) {
        (1, _) => name,
        (_, 2) => "halves".to_owned(),
        _ => format!("{name}s"),
    };
    Some(format!("{} {name}", cardinal(over)))
}

fn mixed(whole: &str, (over, under): (u64, u64)) -> Option<String> {
    let part = match (over, under) {
        (1, 2) => "a half".to_owned(),
        (1, 4) => "a quarter".to_owned(),
        _ => lone(over, under)?,
    };
    Some(format!("{} and {part}", cardinal(value(whole)?)))
}

/// "2x4", "5 x 7", "3×4 m": sides of something.
pub(super) fn dimension(text: &Text<'_>, at: usize) -> Option<Said> {
    let first = Amount::parse(text, at, Reading::Plain)?;
    let (mut said, mut end, mut has_unit) = (first.said(), first.end, false);
    let is_by = |at: usize| {
        let written = text.written(at, at + 1);
        matches!(written.as_str(), "x" | "×" | "X") && text.is_glued(at) == text.is_glued(at + 1)
    };
    while is_by(end)
        && let Some(next) = Amount::parse(text, end + 1, Reading::Plain)
    {
        said = format!("{said} by {}", next.said());
        end = next.end;
        if let Some(unit) = unit(text, end, &next) {
            said = format!("{said} {}", unit.words);
            (end, has_unit) = (unit.end, true);
        }
    }
    // "2 x 3 = 6" is a product.
    let is_spaced = text.sign(first.end) == Some('×') && !text.is_glued(first.end);
    let is_product = text.sign(end) == Some('=') || is_spaced && !has_unit;
    (end > first.end && !is_product).then_some(Said::new(said, end))
}

/// "5'10\"", "6 ft", "12\"": feet and inches.
pub(super) fn feet(text: &Text<'_>, at: usize) -> Option<Said> {
    const FEET: [char; 3] = ['\'', '’', '′'];
    const INCHES: [char; 4] = ['"', '”', '″', '“'];
    let number = value(text.number(at)?)?;
    let mark = text.glued_sign(at + 1)?;
    if FEET.contains(&mark)
        && let Some(inches) = text.glued_number(at + 2).filter(|inches| inches.len() < 3)
    {
        let close = usize::from(text.glued_sign(at + 3).is_some_and(|c| INCHES.contains(&c)));
        let said = format!("{} foot {}", cardinal(number), cardinal(value(inches)?));
        return Some(Said::new(said, at + 3 + close));
    }
    let next = text.word(at + 2).unwrap_or_default();
    let is_thing = matches!(next, "screen" | "pizza" | "sub" | "monitor" | "display" | "pipe");
    let is_size =
        is_thing || matches!(next, "tall" | "wide" | "long" | "high" | "deep" | "by" | "x");
    let quotes = text.tokens[..at]
        .iter()
        .filter(|token| token.kind == Kind::Sign && matches!(token.text, "\"" | "“"));
    let is_free = quotes.count().is_multiple_of(2);
    let unit = match mark {
        '″' => "inch",
        '′' => "foot",
        c if INCHES.contains(&c) && (is_free || is_size) => "inch",
        c if FEET.contains(&c) && is_size => "foot",
        _ => return None,
    };
    let unit = match (unit, number) {
        (unit, 1) => unit,
        (unit, _) if is_thing => unit,
        ("inch", _) => "inches",
        _ => "feet",
    };
    Some(Said::new(format!("{} {unit}", cardinal(number)), at + 2))
}

/// "10-12", "1st–3rd", "3:1": a range, score or ratio of numbers.
pub(super) fn range(text: &Text<'_>, at: usize) -> Option<Said> {
    let (sign, from) = sign(text, at);
    let first = Amount::parse(text, from, Reading::Plain)?;
    let is_ordinal = super::dates::ordinal_suffix(text, first.end);
    let end = first.end + usize::from(is_ordinal);
    let ratio = text.glued_sign(end) == Some(':') && text.glued_number(end + 1).is_some();
    let next = if ratio { end + 1 } else { text.after_dash(end)? };
    let last = Amount::parse(text, next, Reading::Plain)?;
    let suffix = super::dates::ordinal_suffix(text, last.end);
    // "7 - 3 = 4" is a difference, "10-12-14" and "5-12th" are something else.
    let goes_on = text.sign(last.end) == Some('=')
        || text.glued_sign(last.end) == Some('-') && text.glued_number(last.end + 1).is_some()
        || text.glued_word(last.end).is_some() != suffix;
    if goes_on {
        return None;
    }
    let name = |amount: &Amount, is: bool| match amount.value().filter(|_| is) {
        Some(value) => ordinal(value),
        None => amount.said(),
    };
    let said = format!("{sign}{} to {}", name(&first, is_ordinal || suffix), name(&last, suffix));
    Some(Said::new(said, last.end + usize::from(suffix)))
}
