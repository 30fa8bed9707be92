//! What bounds a call: voices that go on, tools and phrases that fail, and its longest duration.

use std::time::Duration;

use voicekit_core::turn::Config;

use crate::turn_script::{check, check_with, config};

/// Without them too: 5 s after nothing more came of it.
#[test]
fn a_turn_that_nothing_ends_is_ended_by_its_timeout() {
    let mut config = config();
    config.stop = vec![];
    check_with(
        config,
        r#"
             0 started
             speech 500 1000
          1300 final "Two rolls."
        > 6000 remember caller "Two rolls."
        > 6000 reply #1 turn
        "#,
    );
}

#[test]
fn while_a_tool_runs_the_agent_is_about_to_speak() {
    check(
        r##"
             0 started
        >    0 state listening
             0 final "Book it."
        >  600 remember caller "Book it."
        >  600 reply #1 turn
        >  600 state processing
           700 clause #1 "Moment."
           700 tool #1 finish {"id":"c1","name":"book","arguments":"{}"}
        >  700 run 1 {"id":"c1","name":"book","arguments":"{}"}
           700 audio #1 500
        >  700 state speaking
           700 done #1
          1200 played #1 500
        > 1200 remember agent "Moment."
        > 1200 state processing
          2000 tool-done 1 {"text":"Booked."}
        > 2000 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 2000 reply #2 tools
          2100 clause #2 "Done."
          2100 audio #2 500
        > 2100 state speaking
          2100 done #2
          2600 played #2 500
        > 2600 remember agent "Done."
        > 2600 state listening
          9000 judged 9 0.5
        "##,
    );
}

#[test]
fn a_tool_that_takes_too_long_has_failed() {
    let mut config = config();
    config.tool_timeout = Duration::from_secs(5);
    config.filler_after = Duration::from_secs(9);
    check_with(
        config,
        r##"
             0 started
             0 final "Book it."
        >  600 remember caller "Book it."
        >  600 reply #1 turn
           700 tool #1 finish {"id":"c1","name":"book","arguments":"{}"}
        >  700 run 1 {"id":"c1","name":"book","arguments":"{}"}
           710 done #1
        > 5700 cancel-run 1
        > 5700 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"It took too long and was given up.","failed":true}
        > 5700 reply #2 tools
          6000 tool-done 1 {"text":"Booked."}
        "##,
    );
}

#[test]
fn a_tool_that_outlasts_the_call_is_remembered_before_it_ends() {
    check(
        r##"
             0 started
        >    0 state listening
             0 final "Book it."
        >  600 remember caller "Book it."
        >  600 reply #1 turn
        >  600 state processing
           700 tool #1 finish {"id":"c1","name":"book","arguments":"{}"}
        >  700 run 1 {"id":"c1","name":"book","arguments":"{}"}
           710 done #1
          1000 line-ended caller
          2000 tool-done 1 {"text":"Booked."}
        > 2000 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 2000 state ended
        "##,
    );
}

fn short_call() -> Config {
    let mut config = config();
    let second = Duration::from_secs(1);
    config.idle = 100 * second;
    config.max_call = 60 * second;
    config.call_warning = 10 * second;
    config.call_grace = 5 * second;
    config
}

#[test]
fn the_longest_call_ends_with_a_warning_and_a_goodbye() {
    check_with(
        short_call(),
        r##"
             0 started
        > 50000 reply #1 warning
         50100 clause #1 "Ten seconds left."
         50100 audio #1 1000
         50100 done #1
         51100 played #1 1000
        > 51100 remember agent "Ten seconds left."
        > 60000 reply #2 goodbye
         60100 clause #2 "Goodbye."
         60100 audio #2 1000
         60100 done #2
         61100 played #2 1000
        > 61100 remember agent "Goodbye."
        > 61100 hang-up
        "##,
    );
}

#[test]
fn a_goodbye_that_takes_longer_than_the_grace_is_cut() {
    check_with(
        short_call(),
        r##"
             0 started
        > 50000 reply #1 warning
         50100 clause #1 "Ten seconds left."
         50100 audio #1 1000
         50100 done #1
         51100 played #1 1000
        > 51100 remember agent "Ten seconds left."
        > 60000 reply #2 goodbye
         60100 clause #2 "Goodbye."
         60100 audio #2 9000
         60100 done #2
        > 65000 hang-up
         65100 line-ended agent
        > 65100 cancel #2
        > 65100 clear
        "##,
    );
}

#[test]
fn a_phrase_that_nobody_asked_for_and_that_fails_is_passed_over() {
    check_with(
        short_call(),
        r##"
             0 started
        > 50000 reply #1 warning
         50100 failed #1
        > 50100 cancel #1
        > 60000 reply #2 goodbye
        "##,
    );
}

/// After 10 s it is known to be a noise. The caller is asked to say it again, which the noise does
/// not keep back, and counts again once it has stopped.
#[test]
fn a_noise_that_lasts_is_ignored_until_it_stops() {
    check(
        r##"
             0 started
             speech 500 12500
         10700 finalized ""
        > 10700 reply #1 not-understood
         10800 clause #1 "Sorry?"
         10800 audio #1 5000
         10800 done #1
             speech 13500 14400
        > 13700 hold 0
        > 13700 clear
        > 14200 cancel #1
        "##,
    );
}

/// The words of a turn end it if the voice, of somebody else perhaps, does not.
#[test]
fn a_voice_that_goes_on_without_words_does_not_keep_the_turn_open() {
    check(
        r##"
             0 started
             speech 500 7140
          1500 final "Two rolls,"
          2000 final "please."
          7100 finalized ""
        > 7100 remember caller "Two rolls, please."
        > 7100 reply #1 turn
        "##,
    );
}

/// The talk of others in the room goes on: it was known to be without words for 5 s.
#[test]
fn a_voice_without_words_does_not_keep_the_caller_from_the_answer() {
    check(
        r##"
             0 started
             speech 500 12000
          1500 final "Two rolls, please."
          6600 finalized ""
        > 6600 remember caller "Two rolls, please."
        > 6600 reply #1 turn
          6700 clause #1 "Sure."
          6700 audio #1 2000
          6700 done #1
          8700 played #1 2000
        > 8700 remember agent "Sure."
        "##,
    );
}

#[test]
fn a_model_that_keeps_asking_for_tools_has_failed() {
    let mut config = config();
    config.max_tool_steps = 2;
    check_with(
        config,
        r##"
             0 started
             0 final "Book it."
        >  600 remember caller "Book it."
        >  600 reply #1 turn
           700 tool #1 finish {"id":"c1","name":"look","arguments":"{}"}
        >  700 run 1 {"id":"c1","name":"look","arguments":"{}"}
           710 done #1
           800 tool-done 1 {"text":"Free."}
        >  800 remember tool {"id":"c1","name":"look","arguments":"{}"} {"text":"Free."}
        >  800 reply #2 tools
           900 tool #2 finish {"id":"c2","name":"book","arguments":"{}"}
        >  900 run 2 {"id":"c2","name":"book","arguments":"{}"}
           910 done #2
          1000 tool-done 2 {"text":"Booked."}
        > 1000 remember tool {"id":"c2","name":"book","arguments":"{}"} {"text":"Booked."}
        > 1000 reply #3 tools
          1100 tool #3 finish {"id":"c3","name":"book","arguments":"{}"}
        > 1100 cancel #3
        > 1100 reply #4 failure
        "##,
    );
}

/// The voice of somebody at `from..to`, in windows of 20 ms.
fn voice(from: u64, to: u64, probability: f32) -> String {
    (from..to).step_by(20).map(|at| format!("{at} voice {probability}\n")).collect()
}

#[test]
fn a_noise_that_is_ignored_may_hold_its_breath() {
    let script = [
        "0 started\n10700 finalized \"\"\n".to_owned(),
        voice(500, 12_000, 0.9),
        voice(12_000, 12_160, 0.1),
        voice(12_160, 13_000, 0.9),
        voice(13_000, 13_240, 0.1),
        voice(13_240, 13_400, 0.9),
        "> 560 hint speech-started\n> 10560 hint finalize\n> 10700 hint speech-ended\n".to_owned(),
        "> 10700 reply #1 not-understood\n10750 done #1\n".to_owned(),
        "> 13300 hint speech-started\n".to_owned(),
    ];
    check(&script.concat());
}

#[test]
fn a_probability_between_on_and_off_changes_nothing() {
    let at_off = Config::default().voice_off;
    let script = [
        "0 started\n".to_owned(),
        voice(500, 1_000, at_off),
        voice(1_000, 1_500, 0.9),
        voice(1_500, 2_500, at_off),
        voice(2_500, 2_720, 0.1),
        "> 1060 hint speech-started\n> 2700 hint speech-ended\n".to_owned(),
    ];
    check(&script.concat());
}
