//! Scenarios of the agent's reply: how it is prepared, what it waits for, and what follows it.
//!
//! The numbers are those of `docs/scenarios.md`.

use std::time::Duration;

use voicekit_core::turn::Config;

use crate::turn_script::{check, check_over_the_agent, check_with, config};

/// Scenario 16: the model begins once the voice is known to be silent, and not at 1600.
#[test]
fn a_reply_is_prepared_as_soon_as_the_words_stand() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1100 final "Tell me a story."
        > 1200 prepare #1 "Tell me a story."
        > 1600 remember caller "Tell me a story."
        > 1600 adopt #1
          1601 clause #1 "Once upon a time."
          1601 audio #1 2000
          1601 done #1
          1621 played #1 20
        > 1621 measured #1 600 0 1 0 20
          3601 played #1 2000
        > 3601 remember agent "Once upon a time."
        "##,
    );
}

/// Scenario 16.
#[test]
fn a_reply_to_words_that_went_on_is_discarded() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1220 final "Tell me a story"
        > 1220 prepare #1 "Tell me a story"
             speech 1400 2000
          2250 final "about a firefighter."
        > 2250 discard #1
        > 2250 prepare #2 "Tell me a story about a firefighter."
        > 2600 remember caller "Tell me a story about a firefighter."
        > 2600 adopt #2
        "##,
    );
}

/// Scenario 16: interim words must have stood, and those from before the silence may lack the last.
#[test]
fn a_reply_to_interim_words_waits_until_they_stand() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1150 interim "Tell me"
          1230 interim "Tell me a story"
        > 1330 prepare #1 "Tell me a story"
          1400 final "Tell me a story."
        > 1600 remember caller "Tell me a story."
        > 1600 adopt #1
        "##,
    );
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
           980 interim "Tell me"
        > 1400 prepare #1 "Tell me"
          1450 interim "Tell me a story"
        > 1450 discard #1
        > 1550 prepare #2 "Tell me a story"
          1590 final "Tell me a story."
        > 1600 remember caller "Tell me a story."
        > 1600 adopt #2
        "##,
    );
}

/// Scenario 16: a doubtful verdict keeps a reply from being heard, not from being prepared; it is
/// prepared as late as it can be, since the caller probably goes on.
#[test]
fn a_reply_to_a_doubtful_turn_is_prepared_in_time_for_its_end() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1210 judged 1 0.1
          1220 final "Tell me a story."
        > 1800 prepare #1 "Tell me a story."
        > 2500 remember caller "Tell me a story."
        > 2500 adopt #1
        "##,
    );
}

/// Scenario 16: how a recognizer writes numbers in the end changes nothing.
#[test]
fn a_reply_fits_however_numbers_are_written() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1210 interim "a table for two at seven thirty"
        > 1310 prepare #1 "a table for two at seven thirty"
          1400 final "A table for 2 at 7:30."
        > 1600 remember caller "A table for 2 at 7:30."
        > 1600 adopt #1
        "##,
    );
}

/// Scenario 16: each reply that is not used has its price.
#[test]
fn only_so_many_replies_are_prepared_for_a_turn() {
    check_with(
        speculating(),
        r##"
             0 started
             speech 500 1000
          1210 final "Rye"
        > 1210 prepare #1 "Rye"
          1320 final "rolls"
        > 1320 discard #1
        > 1320 prepare #2 "Rye rolls"
          1430 final "please."
        > 1430 discard #2
        > 1600 remember caller "Rye rolls please."
        > 1600 reply #3 turn
        "##,
    );
}

fn speculating() -> Config {
    let mut config = config();
    config.speculation.most = 2;
    config
}

/// Scenario 27.
#[test]
fn silence_counts_from_the_end_of_what_the_agent_said() {
    check(
        r##"
             0 started
             speech 500 1000
          1300 final "Hello."
        > 1600 remember caller "Hello."
        > 1600 reply #1 turn
          1700 clause #1 "Good morning."
          1700 audio #1 3000
          1700 done #1
          4700 played #1 3000
        > 4700 remember agent "Good morning."
        > 12700 reply #2 still-there
        "##,
    );
}

/// Scenario 27.
#[test]
fn who_speaks_is_not_asked_whether_they_are_still_there() {
    check(
        r##"
             0 started
             speech 7500 9000
          9300 final "So, a cake."
        > 9600 remember caller "So, a cake."
        > 9600 reply #1 turn
        "##,
    );
}

/// Scenario 27: the caller who has interrupted has the floor.
#[test]
fn an_interruption_is_not_followed_by_the_question_whether_the_caller_is_there() {
    check_over_the_agent(
        config(),
        r##"
             speech 2000 13000
        > 2200 hold 1000
        > 2200 clear
        > 2700 cancel #1
        > 2700 remember interrupted "Our"
          5000 final "There is"
          8000 final "one more thing"
         11000 final "that I want"
         13300 final "to order."
        > 13600 remember caller "There is one more thing that I want to order."
        > 13600 reply #2 turn
        "##,
    );
}

/// Scenario 27: the tool began before the agent fell silent.
#[test]
fn who_waits_for_a_tool_is_not_asked_whether_they_are_still_there() {
    let mut config = config();
    config.filler_after = Duration::from_secs(20);
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
           700 audio #1 500
           700 done #1
          1200 played #1 500
        > 1200 remember agent "Moment."
         12000 tool-done 1 {"text":"Booked."}
        > 12000 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 12000 reply #2 tools
        "##,
    );
}

/// Scenario 27. Scenario 34: speech during the goodbye does not keep the call.
#[test]
fn a_caller_who_says_nothing_is_asked_twice_and_then_let_go() {
    check(
        r##"
             0 started
        >  8000 reply #1 still-there
          8010 clause #1 "Hello?"
          8010 audio #1 500
          8010 done #1
          8500 played #1 500
        >  8500 remember agent "Hello?"
        > 16500 reply #2 still-there
          16510 audio #2 500
          16510 done #2
          17000 played #2 500
        > 25000 reply #3 goodbye
          25010 clause #3 "Goodbye."
          25010 audio #3 900
          25010 done #3
             speech 25200 26200
          25900 played #3 900
        > 25900 remember agent "Goodbye."
        > 25900 hang-up
          25950 line-ended agent
        "##,
    );
}

/// Scenario 28.
#[test]
fn a_tool_that_finished_before_the_interruption_is_remembered_and_not_spoken_of() {
    check_booking(
        "finish",
        r##"
           900 tool-done 1 {"text":"Booked."}
             speech 1000 2000
        > 1200 hold 0
        > 1200 clear
        > 1700 cancel #1
        > 1700 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
          2300 final "And a cake."
        > 2600 remember caller "And a cake."
        > 2600 reply #2 turn
        "##,
    );
}

/// Scenario 28.
#[test]
fn a_tool_that_is_interrupted_finishes_and_is_remembered() {
    check_booking(
        "finish",
        r##"
             speech 1000 2000
        > 1200 hold 0
        > 1200 clear
        > 1700 cancel #1
          1900 tool-done 1 {"text":"Booked."}
        > 1900 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
          2300 final "And a cake."
        > 2600 remember caller "And a cake."
        > 2600 reply #2 turn
        "##,
    );
}

/// Scenario 28: the next reply is under way, and the model learns of the result after it.
#[test]
fn a_tool_that_finishes_during_the_next_reply_is_remembered_after_it() {
    check_booking(
        "finish",
        r##"
             speech 1000 2000
        > 1200 hold 0
        > 1200 clear
        > 1700 cancel #1
          2300 final "And a cake."
        > 2600 remember caller "And a cake."
        > 2600 reply #2 turn
          2700 tool-done 1 {"text":"Booked."}
          2800 clause #2 "Sure."
          2800 audio #2 500
          2800 done #2
          3300 played #2 500
        > 3300 remember agent "Sure."
        > 3300 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 3300 reply #3 tools
        "##,
    );
}

/// Scenario 28.
#[test]
fn a_tool_that_is_dropped_is_remembered_as_not_having_happened() {
    check_booking(
        "cancel",
        r##"
             speech 1000 2000
        > 1200 hold 0
        > 1200 clear
        > 1700 cancel-run 1
        > 1700 cancel #1
        > 1700 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"It did not happen: the caller interrupted.","failed":true}
          1900 tool-done 1 {"text":"Booked."}
        "##,
    );
}

/// Scenario 29: the caller is told after 1.5 s of silence, and again after 8 s.
#[test]
fn a_tool_that_takes_long_is_spoken_of() {
    check_booking(
        "finish",
        r##"
          2700 played #1 2000
        > 2700 remember agent "Moment."
        > 4200 reply #2 filler
          4300 clause #2 "Still looking."
          4300 audio #2 700
          4300 done #2
          5000 played #2 700
        > 5000 remember agent "Still looking."
        > 13000 reply #3 filler
         13100 clause #3 "Still looking."
         13100 audio #3 700
         13100 done #3
         13200 tool-done 1 {"text":"Booked."}
         13800 played #3 700
        > 13800 remember agent "Still looking."
        > 13800 remember tool {"id":"c1","name":"book","arguments":"{}"} {"text":"Booked."}
        > 13800 reply #4 tools
        "##,
    );
}

/// Scenario 29: the wait begins anew when the agent knows that nothing was said.
#[test]
fn a_sound_of_the_caller_restarts_the_wait_before_a_filler() {
    check_booking(
        "finish",
        r##"
          2700 played #1 2000
        > 2700 remember agent "Moment."
             speech 3500 3800
          4500 finalized ""
        > 6000 reply #2 filler
        "##,
    );
}

/// Scenario 29.
#[test]
fn a_filler_that_is_interrupted_is_not_said_again_while_the_caller_speaks() {
    check_booking(
        "finish",
        r##"
          2700 played #1 2000
        > 2700 remember agent "Moment."
        > 4200 reply #2 filler
          4300 clause #2 "Patience."
          4300 audio #2 2000
          4300 done #2
             speech 4500 7000
        > 4700 hold 0
        > 4700 clear
        > 5200 cancel #2
          7300 final "Never mind."
        > 7600 remember caller "Never mind."
        > 7600 reply #3 turn
        "##,
    );
}

/// The start of a call in which a tool runs from 700 on, and the agent says a word of 2 s.
const BOOKING: &str = r##"
     0 started
     0 final "Book it."
>  600 remember caller "Book it."
>  600 reply #1 turn
   700 clause #1 "Moment."
   700 tool #1 POLICY {"id":"c1","name":"book","arguments":"{}"}
>  700 run 1 {"id":"c1","name":"book","arguments":"{}"}
   700 audio #1 2000
   700 done #1
"##;

fn check_booking(policy: &str, script: &str) {
    check(&format!("{}{script}", BOOKING.replace("POLICY", policy)));
}

/// Scenario 36: marks of the old reply that come back after the line was cleared.
#[test]
fn marks_of_a_cancelled_reply_say_nothing_about_the_next() {
    check_over_the_agent(
        config(),
        r##"
             speech 3000 3900
        > 3200 hold 2000
        > 3200 clear
        > 3700 cancel #1
        > 3700 remember interrupted "Our shop"
          4100 final "Stop!"
        > 4500 remember caller "Stop!"
        > 4500 reply #2 turn
          4600 clause #2 "Sorry."
          4600 audio #2 2000
          4600 done #2
          4700 played #1 10000
          4700 cleared #1 10000
          6600 played #2 2000
        > 6600 remember agent "Sorry."
        "##,
    );
}

/// Scenario 36.
#[test]
fn barge_in_clears_long_after_everything_was_made() {
    check(
        r##"
             0 started
             speech 100 500
          1100 finalized "Hi."
        > 1100 remember caller "Hi."
        > 1100 reply #1 turn
          1200 clause #1 "one two three four five six seven eight nine ten"
          1200 audio #1 10000
          1300 done #1
             speech 9000 10000
        > 9200 hold 7083.333
        > 9200 clear
        > 9700 cancel #1
        > 9700 remember interrupted "one two three four five six seven"
        "##,
    );
}

/// Scenario 37: the second does not begin before the first was heard.
#[test]
fn two_things_to_be_said_are_said_one_after_the_other() {
    check(
        r##"
             0 started
             0 say "One."
        >    0 say #1 "One."
            10 say "Two."
           100 clause #1 "One."
           100 audio #1 1000
           100 done #1
          1100 played #1 1000
        > 1100 remember agent "One."
        > 1100 say #2 "Two."
          1150 clause #2 "Two."
          1150 audio #2 1000
          1150 done #2
          1200 played #1 1000
          2150 played #2 1000
        > 2150 remember agent "Two."
        "##,
    );
}

/// Scenario 37: what must be heard and waits is said after the interruption.
#[test]
fn what_must_be_heard_survives_an_interruption() {
    check_over_the_agent(
        config(),
        r##"
          2000 insist "This call is recorded."
             speech 3000 3900
        > 3200 hold 2000
        > 3200 clear
        > 3700 cancel #1
        > 3700 remember interrupted "Our shop"
          4100 final "Stop!"
        > 4500 remember caller "Stop!"
        > 4500 reply #2 turn
          4600 clause #2 "Sorry."
          4600 audio #2 500
          4600 done #2
          5100 played #2 500
        > 5100 remember agent "Sorry."
        > 5100 say #3 "This call is recorded."
        "##,
    );
}
