//! The parts of a document that could not be read.

use std::borrow::Cow;
use std::fmt;

use super::Block;

/// Number of places that a loss names; further ones are only counted.
const NAMED: usize = 8;
/// Number of different losses that are kept per document; further ones are counted as one.
const KEPT: usize = 32;

/// The content of a document, and what is missing from it.
///
/// A document without any text, such as an empty file or a page that is only front matter, has
/// neither blocks nor losses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// The text, in reading order.
    pub blocks: Vec<Block>,
    /// The parts that could not be read, in the order in which they were found.
    pub losses: Vec<Loss>,
}

/// Parts of one kind that could not be read, for one reason.
///
/// Its text form reads `2 pages (page 3, page 7): only a scanned image`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The kind of part, a noun in the singular: `page`, `row`, `font`.
    pub what: Cow<'static, str>,
    /// Where they are, such as `page 3` or `line 12`: the first eight.
    pub places: Vec<String>,
    /// Why they could not be read.
    pub why: Cow<'static, str>,
    /// Number of parts, at least 1. May exceed the number of places.
    pub count: usize,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, places, why, count } = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })?;
        if !places.is_empty() {
            let more = count.saturating_sub(places.len());
            write!(f, " ({}", places.join(", "))?;
            if more > 0 {
                write!(f, " and {more} more")?;
            }
            f.write_str(")")?;
        }
        write!(f, ": {why}")
    }
}

/// Collects losses, so that equal ones are counted together.
#[derive(Debug, Default)]
pub(super) struct Losses(Vec<Loss>);

impl Losses {
    /// Adds one part `what` at `place` (which may be empty) that was lost because of `why`.
    pub(super) fn add(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        place: impl Into<String>,
        why: impl Into<Cow<'static, str>>,
    ) {
        let (mut what, mut why, place) = (what.into(), why.into(), place.into());
        let mut same = self.0.iter().position(|loss| loss.what == what && loss.why == why);
        if same.is_none() && self.0.len() >= KEPT {
            (what, why) = ("part".into(), "not read for further reasons".into());
            same = self.0.iter().position(|loss| loss.what == what && loss.why == why);
        }
        let loss = match same {
            Some(nth) => &mut self.0[nth],
            None => {
                self.0.push(Loss { what, places: Vec::new(), why, count: 0 });
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        loss.count += 1;
        if !place.is_empty() && loss.places.len() < NAMED && !loss.places.contains(&place) {
            loss.places.push(place);
        }
    }

    pub(super) fn into_vec(self) -> Vec<Loss> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_one_kind_and_reason_are_counted_together() {
        let mut losses = Losses::default();
        losses.add("row", "line 4", "an open quote");
        for page in 1..=10 {
            losses.add("page", format!("page {page}"), "only a scanned image");
        }
        let said: Vec<String> = losses.into_vec().iter().map(Loss::to_string).collect();
        let pages = "10 pages (page 1, page 2, page 3, page 4, page 5, page 6, page 7, page 8 \
                     and 2 more): only a scanned image";
        assert_eq!(said, ["1 row (line 4): an open quote", pages]);
    }

    #[test]
    fn a_document_with_endless_reasons_keeps_a_bounded_number_and_the_count() {
        let mut losses = Losses::default();
        for line in 1..=1000 {
            losses.add("row", "", format!("broken at byte {line}"));
        }
        let losses = losses.into_vec();
        assert_eq!(losses.len(), KEPT + 1);
        assert_eq!(losses.iter().map(|loss| loss.count).sum::<usize>(), 1000);
    }
}
