//! Written numbers that are whole: prices, times, dates, ordinals and decimals.

/// Stands for a number that is whole.
const WHOLE: &str = "wholenumber";

/// The text with a word of its own in place of each number that is whole.
pub(super) fn without_whole_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let number = word.trim_matches(|c: char| ",;.!?()\"'«»".contains(c));
        if number.contains(char::is_numeric) && is_whole(number) {
            out.push_str(WHOLE);
        } else {
            // The plus before the code of a country is said.
            out.push_str(&word.replace('+', " plus "));
        }
    }
    out
}

fn is_whole(number: &str) -> bool {
    let between_digits = |sign: char| {
        number.split(sign).count() > 1
            && number.split(sign).all(|part| !part.is_empty() && part.chars().all(char::is_numeric))
    };
    number.contains(|c| "$€£¥₹%°".contains(c))
        || between_digits(':')
        || is_date(number)
        || is_decimal(number)
        || has_unit(number)
        || (between_digits('/') && number.split('/').all(|part| part.len() <= 2))
}

/// "3rd", "7pm", "20km": figures and then letters.
fn has_unit(number: &str) -> bool {
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit());
    number.starts_with(|c: char| c.is_ascii_digit())
        && !unit.is_empty()
        && unit.chars().all(|c| c.is_alphabetic() || c == 'º' || c == 'ª')
}

fn is_date(number: &str) -> bool {
    ['/', '.', '-'].into_iter().any(|sign| {
        let lengths: Vec<usize> = number.split(sign).map(str::len).collect();
        let digits = number.split(sign).all(|part| part.chars().all(|c| c.is_ascii_digit()));
        let day = |length: usize| (1..=2).contains(&length);
        digits
            && match lengths[..] {
                [year, month, date] if day(month) && day(date) => {
                    year == 4 || (day(year) && sign != '-')
                }
                [date, month, 4] => day(date) && day(month),
                _ => false,
            }
    })
}

/// "12.50", "3,5", "1,299": but "555.014" is a group of a telephone number.
fn is_decimal(number: &str) -> bool {
    let parts: Vec<&str> = number.split([',', '.']).collect();
    let [first, rest @ ..] = &parts[..] else { return false };
    let digits =
        parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    if rest.is_empty() || !digits {
        return false;
    }
    let (thousands, fraction) = match rest {
        [thousands @ .., fraction] if fraction.len() <= 2 => (thousands, true),
        thousands => (thousands, false),
    };
    let grouped = first.len() <= 3 && thousands.iter().all(|part| part.len() == 3);
    grouped && (fraction || first.len() < 3 || number.contains(','))
        || (fraction && thousands.is_empty())
}
