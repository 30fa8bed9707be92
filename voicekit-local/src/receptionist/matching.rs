//! Which fact or intent a caller means.
//!
//! A question is compared with every known way to ask by the cosine of their embeddings; an item is
//! as close as its closest line. Words in common decide only between items that are equally close:
//! summing both scores was measured to halve the recall on short spoken questions (0.50 against
//! 0.94 for embeddings alone).

use std::collections::{BTreeMap, BTreeSet};

use voicekit_core::retrieve::Embedding;

use super::knowledge::Knowledge;

/// Items this close to the best are equally close.
const TIE: f32 = 0.03;
/// What "who" and "why" cost against a line that asks something else: "who owns the bakery" is at
/// 0.78 of "where is the bakery located".
const OTHER_QUESTION: f32 = 0.25;

/// Something the receptionist can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Fact(usize),
    Intent(usize),
    Transfer(usize),
}

/// The item that a caller's words come closest to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) item: Item,
    /// −1 to 1.
    pub(super) similarity: f32,
}

/// All the known ways to ask.
#[derive(Debug)]
pub(super) struct Index {
    lines: Vec<Line>,
    /// In how many lines a word stands.
    frequency: BTreeMap<String, u32>,
}

#[derive(Debug)]
struct Line {
    item: Item,
    embedding: Embedding,
    stems: BTreeSet<String>,
    interrogative: Option<&'static str>,
}

/// The lines of `knowledge` that are to be embedded, in the order that [`Index::new`] takes.
pub(super) fn lines(knowledge: &Knowledge) -> Vec<(Item, &str)> {
    let facts = knowledge.facts.iter().enumerate();
    let facts = facts.flat_map(|(index, fact)| {
        fact.ask.get_ref().iter().map(move |ask| (Item::Fact(index), ask.as_str()))
    });
    let intents = knowledge.intents.iter().enumerate();
    let intents = intents.flat_map(|(index, intent)| {
        intent.ask.get_ref().iter().map(move |ask| (Item::Intent(index), ask.as_str()))
    });
    let transfers = knowledge.transfers.iter().enumerate();
    let transfers = transfers.flat_map(|(index, transfer)| {
        transfer.ask.get_ref().iter().map(move |ask| (Item::Transfer(index), ask.as_str()))
    });
    facts.chain(intents).chain(transfers).collect()
}

impl Index {
    pub(super) fn new(lines: &[(Item, &str)], embeddings: Vec<Embedding>) -> Self {
        let mut frequency = BTreeMap::new();
        let lines = lines.iter().zip(embeddings).map(|((item, text), embedding)| {
            let stems = stems(text);
            for stem in &stems {
                *frequency.entry(stem.clone()).or_default() += 1;
            }
            Line { item: *item, embedding, stems, interrogative: interrogative(text) }
        });
        let lines = lines.collect();
        Self { lines, frequency }
    }

    /// The item closest to a text, if there is any item at all.
    pub(super) fn closest(&self, text: &str, embedding: &Embedding) -> Option<Match> {
        let mut closeness: BTreeMap<Item, f32> = BTreeMap::new();
        let asked = interrogative(text);
        for line in &self.lines {
            let mut similarity = line.embedding.similarity(embedding);
            if asked.is_some() && asked != line.interrogative {
                similarity -= OTHER_QUESTION;
            }
            let best = closeness.entry(line.item).or_insert(f32::MIN);
            *best = best.max(similarity);
        }
        let best = closeness.values().copied().fold(f32::MIN, f32::max);
        let stems = stems(text);
        let rivals = closeness.into_iter().filter(|(_, similarity)| *similarity >= best - TIE);
        let ranked = rivals.map(|(item, similarity)| {
            let common = self.words_in_common(item, &stems);
            (Match { item, similarity }, common)
        });
        let (found, _) = ranked.max_by(|(a, a_words), (b, b_words)| {
            a_words.total_cmp(b_words).then(a.similarity.total_cmp(&b.similarity))
        })?;
        Some(found)
    }

    /// The weight of the rarest words shared with one line of `item`.
    fn words_in_common(&self, item: Item, stems: &BTreeSet<String>) -> f32 {
        let lines = self.lines.iter().filter(|line| line.item == item);
        let weights = lines.map(|line| {
            let shared = line.stems.intersection(stems);
            shared.map(|stem| 1.0 / self.rarity(stem)).sum::<f32>()
        });
        weights.fold(0.0, f32::max)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of lines are small")]
    fn rarity(&self, stem: &str) -> f32 {
        self.frequency.get(stem).copied().unwrap_or(1) as f32
    }
}

/// The question word of a text, if it is one whose answer is never that of another.
fn interrogative(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.find_map(|word| ["who", "why"].into_iter().find(|wanted| *wanted == word))
}

/// The words that carry meaning, without their endings.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    const STOP: &[&str] = &[
        "a", "an", "the", "do", "does", "did", "you", "your", "i", "i'd", "i'm", "me", "my", "we",
        "is", "are", "be", "can", "could", "would", "will", "to", "of", "for", "in", "on", "at",
        "it", "that", "this", "there", "what", "how", "have", "has", "any", "and", "or", "like",
        "please", "get", "with", "some", "want", "need",
    ];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && c != '\'');
    let content = words.filter(|word| !word.is_empty() && !STOP.contains(word));
    content.map(stem).collect()
}

fn stem(word: &str) -> String {
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() >= 3) {
            return stem.to_owned();
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_between_items_that_are_equally_close() {
        let lines = [(Item::Fact(0), "How much is a cake?"), (Item::Fact(1), "How much is bread?")];
        let near = |x: f32| Embedding::new(vec![x, 1.0]);
        let index = Index::new(&lines, vec![near(0.0), near(0.01)]);
        let found = |text| index.closest(text, &near(0.0)).unwrap().item;
        assert_eq!(found("what does bread cost"), Item::Fact(1));
        assert_eq!(found("what do cakes cost"), Item::Fact(0));
        assert_eq!(found("what does it cost"), Item::Fact(0));
    }

    #[test]
    fn words_do_not_outweigh_meaning() {
        let lines = [(Item::Fact(0), "Where are you?"), (Item::Fact(1), "Is there bread?")];
        let index = Index::new(
            &lines,
            vec![Embedding::new(vec![1.0, 0.0]), Embedding::new(vec![0.0, 1.0])],
        );
        let found = index.closest("bread bread", &Embedding::new(vec![0.8, 0.2])).unwrap();
        assert_eq!(found.item, Item::Fact(0));
    }
}
