//! A word that was shown is never taken back: interims that no final transcript settles.

use voicekit_core::turn::{Config, Stop, answered};

use crate::turn_script::{check, check_over_the_agent, check_with, config};

#[test]
fn words_that_an_empty_final_follows_are_answered_and_remembered() {
    check(
        r#"
             0 started
             speech 500 1000
           700 interim "when are you open"
          1700 finalized ""
        > 1700 remember caller "when are you open"
        > 1700 reply #1 turn
        "#,
    );
}

#[test]
fn a_final_of_punctuation_alone_takes_no_word_back() {
    check(
        r#"
             0 started
             speech 500 1000
           700 interim "a loaf"
          1700 finalized "."
        > 1700 remember caller "a loaf"
        > 1700 reply #1 turn
        "#,
    );
}

#[test]
fn an_end_of_turn_with_an_empty_final_is_answered_with_the_words_that_were_shown() {
    check_with(
        recognizer_ends(),
        r#"
             0 started
          1000 sign started
          1200 interim "When are you open?"
          1990 final ""
          2000 sign ended
        > 2000 remember caller "When are you open?"
        > 2000 reply #1 turn
        "#,
    );
}

#[test]
fn an_end_of_turn_without_a_final_is_answered_once_although_the_final_comes_late() {
    check_with(
        recognizer_ends(),
        r#"
             0 started
          1000 sign started
          1200 interim "when are you open"
          2000 sign ended
        > 2000 remember caller "when are you open"
        > 2000 reply #1 turn
          2300 final "When are you open?"
          2500 line-ended caller
        > 2500 cancel #1
        "#,
    );
}

#[test]
fn an_end_of_turn_that_the_engine_does_not_heed_keeps_the_words_for_the_silence_that_ends_it() {
    let mut config = config();
    config.stop = vec![Stop::Silence];
    check_with(
        config,
        r#"
             0 started
             speech 500 1800
           700 interim "a loaf"
           900 sign ended
          1200 interim "and rolls"
          2500 finalized ""
        > 2500 remember caller "a loaf and rolls"
        > 2500 reply #1 turn
        "#,
    );
}

#[test]
fn only_the_latest_of_several_interims_counts() {
    check(
        r#"
             0 started
             speech 500 1000
           600 interim "win are"
           700 interim "when are you"
           800 interim "when are you open"
          1700 finalized ""
        > 1700 remember caller "when are you open"
        > 1700 reply #1 turn
        "#,
    );
}

#[test]
fn each_of_several_empty_finals_keeps_the_words_before_it() {
    check(
        r#"
             0 started
             speech 500 3000
          1000 interim "a rye bread"
          1500 final ""
          1600 final ""
          1800 interim "and two rolls"
          2500 final ""
          3700 finalized ""
        > 3700 remember caller "a rye bread and two rolls"
        > 3700 reply #1 turn
        "#,
    );
}

#[test]
fn an_empty_interim_takes_no_word_back() {
    check(
        r#"
             0 started
             speech 500 1000
           700 interim "a loaf"
           900 interim ""
           950 interim "..."
          1700 finalized ""
        > 1700 remember caller "a loaf"
        > 1700 reply #1 turn
        "#,
    );
}

#[test]
fn words_that_are_shown_again_after_an_empty_final_are_not_doubled() {
    check(
        r#"
             0 started
             speech 500 2000
           700 interim "I would like"
           900 final ""
          1200 interim "I would like two rolls"
          2700 finalized "I would like two rolls."
        > 2700 remember caller "I would like two rolls."
        > 2700 reply #1 turn
        "#,
    );
}

#[test]
fn a_word_said_again_in_the_next_turn_is_another_word() {
    check(
        r##"
             0 started
             speech 500 1000
           700 interim "yes"
          1700 finalized ""
        > 1700 remember caller "yes"
        > 1700 reply #1 turn
          1800 clause #1 "Sure?"
          1800 audio #1 500
          1800 done #1
          2300 played #1 500
        > 2300 remember agent "Sure?"
             speech 3000 3400
          3200 interim "yes"
          3600 final "Yes."
        > 4000 remember caller "Yes."
        > 4000 reply #2 turn
        "##,
    );
}

#[test]
fn words_of_a_recognizer_that_is_lost_are_kept() {
    check(
        r#"
             0 started
             speech 500 1000
           800 interim "my name is"
          1100 hearing-lost
        > 1100 restart-hearing
             speech 1500 2200
          1900 interim "Robert"
          2900 finalized "Robert."
        > 2900 remember caller "my name is Robert."
        > 2900 reply #1 turn
        "#,
    );
}

#[test]
fn words_that_were_shown_to_an_agent_that_hands_the_caller_on_are_kept() {
    check(
        r#"
             0 started
             speech 500 1500
           800 interim "two rolls"
           900 handed-to "other"
          1200 interim "and a loaf"
          2200 finalized "And a loaf."
        > 2200 remember caller "two rolls And a loaf."
        > 2200 reply #1 turn
        "#,
    );
}

#[test]
fn a_recognizer_that_hears_the_words_of_a_lost_one_again_does_not_double_them() {
    check(
        r#"
             0 started
             speech 500 1000
           800 interim "two rolls"
           900 hearing-lost
        >  900 restart-hearing
          1700 finalized "Two rolls, please."
        > 1700 remember caller "Two rolls, please."
        > 1700 reply #1 turn
        "#,
    );
}

#[test]
fn words_that_were_shown_when_the_call_ended_are_remembered() {
    check(
        r#"
             0 started
             speech 500 1000
           700 interim "a loaf"
           900 line-ended caller
        >  900 remember caller "a loaf"
        "#,
    );
}

#[test]
fn words_that_were_shown_after_the_goodbye_are_remembered() {
    check(
        r##"
             0 started
             0 end
        >    0 reply #1 goodbye
           100 clause #1 "Goodbye."
           100 audio #1 500
           100 done #1
           600 played #1 500
        >  600 remember agent "Goodbye."
        >  600 hang-up
           700 interim "and thank you"
           800 final ""
           900 interim "bye"
          1000 line-ended agent
        > 1000 remember caller "and thank you bye"
        "##,
    );
}

#[test]
fn brief_words_over_the_agent_that_an_empty_final_follows_belong_to_the_next_turn() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3300
        > 3200 hold 2000
        > 3200 clear
          3500 interim "two rolls"
        > 3500 release
          4000 finalized ""
         11500 played #1 10000
        > 11500 remember agent "Our shop opens daily from nine until five, except Sundays."
             speech 12000 12500
         12700 final "Please."
        > 13100 remember caller "two rolls Please."
        > 13100 reply #2 turn
        "##,
    );
}

#[test]
fn the_hello_of_whoever_picked_up_is_remembered_as_it_was_shown() {
    let mut config = config();
    config.greet = true;
    config.answered = Some(answered::Config::default());
    check_with(
        config,
        r##"
             0 started
             speech 1000 1700
        > 2200 picked-up human
        > 2200 reply #1 greeting
          2300 interim "hello"
          2600 finalized ""
        > 2600 remember caller "hello"
        "##,
    );
}

fn recognizer_ends() -> Config {
    let mut config = config();
    config.stop = vec![Stop::Recognizer];
    config
}
