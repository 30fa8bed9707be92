//! Questions as they are spoken, without what carries no meaning.

/// Sounds of hesitation: dropped wherever they are.
const HESITATION: &[&str] = &["um", "uh", "uhm", "er", "erm", "hmm", "mm", "ah", "oh"];

/// Courtesies and openings: dropped wherever they are, longest first.
const OPENINGS: &[&str] = &[
    "i was just wondering whether",
    "i was wondering whether",
    "i was just wondering if",
    "i was wondering if",
    "i just wanted to ask",
    "i wanted to ask",
    "would you be able to tell me",
    "i would like to know",
    "could you please tell me",
    "can you please tell me",
    "could you tell me",
    "can you tell me",
    "do you happen to know",
    "i'd like to know",
    "i've got a question",
    "i have a question",
    "quick question",
    "good afternoon",
    "good morning",
    "good evening",
    "excuse me",
    "thank you",
    "you know",
    "i mean",
    "hi there",
    "please",
    "thanks",
    "hello",
    "okay",
    "hey",
    "hi",
];

/// `question` without hesitation, courtesies and words said twice; unchanged if nothing is left.
///
/// ```
/// let said = "hi um could you tell me when when do you open please";
/// assert_eq!(voicekit_core::retrieve::spoken::essence(said), "when do you open");
/// ```
pub fn essence(question: &str) -> String {
    let mut words: Vec<&str> = question.split_whitespace().collect();
    words.retain(|word| !HESITATION.contains(&bare(word).as_str()));
    for opening in OPENINGS {
        remove(&mut words, opening);
    }
    words.dedup_by(|later, earlier| bare(later) == bare(earlier) && !bare(later).is_empty());
    if words.is_empty() { question.trim().to_owned() } else { words.join(" ") }
}

/// The words of `question` that count, in lower case, for telling whether two say the same.
///
/// ```
/// # use voicekit_core::retrieve::spoken::gist;
/// assert_eq!(gist("Um, are dogs welcome"), gist("Are dogs welcome, please?"));
/// ```
pub fn gist(question: &str) -> Vec<String> {
    essence(question).split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

fn remove(words: &mut Vec<&str>, phrase: &str) {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let mut at = 0;
    while at + phrase.len() <= words.len() {
        let same = words[at..].iter().zip(&phrase).all(|(word, part)| bare(word) == *part);
        if same {
            words.drain(at..at + phrase.len());
        } else {
            at += 1;
        }
    }
}

/// In lower case and without punctuation at its ends.
fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courtesies_alone_are_kept() {
        assert_eq!(essence("hello"), "hello");
        assert_eq!(essence(" Thank you! "), "Thank you!");
    }

    #[test]
    fn words_that_only_contain_a_courtesy_stay() {
        assert_eq!(essence("Hi, is the Hilton near"), "is the Hilton near");
    }
}
