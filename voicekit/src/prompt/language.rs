//! The closest of several languages.

use std::collections::BTreeMap;

/// A BCP 47 tag as a key.
pub(crate) fn normal(tag: &str) -> String {
    tag.trim().replace('_', "-").to_ascii_lowercase()
}

/// What is there for `language`, or else for what it is a variant of: `zh-Hant-TW`, `zh-Hant`, `zh`.
pub(crate) fn find<'a, T>(by_tag: &'a BTreeMap<String, T>, language: &str) -> Option<&'a T> {
    let tag = normal(language);
    let mut tag = &*tag;
    loop {
        if let Some(found) = by_tag.get(tag) {
            return Some(found);
        }
        tag = tag.rsplit_once('-')?.0;
    }
}
