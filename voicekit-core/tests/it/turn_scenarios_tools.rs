//! Tools that follow what the agent says, and results that nobody speaks about.

use crate::turn_script::{check, config};

/// The agent says goodbye and asks for a tool that is to follow.
const FAREWELL: &str = r#"
             0 started
             speech 100 400
           500 final "Bye."
        > 1000 remember caller "Bye."
        > 1000 reply #1 turn
          1100 clause #1 "Goodbye then."
          1100 tool #1 forgo {"id":"c1","name":"leave","arguments":"{}"}
          1100 audio #1 2000
          1100 done #1
"#;

fn check_farewell(script: &str) {
    assert!(!config().greet);
    check(&format!("{FAREWELL}{script}"));
}

/// Scenario 28.
#[test]
fn what_follows_the_agents_words_starts_when_they_have_been_heard() {
    check_farewell(
        r#"
          3100 played #1 2000
        > 3100 remember agent "Goodbye then."
        > 3100 run 1 {"id":"c1","name":"leave","arguments":"{}"}
          3200 tool-done 1 {"text":"Gone."}
        > 3200 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"Gone."}
        > 3200 reply #2 tools
        "#,
    );
}

/// Scenario 28.
#[test]
fn what_follows_the_agents_words_does_not_happen_if_the_caller_interrupts_them() {
    check_farewell(
        r#"
             speech 1500 2600
        > 1700 hold 0
        > 1700 clear
        > 2200 cancel #1
        > 2200 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"It did not happen: the caller interrupted.","failed":true}
          2700 final "Wait!"
        > 3200 remember caller "Wait!"
        > 3200 reply #2 turn
        "#,
    );
}

/// Scenario 28.
#[test]
fn what_follows_the_agents_words_does_not_happen_if_the_caller_hangs_up() {
    check_farewell(
        r#"
          1500 line-ended caller
        > 1500 cancel #1
        > 1500 clear
        > 1500 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"It did not happen: the caller interrupted.","failed":true}
        "#,
    );
}

/// The goodbye has been said: there is no second one.
#[test]
fn a_call_that_is_ended_after_the_agents_words_is_hung_up_at_once() {
    check_farewell(
        r#"
          3100 played #1 2000
        > 3100 remember agent "Goodbye then."
        > 3100 run 1 {"id":"c1","name":"leave","arguments":"{}"}
          3110 end
        > 3110 hang-up
          3120 tool-done 1 {"text":"Gone.","quiet":true}
        > 3120 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"Gone.","quiet":true}
        "#,
    );
}

#[test]
fn a_call_that_is_ended_without_a_word_of_the_model_has_the_agents_goodbye() {
    check(
        r#"
             0 started
             speech 100 400
           500 final "Bye."
        > 1000 remember caller "Bye."
        > 1000 reply #1 turn
          1100 tool #1 forgo {"id":"c1","name":"leave","arguments":"{}"}
          1100 done #1
        > 1100 run 1 {"id":"c1","name":"leave","arguments":"{}"}
          1110 end
        > 1110 reply #2 goodbye
        "#,
    );
}

#[test]
fn the_model_is_not_asked_about_a_quiet_result() {
    check_farewell(
        r#"
          3100 played #1 2000
        > 3100 remember agent "Goodbye then."
        > 3100 run 1 {"id":"c1","name":"leave","arguments":"{}"}
          3200 tool-done 1 {"text":"Gone.","quiet":true}
        > 3200 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"Gone.","quiet":true}
        > 11200 reply #2 still-there
         11300 clause #2 "Hello?"
        "#,
    );
}

/// The caller was not told of it, so it must not surprise them.
#[test]
fn what_follows_words_that_could_not_be_said_does_not_happen() {
    check(
        r#"
             0 started
             speech 100 400
           500 final "Bye."
        > 1000 remember caller "Bye."
        > 1000 reply #1 turn
          1100 tool #1 forgo {"id":"c1","name":"leave","arguments":"{}"}
          1100 failed #1
        > 1100 cancel #1
        > 1100 remember tool {"id":"c1","name":"leave","arguments":"{}"} {"text":"It did not happen: what was said with it could not be said.","failed":true}
        > 1100 reply #2 failure
        "#,
    );
}
