//! Letter to sound, for words that no lexicon knows.
//!
//! A greedy match of English spelling patterns, longest first, in the phoneme alphabet of misaki
//! (one letter a sound: `A` as in day, `I` as in sky, `O` as in go, `W` as in now, `Y` as in boy).
//! Words without a vowel and short words in capitals are spelled.

use misaki_rs::Fallback;
use misaki_rs::fallback::FallbackError;

/// Says unknown words as they are written.
#[derive(Debug)]
pub(super) struct Letters;

impl Fallback for Letters {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        Ok(pronounce(word))
    }
}

/// The sounds of `word`. Empty if it holds no Latin letter.
pub(super) fn pronounce(word: &str) -> String {
    let letters: Vec<char> = word.chars().filter_map(plain).collect();
    let spoken: String = letters.iter().map(char::to_ascii_lowercase).collect();
    let all_capitals = letters.len() > 1 && letters.iter().all(char::is_ascii_uppercase);
    let has_vowel = spoken.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    if letters.len() == 1 || !has_vowel || all_capitals && letters.len() <= 5 {
        return spoken.chars().map(name).collect::<Vec<_>>().join(" ");
    }
    stress(&sounds(&spoken))
}

/// The letter without its accent, as far as European languages go.
fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ñ' => 'N',
        'Ò'..='Ö' | 'Ø' => 'O',
        'Ù'..='Ü' => 'U',
        letter if letter.is_ascii_alphabetic() => letter,
        _ => return None,
    })
}

/// Where a pattern may match.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Anywhere,
    Start,
    End,
    /// Before e, i or y.
    Soft,
    /// Before one consonant and a final e.
    Magic,
}

use At::{Anywhere, End, Magic, Soft, Start};

/// Spelling, where, sounds. The first that fits is taken.
const PATTERNS: &[(&str, At, &str)] = &[
    ("tion", Anywhere, "ʃən"),
    ("sion", Anywhere, "ʒən"),
    ("ture", End, "ʧəɹ"),
    ("ough", Anywhere, "O"),
    ("augh", Anywhere, "ɔ"),
    ("eigh", Anywhere, "A"),
    ("igh", Anywhere, "I"),
    ("tch", Anywhere, "ʧ"),
    ("dge", Anywhere, "ʤ"),
    ("sch", Start, "ʃ"),
    ("ing", End, "ɪŋ"),
    ("ous", End, "əs"),
    ("que", End, "k"),
    ("oor", Anywhere, "ɔɹ"),
    ("ear", Anywhere, "ɪɹ"),
    ("eer", Anywhere, "ɪɹ"),
    ("air", Anywhere, "ɛɹ"),
    ("our", Anywhere, "ɔɹ"),
    ("are", End, "ɛɹ"),
    ("ire", End, "Iəɹ"),
    ("ore", End, "ɔɹ"),
    ("kn", Start, "n"),
    ("wr", Start, "ɹ"),
    ("ps", Start, "s"),
    ("wh", Anywhere, "w"),
    ("ch", Anywhere, "ʧ"),
    ("sh", Anywhere, "ʃ"),
    ("th", Anywhere, "θ"),
    ("ph", Anywhere, "f"),
    ("ck", Anywhere, "k"),
    ("gh", Start, "ɡ"),
    ("gh", Anywhere, ""),
    ("ng", End, "ŋ"),
    ("nk", Anywhere, "ŋk"),
    ("qu", Anywhere, "kw"),
    ("ee", Anywhere, "i"),
    ("ea", Anywhere, "i"),
    ("ai", Anywhere, "A"),
    ("ay", Anywhere, "A"),
    ("ei", Anywhere, "A"),
    ("ey", End, "i"),
    ("ie", End, "i"),
    ("oa", Anywhere, "O"),
    ("oe", End, "O"),
    ("oo", Anywhere, "u"),
    ("ou", Anywhere, "W"),
    ("ow", End, "O"),
    ("ow", Anywhere, "W"),
    ("oi", Anywhere, "Y"),
    ("oy", Anywhere, "Y"),
    ("au", Anywhere, "ɔ"),
    ("aw", Anywhere, "ɔ"),
    ("ew", Anywhere, "u"),
    ("ue", End, "u"),
    ("ar", Anywhere, "ɑɹ"),
    ("er", Anywhere, "əɹ"),
    ("ir", Anywhere, "ɜɹ"),
    ("or", Anywhere, "ɔɹ"),
    ("ur", Anywhere, "ɜɹ"),
    ("le", End, "ᵊl"),
    ("es", End, "z"),
    ("x", Start, "z"),
    ("x", Anywhere, "ks"),
    ("c", Soft, "s"),
    ("c", Anywhere, "k"),
    ("g", Soft, "ʤ"),
    ("g", Anywhere, "ɡ"),
    ("y", Start, "j"),
    ("y", End, "i"),
    ("y", Magic, "I"),
    ("y", Anywhere, "ɪ"),
    ("a", Magic, "A"),
    ("a", End, "ə"),
    ("a", Anywhere, "æ"),
    ("e", Magic, "i"),
    ("e", End, ""),
    ("e", Anywhere, "ɛ"),
    ("i", Magic, "I"),
    ("i", End, "i"),
    ("i", Anywhere, "ɪ"),
    ("o", Magic, "O"),
    ("o", End, "O"),
    ("o", Anywhere, "ɑ"),
    ("u", Magic, "u"),
    ("u", End, "u"),
    ("u", Anywhere, "ʌ"),
    ("j", Anywhere, "ʤ"),
    ("q", Anywhere, "k"),
    ("r", Anywhere, "ɹ"),
];

fn sounds(word: &str) -> String {
    let mut sounds = String::new();
    let mut rest = word;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let doubled = before == Some(first) && !is_vowel(first);
        let pattern = PATTERNS.iter().find(|(spelling, at, _)| {
            rest.strip_prefix(spelling)
                .is_some_and(|after| fits(*at, rest.len() == word.len(), after))
        });
        let taken = match pattern {
            Some((spelling, _, sound)) => {
                sounds.push_str(if doubled { "" } else { sound });
                spelling.len()
            }
            None => {
                if !doubled {
                    sounds.push(first);
                }
                first.len_utf8()
            }
        };
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    sounds
}

fn fits(at: At, is_start: bool, after: &str) -> bool {
    match at {
        Anywhere => true,
        Start => is_start,
        End => after.is_empty() && !is_start,
        Soft => after.starts_with(['e', 'i', 'y']),
        Magic => {
            let mut next = after.chars();
            let consonant = next.next().is_some_and(|c| !is_vowel(c) && c != 'x');
            consonant && matches!(next.as_str(), "e" | "es" | "ed")
        }
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// Stresses the first full vowel.
fn stress(sounds: &str) -> String {
    const FULL: &str = "AIOWYiuæɑɔɛɪʊʌɜ";
    let at = sounds.find(|c| FULL.contains(c)).or_else(|| sounds.find(['ə', 'ᵊ']));
    match at {
        Some(at) => format!("{}ˈ{}", &sounds[..at], &sounds[at..]),
        None => sounds.to_owned(),
    }
}

/// The name of a lower-case letter.
fn name(letter: char) -> &'static str {
    const NAMES: [&str; 26] = [
        "ˈA",
        "bˈi",
        "sˈi",
        "dˈi",
        "ˈi",
        "ˈɛf",
        "ʤˈi",
        "ˈAʧ",
        "ˈI",
        "ʤˈA",
        "kˈA",
        "ˈɛl",
        "ˈɛm",
        "ˈɛn",
        "ˈO",
        "pˈi",
        "kjˈu",
        "ˈɑɹ",
        "ˈɛs",
        "tˈi",
        "jˈu",
        "vˈi",
        "dˈʌbᵊlju",
        "ˈɛks",
        "wˈI",
        "zˈi",
    ];
    let index = (letter as usize).checked_sub('a' as usize);
    index.and_then(|index| NAMES.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_follow_their_spelling() {
        for (word, sounds) in [
            ("Qdrant", "kdɹˈænt"),
            ("zake", "zˈAk"),
            ("Flooper", "flˈupəɹ"),
            ("brillig", "bɹˈɪlɪɡ"),
            ("Xanthe", "zˈænθ"),
            ("Zoë", "zˈO"),
        ] {
            assert_eq!(pronounce(word).replace('ˈ', ""), sounds.replace('ˈ', ""), "{word}");
        }
    }

    #[test]
    fn words_that_cannot_be_said_are_spelled() {
        assert_eq!(pronounce("zt"), "zˈi tˈi");
        assert_eq!(pronounce("ASR"), "ˈA ˈɛs ˈɑɹ");
        assert_eq!(pronounce("日本"), "");
    }
}
