//! Numbers of a sheet as the sheet shows them.

/// How a number is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As short as it can be.
    General,
    /// A point in time, with a date, a time of day or both.
    Time { date: bool, clock: bool },
    /// With fixed decimals.
    Number { decimals: usize, percent: bool, before: String, after: String, grouped: bool },
}

/// The built-in style with the number `id`.
pub(super) fn built_in(id: usize) -> Style {
    match id {
        1 => style("0"),
        2 => style("0.00"),
        3 | 37 | 38 => style("#,##0"),
        4 | 39 | 40 => style("#,##0.00"),
        9 => style("0%"),
        10 => style("0.00%"),
        14..=17 | 27..=31 | 36 | 50..=58 => Style::Time { date: true, clock: false },
        18..=21 | 32..=35 | 45..=47 => Style::Time { date: false, clock: true },
        22 => Style::Time { date: true, clock: true },
        _ => Style::General,
    }
}

/// The style that the code of a format means; only its first section counts.
pub(super) fn style(code: &str) -> Style {
    let (mut before, mut after) = (String::new(), String::new());
    let (mut digits, mut decimals, mut in_decimals) = (false, 0, false);
    let (mut date, mut clock, mut percent, mut grouped) = (false, false, false, false);
    let mut rest = code.chars();
    while let Some(c) = rest.next() {
        let mut literal = String::new();
        match c {
            ';' => break,
            '"' => literal.extend(rest.by_ref().take_while(|c| *c != '"')),
            '\\' => literal.extend(rest.next()),
            '_' | '*' => {
                rest.next();
            }
            '[' => {
                let inner: String = rest.by_ref().take_while(|c| *c != ']').collect();
                // `[$€-407]` is a currency, `[h]` are hours, `[Red]` is a color.
                match inner.strip_prefix('$') {
                    Some(currency) => literal.push_str(currency.split('-').next().unwrap_or("")),
                    None => clock |= matches!(inner.as_str(), "h" | "hh" | "m" | "mm" | "s" | "ss"),
                }
            }
            '0' | '#' | '?' => {
                digits = true;
                decimals += usize::from(in_decimals);
            }
            '.' if digits => in_decimals = true,
            ',' => grouped |= digits,
            '%' => percent = true,
            'y' | 'Y' | 'd' | 'D' => date = true,
            'h' | 'H' | 's' | 'S' => clock = true,
            'm' | 'M' | 'a' | 'A' | 'p' | 'P' | '/' | ':' => {}
            'G' | 'E' | 'e' if !digits => return Style::General,
            c if !c.is_alphanumeric() => literal.push(c),
            _ => {}
        }
        if digits { after.push_str(&literal) } else { before.push_str(&literal) }
    }
    // Months alone are a date.
    date |= !digits && !clock && code.contains(['m', 'M']);
    if date || clock {
        return Style::Time { date, clock };
    }
    if !digits {
        return Style::General;
    }
    Style::Number { decimals, percent, before, after, grouped }
}

/// The number as it is shown. `since_1904` is the other origin of dates.
pub(super) fn shown(value: f64, style: &Style, since_1904: bool) -> String {
    match style {
        Style::General => general(value),
        Style::Time { date, clock } => time(value, *date, *clock, since_1904),
        Style::Number { decimals, percent, before, after, grouped } => {
            let value = if *percent { value * 100.0 } else { value };
            let mut text = format!("{:.*}", (*decimals).min(12), value.abs());
            if *grouped {
                text = group(&text);
            }
            let sign = if value < 0.0 { "-" } else { "" };
            let percent = if *percent { "%" } else { "" };
            format!("{sign}{before}{text}{percent}{after}").trim().to_owned()
        }
    }
}

/// With up to eleven significant digits, as sheets show it.
fn general(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let text = format!("{value:.10}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-" || text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn group(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{grouped}.{fraction}"),
        None => grouped,
    }
}

/// Days since the origin as `2026-12-24 18:30`.
fn time(value: f64, date: bool, clock: bool, since_1904: bool) -> String {
    if !(0.0..3_000_000.0).contains(&value) {
        return general(value);
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 3,000,000 days of minutes")]
    let minutes = (value * 1440.0).round() as i64;
    let (days, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    let day = match since_1904 {
        true => days - 24_107,
        // Sheets believe that 1900 was a leap year.
        false if days < 60 => days - 25_568,
        false => days - 25_569,
    };
    let (year, month, day) = civil(day);
    let date = if date { format!("{year:04}-{month:02}-{day:02}") } else { String::new() };
    let hours = if date.is_empty() { minutes.div_euclid(60) } else { minute / 60 };
    let clock = if clock { format!("{hours:02}:{:02}", minute % 60) } else { String::new() };
    format!("{date} {clock}").trim().to_owned()
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(day: i64) -> (i64, i64, i64) {
    // The year is taken to begin in March, so that a leap day is its last.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * march + 2) / 5 + 1)
}
