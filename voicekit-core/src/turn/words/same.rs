//! Comparison of two transcripts by their words.
//!
//! Recognizers revise how they write what they heard: case, punctuation, spaces, and numbers in
//! digits or in words ("two", "2"). A reply that was prepared for one form fits the other.

use super::language::{is_ideograph, normalise};

/// The values of number words in the languages whose transcripts write both forms. Words with more
/// than one meaning, such as the French "neuf" (nine, new) or the German "ein" (one, a), are in the
/// list: they only have to read the same in both transcripts.
const VALUES: &[(u32, &[&str])] = &[
    (0, &["zero", "null", "cero", "zéro", "零", "〇"]),
    (1, &["one", "eins", "ein", "eine", "uno", "una", "un", "une", "一"]),
    (2, &["two", "zwei", "zwo", "dos", "deux", "二", "两", "兩"]),
    (3, &["three", "drei", "tres", "trois", "三"]),
    (4, &["four", "vier", "cuatro", "quatre", "四"]),
    (5, &["five", "fünf", "cinco", "cinq", "五"]),
    (6, &["six", "sechs", "seis", "六"]),
    (7, &["seven", "sieben", "siete", "sept", "七"]),
    (8, &["eight", "acht", "ocho", "huit", "八"]),
    (9, &["nine", "neun", "nueve", "neuf", "九"]),
    (10, &["ten", "zehn", "diez", "dix", "十"]),
    (11, &["eleven", "elf", "once", "onze"]),
    (12, &["twelve", "zwölf", "doce", "douze"]),
    (13, &["thirteen", "dreizehn", "trece", "treize"]),
    (14, &["fourteen", "vierzehn", "catorce", "quatorze"]),
    (15, &["fifteen", "fünfzehn", "quince", "quinze"]),
    (16, &["sixteen", "sechzehn", "dieciséis", "seize"]),
    (17, &["seventeen", "siebzehn", "diecisiete"]),
    (18, &["eighteen", "achtzehn", "dieciocho"]),
    (19, &["nineteen", "neunzehn", "diecinueve"]),
    (20, &["twenty", "zwanzig", "veinte", "vingt"]),
    (30, &["thirty", "dreißig", "treinta", "trente"]),
    (40, &["forty", "vierzig", "cuarenta", "quarante"]),
    (50, &["fifty", "fünfzig", "cincuenta", "cinquante"]),
    (60, &["sixty", "sechzig", "sesenta", "soixante"]),
    (70, &["seventy", "siebzig", "setenta", "septante"]),
    (80, &["eighty", "achtzig", "ochenta", "octante", "huitante"]),
    (90, &["ninety", "neunzig", "noventa", "nonante"]),
];

/// Returns whether `a` and `b` differ at most in case, punctuation, spaces, and in whether numbers
/// below 100 are written in digits or in words.
pub(in crate::turn) fn same_words(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    letters(a).eq(letters(b)) || canonical(a) == canonical(b)
}

/// The text without spaces, with number words as digits.
fn canonical(text: &str) -> String {
    let text = normalise(text);
    let mut words = words(&text).peekable();
    let mut canonical = String::with_capacity(text.len());
    while let Some(word) = words.next() {
        let Some(value) = value(word) else {
            canonical.extend(word.chars().filter(|c| c.is_alphanumeric()));
            continue;
        };
        // "Twenty five" is 25; "twenty fifteen" is 2015.
        let is_unit = |word: &&str| matches!(self::value(word), Some(1..=9));
        let unit = if value >= 20 && value % 10 == 0 { words.next_if(is_unit) } else { None };
        let unit = unit.and_then(self::value);
        canonical += &unit.map_or(value, |unit| value + unit).to_string();
    }
    canonical
}

/// The words of normalised text; each ideograph is one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').flat_map(|word| {
        let ideographs = word.starts_with(is_ideograph);
        let pattern = move |c: char| ideographs || c == ' ';
        word.split_inclusive(pattern).filter(|word| !word.is_empty())
    })
}

fn value(word: &str) -> Option<u32> {
    let of = |word: &str| {
        VALUES.iter().find(|(_, words)| words.contains(&word)).map(|(value, _)| *value)
    };
    of(word).or_else(|| {
        // "Fünfundzwanzig".
        let (unit, tens) = word.split_once("und")?;
        let (unit, tens) = (of(unit)?, of(tens)?);
        ((1..10).contains(&unit) && tens >= 20).then_some(tens + unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_digits_or_words() {
        let same = [
            ("A table for two at seven.", "a table for 2 at 7"),
            ("Five five five, zero one four two.", "555-0142"),
            ("Twenty-five people", "25 people"),
            ("seven thirty p.m.", "7:30 pm"),
            ("Um acht, fünfundzwanzig Personen", "um 8 25 Personen"),
            ("deux personnes à vingt heures", "2 personnes à 20 heures"),
            ("我要三张票", "我要3张票"),
            ("Gate five", "Gate 5."),
        ];
        for (a, b) in same {
            assert!(same_words(a, b), "{a} / {b}: {} {}", canonical(a), canonical(b));
        }
    }

    #[test]
    fn other_numbers_and_words_are_others() {
        let other = [
            ("a table for two", "a table for 3"),
            ("twenty five", "20 15"),
            ("twenty", "2"),
            ("I want tea", "I want two"),
            ("seven", ""),
            ("Two, please.", "Two, please. And bread."),
        ];
        for (a, b) in other {
            assert!(!same_words(a, b), "{a} / {b}");
        }
    }
}
