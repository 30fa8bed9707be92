//! What an index holds in memory, and finding in it.

use std::collections::{BTreeMap, BTreeSet};

use voicekit_core::retrieve::words::{self, Term};
use voicekit_core::retrieve::{Chunk, Settled};

/// How often a term is in the headings and in the text of a chunk, at most 255 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) term: Term,
    pub(crate) headings: u8,
    pub(crate) text: u8,
}

/// A chunk without its vector, with its words counted; sorted by term.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) document: String,
    pub(crate) headings: Vec<String>,
    pub(crate) text: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) counts: Box<[Count]>,
}

impl Row {
    pub(crate) fn new(chunk: Chunk) -> (Self, Vec<f32>) {
        let mut counts: BTreeMap<Term, (u8, u8)> = BTreeMap::new();
        for term in chunk.headings.iter().flat_map(|heading| words::terms(heading)) {
            let count = &mut counts.entry(term).or_default().0;
            *count = count.saturating_add(1);
        }
        for term in words::terms(&chunk.text) {
            let count = &mut counts.entry(term).or_default().1;
            *count = count.saturating_add(1);
        }
        let counts =
            counts.into_iter().map(|(term, (headings, text))| Count { term, headings, text });
        let row = Self {
            id: chunk.id,
            document: chunk.document,
            headings: chunk.headings,
            text: chunk.text,
            metadata: chunk.metadata,
            counts: counts.collect(),
        };
        (row, chunk.embedding.values().to_vec())
    }

    /// What it is about, as passages name it.
    pub(crate) fn section(&self) -> String {
        self.headings.join(" › ")
    }

    fn has(&self, key: &str, value: &str) -> bool {
        match key {
            crate::SOURCE => self.document == value,
            crate::SECTION => self.section() == value,
            _ => self.metadata.get(key).is_some_and(|own| own == value),
        }
    }

    fn count(&self, term: Term) -> Option<Count> {
        let at = self.counts.binary_search_by_key(&term, |count| count.term).ok()?;
        self.counts.get(at).copied()
    }

    /// Words in the headings and in the text.
    fn lengths(&self) -> (u32, u32) {
        let add = |(headings, text): (u32, u32), count: &Count| {
            (headings + u32::from(count.headings), text + u32::from(count.text))
        };
        self.counts.iter().fold((0, 0), add)
    }
}

/// Which terms a row may have: a bit of 512 for each. It is a cache line, and tells nine of ten rows
/// of sixty words apart from those that have a term without a look at the row.
type Sketch = [u64; 8];

fn bit(term: Term) -> (usize, u64) {
    // The low bits of FNV-1a are its best.
    let [low, high, ..] = term.to_le_bytes();
    (usize::from(low & 7), 1 << (low >> 3 | (high & 1) << 5))
}

fn sketch(counts: &[Count]) -> Sketch {
    let mut sketch = Sketch::default();
    for count in counts {
        let (word, bit) = bit(count.term);
        sketch[word] |= bit;
    }
    sketch
}

/// Rows and their vectors, side by side.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    rows: Vec<Row>,
    lengths: Vec<(u32, u32)>,
    sketches: Vec<Sketch>,
    /// One after the other, `dimensions` each.
    vectors: Vec<f32>,
    dimensions: usize,
    places: BTreeMap<String, usize>,
    settled: BTreeMap<String, String>,
    /// Chunks that were replaced or removed.
    dead: usize,
}

impl Shelf {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn dead(&self) -> usize {
        self.dead
    }

    /// Of a vector; 0 as long as there is none.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn row(&self, at: usize) -> &Row {
        &self.rows[at]
    }

    pub(crate) fn vector(&self, at: usize) -> &[f32] {
        &self.vectors[at * self.dimensions..(at + 1) * self.dimensions]
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Row, &[f32])> {
        (0..self.len()).map(|at| (self.row(at), self.vector(at)))
    }

    /// Settled or not, with the fingerprints.
    pub(crate) fn documents(&self) -> BTreeMap<String, String> {
        let unsettled = self.rows.iter().map(|row| (row.document.clone(), String::new()));
        let mut documents: BTreeMap<String, String> = unsettled.collect();
        documents.extend(self.settled.clone());
        documents
    }

    /// The documents that are settled, with their fingerprints and chunks.
    pub(crate) fn settlements(&self) -> Vec<Settled> {
        let mut chunks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in &self.rows {
            chunks.entry(&row.document).or_default().push(row.id.clone());
        }
        let settled = self.settled.iter().map(|(document, fingerprint)| {
            Settled::new(
                document,
                fingerprint,
                chunks.remove(document.as_str()).unwrap_or_default(),
            )
        });
        settled.collect()
    }

    /// What is wrong with a batch, if anything is.
    pub(crate) fn objection(&self, chunks: &[Chunk]) -> Option<String> {
        let mut ids = BTreeSet::new();
        let mut dimensions = self.dimensions;
        for chunk in chunks {
            if !ids.insert(&chunk.id) {
                return Some(format!("the chunk {:?} is in a batch twice", chunk.id));
            }
            let own = chunk.embedding.values().len();
            if own == 0 {
                return Some(format!("the chunk {:?} has no embedding", chunk.id));
            }
            if dimensions != 0 && own != dimensions {
                return Some(format!(
                    "the chunk {:?} has an embedding of {own} dimensions, the index one of \
                     {dimensions}: another model made it",
                    chunk.id
                ));
            }
            dimensions = own;
        }
        None
    }

    /// Puts a row in its place. The vector has the dimensions of all others.
    pub(crate) fn put(&mut self, row: Row, vector: &[f32]) {
        debug_assert!(self.dimensions == 0 || self.dimensions == vector.len());
        self.dimensions = vector.len();
        // A document that is being written is whole only once it is settled again.
        self.settled.remove(&row.document);
        if let Some(&at) = self.places.get(&row.id) {
            self.vectors[at * self.dimensions..(at + 1) * self.dimensions].copy_from_slice(vector);
            self.lengths[at] = row.lengths();
            self.sketches[at] = sketch(&row.counts);
            self.rows[at] = row;
            self.dead += 1;
            return;
        }
        self.places.insert(row.id.clone(), self.rows.len());
        self.vectors.extend_from_slice(vector);
        self.lengths.push(row.lengths());
        self.sketches.push(sketch(&row.counts));
        self.rows.push(row);
    }

    pub(crate) fn settle(&mut self, settled: Settled) {
        let named: BTreeSet<String> = settled.chunks.into_iter().collect();
        self.remove(|row| row.document == settled.document && !named.contains(&row.id));
        self.settled.insert(settled.document, settled.fingerprint);
    }

    pub(crate) fn delete(&mut self, document: &str) {
        self.remove(|row| row.document == document);
        self.settled.remove(document);
    }

    fn remove(&mut self, gone: impl Fn(&Row) -> bool) {
        let mut at = 0;
        while at < self.rows.len() {
            if gone(&self.rows[at]) {
                self.take_out(at);
            } else {
                at += 1;
            }
        }
        if self.rows.is_empty() {
            self.dimensions = 0;
        }
    }

    /// The last row takes the place.
    fn take_out(&mut self, at: usize) {
        let row = self.rows.swap_remove(at);
        self.lengths.swap_remove(at);
        self.sketches.swap_remove(at);
        self.places.remove(&row.id);
        let (last, width) = (self.rows.len(), self.dimensions);
        self.vectors.copy_within(last * width.., at * width);
        self.vectors.truncate(last * width);
        if let Some(moved) = self.rows.get(at) {
            self.places.insert(moved.id.clone(), at);
        }
        self.dead += 1;
    }

    /// The rows with all of this metadata.
    pub(crate) fn fitting<'a>(
        &'a self,
        filter: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = usize> + 'a {
        (0..self.len())
            .filter(move |at| filter.iter().all(|(key, value)| self.rows[*at].has(key, value)))
    }

    /// The cosine of each row with `question`, −1 to 1.
    pub(crate) fn cosines(&self, question: &[f32]) -> Vec<f32> {
        if self.dimensions == 0 || self.dimensions != question.len() {
            return vec![0.0; self.len()];
        }
        self.vectors.chunks_exact(self.dimensions).map(|vector| dot(vector, question)).collect()
    }

    /// How much of `question` each row answers by its words, 0 to 1: BM25F over headings and text,
    /// divided by what a text that is full of every word would get.
    ///
    /// `k1` = 1.2 and `b` = 0.75 are the usual values of BM25 (Robertson and Zaragoza, 2009). A word
    /// in a heading counts as `HEADING` of the text; headings are short, so their length counts
    /// less.
    pub(crate) fn coverage(&self, question: &[Term]) -> Vec<f32> {
        const K1: f32 = 1.2;
        const B: f32 = 0.75;
        const B_HEADING: f32 = 0.3;
        const HEADING: f32 = 2.0;
        let mut scores = vec![0.0; self.len()];
        let (headings, texts) = self.mean_lengths();
        let mut whole = 0.0;
        let mut hits: Vec<(usize, f32)> = Vec::new();
        for term in question {
            hits.clear();
            let (word, bit) = bit(*term);
            for (at, sketch) in self.sketches.iter().enumerate() {
                if sketch[word] & bit == 0 {
                    continue;
                }
                let Some(count) = self.rows[at].count(*term) else { continue };
                let (heading, text) = self.lengths[at];
                let length = |own: u32, mean: f32, b: f32| 1.0 - b + b * float(own) / mean;
                let weight = HEADING * f32::from(count.headings)
                    / length(heading, headings, B_HEADING)
                    + f32::from(count.text) / length(text, texts, B);
                hits.push((at, weight / (K1 + weight)));
            }
            let (all, with) = (float_of(self.len()), float_of(hits.len()));
            let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            whole += rarity;
            for (at, weight) in &hits {
                scores[*at] += rarity * weight;
            }
        }
        if whole > 0.0 {
            scores.iter_mut().for_each(|score| *score /= whole);
        }
        scores
    }

    /// Of headings and of texts, in words; never zero.
    fn mean_lengths(&self) -> (f32, f32) {
        let add = |(a, b): (f32, f32), (c, d): &(u32, u32)| (a + float(*c), b + float(*d));
        let (headings, texts) = self.lengths.iter().fold((0.0, 0.0), add);
        let count = float_of(self.len().max(1));
        ((headings / count).max(1.0), (texts / count).max(1.0))
    }
}

/// In eight sums side by side, which compilers turn into vector instructions.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[expect(clippy::cast_precision_loss, reason = "lengths and counts far below 2²⁴")]
fn float(number: u32) -> f32 {
    number as f32
}

#[expect(clippy::cast_precision_loss, reason = "statistics, where rounding does not matter")]
fn float_of(number: usize) -> f32 {
    number as f32
}
