//! Conversations as the engine must lead them, written as traces.

use voicekit_core::turn::Config;

use crate::turn_script::{check, check_over_the_agent, check_with, config};

#[test]
fn a_turn_is_answered_and_heard() {
    check(
        r##"
             0 started
             speech 500 2500
          2700 interim "hello how"
          3200 finalized "Hello, how are you?"
        > 3200 remember caller "Hello, how are you?"
        > 3200 reply #1 turn
          3400 clause #1 "I am fine, "
          3500 audio #1 1000
          3560 played #1 20
        > 3560 measured #1 600 100 200 100 60
          3600 clause #1 "thank you."
          3700 audio #1 1000
          3800 done #1
          5600 played #1 2000
        > 5600 remember agent "I am fine, thank you."
        "##,
    );
}

#[test]
fn the_recogniser_is_told_what_the_engine_hears() {
    check(
        r#"
             0 started
             speech 500 1000
        >  560 hint speech-started
        > 1200 hint speech-ended
        > 1600 hint finalize
          1700 finalized ""
          1701 interim "x"
        "#,
    );
}

#[test]
fn a_short_noise_never_silences_the_agent() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
          1700 clause #1 "Good morning to you."
          1700 audio #1 3000
          1700 done #1
             speech 2000 2180
          2900 finalized ""
          4700 played #1 3000
        > 4700 remember agent "Good morning to you."
        "##,
    );
}

#[test]
fn a_backchannel_does_not_take_the_turn_and_two_words_do() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
          1700 clause #1 "Good morning to you, dear caller."
          1700 audio #1 9000
          1700 done #1
             speech 2000 2200
          2300 interim "uh-huh"
          2900 finalized "Uh-huh."
          5000 interim "wait please"
        > 5000 cancel #1
        > 5000 clear
        > 5000 remember interrupted "Good"
          5700 finalized "Wait, please."
        > 5700 remember caller "Uh-huh. Wait, please."
        > 5700 reply #2 turn
        "##,
    );
}

#[test]
fn a_final_that_came_in_time_is_not_waited_for() {
    check(
        r#"
             0 started
             speech 500 1000
          1300 final "Sure."
        > 1600 remember caller "Sure."
        > 1600 reply #1 turn
        "#,
    );
}

#[test]
fn a_short_noise_is_not_worth_a_word() {
    check(
        r#"
             0 started
             speech 500 700
        "#,
    );
}

#[test]
fn a_reply_that_never_comes_is_apologised_for() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello"
        > 1600 remember caller "Hello"
        > 1600 reply #1 turn
        > 9600 cancel #1
        > 9600 reply #2 failure
          9650 audio #1 500
          9700 failed #2
        > 9700 cancel #2
        > 9700 hang-up
          9800 line-ended agent
        "##,
    );
}

#[test]
fn a_recogniser_that_dies_is_opened_again_and_then_given_up() {
    check(
        r##"
             0 started
          1000 hearing-lost
        > 1000 restart-hearing
          1100 hearing-lost
        > 1350 restart-hearing
          1400 hearing-lost
        > 2150 restart-hearing
          2200 hearing-lost
        > 3950 restart-hearing
          4000 hearing-lost
        > 4000 reply #1 failure
          4100 audio #1 500
          4100 done #1
          4600 played #1 500
        > 4600 hang-up
          4700 line-ended agent
        "##,
    );
}

#[test]
fn the_states_follow_the_conversation() {
    check_with(
        Config::default(),
        r##"
             0 started
        >    0 reply #1 greeting
        >    0 state processing
           100 clause #1 "Hello."
           100 audio #1 500
        >  100 state speaking
           100 done #1
           600 played #1 500
        >  600 remember agent "Hello."
        >  600 state listening
          2000 line-ended caller
        > 2000 state ended
        "##,
    );
}

#[test]
fn a_pause_that_is_certainly_the_end_is_answered_sooner() {
    check(
        r#"
             0 started
             speech 500 1000
        > 1200 judge 1
          1300 judged 1 0.97
          1400 finalized "Two, please."
        > 1450 remember caller "Two, please."
        > 1450 reply #1 turn
        "#,
    );
}

#[test]
fn a_pause_that_is_hardly_the_end_is_waited_out() {
    check(
        r#"
             0 started
             speech 500 1000
        > 1200 judge 1
          1300 judged 1 0.2
             speech 2200 2600
        > 2800 judge 2
          2850 judged 1 0.99
          2900 judged 2 0.99
          3040 final "Two and a half."
        > 3050 remember caller "Two and a half."
        > 3050 reply #1 turn
          3060 judged 2 0.1
        "#,
    );
}

#[test]
fn words_that_leave_the_sentence_open_are_waited_for() {
    check(
        r#"
             0 started
             speech 500 1000
          1250 judged 1 0.99
          1300 interim "my number is"
          2550 finalized "My number is"
        > 2550 remember caller "My number is"
        > 2550 reply #1 turn
        "#,
    );
}

#[test]
fn a_reply_that_falls_silent_is_given_up() {
    check(
        r##"
             0 started
             speech 500 1000
          1300 final "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
          1700 clause #1 "Good"
          1700 audio #1 1000
          2700 played #1 1000
        > 6700 cancel #1
        > 6700 remember interrupted "Good"
        > 6700 reply #2 failure
        "##,
    );
}

#[test]
fn a_recogniser_that_has_understood_something_since_is_opened_again_at_once() {
    for heard in ["interim \"Hello.\"", "final \"\""] {
        check(&format!(
            r##"
                 0 started
              1000 hearing-lost
            > 1000 restart-hearing
              1100 hearing-lost
            > 1350 restart-hearing
              1400 {heard}
              1500 hearing-lost
            > 1500 restart-hearing
            "##
        ));
    }
}

#[test]
fn each_turn_is_finalised() {
    check(
        r##"
             0 started
             speech 500 1000
        >  560 hint speech-started
        > 1200 hint speech-ended
        > 1600 hint finalize
          1700 finalized "Hello."
        > 1700 remember caller "Hello."
        > 1700 reply #1 turn
          1800 clause #1 "Hello."
          1800 audio #1 500
          1800 done #1
          2300 played #1 500
        > 2300 remember agent "Hello."
             speech 3000 3500
        > 3060 hint speech-started
        > 3700 hint speech-ended
        > 4100 hint finalize
        "##,
    );
}

#[test]
fn who_has_answered_is_asked_twice_again() {
    check(
        r##"
             0 started
        >  8000 reply #1 still-there
          8100 failed #1
        >  8100 cancel #1
        > 16100 reply #2 still-there
         16200 clause #2 "Hello?"
         16200 audio #2 500
         16200 done #2
         16700 played #2 500
        > 16700 remember agent "Hello?"
         17000 final "Yes."
        > 17600 remember caller "Yes."
        > 17600 reply #3 turn
         17700 clause #3 "Good."
         17700 audio #3 500
         17700 done #3
         18200 played #3 500
        > 18200 remember agent "Good."
        > 26200 reply #4 still-there
        "##,
    );
}

#[test]
fn a_caller_who_was_given_the_floor_and_says_nothing_is_asked() {
    check_over_the_agent(
        config(),
        r##"
          4000 take-turn
        > 4000 cancel #1
        > 4000 clear
        > 4000 remember interrupted "Our shop opens"
        > 12000 reply #2 still-there
        "##,
    );
}

#[test]
fn a_verdict_holds_for_its_pause_only() {
    check(
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.99
             speech 1300 2000
          2250 final "Two rolls, please."
        > 2600 remember caller "Two rolls, please."
        > 2600 reply #1 turn
        "#,
    );
}

#[test]
fn words_from_before_the_latest_speech_say_nothing_about_its_end() {
    check(
        r#"
             0 started
             speech 500 1000
        >  560 hint speech-started
        > 1200 hint speech-ended
          1210 interim "I would like to"
             speech 1500 2200
        > 1560 hint speech-started
        > 2400 hint speech-ended
          2420 judged 2 0.99
        > 2650 hint finalize
          2700 finalized "I would like to order."
        > 2700 remember caller "I would like to order."
        > 2700 reply #1 turn
        "#,
    );
}

#[test]
fn a_caller_who_goes_on_at_the_very_end_of_the_wait_is_not_cut_off() {
    check(
        r#"
             0 started
             speech 500 1000
          1250 final "I would like"
             speech 1580 2200
          2900 finalized "a rye bread"
        > 2900 remember caller "I would like a rye bread"
        > 2900 reply #1 turn
        "#,
    );
}

#[test]
fn a_click_at_the_very_end_of_the_wait_only_delays_it() {
    check(
        r#"
             0 started
             speech 500 1000
          1250 final "Sure."
          1580 voice 0.9
          1620 voice 0.1
        > 1680 remember caller "Sure."
        > 1680 reply #1 turn
        "#,
    );
}
