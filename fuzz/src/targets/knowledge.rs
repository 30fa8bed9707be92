//! Answers of a Qdrant server: passages, pages of documents, descriptions of collections; and how
//! metadata is named in a filter.

use std::collections::{BTreeMap, BTreeSet};

use crate::Input;

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        b'q' => passages(input),
        b's' => documents(input),
        b'd' => {
            let _: bool = voicekit_qdrant::fuzz::description(input.0);
        }
        _ => path(input),
    }
}

/// At most as many as wanted, best first, none twice, all of them with what is filtered by.
fn passages(mut input: Input<'_>) {
    let (limit, filtered) = (usize::from(input.below(8)), input.flag());
    let mut filter = BTreeMap::new();
    if filtered {
        filter.insert("site".to_owned(), "north".to_owned());
    }
    let Some(passages) = voicekit_qdrant::fuzz::passages(input.0, &filter, limit) else { return };
    assert!(passages.len() <= limit);
    assert!(passages.is_sorted_by(|one, next| one.score >= next.score), "{passages:?}");
    let ids: BTreeSet<&str> = passages.iter().map(|passage| passage.id.as_str()).collect();
    assert_eq!(ids.len(), passages.len());
    let fits = |(key, value)| passages.iter().all(|one| one.metadata.get(key) == Some(value));
    assert!(filter.iter().all(fits));
}

fn documents(input: Input<'_>) {
    let documents = voicekit_qdrant::fuzz::documents(input.0).unwrap_or_default();
    let text: usize = documents.iter().map(|(name, version)| name.len() + version.len()).sum();
    assert!(text <= 3 * input.0.len());
}

/// Two keys never have one name, and a quote never ends one early.
fn path(input: Input<'_>) {
    let key = String::from_utf8_lossy(input.0);
    let Some(path) = voicekit_qdrant::fuzz::path(&key) else { return };
    if let Some(name) = path.strip_prefix("metadata.") {
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        assert_eq!(bare, key);
        assert!(!bare.contains('"'));
        assert!(name != bare || !bare.contains('.'));
    }
}
