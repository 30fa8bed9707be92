//! What the fuzz targets need of this crate; in no other build.

use std::collections::BTreeMap;

use voicekit_core::error::Error;
use voicekit_core::retrieve::Passage;
use voicekit_net::Refusal;

use crate::refusal;
use crate::wire::{self, Envelope, Found, Info, Layout, Scrolled, Version};

/// The passages of an answer to a query; `None` if the answer is wrong.
pub fn passages(
    json: &[u8],
    filter: &BTreeMap<String, String>,
    limit: usize,
) -> Option<Vec<Passage>> {
    let answer: Envelope<Found> = serde_json::from_slice(json).ok()?;
    Some(answer.result.passages(&Layout::Own, filter, limit))
}

/// The documents of a page of points.
pub fn documents(json: &[u8]) -> Option<BTreeMap<String, String>> {
    let answer: Envelope<Scrolled> = serde_json::from_slice(json).ok()?;
    Some(answer.result.documents().collect())
}

/// Whether a collection or a version can be read from an answer.
pub fn description(json: &[u8]) -> bool {
    let version =
        serde_json::from_slice::<Version>(json).is_ok_and(|found| found.numbers().is_some());
    serde_json::from_slice::<Envelope<Info>>(json).is_ok() || version
}

/// How a key of the metadata is named in a filter.
pub fn path(key: &str) -> Option<String> {
    wire::path(key)
}

/// What a refusal means.
pub fn refused(refusal: &Refusal) -> Option<Error> {
    refusal::classify(refusal)
}
