//! A number that is keyed in is one turn, whatever the caller says or mutters beside the keys.

use std::time::Duration;

use voicekit_core::turn::{Start, Stop};

use crate::turn_script::{check, check_with, config};

#[test]
fn a_mutter_between_two_keys_is_not_answered() {
    for (words, verdict) in [
        ("Hmm, let me see.", ""),
        ("Uh", ""),
        ("Yes, okay.", "2250 judged 1 0.99"),
        ("Four.", "2250 judged 1 0.99"),
        ("Where is it?", "2250 judged 1 0.6"),
    ] {
        check(&format!(
            r##"
                 0 started
              1000 dtmf 1
              1400 dtmf 2
                 speech 1600 2000
              2200 final "{words}"
              {verdict}
              2900 dtmf 3
              3300 dtmf 4
            > 5300 remember caller "{words} [pressed 1 2 3 4]"
            > 5300 reply #1 turn
            "##
        ));
    }
}

#[test]
fn a_mutter_that_outlasts_the_wait_for_the_next_key_does_not_end_the_number() {
    check(
        r##"
             0 started
          1000 dtmf 1
          1400 dtmf 2
             speech 2500 3600
          3800 final "um"
          5000 dtmf 3
        > 7000 remember caller "um [pressed 1 2 3]"
        > 7000 reply #1 turn
        "##,
    );
}

#[test]
fn a_noise_between_two_keys_does_not_end_the_number() {
    check(
        r##"
             0 started
          1000 dtmf 1
             speech 1200 2200
          3900 dtmf 2
          4700 finalized ""
        > 5900 remember caller "[pressed 1 2]"
        > 5900 reply #1 turn
        "##,
    );
}

#[test]
fn words_without_a_voice_between_two_keys_are_not_answered() {
    check(
        r##"
             0 started
          1000 dtmf 1
          1500 final "Okay."
          2800 dtmf 2
        > 4800 remember caller "Okay. [pressed 1 2]"
        > 4800 reply #1 turn
        "##,
    );
}

#[test]
fn a_recognizer_that_ends_the_turn_between_two_keys_does_not_end_the_number() {
    let mut config = config();
    config.stop = vec![Stop::Recognizer];
    check_with(
        config,
        r##"
             0 started
          1000 dtmf 1
          1200 sign started
          1400 interim "uh"
          1800 final "Uh."
          1900 sign ended
          2500 dtmf 2
          2600 sign started
          2700 final ""
          2800 sign ended
        > 4700 remember caller "Uh. [pressed 1 2]"
        > 4700 reply #1 turn
        "##,
    );
}

#[test]
fn a_key_that_ends_the_number_is_answered_at_once_also_where_the_recognizer_ends_turns() {
    let mut config = config();
    config.stop = vec![Stop::Recognizer];
    check_with(
        config,
        r##"
             0 started
          1000 dtmf 1
          1200 sign started
          1800 final "Uh."
          1900 sign ended
          2500 dtmf #
        > 2500 remember caller "Uh. [pressed 1 #]"
        > 2500 reply #1 turn
        "##,
    );
}

#[test]
fn a_key_that_ends_the_number_after_a_mutter_is_answered_at_once() {
    check(
        r##"
             0 started
          1000 dtmf 1
             speech 1200 1500
          1700 final "uh"
          2500 dtmf #
        > 2500 remember caller "uh [pressed 1 #]"
        > 2500 reply #1 turn
        "##,
    );
}

#[test]
fn a_number_with_as_many_keys_as_expected_is_answered_at_once_after_a_mutter() {
    check(
        r##"
             0 started
             0 expect "digits" 3
          1000 dtmf 1
             speech 1200 1500
          1700 final "hmm"
          2500 dtmf 2
          3000 dtmf 3
        > 3000 remember caller "hmm [pressed 1 2 3]"
        > 3000 reply #1 turn
        "##,
    );
}

#[test]
fn a_key_that_follows_words_whose_transcript_is_awaited_goes_on_with_the_turn() {
    check(
        r##"
             0 started
             speech 500 1000
          1700 dtmf 1
          1800 finalized "Um"
          2500 dtmf 2
        > 4500 remember caller "Um [pressed 1 2]"
        > 4500 reply #1 turn
        "##,
    );
}

#[test]
fn a_sentence_after_a_key_waits_for_further_keys_and_no_longer() {
    check(
        r##"
             0 started
          1000 dtmf 1
             speech 1500 2000
          2200 final "I would like to talk to a person."
        > 3000 remember caller "I would like to talk to a person. [pressed 1]"
        > 3000 reply #1 turn
        "##,
    );
    check(
        r##"
             0 started
          1000 dtmf 1
             speech 1500 3000
          3200 final "I would like to talk to a person."
        > 3600 remember caller "I would like to talk to a person. [pressed 1]"
        > 3600 reply #1 turn
        "##,
    );
}

#[test]
fn no_reply_is_prepared_while_a_number_is_keyed_in() {
    let mut config = config();
    config.speculation.most = 2;
    check_with(
        config,
        r##"
             0 started
          1000 dtmf 1
             speech 1200 1500
          1700 final "Four."
          2500 dtmf 4
        > 4500 remember caller "Four. [pressed 1 4]"
        > 4500 reply #1 turn
        "##,
    );
}

#[test]
fn a_mutter_over_an_agent_that_keys_do_not_interrupt_does_not_end_the_number() {
    let mut config = config();
    config.start = vec![Start::Turn { after: Duration::ZERO }];
    crate::turn_script::check_over_the_agent(
        config,
        r##"
          3000 dtmf 1
             speech 3300 3600
          3800 final "Four."
          4900 dtmf 4
        > 6900 cancel #1
        > 6900 clear
        > 6900 remember interrupted "Our shop opens daily from"
        > 6900 remember caller "Four. [pressed 1 4]"
        > 6900 reply #2 turn
        "##,
    );
}

#[test]
fn keys_that_were_pressed_when_the_call_ended_are_remembered() {
    check(
        r##"
             0 started
          1000 dtmf 1
          1500 dtmf 2
          1600 line-ended caller
        > 1600 remember caller "[pressed 1 2]"
        "##,
    );
}
