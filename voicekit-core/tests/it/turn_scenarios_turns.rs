//! Scenarios of the caller's turn: when it is over, and with which words.
//!
//! The numbers are those of `docs/scenarios.md`.

use std::time::Duration;

use voicekit_core::turn::{Config, Stop};

use crate::turn_script::{check, check_over_the_agent, check_with, config};

/// Scenario 1.
#[test]
fn a_question_is_answered_and_the_agent_listens_again() {
    check(
        r##"
             0 started
        >    0 state listening
             speech 500 2500
          2700 final "Hello, how are you?"
        > 3100 remember caller "Hello, how are you?"
        > 3100 reply #1 turn
        > 3100 state processing
          3200 clause #1 "I am fine, thank you."
          3400 audio #1 2000
        > 3400 state speaking
          3400 done #1
          3420 played #1 20
        > 3420 measured #1 600 0 100 200 20
          5400 played #1 2000
        > 5400 remember agent "I am fine, thank you."
        > 5400 state listening
        "##,
    );
}

/// Scenario 14, when the caller goes on while the transcript is waited for.
#[test]
fn a_caller_who_goes_on_while_the_transcript_is_waited_for_says_one_turn() {
    check(
        r#"
             0 started
             speech 500 1000
             speech 1700 2200
          2000 finalized "I would like"
          2900 finalized "a rye bread"
        > 2900 remember caller "I would like a rye bread"
        > 2900 reply #1 turn
        "#,
    );
}

/// Scenario 14.
#[test]
fn a_pause_inside_a_sentence_does_not_end_the_turn() {
    check(
        r#"
             0 started
             speech 500 1000
          1250 final "I would like"
             speech 1500 2200
          2900 finalized "a rye bread"
        > 2900 remember caller "I would like a rye bread"
        > 2900 reply #1 turn
        "#,
    );
}

/// Scenario 15.
#[test]
fn a_voice_that_goes_on_after_the_recogniser_ended_the_turn_counts_anew() {
    check(
        r##"
             0 started
             speech 500 4000
          1480 final "Two rolls, please."
          1500 sign ended
        > 1500 remember caller "Two rolls, please."
        > 1500 reply #1 turn
        > 1580 hold 0
        > 2220 cancel #1
          4700 finalized "And a loaf."
        > 4700 remember caller "And a loaf."
        > 4700 reply #2 turn
        "##,
    );
}

/// Scenario 18: S and E are the voice's start and end, I and T an interim and a final transcript.
/// The turn ends after 600 ms of silence, once and with all words, whatever the order.
#[test]
fn every_order_of_voice_and_words_ends_the_turn_once() {
    for (order, events, at, text) in [
        ("STE", "speech 500 1000\n 800 final \"A loaf.\"\n 1700 finalized \"\"", 1700, "A loaf."),
        (
            "SITE",
            "speech 500 1000\n 700 interim \"a\"\n 800 final \"A loaf.\"\n 1700 finalized \"\"",
            1700,
            "A loaf.",
        ),
        (
            "STIESTE",
            "speech 500 1000\n 800 final \"A loaf\"\n 900 interim \"of rye\"\n\
             speech 1300 2000\n 2100 final \"of rye.\"",
            2600,
            "A loaf of rye.",
        ),
        ("SIET", "speech 500 1000\n 700 interim \"a\"\n 1200 final \"A loaf.\"", 1600, "A loaf."),
        ("SET", "speech 500 1000\n 1200 final \"A loaf.\"", 1600, "A loaf."),
        ("SEIT", "speech 500 1000\n 1100 interim \"a\"\n 1300 final \"A loaf.\"", 1600, "A loaf."),
        (
            "SETT",
            "speech 500 1000\n 1100 final \"A loaf\"\n 1300 final \"of rye.\"",
            1600,
            "A loaf of rye.",
        ),
        ("T", "1000 final \"A loaf.\"", 1600, "A loaf."),
        ("IT", "900 interim \"a\"\n 1000 final \"A loaf.\"", 1600, "A loaf."),
        (
            "SIE, T after the silence",
            "speech 500 1000\n 700 interim \"a\"\n 2000 finalized \"A loaf.\"",
            2000,
            "A loaf.",
        ),
    ] {
        // The last event has no effect but that it is waited for.
        let script = format!(
            "0 started\n{events}\n5000 judged 9 0.5\n\
             > {at} remember caller \"{text}\"\n> {at} reply #1 turn"
        );
        let ran = std::panic::catch_unwind(|| check(&script));
        assert!(ran.is_ok(), "{order}");
    }
}

/// Scenario 19. Here the transcript may take 1.5 s from the end of speech, and 0.5 s from when it
/// was asked for.
#[test]
fn the_wait_for_the_transcript_runs_from_the_end_of_speech_and_not_from_the_verdict() {
    check(
        r#"
             0 started
             speech 500 1000
          1100 interim "two rolls please"
          1400 judged 1 0.99
        > 2500 remember caller "two rolls please"
        > 2500 reply #1 turn
        "#,
    );
    check(
        r#"
             0 started
             speech 500 1000
          1100 interim "two rolls please"
          1300 judged 1 0.2
        > 3000 remember caller "two rolls please"
        > 3000 reply #1 turn
        "#,
    );
}

/// Scenario 19.
#[test]
fn a_transcript_that_came_before_the_verdict_lets_the_verdict_end_the_turn_at_once() {
    check(
        r#"
             0 started
             speech 500 1000
          1300 finalized "Two rolls, please."
          1500 judged 1 0.99
        > 1500 remember caller "Two rolls, please."
        > 1500 reply #1 turn
        "#,
    );
}

/// Scenario 20.
#[test]
fn late_words_between_two_turns_do_not_end_the_next_one_early() {
    check(
        r##"
             0 started
             speech 500 1000
          1300 final "A rye bread."
        > 1600 remember caller "A rye bread."
        > 1600 reply #1 turn
          1700 clause #1 "Sure."
          1700 audio #1 500
          1700 done #1
          2200 played #1 500
        > 2200 remember agent "Sure."
          2300 final "And two rolls"
             speech 2400 4000
          4900 finalized "for tomorrow."
        > 4900 remember caller "And two rolls for tomorrow."
        > 4900 reply #2 turn
        "##,
    );
}

/// Scenario 21.
#[test]
fn a_final_transcript_in_mid_speech_does_not_end_the_turn() {
    check(
        r#"
             0 started
             speech 500 3500
          1500 final "I need a cake"
          4200 finalized "for Sunday."
        > 4200 remember caller "I need a cake for Sunday."
        > 4200 reply #1 turn
        "#,
    );
}

/// Scenario 22. The caller is asked to say it again 1.5 s after the end of speech if it lasted for
/// 0.8 s. Interim words are better than none: see
/// `a_final_that_never_comes_is_replaced_by_the_interim_and_not_heard_twice`.
#[test]
fn speech_without_any_transcript_is_asked_for_again() {
    check(
        r#"
             0 started
             speech 500 2000
        > 3500 reply #1 not-understood
        "#,
    );
}

/// Scenario 22.
#[test]
fn two_bursts_without_words_are_asked_for_again_once() {
    check(
        r##"
             0 started
             speech 500 1000
             speech 1300 1800
        > 3300 reply #1 not-understood
          3400 audio #1 500
          3400 done #1
          3900 played #1 500
         11000 judged 9 0.5
        "##,
    );
}

/// Scenario 22, over the agent.
#[test]
fn an_interruption_without_words_is_asked_for_again() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3900
        > 3200 hold 2000
        > 3200 clear
        > 3700 cancel #1
        > 3700 remember interrupted "Our shop"
        > 5400 reply #2 not-understood
        "##,
    );
}

/// Scenario 22: after a noise that is not worth a word, the caller's silence counts again.
#[test]
fn after_a_noise_the_agent_waits_for_the_caller_again() {
    check(
        r#"
             0 started
             speech 500 700
        > 10200 reply #1 still-there
        "#,
    );
}

/// Scenario 22: interim words are better than none.
#[test]
fn a_final_that_never_comes_is_replaced_by_the_interim_and_not_heard_twice() {
    check(
        r#"
             0 started
             speech 500 1000
          1100 interim "one rye bread"
        > 2500 remember caller "one rye bread"
        > 2500 reply #1 turn
          3150 finalized "One rye bread."
          3160 failed #1
        > 3160 cancel #1
        > 3160 reply #2 failure
        "#,
    );
}

/// Scenario 22, when the recogniser says that there was nothing.
#[test]
fn long_speech_that_was_not_understood_is_asked_for_again_once() {
    check(
        r##"
             0 started
             speech 500 2000
          2700 finalized ""
        > 2700 reply #1 not-understood
          2700 clause #1 "Sorry?"
          2700 audio #1 500
          2700 done #1
          3200 played #1 500
        > 3200 remember agent "Sorry?"
             speech 4000 5500
          6200 finalized ""
          9000 dtmf 5
        "##,
    );
}

/// Scenario 23, after a turn with a voice.
#[test]
fn words_too_quiet_to_be_a_voice_make_a_turn_after_others_that_were_one() {
    check(
        r##"
             0 started
             speech 500 1000
          1300 final "A rye bread."
        > 1600 remember caller "A rye bread."
        > 1600 reply #1 turn
          1700 clause #1 "Anything else?"
          1700 audio #1 1000
          1700 done #1
          2700 played #1 1000
        > 2700 remember agent "Anything else?"
          4000 final "Sure."
        > 4600 remember caller "Sure."
        > 4600 reply #2 turn
        "##,
    );
}

/// Scenario 23.
#[test]
fn words_without_voice_activity_make_a_turn() {
    check(
        r#"
             0 started
          1000 final "Sure."
        > 1600 remember caller "Sure."
        > 1600 reply #1 turn
        "#,
    );
}

/// Scenario 24: nothing happens when the media of a silent caller stops.
#[test]
fn media_that_stops_while_the_caller_is_silent_changes_nothing() {
    check(
        r#"
             0 started
           500 voice 0.1
           520 voice 0.1
             speech 4000 4500
        > 4060 hint speech-started
        > 4700 hint speech-ended
        > 5100 hint finalize
        "#,
    );
}

/// Scenario 24.
#[test]
fn media_that_stops_while_the_caller_speaks_is_silence() {
    check(
        r#"
             0 started
           500 voice 0.9
           520 voice 0.9
           560 voice 0.9
        >  560 hint speech-started
        > 1560 hint speech-ended
        > 1560 hint finalize
          1600 finalized "Hello"
        > 1600 remember caller "Hello"
        > 1600 reply #1 turn
        "#,
    );
}

/// Scenario 25.
#[test]
fn a_verdict_on_a_pause_that_is_over_is_ignored() {
    check(
        r#"
             0 started
             speech 500 1000
             speech 1300 2000
          1450 judged 1 0.99
          2250 final "Two rolls, please."
          2300 judged 2 0.99
        > 2450 remember caller "Two rolls, please."
        > 2450 reply #1 turn
        "#,
    );
}

/// Scenario 25, when the caller pauses again and nothing is known of that yet.
#[test]
fn a_verdict_on_the_pause_before_says_nothing_about_this_one() {
    check(
        r#"
             0 started
             speech 500 1000
             speech 1300 2000
          2220 judged 1 0.99
          2250 final "Two rolls, please."
        > 2600 remember caller "Two rolls, please."
        > 2600 reply #1 turn
        "#,
    );
}

/// Scenario 31: the estimate of 300 ms moves by half of the way to a pause of 400 ms, and what the
/// agent says in between teaches nothing.
#[test]
fn the_caller_s_own_pauses_are_learned_and_the_agent_s_replies_are_not() {
    check_with(
        learning(),
        r##"
             0 started
             speech 500 1000
             speech 1400 2000
          2220 judged 2 0.6
          2250 final "A loaf, please."
        > 2350 remember caller "A loaf, please."
        > 2350 reply #1 turn
          2400 clause #1 "Sure."
          2400 audio #1 500
          2400 done #1
          2900 played #1 500
        > 2900 remember agent "Sure."
             speech 4000 4500
          4720 judged 3 0.6
          4750 final "Thank you."
        > 4850 remember caller "Thank you."
        > 4850 reply #2 turn
        "##,
    );
}

/// Scenario 31: what is said over the agent teaches nothing either.
#[test]
fn a_pause_between_two_backchannels_is_not_learned() {
    check_over_the_agent(
        learning(),
        r##"
             speech 3000 3180
             speech 3600 3780
         11000 played #1 10000
        > 11000 remember agent "Our shop opens daily from nine until five, except Sundays."
             speech 12000 13000
         13220 judged 3 0.6
         13250 final "A loaf, please."
        > 13300 remember caller "A loaf, please."
        > 13300 reply #2 turn
        "##,
    );
}

/// Scenario 31: a pause of 1.2 s counts as one of 900 ms, the most.
#[test]
fn what_is_learned_of_pauses_stays_within_its_bounds() {
    check_with(
        learning(),
        r#"
             0 started
             speech 500 1000
          1220 judged 1 0.1
             speech 2200 3000
          3220 judged 2 0.6
          3250 final "A loaf, please."
        > 3600 remember caller "A loaf, please."
        > 3600 reply #1 turn
        "#,
    );
}

/// Scenario 31: a detector that is certain knows better than the caller's other pauses.
#[test]
fn a_certain_verdict_outdoes_what_was_learned() {
    check_with(
        learning(),
        r#"
             0 started
             speech 500 1000
             speech 1400 2000
          2220 judged 2 0.99
          2250 final "A loaf, please."
        > 2300 remember caller "A loaf, please."
        > 2300 reply #1 turn
        "#,
    );
}

fn learning() -> Config {
    let mut config = config();
    config.pauses.weight = 0.5;
    config.endpoint.after_certain = Duration::from_millis(300);
    config.endpoint.after_likely = Duration::from_millis(300);
    config
}

/// Scenario 32.
#[test]
fn who_says_more_words_than_allowed_is_reported_once_a_turn() {
    let mut config = config();
    config.turn_limit.words = Some(5);
    // The words are numbers, and not meant as one.
    config.endpoint.after_dictation = Duration::ZERO;
    check_with(
        config,
        r##"
             0 started
             speech 500 4000
          1500 final "one two three four five"
          2500 final "six"
        > 2500 turn-exceeded
          3500 final "seven eight"
          4700 finalized ""
        > 4700 remember caller "one two three four five six seven eight"
        > 4700 reply #1 turn
          4800 clause #1 "I see."
          4800 audio #1 500
          4800 done #1
          5300 played #1 500
        > 5300 remember agent "I see."
             speech 6000 8000
          7000 final "one two three four five"
          8700 finalized "six"
        > 8700 turn-exceeded
        > 8700 remember caller "one two three four five six"
        > 8700 reply #2 turn
        "##,
    );
}

/// Scenario 32.
#[test]
fn who_speaks_longer_than_allowed_is_reported_once_a_turn() {
    let mut config = config();
    config.turn_limit.speech_ms = Some(1_000);
    check_with(
        config,
        r#"
             0 started
             speech 500 1000
             speech 1300 3000
        > 1820 turn-exceeded
          3700 finalized "So many words."
        > 3700 remember caller "So many words."
        > 3700 reply #1 turn
        "#,
    );
}

/// Scenario 35: text that stays the same is no progress.
#[test]
fn a_recogniser_that_keeps_a_turn_open_without_new_words_is_not_waited_for() {
    let mut config = config();
    config.stop = vec![Stop::Recognizer];
    check_with(
        config,
        r#"
             0 started
           500 sign started
           700 interim "two rolls"
          2000 interim "two rolls"
          4000 interim "two rolls"
          5500 interim "two rolls"
        > 6200 remember caller "two rolls"
        > 6200 reply #1 turn
        "#,
    );
}

/// Scenario 35, without any words: 5 s after it began the turn is over, 1.5 s later there is no
/// transcript, and 8 s of silence follow.
#[test]
fn a_recogniser_that_opens_a_turn_and_falls_silent_does_not_stop_the_call() {
    check(
        r#"
             0 started
           500 sign started
        > 15000 reply #1 still-there
        "#,
    );
}
