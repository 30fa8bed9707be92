//! The sentences of passages that answer a question, word for word.
//!
//! Nothing is made up: what is said is one sentence of one passage, or two that follow each other.

use std::collections::BTreeSet;

use voicekit_core::retrieve::{Embedding, Passage};

use super::dialogue::Part;
use super::matching::stems;

/// Passages that are read: nine of ten answers are in the first four, most of them in the first.
const PASSAGES: usize = 3;
/// Sentences that are compared. Each costs its embedding, some 4 ms, once a conversation.
const SENTENCES: usize = 24;
/// The most that is said, in characters: some fifteen seconds.
const LONGEST: usize = 240;
/// The least score of a sentence that answers. Measured with MiniLM (int8) on the documents of the
/// `phone-agent` example: what answers is at 0.58 and above, what answers another question below
/// 0.42 but for one that names the same dish.
const ANSWERS: f32 = 0.48;
/// How much less similar a sentence beside it may be to be said, too.
const BELONGS: f32 = 0.25;
/// What all the question's words being there is worth.
const IN_COMMON: f32 = 0.15;

/// A sentence of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    passage: usize,
    text: String,
    /// What it is about and what it says: what its meaning is taken from.
    pub(super) in_context: String,
}

/// The sentences worth comparing, in order.
pub(super) fn sentences(passages: &[Passage]) -> Vec<Sentence> {
    let mut all = Vec::new();
    for (passage, found) in passages.iter().take(PASSAGES).enumerate() {
        let about = found.metadata.get("section").map(String::as_str).unwrap_or_default();
        for text in split(&found.text) {
            let in_context =
                if about.is_empty() { text.clone() } else { format!("{about}: {text}") };
            all.push(Sentence { passage, text, in_context });
        }
    }
    all.truncate(SENTENCES);
    all
}

/// The sentence that answers what was `asked`, and the one beside it that belongs to it most.
pub(super) fn excerpt(
    sentences: &[Sentence],
    meanings: &[Embedding],
    asked: &[Part],
) -> Option<String> {
    let scores: Vec<f32> = sentences
        .iter()
        .zip(meanings)
        .map(|(sentence, meaning)| {
            let scores = asked.iter().map(|part| {
                part.embedding.similarity(meaning)
                    + IN_COMMON * shared(&part.text, &sentence.in_context)
            });
            scores.fold(f32::MIN, f32::max)
        })
        .collect();
    let (best, score) = scores.iter().copied().enumerate().max_by(|(a, x), (b, y)| {
        // Of equals the first.
        x.total_cmp(y).then(b.cmp(a))
    })?;
    if score < ANSWERS {
        return None;
    }
    let belongs = |at: &usize| {
        let Some(other) = sentences.get(*at) else { return false };
        let length = other.text.chars().count() + sentences[best].text.chars().count();
        other.passage == sentences[best].passage
            && scores[*at] >= score - BELONGS
            && length < LONGEST
    };
    let before = best.checked_sub(1).filter(belongs);
    let after = Some(best + 1).filter(belongs);
    let (first, last) = match (before, after) {
        (Some(before), Some(after)) if scores[after] >= scores[before] => (best, after),
        (Some(before), _) => (before, best),
        (None, Some(after)) => (best, after),
        (None, None) => (best, best),
    };
    let said = sentences[first..=last].iter().map(|sentence| sentence.text.as_str());
    Some(said.collect::<Vec<_>>().join(" "))
}

/// Which part of the question's words is there, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn shared(question: &str, text: &str) -> f32 {
    let asked: BTreeSet<String> = stems(question);
    if asked.is_empty() {
        return 0.0;
    }
    asked.intersection(&stems(text)).count() as f32 / asked.len() as f32
}

/// Whole sentences: lines of lists and tables are sentences, and what is too long to be said is
/// left out.
fn split(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_start_matches(['-', '*', '•', '#', '|', '>']).trim();
        let mut sentence = String::new();
        for word in line.split_whitespace() {
            if !sentence.is_empty() {
                sentence.push(' ');
            }
            sentence.push_str(word);
            if ends(word) {
                sentences.push(std::mem::take(&mut sentence));
            }
        }
        if !sentence.is_empty() {
            sentence.push('.');
            sentences.push(sentence);
        }
    }
    sentences.retain(|sentence| sentence.chars().count() <= LONGEST);
    sentences
}

/// Whether a sentence ends with `word`: "p.m." and "St." do not end one.
fn ends(word: &str) -> bool {
    let bare = word.trim_end_matches(['"', '\'', ')', '”', '’']);
    let Some(last) = bare.strip_suffix('.') else { return bare.ends_with(['?', '!']) };
    let is_short = ["St", "Mr", "Mrs", "Ms", "Dr", "No", "e.g", "i.e"].contains(&last);
    !is_short && !last.ends_with(".m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_cut_where_a_reader_would() {
        let text = "We open at 5 p.m. every day. Ask for Mr. Lee!\n- Soup, 6 dollars\n* Is it hot?";
        let expected =
            ["We open at 5 p.m. every day.", "Ask for Mr. Lee!", "Soup, 6 dollars.", "Is it hot?"];
        assert_eq!(split(text), expected);
    }

    #[test]
    fn what_is_too_long_to_be_said_is_left_out() {
        assert_eq!(split(&format!("{} end. Short.", "word ".repeat(60))), ["Short."]);
    }

    #[test]
    fn nothing_like_the_question_is_no_answer() {
        let near = |x: f32, y: f32| Embedding::new(vec![x, y]);
        let passages = [Passage::new("a", "Parking is free. It is behind the house.", 1.0)];
        let sentences = sentences(&passages);
        let asked = [Part { text: "zebra".to_owned(), embedding: near(0.0, 1.0) }];
        let meanings = [near(1.0, 0.1), near(1.0, 0.2)];
        assert_eq!(excerpt(&sentences, &meanings, &asked), None);
        let meanings = [near(0.1, 1.0), near(0.2, 1.0)];
        let said = excerpt(&sentences, &meanings, &asked).unwrap();
        assert_eq!(said, "Parking is free. It is behind the house.");
    }
}
