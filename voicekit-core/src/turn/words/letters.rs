//! Spelled names: letters in a row, spelling alphabets, "S as in Sierra".

use super::dictated::ABBREVIATIONS;
use super::dictation::{Part, Words, contains_word};

/// Whether the words end in a spelling that may go on; `None` if they end in none.
pub(super) fn is_unfinished(words: &Words) -> Option<bool> {
    if explains_a_letter(words) {
        return Some(true);
    }
    let dictated = words.dictated();
    let count =
        |wanted: fn(&Part) -> bool| dictated.iter().filter(|(_, part)| wanted(part)).count();
    let letters = count(|part| *part == Part::Letter);
    let alphabet = count(|part| *part == Part::Alphabet);
    let numbers = count(|part| matches!(part, Part::Number(_)));
    if letters == 0 && alphabet < 2 {
        return None;
    }
    if ABBREVIATIONS.contains(&last_letters(words).as_str()) {
        return Some(false);
    }
    let lists = words.language.dictated;
    let is_spelled = |(word, part): &(String, Part)| {
        *part == Part::Letter && !lists.word_letters.contains(&word.as_str())
    };
    let spelled = dictated.iter().any(is_spelled) && letters + alphabet + numbers >= 2;
    let before = words.before();
    let announced = || lists.spelled.iter().any(|word| contains_word(&before, word));
    (spelled || alphabet >= 2 || (letters > 0 && announced())).then_some(true)
}

/// "S as in Sierra", "M for mother", "S wie Siegfried", with or without the word.
fn explains_a_letter(words: &Words) -> bool {
    let lists = words.language.dictated;
    let all = &words.all;
    let word = |back: usize| all.len().checked_sub(back).map_or("", |at| all[at].0.as_str());
    let is_letter = |back: usize| {
        let at = all.len().checked_sub(back);
        let loose = matches!(word(back - 1), "as" | "de" | "for" | "like");
        at.is_some_and(|at| all[at].1 == Part::Letter)
            && !(loose && lists.word_letters.contains(&word(back)))
    };
    let short = |back: usize| (1..=3).contains(&word(back).chars().count());
    if word(3) == "as" && word(2) == "in" {
        return short(4);
    }
    [1, 2].into_iter().any(|back| lists.as_in.contains(&word(back)) && is_letter(back + 1))
}

/// The letters at the end, as one word.
fn last_letters(words: &Words) -> String {
    let letters = words.all.iter().rev().take_while(|(_, part)| *part == Part::Letter);
    let mut letters: Vec<&str> = letters.map(|(word, _)| word.as_str()).collect();
    letters.reverse();
    letters.concat()
}
