//! Splitting.

use proptest::prelude::*;
use voicekit_rag::load::{Format, Limits, load};
use voicekit_rag::split::{Piece, SplitConfig, estimate, split};

fn pieces(markdown: &str, config: &SplitConfig) -> Vec<Piece> {
    let blocks =
        load(Format::Markdown, "notes", markdown.as_bytes(), &Limits::default()).unwrap().blocks;
    split(&blocks, config)
}

fn words() -> SplitConfig {
    SplitConfig::default().with_measure(|text| text.split_whitespace().count())
}

#[test]
fn a_section_that_fits_is_one_piece() {
    let text = "# Hotel\n\nFirst.\n\nSecond.\n\n## Dogs\n\n- small ones\n- big ones\n";
    let pieces = pieces(text, &SplitConfig::default());
    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(texts, ["First. Second.", "small ones big ones"]);
    assert_eq!(pieces[1].headings, ["Hotel", "Dogs"]);
    assert_eq!(pieces[1].in_context(), "Hotel, Dogs: small ones big ones");
}

#[test]
fn a_long_section_is_split_between_sentences_and_overlaps() {
    let text: String = (1..=12).map(|n| format!("This is number {n} here. ")).collect();
    let pieces = pieces(&text, &words().with_max_tokens(21).with_overlap_tokens(5));
    assert!(pieces.len() > 2, "{pieces:?}");
    for pair in pieces.windows(2) {
        let first = pair[1].text.split_inclusive('.').next().unwrap();
        assert!(pair[0].text.ends_with(first), "{pair:?}");
    }
    assert!(pieces.iter().all(|piece| piece.text.ends_with("here.")));
    assert!(pieces.last().unwrap().text.contains("number 12"));
}

#[test]
fn abbreviations_end_no_sentence() {
    let text = "Ask for Dr. Brandt at the desk. She comes at once.";
    let pieces = pieces(text, &words().with_max_tokens(16).with_overlap_tokens(0));
    assert_eq!(pieces.len(), 1);
    let text =
        "Please do always ask for Dr. Brandt at the desk. She then comes to your room at once.";
    let pieces = self::pieces(text, &words().with_max_tokens(16).with_overlap_tokens(0));
    assert_eq!(pieces[0].text, "Please do always ask for Dr. Brandt at the desk.");
}

#[test]
fn what_a_section_says_twice_is_one_piece() {
    let row = "name,price\nSoup,4\nSoup,4\nCake,3\n";
    let blocks = load(Format::Table, "menu", row.as_bytes(), &Limits::default()).unwrap().blocks;
    assert_eq!(split(&blocks, &SplitConfig::default()).len(), 2);
}

#[test]
fn tokens_are_not_underestimated_by_much() {
    let text = "Rooms are ready from 3 p.m.; the front desk is staffed around the clock.";
    assert!((16..=30).contains(&estimate(text)), "{}", estimate(text));
    assert_eq!(estimate("日本語"), 3);
}

proptest! {
    #[test]
    fn no_piece_is_too_long_and_no_word_is_lost(
        text in "([a-zß日]{1,12}|[.!?,] |\n\n| ){0,400}",
        limit in 16_usize..60,
        overlap in 0_usize..40,
    ) {
        let config = SplitConfig::default().with_max_tokens(limit).with_overlap_tokens(overlap);
        let loaded = load(Format::Text, "", text.as_bytes(), &Limits::default());
        let pieces = loaded.map(|loaded| split(&loaded.blocks, &config)).unwrap();
        for piece in &pieces {
            prop_assert!(estimate(&piece.text) <= limit, "{} {piece:?}", estimate(&piece.text));
        }
        let all: String = pieces.iter().map(|piece| piece.text.clone() + " ").collect();
        // Words that are too long are cut.
        for word in text.split_whitespace().filter(|word| estimate(word) <= limit / 2) {
            for part in word.split(|c: char| !c.is_alphanumeric()) {
                prop_assert!(all.contains(part), "{part}");
            }
        }
    }
}
