//! Turns that lead nowhere: announcements heard again and again, and agents without an answer.

use std::time::Duration;

use voicekit_core::turn::Config;
use voicekit_core::turn::dead_end::DeadEnd;

use crate::turn_script::{check_with, config};

const QUEUE: &str = "Your call is important to us. Please stay on the line.";

/// A turn of the caller that begins at `at`, and the `answer` to it, which is reply `id`.
fn answered(at: u64, said: &str, id: u64, answer: &str) -> String {
    heard(at, said) + &reply(at, id, "turn", answer)
}

/// A turn of the caller.
fn heard(at: u64, said: &str) -> String {
    format!(
        "speech {} {}\n{} final \"{said}\"\n> {} remember caller \"{said}\"\n",
        at + 500,
        at + 2_500,
        at + 2_700,
        at + 3_100,
    )
}

/// What the agent says after the turn that began at `at`.
fn reply(at: u64, id: u64, source: &str, text: &str) -> String {
    format!(
        "> {} reply #{id} {source}\n{} clause #{id} \"{text}\"\n{} audio #{id} 1000\n\
         {} done #{id}\n{} played #{id} 1000\n> {} remember agent \"{text}\"\n",
        at + 3_100,
        at + 3_200,
        at + 3_200,
        at + 3_200,
        at + 4_200,
        at + 4_200,
    )
}

fn check(config: Config, parts: &[String]) {
    check_with(config, &format!("0 started\n{}", parts.concat()));
}

#[test]
fn an_announcement_heard_for_the_third_time_is_asked_about_once_and_then_met_with_silence() {
    check(
        config(),
        &[
            answered(0, QUEUE, 1, "Good morning."),
            answered(10_000, QUEUE, 2, "Are you a person?"),
            heard(20_000, QUEUE),
            reply(20_000, 3, "dead-end", "Is there anything else?"),
            heard(30_000, QUEUE),
            heard(40_000, QUEUE),
            answered(50_000, "Hello, what can I do for you today?", 4, "A table, please."),
        ],
    );
}

#[test]
fn an_agent_that_stays_silent_says_goodbye_when_nothing_else_comes() {
    let mut config = config();
    config.dead_ends.after_announcements = DeadEnd::StaySilent;
    config.dead_ends.silence = Duration::from_secs(60);
    check(
        config,
        &[
            answered(0, QUEUE, 1, "Good morning."),
            answered(10_000, QUEUE, 2, "Are you a person?"),
            heard(20_000, QUEUE),
            // Music, in which no words are.
            "speech 30000 34000\n34600 finalized \"\"\n".to_owned(),
            "> 94600 reply #3 goodbye\n".to_owned(),
        ],
    );
}

#[test]
fn what_follows_an_announcement_can_be_chosen() {
    for (follows, action) in [
        (DeadEnd::HangUp, "reply #3 goodbye"),
        (DeadEnd::Transfer, "transfer"),
        (DeadEnd::Ignore, "reply #3 turn"),
    ] {
        let mut config = config();
        config.dead_ends.after_announcements = follows;
        check(
            config,
            &[
                answered(0, QUEUE, 1, "Good morning."),
                answered(10_000, QUEUE, 2, "Are you a person?"),
                heard(20_000, QUEUE),
                format!("> 23100 {action}\n"),
            ],
        );
    }
}

#[test]
fn an_announcement_is_known_again_however_the_recognizer_writes_it() {
    for [first, second, third] in [
        [
            "You are caller number 3. Please hold the line.",
            "you are caller number two please hold the line",
            "You are number one, please hold line.",
        ],
        [
            "All our agents are busy at the moment.",
            "all our agents are busy at the moment",
            "All agents are busy at the moment!",
        ],
        [
            "For sales press 1, for service press 2.",
            "For sales, press one. For service, press two.",
            "for sales press one for service press",
        ],
    ] {
        check(
            config(),
            &[
                answered(0, first, 1, "Good morning."),
                answered(10_000, second, 2, "Are you a person?"),
                heard(20_000, third),
                "> 23100 reply #3 dead-end\n".to_owned(),
            ],
        );
    }
}

#[test]
fn two_announcements_that_take_turns_are_known_again() {
    let other = "Did you know that you can also book on our website?";
    check(
        config(),
        &[
            answered(0, QUEUE, 1, "Good morning."),
            answered(10_000, other, 2, "I see."),
            answered(20_000, QUEUE, 3, "Are you a person?"),
            answered(30_000, other, 4, "I would rather talk."),
            heard(40_000, QUEUE),
            "> 43100 reply #5 dead-end\n".to_owned(),
        ],
    );
}

#[test]
fn a_caller_who_repeats_a_short_answer_is_answered() {
    for word in ["Yes.", "No, thank you.", "Two rolls, please."] {
        check(
            config(),
            &[
                answered(0, word, 1, "With seeds?"),
                answered(10_000, word, 2, "Sliced?"),
                answered(20_000, word, 3, "In a bag?"),
                answered(30_000, word, 4, "For today?"),
            ],
        );
    }
}

#[test]
fn a_caller_who_says_other_things_in_between_is_answered() {
    let wish = "I would like to have a table";
    check(
        config(),
        &[
            answered(0, wish, 1, "For when?"),
            answered(10_000, "It would be for Monday the third", 2, "For how many?"),
            answered(20_000, "We are four people and a dog", 3, "Whose name?"),
            answered(30_000, wish, 4, "Another one?"),
            answered(40_000, "Yes, one for my sister as well", 5, "For when?"),
            answered(50_000, "That would be on the same day", 6, "Sure."),
            answered(60_000, wish, 7, "That is booked."),
        ],
    );
}

const QUESTIONS: [&str; 7] = [
    "What does a rye bread cost today?",
    "When do you close on Sundays?",
    "Where can I park my car?",
    "Who bakes your wedding cakes there?",
    "Do the rolls have nuts inside?",
    "May dogs come into the shop?",
    "Which oil is in the cake?",
];

#[test]
fn an_agent_that_does_not_know_three_times_in_a_row_asks_once_what_else_it_can_do() {
    let [a, b, c, d, e, f, g] = QUESTIONS;
    for [first, second, third] in [
        ["I am sorry, I do not know.", "I don’t know that either.", "I'm afraid I cannot help."],
        ["Das weiß ich leider nicht.", "Das weiß ich nicht.", "Das habe ich nicht verstanden."],
        ["No lo sé.", "Lo siento, no sé.", "No tengo esa información."],
        ["Je ne sais pas.", "Désolé, je ne sais pas.", "Je n'ai pas compris."],
        ["我不知道。", "对不起，我不清楚。", "这个我帮不了您。"],
    ] {
        check(
            config(),
            &[
                answered(0, a, 1, first),
                answered(10_000, b, 2, second),
                answered(20_000, c, 3, third),
                heard(30_000, d),
                reply(30_000, 4, "dead-end", "Is there anything else?"),
                answered(40_000, e, 5, first),
                answered(50_000, f, 6, second),
                answered(60_000, g, 7, third),
                answered(70_000, a, 8, first),
            ],
        );
    }
}

#[test]
fn an_agent_has_its_own_phrases_for_not_knowing() {
    let mut config = config();
    config.dead_ends.fallbacks = Some(vec!["Ask my colleague".to_owned(), "No idea!".to_owned()]);
    config.dead_ends.after_answers = DeadEnd::Transfer;
    let [a, b, c, d, ..] = QUESTIONS;
    check(
        config,
        &[
            answered(0, a, 1, "Please ask my colleague."),
            answered(10_000, b, 2, "Sundays? No idea."),
            answered(20_000, c, 3, "Ask my colleague, will you?"),
            heard(30_000, d),
            "> 33100 transfer\n".to_owned(),
        ],
    );
}

#[test]
fn answers_that_are_alike_count_if_they_are_to() {
    for (alike, then) in [(true, "reply #4 dead-end"), (false, "reply #4 turn")] {
        let mut config = config();
        config.dead_ends.alike_answers = alike;
        let [a, b, c, d, ..] = QUESTIONS;
        check(
            config,
            &[
                answered(0, a, 1, "We are open from 9 to 5 on weekdays."),
                answered(10_000, b, 2, "We are open from nine to five on weekdays."),
                answered(20_000, c, 3, "We are open from 9 to 5, on weekdays."),
                heard(30_000, d),
                format!("> 33100 {then}\n"),
            ],
        );
    }
}

#[test]
fn answers_that_differ_go_on() {
    let [a, b, c, d, ..] = QUESTIONS;
    check(
        config(),
        &[
            answered(0, a, 1, "A rye bread costs four euros."),
            answered(10_000, b, 2, "I do not know."),
            answered(20_000, c, 3, "I do not know."),
            answered(30_000, d, 4, "Our master baker does."),
            answered(40_000, a, 5, "Four euros, as I said."),
        ],
    );
}

#[test]
fn a_limit_of_none_lets_everything_go_on() {
    let mut config = config();
    config.dead_ends.announcements = 0;
    config.dead_ends.answers = 0;
    check(
        config,
        &[
            answered(0, QUEUE, 1, "Yes?"),
            answered(10_000, QUEUE, 2, "Yes?"),
            answered(20_000, QUEUE, 3, "Yes?"),
            answered(30_000, QUEUE, 4, "Yes?"),
        ],
    );
}
