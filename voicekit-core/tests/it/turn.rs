//! Conversations as the engine must lead them, written as traces.

use std::time::Duration;

use voicekit_core::time::Timestamp;
use voicekit_core::turn::trace::{Entry, Line};
use voicekit_core::turn::{Action, Config, Engine, Start};

/// Runs the events of a trace through an engine and compares what it does with the `>` lines.
///
/// Deadlines are taken in when they are due, so `timeout` lines are left out; so are `state`,
/// `hint`, `judge` and `measured` actions unless the trace has one of that kind. `speech A B` stands for voice
/// activity from A to B in windows of 20 ms, silence after it.
fn check_with(config: Config, script: &str) {
    let script = expand(script);
    let expected: Vec<String> =
        script.iter().filter(|line| is_action(line)).map(ToString::to_string).collect();
    let shown = |kind: &str| expected.iter().any(|line| line[9..].starts_with(kind));
    let (states, hints, judged) = (shown("state"), shown("hint"), shown("judge"));
    let mut actual = Vec::new();
    for line in run(config, &script) {
        let hidden = matches!(&line.entry, Entry::Action(Action::State(_)) if !states)
            || matches!(&line.entry, Entry::Action(Action::Hint(_)) if !hints)
            || matches!(&line.entry, Entry::Action(Action::JudgeTurn { .. }) if !judged)
            || matches!(&line.entry, Entry::Action(Action::Measured(_)) if !shown("measured"));
        if !hidden {
            actual.push(line.to_string());
        }
    }
    assert_eq!(actual.join("\n"), expected.join("\n"));
}

fn check(script: &str) {
    check_with(config(), script);
}

/// The caller speaks first, and 600 ms of silence end a turn that was not judged.
fn config() -> Config {
    let mut config = Config::default();
    config.greet = false;
    config.endpoint.unjudged = Duration::from_millis(600);
    config.start[0] = Start::Voice {
        pause_after: Duration::from_millis(200),
        take_after: Duration::from_millis(700),
    };
    config.speculation.most = 0;
    config.pauses.weight = 0.0;
    config
}

fn is_action(line: &Line) -> bool {
    matches!(line.entry, Entry::Action(_))
}

fn expand(script: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in script.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        if let ["speech", from, to] = words[..] {
            let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
            lines.extend((from..to).step_by(20).map(|at| voice(at, 0.9)));
            lines.extend((to..=to + 240).step_by(20).map(|at| voice(at, 0.1)));
        } else {
            lines.push(text.parse().unwrap_or_else(|error| panic!("{error}")));
        }
    }
    let (actions, mut events): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_action);
    events.sort_by_key(|line| line.at);
    events.extend(actions);
    events
}

fn voice(at: u64, probability: f32) -> Line {
    format!("{at} voice {probability}").parse().unwrap()
}

fn run(config: Config, script: &[Line]) -> Vec<Line> {
    let mut engine = Engine::new(config).unwrap();
    let mut out = Vec::new();
    let mut drain = |engine: &mut Engine, at: Timestamp| {
        while let Some(action) = engine.poll_action() {
            out.push(Line { at, entry: Entry::Action(action) });
        }
    };
    let last = script.iter().map(|line| line.at).max().unwrap_or_default();
    for line in script {
        let Entry::Event(event) = &line.entry else { continue };
        while let Some((due, _)) = engine.poll_timeout().filter(|(due, _)| *due < line.at) {
            engine.handle_timeout(due);
            drain(&mut engine, due);
        }
        engine.handle(line.at, event.clone());
        drain(&mut engine, line.at);
    }
    while let Some((due, _)) = engine.poll_timeout().filter(|(due, _)| *due <= last) {
        engine.handle_timeout(due);
        drain(&mut engine, due);
    }
    out
}

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
        > 11800 reply #3 failure
        "##,
    );
}

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
