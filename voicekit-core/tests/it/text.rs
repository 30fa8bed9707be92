//! Clauses and speakable text: a corpus of cases, and what holds for any text.

use proptest::prelude::*;
use voicekit_core::text::{Clauses, ClausesConfig, speakable};

const CLAUSES: &str = include_str!("../data/text/clauses.txt");
const SPEAKABLE: &str = include_str!("../data/text/speakable.txt");

fn cases(corpus: &str) -> impl Iterator<Item = String> {
    let lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.map(|line| line.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\"))
}

fn sentences() -> ClausesConfig {
    ClausesConfig::default().without_early_first().with_min_chars(0)
}

fn cut<'a>(config: ClausesConfig, deltas: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut clauses = Clauses::new(config);
    let mut all: Vec<String> = deltas.into_iter().flat_map(|delta| clauses.push(delta)).collect();
    all.extend(clauses.flush());
    all
}

fn letters(text: &str) -> Vec<&str> {
    text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect()
}

#[test]
fn the_corpus_is_cut_as_marked_whole_and_letter_by_letter() {
    let (mut config, mut count, mut failures) = (sentences(), 0, Vec::new());
    for case in cases(CLAUSES) {
        match case.as_str() {
            "== sentences" => config = sentences(),
            "== default" => config = ClausesConfig::default(),
            marked => {
                count += 1;
                let text = marked.replace('|', "");
                for clauses in [cut(config, [text.as_str()]), cut(config, letters(&text))] {
                    if clauses.join("|") != marked {
                        failures.push(format!("want {marked:?}\n got {:?}", clauses.join("|")));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 60);
}

#[test]
fn the_corpus_is_spoken_as_noted() {
    let mut failures = Vec::new();
    for case in cases(SPEAKABLE) {
        let (clause, expected) = case.split_once(" => ").unwrap();
        let spoken = speakable(clause);
        if spoken != expected {
            failures.push(format!("{clause:?}\nwant {expected:?}\n got {spoken:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_stop_waits_for_what_follows_and_a_flush_ends_the_wait() {
    let mut clauses = Clauses::new(sentences());
    assert!(clauses.push("It costs 3.").is_empty());
    assert!(clauses.push("5 dollars.").is_empty());
    assert_eq!(clauses.pending(), "It costs 3.5 dollars.");
    assert_eq!(clauses.flush(), ["It costs 3.5 dollars."]);
    assert!(clauses.flush().is_empty());
}

#[test]
fn a_question_is_complete_with_the_space_behind_it() {
    let mut clauses = Clauses::new(sentences());
    assert!(clauses.push("Are you there?").is_empty());
    assert_eq!(clauses.push(" "), ["Are you there? "]);
}

#[test]
fn after_a_flush_or_reset_the_next_clause_is_a_first_one() {
    let mut clauses = Clauses::default();
    assert_eq!(clauses.push("Yes. Ok. "), ["Yes. "]);
    assert_eq!(clauses.flush(), ["Ok. "]);
    assert_eq!(clauses.push("Yes. No"), ["Yes. "]);
    clauses.reset();
    assert_eq!(clauses.pending(), "");
    assert_eq!(clauses.push("Yes. No"), ["Yes. "]);
}

#[test]
fn a_text_without_any_stop_is_cut_at_a_space_below_the_maximum() {
    let text = "word ".repeat(40);
    let clauses = cut(sentences().with_max_chars(32), [text.as_str()]);
    assert!(
        clauses.iter().all(|clause| clause.len() <= 32 && clause.ends_with(' ')),
        "{clauses:?}"
    );
    let clauses = cut(sentences().with_max_chars(32), ["x".repeat(100).as_str()]);
    assert_eq!(clauses.iter().map(String::len).collect::<Vec<_>>(), [32, 32, 32, 4]);
}

fn configs() -> impl Strategy<Value = ClausesConfig> {
    (0_usize..6, 0_usize..12, 0_usize..20, 0_usize..80).prop_map(|(comma, words, min, max)| {
        ClausesConfig::default()
            .with_first_comma_words(comma)
            .with_first_words(words)
            .with_min_chars(min)
            .with_max_chars(max)
    })
}

/// Text made of what the chunker cares about, and anything else.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "Hello",
        "there",
        " ",
        " ",
        ". ",
        ".",
        "?",
        "! ",
        "\n",
        ", ",
        "...",
        "…",
        "Dr",
        "No",
        "5",
        "3.5",
        "p.m",
        "U.S",
        "St",
        "The",
        "we",
        "。",
        "，",
        "好",
        "¿",
        "\"",
        ")",
        "(",
        "<b",
        ">",
        "[",
        "]",
        "```",
        "*",
        "http://a.b",
        "@",
        ":",
        "é",
        "👋",
        "I",
        "    ",
    ]);
    let piece =
        prop_oneof![9 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn clauses_joined_are_the_text_however_it_was_split(
        config in configs(),
        text in texts(),
        cuts in prop::collection::vec(1_usize..9, 1..60),
    ) {
        let whole = cut(config, [text.as_str()]);
        prop_assert_eq!(whole.concat(), text.clone());
        prop_assert!(whole.iter().all(|clause| !clause.is_empty()));
        prop_assert!(whole.iter().all(|clause| clause.chars().count() <= config.max_chars.max(16)));

        let letters = letters(&text);
        let mut deltas = Vec::new();
        let mut rest = &letters[..];
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (delta, tail) = rest.split_at((*size).min(rest.len()));
            deltas.push(delta.concat());
            rest = tail;
        }
        prop_assert_eq!(cut(config, deltas.iter().map(String::as_str)), whole);
    }

    #[test]
    fn spoken_text_is_tidy(text in texts()) {
        let spoken = speakable(&text);
        prop_assert!(!spoken.contains(['<', '>', '\n', '`', '👋']), "{}", spoken);
        prop_assert!(!spoken.contains("  "), "{}", spoken);
        prop_assert_eq!(spoken.trim(), &spoken);
        prop_assert!(spoken.is_empty() || spoken.contains(char::is_alphanumeric));
    }

    #[test]
    fn any_text_can_be_spoken(text in any::<String>()) {
        let spoken = speakable(&text);
        prop_assert!(!spoken.contains(['<', '>']));
    }
}
