//! Numbers, names and addresses that are dictated in groups are one turn.

use std::time::Duration;

use voicekit_core::turn::{Config, Stop};

use crate::turn_script::{check, check_with, config};

/// Each group ends in a pause of 1.5 s, of which a detector is certain that it ends the turn.
#[test]
fn groups_with_pauses_of_a_second_and_a_half_are_one_turn_in_every_language() {
    for (language, [first, second, third]) in [
        ("en", ["Five five five.", "Zero one four.", "Two two nine"]),
        ("en", ["My number is 555.", "014", "229."]),
        ("en", ["It's double seven.", "oh four", "triple nine"]),
        ("en", ["S M I", "T H", "E"]),
        ("en", ["S as in Sierra.", "M as in Mike.", "I as in India."]),
        ("en", ["jane dot doe", "at example", "dot co"]),
        ("de", ["Null eins sieben.", "Vier vier.", "Neun drei"]),
        ("de", ["M wie Martha.", "E wie Emil.", "Y wie Ypsilon."]),
        ("de", ["anna Punkt", "müller Klammeraffe", "beispiel Punkt"]),
        ("es", ["Seis uno dos.", "tres cuatro", "cinco seis"]),
        ("es", ["ana arroba", "ejemplo", "punto"]),
        ("fr", ["zéro six", "douze", "trente-quatre"]),
        ("fr", ["D comme Désiré.", "U comme Ursule.", "P comme Pierre."]),
        ("zh", ["一三八", "〇〇一", "二三"]),
    ] {
        let mut config = config();
        config.language = language.to_owned();
        check_with(
            config,
            &format!(
                r#"
                     0 started
                     speech 500 1000
                  1220 judged 1 0.99
                  1300 final "{first}"
                     speech 2500 3000
                  3220 judged 2 0.99
                  3300 final "{second}"
                     speech 4500 5000
                  5220 judged 3 0.99
                  5300 final "{third}"
                > 6700 remember caller "{first} {second} {third}"
                > 6700 reply #1 turn
                "#
            ),
        );
    }
}

#[test]
fn a_number_of_the_usual_length_is_answered_without_a_further_wait() {
    check(
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
          1300 final "five five five zero one four"
             speech 2500 3000
          3220 judged 2 0.99
          3300 final "two two nine eight"
        > 3450 remember caller "five five five zero one four two two nine eight"
        > 3450 reply #1 turn
        "#,
    );
}

#[test]
fn a_number_that_is_whole_is_answered_without_a_further_wait() {
    for words in ["Four.", "For two people.", "Half past seven.", "On May third.", "At 7:30."] {
        check(&format!(
            r#"
                 0 started
                 speech 500 1000
              1220 judged 1 0.99
              1300 final "{words}"
            > 1450 remember caller "{words}"
            > 1450 reply #1 turn
            "#
        ));
    }
}

#[test]
fn words_that_come_after_the_silence_still_show_that_it_was_a_pause() {
    check(
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
          1900 finalized "Five five five."
             speech 2500 3000
          3900 finalized "Zero one four."
        > 4700 remember caller "Five five five. Zero one four."
        > 4700 reply #1 turn
        "#,
    );
}

#[test]
fn a_recognizer_that_ends_the_turn_after_each_group_does_not_end_the_number() {
    check_with(
        recognizer_ends(),
        r#"
             0 started
           500 sign started
           800 interim "five five five"
          1000 final "Five five five."
          1010 sign ended
          2500 sign started
          2600 interim "zero one four"
          2800 final "Zero one four."
          2810 sign ended
        > 4500 remember caller "Five five five. Zero one four."
        > 4500 reply #1 turn
        "#,
    );
}

#[test]
fn a_group_with_an_empty_end_of_turn_is_part_of_the_number() {
    check_with(
        recognizer_ends(),
        r#"
             0 started
           500 sign started
           800 interim "five five five"
          1000 final ""
          1010 sign ended
          2500 sign started
          2600 interim "zero one four"
          2800 final "Zero one four."
          2810 sign ended
        > 4500 remember caller "five five five Zero one four."
        > 4500 reply #1 turn
        "#,
    );
}

#[test]
fn what_follows_a_number_ends_the_turn_as_usual() {
    check(
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
          1300 final "Five five five."
             speech 2400 3000
          3220 judged 2 0.99
          3300 final "And please call me back."
        > 3450 remember caller "Five five five. And please call me back."
        > 3450 reply #1 turn
        "#,
    );
}

#[test]
fn no_reply_is_prepared_to_a_number_that_may_go_on() {
    let mut config = config();
    config.speculation.most = 2;
    check_with(
        config,
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
          1300 final "Five five five."
        > 2700 remember caller "Five five five."
        > 2700 reply #1 turn
        "#,
    );
}

#[test]
fn the_pauses_inside_a_number_teach_nothing_about_those_between_sentences() {
    let mut config = config();
    config.pauses.weight = 0.5;
    config.endpoint.after_likely = Duration::from_millis(450);
    check_with(
        config,
        r##"
             0 started
             speech 500 1000
          1220 judged 1 0.6
          1300 final "Five five five."
             speech 2500 3000
          3220 judged 2 0.6
          3300 final "Thank you."
        > 3450 remember caller "Five five five. Thank you."
        > 3450 reply #1 turn
        "##,
    );
}

#[test]
fn a_wait_of_zero_leaves_numbers_to_the_detector() {
    let mut config = config();
    config.endpoint.after_dictation = Duration::ZERO;
    check_with(
        config,
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
          1300 final "Five five five."
        > 1450 remember caller "Five five five."
        > 1450 reply #1 turn
        "#,
    );
}

#[test]
fn an_application_that_says_the_caller_has_finished_is_believed() {
    check(
        r#"
             0 started
             speech 500 1000
          1300 final "Five five five."
          1400 yield-turn
        > 1400 remember caller "Five five five."
        > 1400 reply #1 turn
        "#,
    );
}

#[test]
fn groups_of_an_expected_number_are_waited_for_also_if_each_could_be_whole() {
    check(
        r#"
             0 started
             0 expect "short" 4
             speech 500 1000
          1220 judged 1 0.99
          1300 final "Twenty-five."
             speech 2500 3000
          3220 judged 2 0.99
          3300 final "Thirty-one."
        > 3450 remember caller "Twenty-five. Thirty-one."
        > 3450 reply #1 turn
        "#,
    );
}

#[test]
fn a_wait_for_dictation_beyond_the_longest_turn_is_refused_by_both_names() {
    let mut config = Config::default();
    config.endpoint.after_dictation = Duration::from_secs(6);
    let text = config.check().unwrap_err().to_string();
    assert_eq!(text, "turn: turn_timeout (5s) is below endpoint.after_dictation (6s)");
}

fn recognizer_ends() -> Config {
    let mut config = config();
    config.stop = vec![Stop::Recognizer];
    config
}
