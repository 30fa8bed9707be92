//! Numbers in words, American English.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [(u64, &str); 5] = [
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];

/// `1204` as "one thousand two hundred four".
pub(crate) fn cardinal(number: u64) -> String {
    let mut words = Vec::new();
    let mut rest = number;
    for (scale, name) in SCALES {
        if rest >= scale {
            words.push(format!("{} {name}", cardinal(rest / scale)));
            rest %= scale;
        }
    }
    if rest >= 100 {
        words.push(format!("{} hundred", one(rest / 100)));
        rest %= 100;
    }
    if rest > 0 || words.is_empty() {
        words.push(below_hundred(rest));
    }
    words.join(" ")
}

/// `21` as "twenty first".
pub(crate) fn ordinal(number: u64) -> String {
    let words = cardinal(number);
    let (head, last) = match words.rfind([' ', '-']) {
        Some(at) => words.split_at(at + 1),
        None => ("", words.as_str()),
    };
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        tens if tens.ends_with('y') => format!("{}ieth", &tens[..tens.len() - 1]),
        other => format!("{other}th"),
    };
    format!("{head}{last}")
}

/// `1999` as "nineteen ninety-nine", `2005` as "two thousand five".
pub(crate) fn year(number: u64) -> String {
    let (century, rest) = (number / 100, number % 100);
    match (number, rest) {
        (2000..=2009, _) | (0..=1099, _) | (10_000.., _) => cardinal(number),
        (_, 0) if number.is_multiple_of(1000) => cardinal(number),
        (_, 0) => format!("{} hundred", below_hundred(century)),
        (_, 1..=9) => format!("{} oh {}", below_hundred(century), one(rest)),
        _ => format!("{} {}", below_hundred(century), below_hundred(rest)),
    }
}

/// Each digit by itself; everything else in `text` is passed over.
pub(crate) fn digits(text: &str) -> String {
    let words = text.chars().filter_map(|digit| digit.to_digit(10)).map(|digit| one(digit.into()));
    words.collect::<Vec<_>>().join(" ")
}

/// A whole or decimal number with or without thousands separators: "1,200", "3.50", "-4".
pub(crate) fn number(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => ("minus ", rest),
        None => ("", text),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if fraction.is_some_and(|digits| digits.is_empty() || !all_digits(digits)) {
        return None;
    }
    let whole = match whole {
        "" if fraction.is_some() => String::new(),
        _ => integer(whole)?,
    };
    Some(match fraction {
        Some(fraction) => format!("{sign}{whole} point {}", digits(fraction)).replace("  ", " "),
        None => format!("{sign}{whole}"),
    })
}

/// The value of a whole number with or without thousands separators.
pub(crate) fn value(text: &str) -> Option<u64> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let separated = first.len() <= 3 && rest.iter().all(|group| group.len() == 3);
    if !all_digits(first) || !rest.iter().all(|group| all_digits(group)) {
        return None;
    }
    if !rest.is_empty() && !separated {
        return None;
    }
    text.replace(',', "").parse().ok()
}

/// Whether `text` is made of digits, at least one.
pub(crate) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers that start with a zero or are too long for words are read digit by digit.
fn integer(text: &str) -> Option<String> {
    if all_digits(text) && (text.len() > 1 && text.starts_with('0') || text.len() > 15) {
        return Some(digits(text));
    }
    value(text).map(cardinal)
}

fn below_hundred(number: u64) -> String {
    match (number / 10, number % 10) {
        (0 | 1, _) => one(number).to_owned(),
        (tens, 0) => tens_word(tens).to_owned(),
        (tens, ones) => format!("{}-{}", tens_word(tens), one(ones)),
    }
}

fn one(number: u64) -> &'static str {
    usize::try_from(number).ok().and_then(|index| ONES.get(index)).copied().unwrap_or_default()
}

fn tens_word(tens: u64) -> &'static str {
    usize::try_from(tens).ok().and_then(|index| TENS.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_say_them() {
        for (number, words) in [
            (0, "zero"),
            (15, "fifteen"),
            (21, "twenty-one"),
            (100, "one hundred"),
            (1204, "one thousand two hundred four"),
            (5_000_000, "five million"),
        ] {
            assert_eq!(cardinal(number), words);
        }
        for (number, words) in [
            (1, "first"),
            (12, "twelfth"),
            (20, "twentieth"),
            (21, "twenty-first"),
            (103, "one hundred third"),
        ] {
            assert_eq!(ordinal(number), words);
        }
        for (number, words) in [
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (1999, "nineteen ninety-nine"),
            (2000, "two thousand"),
            (2026, "twenty twenty-six"),
        ] {
            assert_eq!(year(number), words);
        }
    }

    #[test]
    fn written_numbers_are_understood() {
        for (text, words) in [
            ("1,200", Some("one thousand two hundred")),
            ("3.50", Some("three point five zero")),
            ("-4", Some("minus four")),
            ("007", Some("zero zero seven")),
            (".5", Some("point five")),
            ("1,2", None),
            ("12a", None),
            ("", None),
            ("3.", None),
        ] {
            assert_eq!(
                number(text).map(|words| words.trim().to_owned()).as_deref(),
                words,
                "{text}"
            );
        }
    }
}
