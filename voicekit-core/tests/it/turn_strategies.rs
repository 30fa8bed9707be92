//! What takes the floor, what gives it up and what keeps it, one strategy at a time.

use std::time::Duration;

use voicekit_core::transport::Digit;
use voicekit_core::turn::{Mute, Start, Stop};

use crate::turn_script::{check, check_over_the_agent, check_with, config};

#[test]
fn with_push_to_talk_only_the_keys_count() {
    let mut config = config();
    config.greet = true;
    config.start = vec![Start::Key { key: Digit::new('*') }];
    config.stop = vec![Stop::Key { key: Digit::new('#').unwrap() }];
    check_with(
        config,
        r##"
             0 started
        >    0 reply #1 greeting
           100 clause #1 "Welcome."
           100 audio #1 9000
           100 done #1
             speech 2000 3000
          3300 final "Stop!"
          4000 dtmf *
        > 4000 cancel #1
        > 4000 clear
             speech 4500 5500
          5700 final "Two rolls."
          8000 dtmf #
        > 8000 remember caller "Stop! Two rolls."
        > 8000 reply #2 turn
        "##,
    );
}

#[test]
fn the_keys_of_push_to_talk_are_no_part_of_the_turn() {
    let mut config = config();
    config.start = vec![Start::Key { key: Digit::new('*') }];
    config.stop = vec![Stop::Key { key: Digit::new('#').unwrap() }];
    check_with(
        config,
        r##"
             0 started
          1000 dtmf *
             speech 1500 2500
          2700 final "Two rolls."
          3000 dtmf #
        > 3000 remember caller "Two rolls."
        > 3000 reply #1 turn
        "##,
    );
}

#[test]
fn without_strategies_only_the_application_counts() {
    let mut config = config();
    config.greet = true;
    config.start = vec![];
    config.stop = vec![];
    check_with(
        config,
        r##"
             0 started
        >    0 reply #1 greeting
           100 clause #1 "Welcome."
           100 audio #1 9000
           100 done #1
             speech 2000 3000
          3300 final "Stop!"
          4000 take-turn
        > 4000 cancel #1
        > 4000 clear
             speech 4500 5500
          5700 final "Two rolls."
          8000 yield-turn
        > 8000 remember caller "Stop! Two rolls."
        > 8000 reply #2 turn
        "##,
    );
}

#[test]
fn brief_speech_takes_the_floor_only_by_a_word_that_asks_for_it() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3300
        > 3200 hold 2000
        > 3200 clear
          3700 final "Two rolls."
        > 3700 release
             speech 5000 5300
        > 5200 hold 3000
        > 5200 clear
          5700 final "Wait!"
        > 5700 cancel #1
        > 5700 remember interrupted "Our shop opens"
        > 5900 remember caller "Two rolls. Wait!"
        > 5900 reply #2 turn
        "##,
    );
}

#[test]
fn a_brief_answer_to_a_question_is_answered_once_it_has_been_asked() {
    check(
        r##"
             0 started
             0 final "A cake."
        >  600 remember caller "A cake."
        >  600 reply #1 turn
          1000 clause #1 "Chocolate?"
          1000 audio #1 3000
          1000 done #1
             speech 1500 1800
        > 1700 hold 0
        > 1700 clear
          2200 final "Vanilla."
        > 2200 release
          5200 played #1 3000
        > 5200 remember agent "Chocolate?"
        > 5200 remember caller "Vanilla."
        > 5200 reply #2 turn
        "##,
    );
}

#[test]
fn the_recogniser_alone_can_tell_who_has_the_floor() {
    let mut config = config();
    config.start = vec![Start::Recognizer, Start::Turn { after: Duration::ZERO }];
    config.stop = vec![Stop::Recognizer];
    check_with(
        config,
        r##"
             0 started
          1000 sign started
          1200 interim "two"
          1900 final "Two rolls."
          3000 sign ended
        > 3000 remember caller "Two rolls."
        > 3000 reply #1 turn
          3100 clause #1 "Sure."
          3100 audio #1 3000
          3100 done #1
          4000 sign started
        > 4000 hold 0
        > 4000 clear
          4400 interim "and"
          4900 final "And a loaf."
          6000 sign ended
        > 6000 cancel #1
        > 6000 remember caller "And a loaf."
        > 6000 reply #2 turn
        "##,
    );
}

#[test]
fn a_recogniser_that_believes_the_turn_over_has_a_reply_prepared() {
    let mut config = config();
    config.speculation.most = 2;
    config.stop = vec![Stop::Recognizer];
    check_with(
        config,
        r##"
             0 started
          1000 sign started
          1900 final "Two rolls"
          1950 sign eager-end
        > 1950 prepare #1 "Two rolls"
          2100 sign resumed
        > 2100 discard #1
          2300 final "and a loaf."
          2350 sign eager-end
        > 2350 prepare #2 "Two rolls and a loaf."
          2600 sign ended
        > 2600 remember caller "Two rolls and a loaf."
        > 2600 adopt #2
        "##,
    );
}

#[test]
fn a_greeting_that_cannot_be_interrupted_is_heard_and_the_reply_after_it_can_be() {
    let mut config = config();
    config.greet = true;
    config.mute = vec![Mute::Greeting];
    check_with(
        config,
        r##"
             0 started
        >    0 reply #1 greeting
           100 clause #1 "Hello."
           100 audio #1 2100
           100 done #1
             speech 500 1500
          1700 final "Wait."
          2200 played #1 2100
        > 2200 remember agent "Hello."
        > 2200 remember caller "Wait."
        > 2200 reply #2 turn
          2300 clause #2 "Sure."
          2300 audio #2 3000
          2300 done #2
             speech 3000 3900
        > 3200 hold 0
        > 3200 clear
        > 3700 cancel #2
        "##,
    );
}

#[test]
fn what_is_said_while_tools_run_waits_for_them_if_it_must() {
    let mut config = config();
    config.mute = vec![Mute::Tools];
    check_with(
        config,
        r##"
             0 started
             0 final "Book it."
        >  600 remember caller "Book it."
        >  600 reply #1 turn
           700 clause #1 "Moment."
           700 tool #1 finish {"id":"c1","name":"book","arguments":"{}"}
        >  700 run 1 {"id":"c1","name":"book","arguments":"{}"}
           700 audio #1 2000
           700 done #1
             speech 1000 2000
          2200 final "Wait, and a cake."
          2700 played #1 2000
        > 2700 remember agent "Moment."
          3000 tool-done 1 {"text":"Booked."}
        > 3000 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 3000 remember caller "Wait, and a cake."
        > 3000 reply #2 turn
        "##,
    );
}

#[test]
fn keys_are_a_turn_that_a_key_or_a_pause_ends() {
    check(
        r##"
             0 started
          1000 dtmf 1
          1500 dtmf 2
          3000 dtmf 3
          3500 dtmf #
        > 3500 remember caller "[pressed 1 2 3 #]"
        > 3500 reply #1 turn
        "##,
    );
    check(
        r##"
             0 started
          1000 dtmf 1
          1500 dtmf 2
        > 3500 remember caller "[pressed 1 2]"
        > 3500 reply #1 turn
        "##,
    );
}

#[test]
fn a_key_interrupts_the_agent() {
    check_over_the_agent(
        config(),
        r##"
          3900 dtmf 0
        > 3900 cancel #1
        > 3900 clear
        > 3900 remember interrupted "Our shop"
        > 5900 remember caller "[pressed 0]"
        > 5900 reply #2 turn
        "##,
    );
}

#[test]
fn a_number_that_is_read_out_is_waited_for_longer() {
    check(
        r#"
             0 started
             0 expect "digits"
             speech 500 1500
          1700 final "One two three."
             speech 2600 3300
          3500 final "Four five six."
        > 5000 remember caller "One two three. Four five six."
        > 5000 reply #1 turn
        "#,
    );
}

#[test]
fn a_number_that_is_complete_is_not_waited_for() {
    check(
        r##"
             0 started
             0 expect "digits" 4
             speech 500 1500
          1700 final "One two three four."
        > 1950 remember caller "One two three four."
        > 1950 reply #1 turn
        "##,
    );
    check(
        r##"
             0 started
             0 expect "digits" 4
          1000 dtmf 1
          1500 dtmf 2
          2000 dtmf 3
          2500 dtmf 4
        > 2500 remember caller "[pressed 1 2 3 4]"
        > 2500 reply #1 turn
        "##,
    );
}

#[test]
fn what_is_expected_holds_for_one_turn() {
    check(
        r##"
             0 started
             0 expect "digits" 4
             speech 500 1500
          1700 final "One two three four."
        > 1950 remember caller "One two three four."
        > 1950 reply #1 turn
          2000 clause #1 "Thanks."
          2000 audio #1 500
          2000 done #1
          2500 played #1 500
        > 2500 remember agent "Thanks."
             speech 3000 4000
          4200 final "One two three four."
        > 5700 remember caller "One two three four."
        > 5700 reply #2 turn
        "##,
    );
}

#[test]
fn attention_lets_the_agent_go_on_in_every_language() {
    for (language, attention, request) in [
        ("de", "Ja, genau.", "Moment, bitte!"),
        ("es", "Sí, claro.", "Espere."),
        ("fr", "Oui, d'accord.", "Attendez !"),
        ("zh", "嗯，对。", "等一下"),
    ] {
        let mut config = config();
        config.language = language.to_owned();
        check_over_the_agent(
            config,
            &format!(
                r##"
                     speech 3000 3300
                > 3200 hold 2000
                > 3200 clear
                  3700 interim "{attention}"
                > 3700 release
                  6000 interim "{request}"
                > 6000 cancel #1
                > 6000 clear
                > 6000 remember interrupted "Our shop opens daily"
                "##
            ),
        );
    }
}

#[test]
fn what_must_be_heard_cannot_be_interrupted() {
    check(
        r##"
             0 started
             0 insist "Recorded."
        >    0 say #1 "Recorded."
           100 clause #1 "Recorded."
           100 audio #1 3000
           100 done #1
             speech 500 2000
          1000 interim "stop"
          2200 final "Stop!"
          2300 dtmf 0
          3100 played #1 3000
        > 3100 remember agent "Recorded."
        > 4300 remember caller "Stop! [pressed 0]"
        > 4300 reply #2 turn
        "##,
    );
}

#[test]
fn what_is_to_be_said_waits_until_the_caller_was_answered() {
    check(
        r##"
             0 started
             speech 500 1000
           700 say "One."
           800 say "Two."
          1300 final "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
          1700 clause #1 "Hello."
          1700 audio #1 500
          1700 done #1
          2200 played #1 500
        > 2200 remember agent "Hello."
        > 2200 say #2 "One."
          2300 clause #2 "One."
          2300 audio #2 500
          2300 done #2
          2800 played #2 500
        > 2800 remember agent "One."
        > 2800 say #3 "Two."
        "##,
    );
}

#[test]
fn keys_and_words_are_one_turn() {
    check(
        r##"
             0 started
             speech 500 1500
           800 dtmf 5
          1000 dtmf #
          1700 final "That is my code."
        > 2100 remember caller "[pressed 5 #] That is my code."
        > 2100 reply #1 turn
        "##,
    );
    check(
        r##"
             0 started
             speech 500 1500
          1700 final "My code follows."
          1750 dtmf 5
          1800 dtmf #
        > 2100 remember caller "My code follows. [pressed 5 #]"
        > 2100 reply #1 turn
        "##,
    );
}

#[test]
fn an_agent_that_paused_for_words_that_do_not_take_the_floor_goes_on_after_them() {
    let mut config = config();
    config.start = vec![Start::Recognizer];
    check_over_the_agent(
        config,
        r##"
          3000 sign started
        > 3000 hold 2000
        > 3000 clear
             speech 3000 3400
          3600 final "Two rolls."
        > 4000 release
         12000 played #1 10000
        > 12000 remember agent "Our shop opens daily from nine until five, except Sundays."
        > 12000 remember caller "Two rolls."
        > 12000 reply #2 turn
        "##,
    );
}

#[test]
fn a_turn_of_which_nothing_comes_lets_the_agent_go_on() {
    check_over_the_agent(
        config(),
        r##"
          3000 sign started
        > 3000 hold 2000
        > 3000 clear
        > 4000 release
        "##,
    );
}
