//! Replies cut and freed of markup while they are written: nothing of the markup is spoken.

use proptest::prelude::*;
use voicekit_core::text::{Clauses, ClausesConfig, SpokenClauses, speakable};

/// Longer than the longest clause.
fn long(words: &str) -> String {
    words.repeat(400 / words.len() + 1)
}

fn clauses(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut spoken = SpokenClauses::default();
    let mut all = Vec::new();
    for delta in letters.chunks(size.max(1)) {
        all.extend(spoken.push(&delta.iter().collect::<String>()));
    }
    all.extend(spoken.flush());
    all
}

/// What is spoken, which must not depend on the deltas.
fn spoken(text: &str) -> String {
    let whole = clauses(text, usize::MAX);
    for size in [1, 3, 7, 50] {
        assert_eq!(clauses(text, size), whole, "{text}");
    }
    squeezed(&whole.concat())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(',').to_owned()
}

#[test]
fn code_between_fences_is_never_spoken_however_long_it_is() {
    let code = long("let secret = compute(1, 2);\n");
    for (open, close) in [
        ("```", "```"),
        ("```rust", "```"),
        ("```{.python .numberLines startFrom=\"10\"}", "```"),
        ("````markdown", "````"),
        ("~~~", "~~~"),
        ("~~~ sh", "~~~~"),
        ("  ```js", "  ```"),
        ("1. ```", "   ```"),
        ("- ```", "  ```"),
        ("> ```", "> ```"),
    ] {
        let text = format!("Here it is:\n{open}\n{code}{close}\nDone.");
        let said = spoken(&text);
        assert!(!said.contains("secret") && !said.contains('`') && !said.contains('~'), "{said}");
        assert!(said.starts_with("Here it is:") && said.ends_with("Done."), "{text}\n{said}");
    }
}

#[test]
fn code_whose_fence_is_never_closed_is_not_spoken() {
    let code = long("let secret = 1. Then\n\n");
    for open in ["```", "~~~python", "   ```sh"] {
        assert_eq!(spoken(&format!("Look. \n{open}\n{code}")), "Look.");
    }
    // Another mark or fewer of them close nothing.
    assert_eq!(spoken("````\nsecret\n```\nsecret\n````\nOk."), "Ok.");
    assert_eq!(spoken("~~~\nsecret\n```\nsecret\n~~~\nOk."), "Ok.");
    assert_eq!(spoken("```\nsecret\n```rust\nsecret\n```\nOk."), "Ok.");
}

#[test]
fn fences_that_share_a_line_with_text_are_fences() {
    let code = long("let secret = 1. Then\n");
    assert_eq!(spoken(&format!("Run this: ```sh\n{code}```\nDone.")), "Run this: Done.");
    assert_eq!(spoken(&format!("Run this:\n```\n{code}secret```\nDone.")), "Run this: Done.");
    assert_eq!(spoken("```\nsecret\n``` Done. Bye."), "Done. Bye.");
}

#[test]
fn ticks_inside_a_line_are_not_a_fence() {
    assert_eq!(spoken("```ls -la``` lists files."), "ls -la lists files.");
    assert_eq!(spoken("Use ``a ` b`` here."), "Use a b here.");
}

#[test]
fn comments_are_never_spoken_whether_they_are_closed_or_not() {
    let secret = long("secret note. ");
    for (text, said) in [
        (format!("Yes. <!-- {secret} --> We are open."), "Yes. We are open."),
        (format!("Yes. <!--\n{secret}\n\n{secret}\n-->\nWe are open."), "Yes. We are open."),
        (format!("Yes. <!-- {secret}"), "Yes."),
        ("Yes<!-- a -- b > c --> indeed.".to_owned(), "Yes indeed."),
        ("A <!----> b <!--> c.".to_owned(), "A b c."),
        (format!("Ok. <script>{secret}</script> Fine."), "Ok. Fine."),
        (format!("Ok. <STYLE type=\"a\">{secret}</style> Fine."), "Ok. Fine."),
        (format!("Ok. <![CDATA[{secret}]]> Fine."), "Ok. Fine."),
        ("<?xml version=\"1.0\"?><!DOCTYPE html>Fine.".to_owned(), "Fine."),
    ] {
        assert_eq!(spoken(&text), said);
    }
}

#[test]
fn a_tag_is_not_spoken_wherever_it_is_cut() {
    let title = long("see here ");
    for (text, said) in [
        (
            format!("Ask <a href=\"https://a.example/x\" title=\"{title}\">us</a> now."),
            "Ask us now.",
        ),
        (format!("Ask <span data-x='{}'>us</span> now.", "a>b ".repeat(40)), "Ask us now."),
        (format!("{} <b>bold</b> move.", "word ".repeat(47)), ""),
        ("Ask <a\nhref='x'>us</a> now.".to_owned(), "Ask us now."),
        ("Ask us <a href=\"https://a.exam".to_owned(), "Ask us"),
        ("Ask us </stro".to_owned(), "Ask us"),
        (
            "If a < b and b <c and d goes on for a while, fine.".to_owned(),
            "If a b and b c and d goes on for a while, fine.",
        ),
    ] {
        let heard = spoken(&text);
        assert!(!heard.contains(['<', '>', '=']), "{heard}");
        assert!(said.is_empty() || heard == said, "{text}\n{heard}");
    }
}

#[test]
fn links_lose_their_targets_wherever_they_are_cut() {
    let path = long("path/");
    let words = long("many words ");
    for (text, said) in [
        (format!("See [our menu](https://a.example/{path}) now."), "See our menu now.".to_owned()),
        (
            format!("See [our menu](https://a.example \"{words}\") now."),
            "See our menu now.".to_owned(),
        ),
        (
            format!("See [our menu](<https://a.example> '{words}') now."),
            "See our menu now.".to_owned(),
        ),
        (format!("See [{words}](https://a.example/x_(y)) now."), format!("See {words} now.")),
        ("See [the docs][ref] and [more][].".to_owned(), "See the docs and more.".to_owned()),
        (
            "See [it][1].\n\n[1]: https://a.example \"Title\"\n[ref]: <https://b.example>\nBye."
                .to_owned(),
            "See it. Bye.".to_owned(),
        ),
        (
            format!("![a cat](data:image/png;base64,{}) Nice.", "QUJD".repeat(200)),
            "a cat Nice.".to_owned(),
        ),
        ("[![logo](a.png)](https://a.example) Hi.".to_owned(), "logo Hi.".to_owned()),
        (
            "Go to <https://a.example/x_y_z> now.".to_owned(),
            "Go to a.example/x_y_z now.".to_owned(),
        ),
        (
            "Mail <mailto:bob@a.example> or call <tel:+15550142298>.".to_owned(),
            "Mail bob@a.example or call +15550142298.".to_owned(),
        ),
        ("See [our menu](https://a.example".to_owned(), "See our menu".to_owned()),
        (
            "He [the boss](as we say here) left.".to_owned(),
            "He the boss, as we say here, left.".to_owned(),
        ),
    ] {
        assert_eq!(spoken(&text), squeezed(&said), "{text}");
    }
}

#[test]
fn emphasis_headings_lists_and_tables_are_not_spoken_across_cuts() {
    let words = long("many words ");
    for mark in ["*", "_", "**", "__", "***", "~~"] {
        let said = spoken(&format!("This {mark}{words}end{mark} is it."));
        assert_eq!(said, format!("This {}end is it.", squeezed(&words) + " "));
    }
    let said = spoken(&format!("# Our {words}\n\n> * {words}\n\n| a | {words} |\n|---|:-:|\n"));
    assert!(!said.contains(['#', '>', '*', '|', '-']), "{said}");
}

#[test]
fn parentheses_become_commas_wherever_they_are_cut() {
    let words = squeezed(&long("many words "));
    let said = spoken(&format!("Our shop (near {words}) is open."));
    assert_eq!(said, format!("Our shop, near {words}, is open."));
    assert_eq!(spoken("Pick your option(s) (or none) now."), "Pick your options, or none, now.");
}

#[test]
fn character_references_are_decoded_and_cut_nowhere() {
    for (text, said) in [
        ("Fish &amp; chips", "Fish & chips"),
        ("It&#39;s &#x201C;good&#X201D;", "It's “good”"),
        ("caf&eacute; &euro;5 &ndash; ok&hellip;", "café €5 – ok…"),
        ("a&nbsp;b&nbsp c", "a b c"),
        ("&lt;b&gt;bold&lt;/b&gt;", "b bold /b"),
        ("&amp;nbsp;x &amp;amp; y", "x & y"),
        ("AT&T and R&D; fine", "AT&T and R&D; fine"),
        ("&bogus; &#xFFFFFFFF; &#0; ok", "&bogus; ok"),
        ("We love R&D", "We love R&D"),
    ] {
        assert_eq!(spoken(text), said, "{text}");
    }
    let said = spoken(&format!("{}caf&eacute;s are open.", "word ".repeat(46)));
    assert!(said.ends_with("cafés are open."), "{said}");
}

#[test]
fn formulas_lose_their_delimiters() {
    assert_eq!(spoken("So \\(x + y\\) is $a \\times b$ here."), "So x + y is a × b here.");
    assert_eq!(spoken("It is $5 or $6 here."), "It is $5 or $6 here.");
    assert_eq!(spoken("Half is $$\\frac{1}{2}$$ ok."), "Half is 1/2 ok.");
}

#[test]
fn the_first_clause_comes_with_its_last_word() {
    let mut spoken = SpokenClauses::default();
    assert_eq!(spoken.push("**Sure**, I can do that, one"), ["Sure, "]);
    let mut spoken = SpokenClauses::default();
    assert_eq!(spoken.push("Hi! "), ["Hi! "]);
    let mut spoken = SpokenClauses::default();
    assert_eq!(spoken.push("[Yes](https://a.example). "), ["Yes. "]);
    assert_eq!(spoken.push("Yahoo! How"), [""; 0]);
    assert_eq!(spoken.flush(), ["Yahoo! How"]);
}

#[test]
fn a_reset_forgets_what_was_open() {
    let mut spoken = SpokenClauses::default();
    assert!(spoken.push("```\nsecret").is_empty());
    spoken.reset();
    assert_eq!(spoken.push("Hello. "), ["Hello. "]);
    assert!(spoken.push("<!-- x").is_empty());
    assert!(spoken.flush().is_empty());
    assert_eq!(spoken.push("Hello. "), ["Hello. "]);
}

/// What must stay in one clause.
const ATOMS: &[&str] = &[
    "+1 555 014 2298",
    "(555) 014-2298",
    "0171 123 45 67",
    "555 0142, ext. 40",
    "five five five, zero one four, two two nine eight",
    "fünf fünf fünf, null eins vier",
    "cero uno cuatro, dos dos nueve",
    "zéro un, quarante-deux, soixante",
    "12 St. James St., Apt. 4B",
    "350 Fifth Avenue, Suite 210",
    "12 Elm Street, Springfield, IL 62704",
    "Hauptstr. 12, 10115 Berlin",
    "Hauptstraße 12, 10115 Berlin",
    "12 rue de la Paix, 75002 Paris",
    "Calle Mayor, 5, 28013 Madrid",
    "Monday, May 5th, 2026",
    "Friday, 5 May 2026",
    "5. Mai 2026",
    "le 5 mai 2026",
    "5 de mayo de 2026",
    "Freitag, den 5. Mai",
    "24. 12. 2026",
    "7:30 p.m.",
    "7 Uhr 30",
    "12,50 €",
    "1 299,99 €",
    "$ 4",
    "1,299.99 USD",
    "5 dollars and 50 cents",
    "5 million dollars",
    "12 - 15 km",
    "version 2.0.1",
    "No. 5",
    "Room 204",
    "bob.smith@mail.example.org",
    "bob dot smith at example dot com",
    "https://www.example.com/a.b?c=d.e&f=g",
    "J, O, H, N",
    "z. B. um 9 Uhr",
    "EE. UU.",
];

#[test]
fn what_is_said_in_one_breath_is_cut_nowhere() {
    for atom in ATOMS {
        for filler in ["word ", "word, ", "go on; "] {
            for count in 0..60 {
                let text =
                    format!("{}{atom} now that is all there is to say", filler.repeat(count));
                for config in
                    [ClausesConfig::default(), ClausesConfig::default().with_first_words(1)]
                {
                    let mut cutter = Clauses::new(config);
                    let mut clauses = cutter.push(&text);
                    clauses.extend(cutter.flush());
                    assert_eq!(clauses.concat(), text);
                    assert!(clauses.iter().any(|clause| clause.contains(atom)), "{clauses:?}");
                }
            }
        }
    }
}

#[test]
fn digits_of_chinese_numbers_stay_together() {
    let mut cutter = Clauses::default();
    let mut clauses = cutter.push("我们的电话号码是五五五，零一四，二二九八，谢谢您的来电。");
    clauses.extend(cutter.flush());
    assert!(
        clauses.iter().any(|clause| clause.contains("五五五，零一四，二二九八")),
        "{clauses:?}"
    );
}

#[test]
fn chinese_text_without_any_stop_is_cut_between_characters_and_not_inside_a_number() {
    let text = format!("{}5550142298{}", "好".repeat(235), "好".repeat(30));
    let mut cutter = Clauses::default();
    let mut clauses = cutter.push(&text);
    clauses.extend(cutter.flush());
    assert!(clauses.iter().any(|clause| clause.contains("5550142298")), "{clauses:?}");
}

/// Documents of markup, as models write them. Each part ends where another may begin.
fn documents() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "we are open",
        "please come in",
        "ask for Bob",
        "it costs $5",
        "at 7:30 p.m.",
        "see you",
    ]);
    let inline = (words, 0_usize..14).prop_map(|(words, kind)| match kind {
        0 => format!("**{words}**"),
        1 => format!("_{words}_"),
        2 => format!("[{words}](https://secret.example/a_b?c=d \"secret title\")"),
        3 => format!("`{words}`"),
        4 => format!("({words})"),
        5 => format!("<b class=\"secret\">{words}</b>"),
        6 => format!("<!-- secret {words} -->{words}"),
        7 => format!("{words} &amp; {words}"),
        8 => format!("~~{words}~~"),
        9 => format!("“{words}”"),
        _ => words.to_owned(),
    });
    let sentence =
        (prop::collection::vec(inline, 1..12), prop::sample::select(vec![". ", "? ", ", ", " "]))
            .prop_map(|(parts, end)| parts.join(" ") + end);
    let block =
        (prop::collection::vec(sentence, 1..5), 0_usize..10).prop_map(|(sentences, kind)| {
            let text = sentences.concat();
            match kind {
                0 => format!("\n\n## {text}\n\n"),
                1 => format!("\n- {text}\n"),
                2 => format!("\n> {text}\n"),
                3 => format!("\n```rust\n{}\n```\n", "secret(); secret. ".repeat(text.len() / 12)),
                4 => format!("\n~~~\n{}\n~~~\n", "secret\n".repeat(9)),
                5 => format!("\n<!--\n{}\n-->\n", "secret. ".repeat(40)),
                6 => format!("\n| a | b |\n|---|---|\n| {text} | c |\n\n"),
                _ => text,
            }
        });
    prop::collection::vec(block, 1..6).prop_map(|blocks| blocks.concat())
}

proptest! {
    #[test]
    fn clauses_joined_are_what_is_spoken_of_the_whole(text in documents(), size in 1_usize..40) {
        let joined = squeezed(&clauses(&text, size).concat());
        prop_assert_eq!(&joined, &squeezed(&speakable(&text)));
        prop_assert!(!joined.contains("secret"), "{}", joined);
        prop_assert!(!joined.contains(['<', '>', '`', '#', '|', '*', '~', '[', ']']), "{}", joined);
    }
}
