//! Scenarios of the caller speaking over the agent: what interrupts it and what does not.
//!
//! The numbers are those of `docs/scenarios.md`.

use std::time::Duration;

use voicekit_core::turn::{Config, Mute, Start};

use crate::turn_script::{check, check_over_the_agent, check_with, config};

/// Scenario 2: the agent falls silent after 200 ms and gives way after 700 ms. Scenario 36: the
/// marks that return meanwhile change nothing.
#[test]
fn speaking_over_the_agent_cancels_clears_and_remembers_what_was_heard() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Tell me about bread."
        > 1600 remember caller "Tell me about bread."
        > 1600 reply #1 turn
          1700 clause #1 "We bake rye and wheat and spelt every morning."
          1700 word #1 "We" 0 200
          1700 word #1 "bake" 200 500
          1700 word #1 "rye" 500 900
          1700 word #1 "and" 900 1100
          1700 audio #1 4000
          1700 done #1
             speech 2400 3400
        > 2600 hold 900
        > 2600 clear
          2650 cleared #1 4000
        > 3100 cancel #1
        > 3100 remember interrupted "We bake rye"
          3150 cleared #1 4000
          3160 played #1 4000
          4000 finalized "Stop!"
        > 4000 remember caller "Stop!"
        > 4000 reply #2 turn
        "##,
    );
}

/// Scenarios 3 and 26: with three words needed, one does not interrupt, and the words add up.
#[test]
fn too_few_words_do_not_interrupt_and_words_add_up_over_the_turn() {
    check_over_the_agent(
        three_words(),
        r##"
             speech 2500 3500
          3700 finalized "Stop!"
             speech 4000 5000
          4900 interim "wait, stop"
        > 4900 cancel #1
        > 4900 clear
        > 4900 remember interrupted "Our shop opens"
          5700 finalized "Wait, stop!"
        > 5700 remember caller "Stop! Wait, stop!"
        > 5700 reply #2 turn
        "##,
    );
}

/// Scenario 26: while the agent is silent, one word is a turn.
#[test]
fn one_word_is_a_turn_while_the_agent_is_silent() {
    check_with(
        three_words(),
        r#"
             0 started
             speech 500 800
          1000 final "No."
        > 1400 remember caller "No."
        > 1400 reply #1 turn
        "#,
    );
}

fn three_words() -> Config {
    let mut config = config();
    config.start = vec![Start::Words { least: 3, after: Duration::ZERO }];
    config
}

/// Scenario 4. What was said meanwhile is answered afterwards.
#[test]
fn an_agent_that_cannot_be_interrupted_says_everything() {
    let mut config = config();
    config.mute = vec![Mute::Speaking];
    check_over_the_agent(
        config,
        r##"
             speech 5000 6000
          6200 finalized "Stop!"
         11000 played #1 10000
        > 11000 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 11000 remember caller "Stop!"
        > 11000 reply #2 turn
        "##,
    );
}

/// Scenario 5.
#[test]
fn going_on_while_the_model_thinks_gives_two_messages_and_one_reply() {
    check(
        r##"
             0 started
        >    0 state listening
             speech 500 1000
          1300 final "Tell me a story."
        > 1600 remember caller "Tell me a story."
        > 1600 reply #1 turn
        > 1600 state processing
             speech 1700 2500
        > 1760 hold 0
        > 2400 cancel #1
        > 2400 state listening
          3200 finalized "About a firefighter."
        > 3200 remember caller "About a firefighter."
        > 3200 reply #2 turn
        > 3200 state processing
        "##,
    );
}

/// Scenario 6: what is made of the old reply later, and its marks, change nothing.
#[test]
fn a_reply_that_was_given_up_before_it_sounded_is_never_heard() {
    check(
        r##"
             0 started
        >    0 state listening
             speech 500 1000
          1300 final "Tell me a story."
        > 1600 remember caller "Tell me a story."
        > 1600 reply #1 turn
        > 1600 state processing
             speech 1700 2500
        > 1760 hold 0
          1800 clause #1 "Once upon a time."
          1900 audio #1 1000
        > 2400 cancel #1
        > 2400 state listening
          2500 audio #1 1000
          2600 done #1
          2700 played #1 2000
          3200 finalized "About a firefighter."
        > 3200 remember caller "About a firefighter."
        > 3200 reply #2 turn
        > 3200 state processing
        "##,
    );
}

/// Scenarios 6 and 17: both messages in order, and one reply.
#[test]
fn going_on_before_the_reply_sounds_keeps_it_from_sounding() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Tell me a story"
        > 1600 remember caller "Tell me a story"
        > 1600 reply #1 turn
             speech 1700 2500
        > 1760 hold 0
          1800 clause #1 "Once upon a time."
          1900 audio #1 2000
        > 2400 cancel #1
          3100 finalized "about a firefighter."
        > 3100 remember caller "about a firefighter."
        > 3100 reply #2 turn
        "##,
    );
}

/// Scenario 7: without a transcript, after twice the length of the noise.
#[test]
fn a_noise_before_the_reply_delays_it_also_without_a_transcript() {
    check(
        r##"
             0 started
             speech 500 1000
          1300 final "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
             speech 1700 2000
        > 1760 hold 0
          1800 clause #1 "Good morning."
          1900 audio #1 5000
          1900 done #1
        > 2600 release
          8000 played #1 5000
        > 8000 remember agent "Good morning."
        "##,
    );
}

/// Scenarios 7 and 10.
#[test]
fn a_cough_before_the_reply_only_delays_it() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
             speech 1700 1900
        > 1760 hold 0
          1800 clause #1 "Good morning."
          1800 audio #1 1000
          1800 done #1
          2500 finalized ""
        > 2400 release
          3500 played #1 1000
        > 3500 remember agent "Good morning."
        "##,
    );
}

/// Scenario 8, when the recogniser says that there was nothing.
#[test]
fn a_noise_over_the_agent_makes_it_pause_and_go_on_from_the_word_it_was_in() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "Tell me about bread."
        > 1600 remember caller "Tell me about bread."
        > 1600 reply #1 turn
          1700 clause #1 "We bake rye and wheat."
          1700 word #1 "We" 0 200
          1700 word #1 "bake" 200 500
          1700 word #1 "rye" 500 900
          1700 word #1 "and" 900 1100
          1700 word #1 "wheat." 1100 2000
          1700 audio #1 2000
          1700 done #1
             speech 2500 2900
        > 2700 hold 900
        > 2700 clear
          3600 finalized ""
        > 3600 release
          4700 played #1 2000
        > 4700 remember agent "We bake rye and wheat."
        "##,
    );
}

/// Scenario 8: 1 s after the noise.
#[test]
fn without_a_transcript_the_agent_goes_on_by_itself() {
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
             speech 2000 2500
        > 2200 hold 0
        > 2200 clear
        > 3500 release
          6600 played #1 3000
        > 6600 remember agent "Good morning to you."
        "##,
    );
}

/// Scenario 9: there are words, so the decision is waited for, which takes the floor here.
#[test]
fn an_agent_that_has_paused_waits_for_the_end_of_a_turn_with_words() {
    check_over_the_agent(
        recognizer_and_turn(),
        r##"
          3000 sign started
        > 3000 hold 2000
        > 3000 clear
             speech 3000 3400
          3500 interim "rolls"
          4700 finalized "Two rolls."
        > 4700 cancel #1
        > 4700 remember interrupted "Our shop"
        > 4700 remember caller "Two rolls."
        > 4700 reply #2 turn
        "##,
    );
}

/// Scenario 9: the words turn out to be none.
#[test]
fn an_agent_that_has_paused_answers_words_that_an_empty_final_follows() {
    check_over_the_agent(
        recognizer_and_turn(),
        r##"
          3000 sign started
        > 3000 hold 2000
        > 3000 clear
             speech 3000 3400
          3500 interim "rolls"
          4700 finalized ""
        > 4700 cancel #1
        > 4700 remember interrupted "Our shop"
        > 4700 remember caller "rolls"
        > 4700 reply #2 turn
        "##,
    );
}

fn recognizer_and_turn() -> Config {
    let mut config = config();
    config.start = vec![Start::Recognizer, Start::Turn { after: Duration::ZERO }];
    config
}

/// Scenario 9.
#[test]
fn an_agent_that_has_paused_does_not_go_on_when_the_line_is_gone() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3400
        > 3200 hold 2000
        > 3200 clear
          3500 line-ended caller
        > 3500 cancel #1
        > 3500 remember interrupted "Our shop"
          9000 judged 9 0.5
        "##,
    );
}

/// Scenarios 9 and 34: what has paused when the call is to end goes on, for nobody can take it.
#[test]
fn a_reply_that_has_paused_goes_on_when_the_call_is_to_end() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3400
        > 3200 hold 2000
        > 3200 clear
          3300 end
        > 3300 release
         11300 played #1 10000
        > 11300 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 11300 hang-up
        "##,
    );
}

/// Scenario 9: an agent that has given way does not go on.
#[test]
fn one_word_that_is_meant_takes_the_turn_from_an_agent_that_has_paused() {
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
             speech 2000 2400
        > 2200 hold 0
        > 2200 clear
          2800 interim "Stop!"
        > 2800 cancel #1
          3050 finalized "Stop!"
        > 3050 remember caller "Stop!"
        > 3050 reply #2 turn
        "##,
    );
}

/// Scenario 9: no reply comes of the decision.
#[test]
fn a_backchannel_that_made_the_agent_pause_lets_it_go_on_at_once() {
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
             speech 2000 2400
        > 2200 hold 0
        > 2200 clear
          2800 interim "Uh-huh."
        > 2800 release
          3000 finalized "Uh-huh."
          5900 played #1 3000
        > 5900 remember agent "Good morning to you."
        "##,
    );
}

/// Scenario 10: the first audio of what must be heard does not wait for the caller's silence.
#[test]
fn what_must_be_heard_begins_also_while_the_caller_speaks() {
    check(
        r##"
             0 started
             0 insist "This call is recorded."
        >    0 say #1 "This call is recorded."
             speech 100 1000
           300 clause #1 "This call is recorded."
           400 audio #1 2000
           400 done #1
          1300 final "Hello."
          2400 played #1 2000
        > 2400 remember agent "This call is recorded."
        > 2400 remember caller "Hello."
        > 2400 reply #2 turn
        "##,
    );
}

/// Scenario 11: at the start of a reply the voice alone may be an echo.
#[test]
fn a_voice_at_the_start_of_a_reply_is_cut_in_only_by_its_turn() {
    check_over_the_agent(
        warming_up(),
        r##"
             speech 1500 2500
          2700 final "Sundays?"
        > 3100 cancel #1
        > 3100 clear
        > 3100 remember interrupted "Our shop"
        > 3100 remember caller "Sundays?"
        > 3100 reply #2 turn
        "##,
    );
}

/// Scenario 11: after that time the voice counts.
#[test]
fn a_voice_after_the_start_of_a_reply_makes_it_pause() {
    check_over_the_agent(
        warming_up(),
        r##"
             speech 5000 5400
        > 5200 hold 4000
        > 5200 clear
        > 6200 release
        "##,
    );
}

fn warming_up() -> Config {
    let mut config = config();
    config.mute = vec![Mute::Onset { lasts: Duration::from_secs(3) }];
    config
}

/// Scenario 12.
#[test]
fn a_backchannel_right_at_the_start_is_ignored_and_an_objection_is_not() {
    check_over_the_agent(
        config(),
        r##"
          1100 interim "uh-huh"
          1300 final "Uh-huh."
          1800 interim "no wait"
        > 1800 cancel #1
        > 1800 clear
          2300 final "No, wait."
        > 2900 remember caller "Uh-huh. No, wait."
        > 2900 reply #2 turn
        "##,
    );
}

/// Scenario 12, later on.
#[test]
fn a_backchannel_in_the_middle_is_ignored_and_an_objection_is_not() {
    check_over_the_agent(
        config(),
        r##"
          5000 interim "yeah"
          5300 final "Yeah."
          6000 interim "no wait"
        > 6000 cancel #1
        > 6000 clear
        > 6000 remember interrupted "Our shop opens daily from"
        "##,
    );
}

/// Scenario 12, at the other end.
#[test]
fn yes_at_the_very_end_of_a_question_is_an_answer() {
    check(
        r##"
             0 started
             speech 500 1000
          1600 finalized "A cake."
        > 1600 remember caller "A cake."
        > 1600 reply #1 turn
          1700 clause #1 "Shall it be chocolate?"
          1700 audio #1 2000
          1700 done #1
             speech 3000 3180
          3420 final "Yes."
          3720 played #1 2000
        > 3720 remember agent "Shall it be chocolate?"
        > 3780 remember caller "Yes."
        > 3780 reply #2 turn
        "##,
    );
}

/// Scenario 13: words that were said before the reply are not an interruption of it.
#[test]
fn late_words_do_not_interrupt_and_words_said_over_the_agent_do() {
    check_over_the_agent(
        config(),
        r##"
          3000 final "and two rolls" 500
          6000 final "no wait" 5900
        > 6000 cancel #1
        > 6000 clear
        > 6000 remember interrupted "Our shop opens daily from"
        > 6600 remember caller "and two rolls no wait"
        > 6600 reply #2 turn
        "##,
    );
}

/// Scenario 13: late words are answered when the agent has finished.
#[test]
fn late_words_are_not_lost() {
    check_over_the_agent(
        config(),
        r##"
          3000 final "and two rolls" 500
         11000 played #1 10000
        > 11000 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 11000 remember caller "and two rolls"
        > 11000 reply #2 turn
        "##,
    );
}

/// Scenario 13: a time that has not come yet says nothing.
#[test]
fn words_with_a_time_in_the_future_count() {
    check_over_the_agent(
        config(),
        r##"
          3100 final "no wait" 9000
        > 3100 cancel #1
        > 3100 clear
        > 3100 remember interrupted "Our shop"
        "##,
    );
}
