//! The guard against repetition: a greedy decoder that has written all it heard may write it again.
//!
//! The text is read in units: a word; a digit of a number, or a word for one; a character of a
//! script without spaces. Only its end is cut, and only what is more likely a loop of the model than
//! a person who repeats themselves: people say "no" four times, dictate 5555, and spell card
//! numbers of 19 digits.

use std::collections::BTreeSet;

/// Digits in a row that a person may say, with repetitions: the longest card number.
const MOST_DIGITS: usize = 19;

/// How often the same word, or the same character, may be said in a row.
const MOST_WORDS: usize = 8;
const MOST_LETTERS: usize = 12;

/// As many of them are kept if there are more.
const KEPT: usize = 4;

/// What is said as part of a number, besides digits.
const NUMBER_WORDS: [&str; 14] = [
    "zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "double", "triple",
];

/// A unit of the text.
#[derive(Clone, Debug)]
struct Unit {
    text: String,
    class: Class,
    /// Where it ends in the text, with the punctuation that belongs to it.
    end: usize,
    ends_sentence: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Word,
    Digit,
    /// A character of a script without spaces.
    Letter,
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Returns `text` without what its end says once more. `ran_on` is whether the decoder had to be
/// stopped, which makes a loop with variations likely.
pub(super) fn without_repetition(text: &str, ran_on: bool) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    loop {
        let units = units(&text);
        let kept = exact_loop(&units)
            .or_else(|| loop_with_variations(&units, ran_on))
            .map(|kept| kept.checked_sub(1).map_or(0, |last| units[last].end))
            .or_else(|| new_beginning(&text))
            .or_else(|| doubled_digit(&text));
        let Some(kept) = kept.filter(|kept| *kept < text.len()) else { return text };
        text.truncate(kept);
        text.truncate(text.trim_end_matches([' ', '-', ',']).len());
    }
}

fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut at = 0;
    for token in text.split(' ') {
        let (start, end) = (at, at + token.len());
        at = end + 1;
        let first = units.len();
        let is_number =
            token.contains(|c: char| c.is_numeric()) && !token.contains(char::is_alphabetic);
        if is_number || token.contains(is_unspaced) {
            let letters = token.char_indices().filter(|(_, c)| c.is_alphanumeric());
            units.extend(letters.map(|(index, c)| Unit {
                text: c.to_lowercase().collect(),
                class: if c.is_numeric() { Class::Digit } else { Class::Letter },
                end: start + index + c.len_utf8(),
                ends_sentence: false,
            }));
        } else {
            let text: String = plain(token).collect();
            let is_digit = NUMBER_WORDS.contains(&text.as_str());
            let class = if is_digit { Class::Digit } else { Class::Word };
            let unit = Unit { text, class, end, ends_sentence: false };
            units.extend((!unit.text.is_empty()).then_some(unit));
        }
        if units.len() > first
            && let Some(last) = units.last_mut()
        {
            last.end = end;
            last.ends_sentence = ends_sentence(token);
        }
    }
    units
}

/// Whether words of its script are not separated by spaces: Chinese, Japanese, Thai, Lao, Khmer,
/// Burmese.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// How many units to keep of a text whose end is said again and again, word for word; the last
/// time it may break off.
fn exact_loop(units: &[Unit]) -> Option<usize> {
    let all = units.len();
    (1..=all / 2).rev().find_map(|length| {
        let is_same = |at: &usize| units[*at] == units[at + length];
        let start = all - length - (0..all - length).rev().take_while(is_same).count();
        let (copies, block) = ((all - start) / length, &units[start..start + length]);
        if copies < 2 || !is_primitive(block) {
            return None;
        }
        match (length, block[0].class) {
            (1, class) => (copies > most_of(class)).then_some(start + KEPT),
            _ if is_loop(units, block, copies) => Some(first_copy(units, start, length)),
            _ => None,
        }
    })
}

/// Where the first copy of a loop ends that begins at `start`: with a sentence if it has an end.
fn first_copy(units: &[Unit], start: usize, length: usize) -> usize {
    let ends = start + length..(start + 2 * length).min(units.len());
    ends.into_iter().find(|end| units[end - 1].ends_sentence).unwrap_or(start + length)
}

fn most_of(class: Class) -> usize {
    match class {
        Class::Word => MOST_WORDS,
        Class::Digit => MOST_DIGITS,
        Class::Letter => MOST_LETTERS,
    }
}

/// Whether so many copies of `block` are more than a person says.
fn is_loop(units: &[Unit], block: &[Unit], copies: usize) -> bool {
    let all_are = |class| block.iter().all(|unit| unit.class == class);
    if all_are(Class::Digit) {
        return copies >= 3 && digits_at_end(units) > MOST_DIGITS;
    }
    if all_are(Class::Letter) {
        return copies >= 2 && block.len() >= 6 || copies >= 5;
    }
    copies >= 2 && block.len() >= 3 || copies >= 5
}

/// How many digits the text ends in.
fn digits_at_end(units: &[Unit]) -> usize {
    units.iter().rev().take_while(|unit| unit.class == Class::Digit).count()
}

/// Whether a block does not itself repeat a shorter one.
fn is_primitive(block: &[Unit]) -> bool {
    let periods = 1..=block.len() / 2;
    !periods
        .filter(|period| block.len().is_multiple_of(*period))
        .any(|period| block.chunks_exact(period).all(|part| *part == block[..period]))
}

/// How many units to keep of a text whose end is said again and again, almost word for word.
///
/// A list has items that all differ ("a table for two, a table for three, a table for four"); in a
/// loop some copies are the same.
fn loop_with_variations(units: &[Unit], ran_on: bool) -> Option<usize> {
    let shortest = if ran_on { 3 } else { 4 };
    let lengths = shortest..=units.len() / 3;
    let loops = lengths.filter_map(|length| similar_copies(units, length, ran_on));
    // Of all ways to cut the text into copies, that in which they differ least.
    loops.min_by_key(|(changes, _)| *changes).map(|(_, kept)| kept)
}

/// The end of the text as three or more copies of its last `length` units: how much they differ
/// from it in all, and how many units to keep.
fn similar_copies(units: &[Unit], length: usize, ran_on: bool) -> Option<(usize, usize)> {
    let all = units.len();
    let block = &units[all - length..];
    if !is_primitive(block) {
        return None;
    }
    let (mut start, mut changes) = (all - length, 0);
    let mut copies = vec![block];
    while let Some((distance, before)) = similar_before(units, block, start) {
        copies.push(&units[before..start]);
        (start, changes) = (before, changes + distance);
    }
    let texts = copies.iter().map(|copy| copy.iter().map(|unit| unit.text.as_str()).collect());
    let distinct = texts.collect::<BTreeSet<Vec<&str>>>().len();
    let is_list = distinct == copies.len() && copies.len() < 8 && !ran_on;
    let is_number = block.iter().all(|unit| unit.class == Class::Digit);
    let is_sayable = is_number && digits_at_end(units) <= MOST_DIGITS;
    let first = copies[copies.len() - 1].len();
    (copies.len() >= 3 && !is_list && !is_sayable).then_some((changes, start + first))
}

/// How much the copy of `block` differs that ends at `end`, and where it begins, if there is one: of
/// its length or a unit more or less, with at most a quarter of it changed.
fn similar_before(units: &[Unit], block: &[Unit], end: usize) -> Option<(usize, usize)> {
    let length = block.len();
    let most = (length / 4).max(1);
    let lengths = [length, length - 1, length + 1].into_iter();
    let starts = lengths.filter_map(|length| end.checked_sub(length));
    let distances = starts.map(|start| (distance(&units[start..end], block), start));
    let closest = distances.min_by_key(|(distance, _)| *distance)?;
    (closest.0 <= most).then_some(closest)
}

/// How many units have to be changed, added or left out.
fn distance(one: &[Unit], other: &[Unit]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, unit) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, same) in other.iter().map(|candidate| candidate == unit).enumerate() {
            let changed = diagonal + usize::from(!same);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// Where to cut a text whose end begins it anew and breaks off: by any word after the end of a
/// sentence, else by three or more words, or two with a number ("10 of clubs 10 of").
fn new_beginning(text: &str) -> Option<usize> {
    let words: Vec<&str> = text.split(' ').collect();
    if ends_sentence(words.last()?) {
        return None;
    }
    let same = |one: &[&str], other: &[&str]| {
        one.iter().zip(other).all(|(one, other)| plain(one).eq(plain(other)))
    };
    let length = (1..=words.len() / 2).rev().find(|&length| {
        let (rest, tail) = words.split_at(words.len() - length);
        // All of it said again is not broken off.
        let is_whole = rest.len().is_multiple_of(length)
            && rest.chunks_exact(length).all(|copy| same(copy, tail));
        let tail_units = units(&tail.join(" "));
        let has_digit = tail_units.iter().any(|unit| unit.class == Class::Digit);
        let is_number = tail_units.iter().all(|unit| unit.class == Class::Digit);
        let varies = !same(&tail[1..], tail);
        let is_long = varies && (length >= 3 || (length == 2 && has_digit));
        let enough = is_long || rest.last().is_some_and(|word| ends_sentence(word));
        same(tail, &words) && !is_whole && !is_number && enough
    })?;
    let tail: usize = words[words.len() - length..].iter().map(|word| word.len() + 1).sum();
    Some(text.len().saturating_sub(tail))
}

/// Where to cut a number of three or more digits whose last digit is written once more, or more
/// often, by itself: "2298 8", "555-2298-8".
fn doubled_digit(text: &str) -> Option<usize> {
    let is_space = |c: char| matches!(c, ' ' | '-' | '\u{2011}' | '\u{2013}');
    let trimmed = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let digit = trimmed.chars().next_back().filter(char::is_ascii_digit)?;
    let mut rest = trimmed;
    let mut cut = None;
    loop {
        let group_at = rest
            .rfind(is_space)
            .map_or(0, |at| at + rest[at..].chars().next().map_or(0, char::len_utf8));
        let group = &rest[group_at..];
        let is_number = group.len() >= 3 && group.chars().all(|c| c.is_ascii_digit());
        if is_number && group.ends_with(digit) {
            return cut;
        }
        if group.len() != 1 || !group.ends_with(digit) {
            return None;
        }
        let before = rest[..group_at].trim_end_matches(|c: char| is_space(c) || c == ',');
        (rest, cut) = (before, Some(before.len()));
    }
}

fn ends_sentence(word: &str) -> bool {
    word.ends_with(['.', '?', '!', '…', '؟', '。', '？', '！'])
}

fn plain(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests;
