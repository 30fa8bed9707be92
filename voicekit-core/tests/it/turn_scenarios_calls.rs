//! Scenarios of a whole call: who picks up, how much was heard when it ends, and the goodbye.
//!
//! The numbers are those of `docs/scenarios.md`.

use std::time::Duration;

use voicekit_core::turn::{Config, answered};

use crate::turn_script::{check, check_over_the_agent, check_with, config};

/// Scenario 30.
#[test]
fn a_short_hello_without_words_and_half_a_second_of_silence_are_a_person() {
    check_with(
        calling(),
        r##"
             0 started
             speech 1000 1700
        > 2200 picked-up human
        > 2200 reply #1 greeting
        "##,
    );
}

/// Scenario 30: the hello of a person needs no answer of its own, however late its words come.
#[test]
fn the_greeting_answers_the_hello_of_a_person() {
    check_with(
        calling(),
        r##"
             0 started
             speech 1000 1700
        > 1060 hint speech-started
        > 1900 hint speech-ended
        > 2200 picked-up human
        > 2200 hint finalize
        > 2200 reply #1 greeting
          2300 clause #1 "Good morning."
          2300 audio #1 3000
          2300 done #1
          2600 finalized "Hello?"
        > 2600 remember caller "Hello?"
          5300 played #1 3000
        > 5300 remember agent "Good morning."
          9000 judged 9 0.5
        "##,
    );
}

/// Scenario 30: words of a machine move the deadline, from the end of speech.
#[test]
fn a_machine_is_recognised_by_its_words_and_left_a_message() {
    check_with(
        calling(),
        r##"
             0 started
             speech 1000 2200
          2400 final "Please leave a message after the beep."
        > 3700 picked-up machine
        > 3700 remember caller "Please leave a message after the beep."
        > 3700 reply #1 voicemail
          3800 clause #1 "Your bread is ready."
          3800 audio #1 1000
          3800 done #1
          4800 played #1 1000
        > 4800 remember agent "Your bread is ready."
        > 4800 hang-up
        "##,
    );
}

/// Scenario 30: a long greeting is a machine's, once it is silent and its turn is over.
#[test]
fn a_machine_is_recognised_by_its_length_once_it_has_finished() {
    check_with(
        calling(),
        r##"
             0 started
             speech 1000 4000
             speech 4400 8000
          8700 finalized "This is the bakery, we are closed."
        > 9500 picked-up machine
        > 9500 remember caller "This is the bakery, we are closed."
        > 9500 reply #1 voicemail
        "##,
    );
}

/// Scenario 30.
#[test]
fn ten_seconds_of_silence_leave_it_uncertain_who_answered() {
    check_with(
        calling(),
        r##"
             0 started
        > 10000 picked-up uncertain
        > 10000 reply #1 greeting
        "##,
    );
}

/// Scenario 34: the apology is the last thing said, although somebody picks up during it.
#[test]
fn a_recognizer_given_up_before_anybody_spoke_is_apologized_for_and_not_followed_by_a_greeting() {
    check_with(
        calling(),
        &format!(
            r##"{RECOGNIZER_GIVEN_UP}
          3200 clause #1 "I am sorry, I cannot hear you. Goodbye."
          3200 audio #1 3000
          3200 done #1
             speech 3300 4000
          6200 played #1 3000
        > 6200 remember agent "I am sorry, I cannot hear you. Goodbye."
        > 6200 hang-up
        "##
        ),
    );
}

/// Scenario 34: the deadline of who has picked up lapses during the apology, and changes nothing.
#[test]
fn an_apology_is_heard_also_if_it_stays_uncertain_who_picked_up() {
    check_with(
        calling(),
        &format!(
            r##"{RECOGNIZER_GIVEN_UP}
          3200 clause #1 "I am sorry, I cannot hear you. Goodbye."
          3200 audio #1 9000
          3200 done #1
         12200 played #1 9000
        > 12200 remember agent "I am sorry, I cannot hear you. Goodbye."
        > 12200 hang-up
        "##
        ),
    );
}

/// Scenario 34: the words of a machine during the apology are kept, and no message is left.
#[test]
fn a_machine_that_speaks_over_the_apology_is_left_no_message() {
    check_with(
        calling(),
        &format!(
            r##"{RECOGNIZER_GIVEN_UP}
             speech 3200 4000
          3900 final "Please leave a message after the beep."
          4100 end
          6000 clause #1 "I am sorry. Goodbye."
          6000 audio #1 1000
          6000 done #1
          7000 played #1 1000
        > 7000 remember agent "I am sorry. Goodbye."
        > 7000 hang-up
          7100 line-ended agent
        > 7100 remember caller "Please leave a message after the beep."
        "##
        ),
    );
}

/// The recognizer fails five times in a row before anybody has said anything.
const RECOGNIZER_GIVEN_UP: &str = r##"
             0 started
           100 hearing-lost
        >  100 restart-hearing
           200 hearing-lost
        >  450 restart-hearing
           500 hearing-lost
        > 1250 restart-hearing
          1300 hearing-lost
        > 3050 restart-hearing
          3100 hearing-lost
        > 3100 reply #1 failure
"##;

fn calling() -> Config {
    let mut config = Config::default();
    config.endpoint.unjudged = Duration::from_millis(600);
    config.speculation.most = 0;
    config.answered = Some(answered::Config::default());
    config
}

/// Scenario 33: all was played by the clock when the line ended, though no mark returned.
#[test]
fn what_must_have_been_heard_when_the_call_ended_counts_without_its_mark() {
    check_over_the_agent(
        config(),
        r##"
         11500 line-ended caller
        > 11500 cancel #1
        > 11500 clear
        > 11500 remember agent "Our shop opens daily from nine until five, except Sundays."
        "##,
    );
}

/// Scenario 33: no word that was half heard, and never less than before.
#[test]
fn a_word_that_was_half_heard_is_not_remembered() {
    check_over_the_agent(
        config(),
        r##"
          3900 take-turn
        > 3900 cancel #1
        > 3900 clear
        > 3900 remember interrupted "Our shop"
        "##,
    );
}

/// Scenario 33.
#[test]
fn marks_that_never_come_do_not_stop_the_call() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello"
        > 1600 remember caller "Hello"
        > 1600 reply #1 turn
          1700 clause #1 "Good morning."
          1700 audio #1 1000
          1700 done #1
        > 3700 remember agent "Good morning."
        > 11700 reply #2 still-there
          11800 failed #2
        > 11800 cancel #2
        "##,
    );
}

/// Scenario 33.
#[test]
fn a_hang_up_in_mid_sentence_keeps_what_was_said_and_heard() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello"
        > 1600 remember caller "Hello"
        > 1600 reply #1 turn
          1700 clause #1 "one two three four five six seven eight"
          1700 audio #1 8000
          1700 done #1
          2000 interim "uh-huh"
          5000 line-ended lost
        > 5000 cancel #1
        > 5000 clear
        > 5000 remember interrupted "one two three"
        > 5000 remember caller "uh-huh"
        "##,
    );
}

/// Scenario 33.
#[test]
fn a_reply_that_breaks_off_is_heard_as_far_as_it_goes() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello"
        > 1600 remember caller "Hello"
        > 1600 reply #1 turn
          1700 clause #1 "We are open from nine to five on weekdays."
          1700 word #1 "We" 0 200
          1700 word #1 "are" 200 400
          1700 word #1 "open" 400 900
          1700 word #1 "from" 900 1300
          1700 audio #1 1000
          1800 failed #1
          2700 played #1 1000
        > 2700 remember agent "We are open"
        > 2700 reply #2 failure
        "##,
    );
}

/// Scenario 34: neither words nor voice nor a recogniser that dies keep the goodbye from being
/// heard, and nothing starts after it.
#[test]
fn a_goodbye_is_heard_whatever_happens() {
    check_over_the_agent(
        config(),
        r##"
          2000 end
             speech 3000 6000
          4000 interim "no wait please"
          4500 hearing-lost
        > 4500 restart-hearing
          6200 final "No, wait, please."
          7000 take-turn
         11000 played #1 10000
        > 11000 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 11000 hang-up
         11200 line-ended agent
        > 11200 remember caller "No, wait, please."
        "##,
    );
}

/// Scenario 34: the recogniser cannot be had back.
#[test]
fn a_goodbye_is_heard_also_if_the_recogniser_is_given_up() {
    check_over_the_agent(
        config(),
        r##"
          2000 end
          2500 hearing-lost
        > 2500 restart-hearing
          2600 hearing-lost
        > 2850 restart-hearing
          2900 hearing-lost
        > 3650 restart-hearing
          3700 hearing-lost
        > 5450 restart-hearing
          5500 hearing-lost
         11000 played #1 10000
        > 11000 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 11000 hang-up
        "##,
    );
}

/// Scenario 34.
#[test]
fn a_polite_end_lets_the_reply_be_heard_and_cannot_be_interrupted() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Bye then"
        > 1600 remember caller "Bye then"
        > 1600 reply #1 turn
          1700 clause #1 "Thank you, goodbye."
          1700 audio #1 2000
          1700 done #1
          1750 end
             speech 2000 3000
          3700 played #1 2000
        > 3700 remember agent "Thank you, goodbye."
        > 3700 hang-up
          3750 finalized "And thanks."
          3800 line-ended agent
        > 3800 remember caller "And thanks."
        "##,
    );
}
