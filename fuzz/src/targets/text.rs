//! Clauses and what a voice speaks of them.

use voicekit_core::text::{Clauses, ClausesConfig, SpokenClauses, speakable};

use crate::{Input, text_pieces};

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (which, how) = (input.byte(), input.byte());
    let text = String::from_utf8_lossy(input.0);
    let config = ClausesConfig::default();
    let (config, most) = match which % 4 {
        0 => (config, None),
        1 => (config.without_early_first(), None),
        2 => (config.with_max_chars(24).with_min_chars(0), Some(24)),
        _ => (config.with_first_words(1).with_first_comma_words(1), None),
    };
    let whole = cut(&config, [text.to_string()]);
    assert_eq!(whole.concat(), text, "the clauses are not the text");
    assert!(most.is_none_or(|most| whole.iter().all(|clause| clause.chars().count() <= most)));
    assert_eq!(cut(&config, text_pieces(&text, how)), whole, "it depends on the deltas");
    for clause in &whole {
        spoken(clause);
    }
    spoken(&text);
    let heard = said(&config, [text.to_string()]);
    assert_eq!(
        said(&config, text_pieces(&text, how)),
        heard,
        "what is spoken depends on the deltas"
    );
}

fn cut(config: &ClausesConfig, deltas: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut clauses = Clauses::new(*config);
    let mut all = Vec::new();
    for delta in deltas {
        all.extend(clauses.push(&delta));
    }
    all.extend(clauses.flush());
    assert!(clauses.pending().is_empty());
    assert!(all.iter().all(|clause| !clause.is_empty()));
    all
}

fn said(config: &ClausesConfig, deltas: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut clauses = SpokenClauses::new(*config);
    let mut all = Vec::new();
    for delta in deltas {
        all.extend(clauses.push(&delta));
    }
    all.extend(clauses.flush());
    for clause in &all {
        assert!(clause.contains(char::is_alphanumeric), "nothing to pronounce in {clause:?}");
        assert!(!clause.contains(['<', '>']), "a tag in {clause:?}");
    }
    all
}

fn spoken(clause: &str) {
    let spoken = speakable(clause);
    assert_eq!(spoken.trim(), spoken, "white space at an end");
    assert!(!spoken.contains("  ") && !spoken.contains(char::is_control), "{spoken:?}");
    assert!(!spoken.contains('<') && !spoken.contains('>'), "a tag in {spoken:?}");
    assert!(spoken.len() <= 4 * clause.len() + 8, "{spoken:?} grew out of {clause:?}");
}
