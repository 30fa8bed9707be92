use super::language::{Language, OTHER, SHARED_BACKCHANNELS, normalise};
use super::*;

const TAGS: [&str; 5] = ["en", "de", "es", "fr", "zh"];

fn languages() -> Vec<&'static Language> {
    TAGS.into_iter().map(Language::of).chain([&OTHER]).collect()
}

fn of(tag: &str) -> Vocabulary {
    Vocabulary::of(tag)
}

#[test]
fn the_primary_subtag_names_the_language() {
    assert_eq!(of("en-US"), of("EN"));
    assert_eq!(of("zh-Hant-TW"), of("zh"));
    assert_eq!(of("fr_CA"), of("fr"));
    assert_ne!(of("de"), of("en"));
    assert_eq!(of("pt-BR"), of(""));
    assert_ne!(of("den"), of("de"));
}

#[test]
fn every_list_is_normalised_and_free_of_duplicates() {
    for language in languages() {
        let numbers = |list: &[(&'static str, _)]| list.iter().map(|(word, _)| *word).collect();
        for mut list in [
            [SHARED_BACKCHANNELS, language.backchannels].concat(),
            [language.never_last, language.seldom_last].concat(),
            language.whole.to_vec(),
            numbers(language.numbers),
            numbers(language.inside),
        ] {
            for phrase in &list {
                assert_eq!(normalise(phrase), *phrase);
            }
            list.sort_unstable();
            let twice = list.windows(2).find(|pair| pair[0] == pair[1]);
            assert_eq!(twice, None);
        }
    }
}

#[test]
fn every_language_has_a_good_stock_of_backchannels() {
    for language in TAGS.into_iter().map(Language::of) {
        assert!(language.backchannels.len() >= 15);
    }
}

#[test]
fn a_phrase_that_ends_a_sentence_is_an_exception_to_something() {
    for language in languages() {
        for phrase in language.whole {
            assert!(!language.is_open(phrase), "{phrase}");
            let bare = Language {
                requests: &[],
                backchannels: &[],
                never_last: language.never_last,
                seldom_last: language.seldom_last,
                whole: &[],
                numbers: &[],
                inside: &[],
                dictated: language.dictated,
            };
            assert!(bare.is_open(phrase), "{phrase}");
        }
    }
}

#[test]
fn backchannels_count_for_nothing() {
    let heard = [
        ("en", "Uh-huh."),
        ("en", "mm hmm, okay"),
        ("en", "Yeah, right. I see."),
        ("en", "..."),
        ("en", ""),
        ("en", "That’s right"),
        ("de", "Ja ja, genau."),
        ("de", "Ach so! Alles klar."),
        ("es", "Sí, sí, de acuerdo"),
        ("es", "¡Ajá! Claro que sí."),
        ("fr", "D’accord, très bien"),
        ("fr", "Ouais. C'est ça."),
        ("zh", "嗯嗯，好的。"),
        ("zh", "对对对我知道了"),
        ("zh", "OK好的明白"),
        ("pt", "mhm, ok"),
        ("ja", "OK。"),
    ];
    for (tag, text) in heard {
        assert!(of(tag).is_backchannel(text), "{text}");
    }
}

#[test]
fn words_that_say_something_are_counted() {
    let heard = [
        ("en", "okay, stop please", 2),
        ("en", "I see a problem", 2),
        ("en", "ok...stop", 1),
        ("en", "I don't know", 3),
        ("en", "say 'stop'", 2),
        ("de", "ja, aber nicht heute", 3),
        ("es", "no, espera", 2),
        ("fr", "oui mais attendez", 2),
        ("zh", "不行", 2),
        ("zh", "好的。等一下", 3),
        ("zh", "对不起", 3),
        ("zh", "OK停", 1),
        ("pt", "sim, claro", 2),
        ("hi", "नमस्ते जी", 2),
    ];
    for (tag, text, words) in heard {
        assert_eq!(of(tag).meaningful_words(text), words, "{text}");
    }
}

#[test]
fn an_own_list_of_backchannels_replaces_the_language_s() {
    let own = ["Roger THAT!", "copy", "copy", ""].map(str::to_owned);
    let vocabulary = of("en").with_backchannels(own);
    assert_eq!(vocabulary.backchannels, ["roger that", "copy"]);
    assert!(vocabulary.is_backchannel("Copy. Roger that."));
    assert_eq!(vocabulary.meaningful_words("yes, roger"), 2);
}

#[test]
fn a_sentence_that_breaks_off_is_open() {
    let open = [
        ("en", "I would like to"),
        ("en", "two croissants and"),
        ("en", "Well, uh..."),
        ("en", "On Monday,"),
        ("en", "I’m"),
        ("en", "And the."),
        ("de", "Ich hätte gerne einen"),
        ("de", "Also, ähm"),
        ("de", "Wir kommen am Montag und."),
        ("de", "Meine Nummer ist"),
        ("de", "weil"),
        ("es", "Quisiera una mesa para"),
        ("es", "Es que"),
        ("es", "bueno, pues"),
        ("es", "mi número es el"),
        ("fr", "Je voudrais"),
        ("fr", "c’est parce qu’"),
        ("fr", "Euh"),
        ("fr", "avec ma"),
        ("fr", "pour le"),
        ("zh", "我想要"),
        ("zh", "因为"),
        ("zh", "那个……"),
        ("zh", "我的号码是"),
        ("zh", "然后"),
        ("zh", "星期一，"),
        ("pt", "sim, uh"),
    ];
    for (tag, text) in open {
        assert!(of(tag).is_open(text), "{text}");
    }
}

#[test]
fn a_sentence_that_may_be_whole_is_not_open() {
    let whole = [
        ("en", ""),
        ("en", "Where are you from?"),
        ("en", "Yes it is"),
        ("en", "hold on"),
        ("en", "my ID"),
        ("en", "seven"),
        ("de", "Wer ist das?"),
        ("de", "das kann sein"),
        ("de", "Ich rufe morgen an"),
        ("de", "Für zwei Personen."),
        ("es", "¿Por qué?"),
        ("es", "eso es"),
        ("es", "Para dos personas"),
        ("fr", "Et vous ?"),
        ("fr", "zéro un"),
        ("fr", "merci à vous"),
        ("zh", "现在"),
        ("zh", "我想订两个位子"),
        ("zh", "好的。"),
        ("zh", "他不在"),
        ("pt", "para"),
    ];
    for (tag, text) in whole {
        assert!(!of(tag).is_open(text), "{text}");
    }
}

#[test]
fn digits_are_counted_as_they_are_said() {
    let said = [
        ("en", "oh two zero, 4 5", 5),
        ("en", "double five", 2),
        ("en", "Oh, I don't know", 0),
        ("en", "twenty", 2),
        ("en", "twenty-five", 2),
        ("en", "nineteen ninety five", 4),
        ("en", "two hundred", 3),
        ("en", "two hundred and five", 3),
        ("en", "eighteen hundred", 4),
        ("en", "two thousand five hundred twenty", 4),
        ("en", "a hundred and one", 3),
        ("en", "triple 7", 3),
        ("en", "555-0199", 7),
        ("en", "one moment", 0),
        ("en", "oh oh seven", 3),
        ("de", "null eins sieben zwo", 4),
        ("de", "fünfundzwanzig", 2),
        ("de", "fünf und zwanzig", 2),
        ("de", "zweihundertfünfzig", 3),
        ("de", "hundertfünfundzwanzig", 3),
        ("de", "ich habe ein Problem", 0),
        ("de", "Doppelnull", 2),
        ("de", "dreizehn, vierzig", 4),
        ("es", "cero seis, treinta y cinco", 4),
        ("es", "doscientos veinte", 3),
        ("es", "mil novecientos noventa y nueve", 4),
        ("es", "seis uno dos", 3),
        ("fr", "zéro six, douze, trente-quatre", 6),
        ("fr", "quatre-vingt-dix-huit", 2),
        ("fr", "soixante et onze", 2),
        ("fr", "vingt et un", 2),
        ("fr", "un instant", 0),
        ("zh", "一三八〇幺", 5),
        ("zh", "二十五", 2),
        ("zh", "一百零五", 3),
        ("zh", "等一下", 0),
        ("zh", "号码是１２３", 3),
        ("zh", "三千五百", 4),
        ("pt", "4 5 seis", 2),
        ("pt", "", 0),
    ];
    for (tag, text, digits) in said {
        assert_eq!(of(tag).digits(text), digits, "{text}");
    }
}

#[test]
fn any_text_is_taken_in() {
    for tag in ["en", "de", "zh", "xx"] {
        for text in [
            "'", "’’", "\u{301}", "🎉", "好'a", "a'好", "und", "und und", "double", "oh", "十", "İ",
        ] {
            let vocabulary = of(tag);
            vocabulary.meaningful_words(text);
            vocabulary.is_open(text);
            vocabulary.digits(text);
        }
    }
}
