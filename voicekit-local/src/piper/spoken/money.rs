//! Amounts of money: "$3.50", "12,50 €", "CHF 12.-", "£3m", "50 cents", "$10–15".

use super::amount::{Amount, Reading};
use super::numbers::cardinal;
use super::token::{Said, Text};
use super::units;

/// Names of a currency and of its hundredth.
struct Currency {
    /// Whether it is written as a word: one decimal of a word is no hundredths, as in "2.5 pounds".
    is_name: bool,
    one: &'static str,
    many: &'static str,
    cent: &'static str,
    cents: &'static str,
}

/// Written forms, then the names. Forms of letters match as they are written.
type Row = (&'static [&'static str], [&'static str; 4]);

const CURRENCIES: &[Row] = &[
    (&["$", "US$", "USD"], ["dollar", "dollars", "cent", "cents"]),
    (&["C$", "CA$", "CAD"], ["Canadian dollar", "Canadian dollars", "cent", "cents"]),
    (&["A$", "AU$", "AUD"], ["Australian dollar", "Australian dollars", "cent", "cents"]),
    (&["NZ$", "NZD"], ["New Zealand dollar", "New Zealand dollars", "cent", "cents"]),
    (&["HK$", "HKD"], ["Hong Kong dollar", "Hong Kong dollars", "cent", "cents"]),
    (&["S$", "SGD"], ["Singapore dollar", "Singapore dollars", "cent", "cents"]),
    (&["€", "EUR"], ["euro", "euros", "cent", "cents"]),
    (&["£", "GBP"], ["pound", "pounds", "penny", "pence"]),
    (&["CHF", "SFr", "Fr"], ["Swiss franc", "Swiss francs", "centime", "centimes"]),
    (&["¥", "JPY"], ["yen", "yen", "sen", "sen"]),
    (&["CNY", "RMB"], ["yuan", "yuan", "fen", "fen"]),
    (&["₹", "INR"], ["rupee", "rupees", "paisa", "paise"]),
    (&["₩", "KRW"], ["won", "won", "jeon", "jeon"]),
    (&["₽", "RUB"], ["ruble", "rubles", "kopeck", "kopecks"]),
    (&["₺", "TRY"], ["lira", "lira", "kurus", "kurus"]),
    (&["₴", "UAH"], ["hryvnia", "hryvnias", "kopiyka", "kopiykas"]),
    (&["₪", "ILS"], ["shekel", "shekels", "agora", "agorot"]),
    (&["SEK"], ["Swedish krona", "Swedish kronor", "öre", "öre"]),
    (&["NOK"], ["Norwegian krone", "Norwegian kroner", "öre", "öre"]),
    (&["DKK"], ["Danish krone", "Danish kroner", "öre", "öre"]),
    (&["kr"], ["krone", "kroner", "öre", "öre"]),
    (&["PLN", "zł"], ["zloty", "zlotys", "grosz", "groszy"]),
    (&["CZK", "Kč"], ["koruna", "korunas", "haler", "halers"]),
    (&["HUF"], ["forint", "forints", "filler", "fillers"]),
    (&["R$", "BRL"], ["real", "reals", "centavo", "centavos"]),
    (&["MXN"], ["Mexican peso", "Mexican pesos", "centavo", "centavos"]),
    (&["ZAR"], ["rand", "rand", "cent", "cents"]),
    (&["AED"], ["dirham", "dirhams", "fils", "fils"]),
    (&["¢", "ct", "cts"], ["cent", "cents", "", ""]),
    (&["₿", "BTC"], ["bitcoin", "bitcoins", "", ""]),
];

/// Names that follow an amount.
const NAMES: &[(&str, [&str; 4])] = &[
    ("dollar", ["dollar", "dollars", "cent", "cents"]),
    ("dollars", ["dollar", "dollars", "cent", "cents"]),
    ("euro", ["euro", "euros", "cent", "cents"]),
    ("euros", ["euro", "euros", "cent", "cents"]),
    ("pound", ["pound", "pounds", "penny", "pence"]),
    ("pounds", ["pound", "pounds", "penny", "pence"]),
    ("bucks", ["buck", "bucks", "cent", "cents"]),
    ("franc", ["franc", "francs", "centime", "centimes"]),
    ("francs", ["franc", "francs", "centime", "centimes"]),
    ("cents", ["cent", "cents", "", ""]),
    ("cent", ["cent", "cents", "", ""]),
];

impl Currency {
    fn of([one, many, cent, cents]: [&'static str; 4]) -> Self {
        Self { is_name: false, one, many, cent, cents }
    }

    /// A currency at `at`, by sign or code, and the first token behind it.
    fn written(text: &Text<'_>, at: usize) -> Option<(Self, usize)> {
        for length in [2, 1] {
            if at + length > text.tokens.len() || length == 2 && !text.is_glued(at + 1) {
                continue;
            }
            let written = text.written(at, at + length);
            if let Some((_, names)) =
                CURRENCIES.iter().find(|(forms, _)| forms.contains(&&*written))
            {
                return Some((Self::of(*names), at + length));
            }
        }
        None
    }

    /// A currency behind an amount that ends at `at`: also a name, or "p" for pence.
    fn behind(text: &Text<'_>, at: usize) -> Option<(Self, usize)> {
        if let Some((currency, end)) = Self::written(text, at) {
            let is_word = text.word(end - 1).is_some() && text.glued_word(end).is_some();
            // "5 $10 notes": the sign belongs to what follows it.
            let leads = !text.is_glued(at) && text.glued_number(end).is_some();
            return (!is_word && !leads).then_some((currency, end));
        }
        let word = text.word(at)?;
        if word == "p" && text.is_glued(at) && text.glued_sign(at + 1) != Some('.') {
            return Some((Self::of(["penny", "pence", "", ""]), at + 1));
        }
        let lower = word.to_lowercase();
        let names = NAMES.iter().find(|(name, _)| *name == lower)?;
        Some((Self { is_name: true, ..Self::of(names.1) }, at + 1))
    }
}

/// One amount of money, with or without its currency.
struct Sum {
    minus: &'static str,
    amount: Amount,
    scale: Option<&'static str>,
}

impl Sum {
    fn parse(text: &Text<'_>, at: usize, minus: &'static str, reading: Reading) -> Option<Self> {
        let mut amount = Amount::parse(text, at, reading)?;
        // "12.-", "5,- €", "7.--": no hundredths.
        let dashes = (amount.end + 1..).take_while(|at| is_dash(text, *at)).count();
        if matches!(text.glued_sign(amount.end), Some('.' | ',')) && (1..=2).contains(&dashes) {
            amount.end += 1 + dashes;
        }
        let scale = scale(text, amount.end);
        if let Some((_, end)) = scale {
            amount.end = end;
        }
        Some(Self { minus, amount, scale: scale.map(|(name, _)| name) })
    }

    /// The number with its scale.
    fn number(&self) -> String {
        let scale = self.scale.map(|scale| format!(" {scale}")).unwrap_or_default();
        format!("{}{}{scale}", self.minus, self.amount.said())
    }

    fn is_whole(&self) -> bool {
        self.amount.fraction.is_none() || self.scale.is_some()
    }

    fn said(&self, currency: &Currency, is_attribute: bool) -> String {
        let many = if is_attribute { currency.one } else { currency.many };
        let unit = if self.amount.is_one() && self.scale.is_none() { currency.one } else { many };
        let hundredths = self.hundredths(currency);
        let Some(hundredths) = hundredths else { return format!("{} {unit}", self.number()) };
        let cent = match hundredths {
            1 => currency.cent,
            _ if is_attribute => currency.cent,
            _ => currency.cents,
        };
        let cents = format!("{} {cent}", cardinal(hundredths));
        match (self.amount.value(), hundredths) {
            (Some(0), 0) => format!("{}zero {unit}", self.minus),
            (Some(0), _) => format!("{}{cents}", self.minus),
            (one, 0) => {
                let unit = if one == Some(1) { currency.one } else { many };
                format!("{}{} {unit}", self.minus, self.amount.whole_said())
            }
            (one, _) => {
                let unit = if one == Some(1) { currency.one } else { many };
                format!("{}{} {unit} and {cents}", self.minus, self.amount.whole_said())
            }
        }
    }

    /// The hundredths, if the amount is written with one or two decimals and no scale.
    fn hundredths(&self, currency: &Currency) -> Option<u64> {
        let fraction = self.amount.fraction.as_deref().filter(|_| self.scale.is_none())?;
        match fraction.len() {
            _ if currency.cents.is_empty() => None,
            1 if currency.is_name => None,
            1 => Some(10 * fraction.parse::<u64>().ok()?),
            2 => fraction.parse().ok(),
            _ => None,
        }
    }
}

/// An amount of money, or a range of them.
pub(super) fn money(text: &Text<'_>, at: usize) -> Option<Said> {
    let (minus, from) = sign(text, at);
    let before = Currency::written(text, from)
        .map(|(currency, end)| (currency, behind_stop(text, end)))
        .filter(|(_, end)| leads(text, *end));
    let (inner, from) = before.as_ref().map_or(("", from), |(_, end)| sign(text, *end));
    let minus = if inner.is_empty() { minus } else { inner };
    let reading = |currency: Option<&Currency>| match currency.map(|currency| currency.many) {
        Some(many) if many.ends_with("dollars") || many == "pounds" => Reading::Money,
        Some(_) => Reading::European,
        None => Reading::Money,
    };
    let first = Sum::parse(text, from, minus, reading(before.as_ref().map(|(found, _)| found)))?;
    let range = range(text, first.amount.end);
    let last_end = range.as_ref().map_or(first.amount.end, |sum| sum.amount.end);
    let minus_end = last_end + usize::from(is_trailing_minus(text, last_end, &first));
    let after = Currency::behind(text, minus_end);
    let (currency, end) = match (before, after) {
        (Some((currency, _)), Some((other, end))) if currency.many == other.many => (currency, end),
        (Some((currency, _)), _) => (currency, minus_end),
        (None, Some((currency, end))) => (currency, end),
        (None, None) => return None,
    };
    // What stands in front decides how the number is read only if it is known by then.
    let reading = reading(Some(&currency));
    let mut first = Sum::parse(text, from, minus, reading).unwrap_or(first);
    if minus_end > last_end {
        first.minus = "minus ";
    }
    let is_attribute = is_attribute(text, at, end);
    let mut said = match &range {
        Some(last) if first.is_whole() => {
            // "$5–10 million": the scale is that of both.
            let scale = first.scale.filter(|_| first.scale != last.scale);
            let scale = scale.map(|scale| format!(" {scale}")).unwrap_or_default();
            let number = format!("{}{}{scale}", first.minus, first.amount.said());
            format!("{number} to {}", last.said(&currency, is_attribute))
        }
        Some(last) => {
            format!("{} to {}", first.said(&currency, false), last.said(&currency, is_attribute))
        }
        None => first.said(&currency, is_attribute),
    };
    let mut end = end;
    if let Some(per) = units::per(text, end) {
        said = format!("{said} {}", per.words);
        end = per.end;
    } else if text.glued_sign(end) == Some('+') {
        said.push_str(" plus");
        end += 1;
    }
    Some(Said::new(said, end))
}

/// Whether an amount follows a currency.
fn leads(text: &Text<'_>, at: usize) -> bool {
    let (_, at) = sign(text, at);
    text.number(at).is_some() || text.sign(at) == Some('.') && text.glued_number(at + 1).is_some()
}

/// Behind the stop of "Fr. 12".
fn behind_stop(text: &Text<'_>, at: usize) -> usize {
    let is_stop = text.glued_sign(at) == Some('.') && text.number(at + 1).is_some();
    at + usize::from(is_stop && !text.is_glued(at + 1))
}

/// A sign before an amount, and the first token behind it.
fn sign(text: &Text<'_>, at: usize) -> (&'static str, usize) {
    let is_sign = text.is_glued(at + 1) && at + 1 < text.tokens.len();
    match text.sign(at).filter(|_| is_sign) {
        Some('-' | '−' | '–') => ("minus ", at + 1),
        Some('+') => ("plus ", at + 1),
        Some('~' | '≈') => ("about ", at + 1),
        Some(_) | None => ("", at),
    }
}

fn is_dash(text: &Text<'_>, at: usize) -> bool {
    matches!(text.glued_sign(at), Some('-' | '–' | '—'))
}

/// "12.50- €": the sign of accountants.
fn is_trailing_minus(text: &Text<'_>, at: usize, sum: &Sum) -> bool {
    sum.amount.fraction.is_some() && is_dash(text, at) && !text.is_glued(at + 1)
}

/// The second half of a range.
fn range(text: &Text<'_>, at: usize) -> Option<Sum> {
    let from = text.after_dash(at)?;
    let from = Currency::written(text, from).map_or(from, |(_, end)| end);
    Sum::parse(text, from, "", Reading::Money)
}

/// A scale behind an amount: "k", "m", "bn", "million".
fn scale(text: &Text<'_>, at: usize) -> Option<(&'static str, usize)> {
    let word = text.word(at)?;
    let name = match word {
        "hundred" => "hundred",
        "thousand" | "k" | "K" => "thousand",
        "million" | "m" | "M" | "mn" | "mm" | "MM" | "mil" | "mio" | "Mio" => "million",
        "billion" | "b" | "B" | "bn" | "Bn" | "mrd" | "Mrd" => "billion",
        "trillion" | "t" | "T" | "tn" | "tr" => "trillion",
        _ => return None,
    };
    let is_short = word.len() < 3 && !matches!(word, "mn" | "bn");
    if is_short && !text.is_glued(at) {
        return None;
    }
    let dotted =
        matches!(word, "mio" | "Mio" | "mrd" | "Mrd") && text.glued_sign(at + 1) == Some('.');
    Some((name, at + 1 + usize::from(dotted)))
}

/// Whether an amount says which kind of thing follows: "a $5 coupon".
fn is_attribute(text: &Text<'_>, at: usize, end: usize) -> bool {
    const ENDS: [&str; 12] =
        ["for", "and", "or", "in", "to", "per", "each", "is", "off", "on", "at", "plus"];
    let noun = text.word(end).filter(|_| !text.is_glued(end));
    matches!(text.before(at).as_str(), "a" | "an")
        && noun.is_some_and(|word| word.starts_with(char::is_lowercase) && !ENDS.contains(&word))
}
