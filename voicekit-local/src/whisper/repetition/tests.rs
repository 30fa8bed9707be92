//! What is cut, and what is not.

use super::without_repetition;

fn check(cases: &[(&str, &str)]) {
    for (said, kept) in cases {
        assert_eq!(without_repetition(said, false), *kept, "{said:?}");
    }
}

/// Texts that stay as they are, whether the decoder ran on or not.
fn check_kept(cases: &[&str]) {
    for said in cases {
        assert_eq!(without_repetition(said, false), *said);
    }
}

#[test]
fn a_tail_said_again_is_dropped() {
    check(&[
        ("Ten of clubs. Ten of clubs. Ten of clubs.", "Ten of clubs."),
        ("Ten of clubs. Ten of clubs. Ten of", "Ten of clubs."),
        ("Where can I park my car? Where can", "Where can I park my car?"),
        ("Do you have parking? Do", "Do you have parking?"),
        ("10 of clubs 10 of", "10 of clubs"),
        ("thank you thank you thank you thank you thank you thank you", "thank you"),
        ("Well, I am not sure. I am not sure. I am not sure. I am", "Well, I am not sure."),
        ("", ""),
    ]);
}

#[test]
fn people_may_repeat_themselves() {
    check_kept(&[
        "no no no",
        "no no no no.",
        "No, no, no, no, no, no.",
        "no no no no no no no no",
        "yes yes",
        "very very very very good",
        "no it is not no",
        "no way, no way, no way, no way",
        "thank you, thank you, thank you",
        "Thank you, no, thank you.",
        "bye bye",
        "bye bye bye bye",
        "I would like to, I would like to order",
        "Hello? Hello?",
        "It is what it is",
    ]);
}

#[test]
fn numbers_may_repeat_themselves() {
    check_kept(&[
        "2 2 2 2",
        "2222",
        "5 5 5 5 5 5",
        "555 555",
        "555 555 5555",
        "555-555-5555",
        "55 01 55",
        "5 5 0 1 5 5",
        "1 2 3 1 2 3",
        "123 123 123",
        "My number is 555 0142 555 0142",
        "4242 4242 4242 4242",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "double 5 double 5 double 5",
        "double five double five double five double five",
        "five five five, zero one four, two two nine eight",
        "one one one one",
        "oh one oh one oh one",
        "triple 7 triple 7",
        "two two",
        "room 22",
        "It is 2 to 2",
        "7 7",
        "1 1 2 2 3 3",
        "12 2",
        "We are 8 8",
        "2298 9",
        "at 8 8",
    ]);
}

#[test]
fn a_last_digit_written_once_more_is_dropped() {
    check(&[
        ("2298 8", "2298"),
        ("2298 8.", "2298"),
        ("2298, 8", "2298"),
        ("555-014-2298-8", "555-014-2298"),
        ("555 014 2298 8 8", "555 014 2298"),
        ("My number is 555-0142 2", "My number is 555-0142"),
        ("It is 0142298 8", "It is 0142298"),
    ]);
}

#[test]
fn loops_of_digits_are_cut() {
    let once = "5550142298";
    let four_times = [once; 4].join(" ");
    check(&[
        (&four_times, once),
        ("5550142298 5550142298 5550142299 5550142298", once),
        ("My number is 555-0142. 555-0142. 555-0142. 555-0142. 555-0", "My number is 555-0142."),
        ("1234 1234 1234 1235 1234 1234 1234", "1234"),
    ]);
    for (said, most) in [
        (["2298"; 30].join(" "), 8),
        (["0"; 60].join(" "), 4),
        ("1".repeat(80), 4),
        (["22"; 40].join("-"), 4),
        (["one two"; 20].join(" "), 4),
        (["5 5 0 1"; 12].join(", "), 8),
    ] {
        let kept = without_repetition(&said, false);
        let digits = super::units(&kept).len();
        assert!((1..=most).contains(&digits), "{said:?}: {kept:?}");
    }
}

#[test]
fn loops_with_variations_are_cut() {
    check(&[
        (
            "I want to go to the store. I want to go to a store. I want to go to the store.",
            "I want to go to the store.",
        ),
        (
            "We are open at nine. We are open at nine. We are opened at nine. We are open at nine.",
            "We are open at nine.",
        ),
        (
            "So that is what I want. And that is what I want. So that is what I want. \
             So that is what I want.",
            "So that is what I want.",
        ),
        (
            "Can I book a table for two? Can I book the table for two? \
             Can I book a table for two? Can I book a nice table for two?",
            "Can I book a table for two?",
        ),
    ]);
}

#[test]
fn lists_are_not_loops() {
    check_kept(&[
        "a table for two, a table for three, a table for four",
        "one for me, one for you, one for him, one for her",
        "is it open on Monday, is it open on Tuesday, is it open on Friday",
        "two adults and a child, three adults and a dog",
        "the first of May, the second of May, the third of May, and the fourth of May",
    ]);
}

#[test]
fn a_decoder_that_had_to_be_stopped_was_in_a_loop() {
    let said = "Call him back. Call her back. Call me back. Call him back";
    assert_eq!(without_repetition(said, true), "Call him back.");
    for kept in ["5 5 5 5 5 5", "no no no no", "555 0142", "I would like a table for two"] {
        assert_eq!(without_repetition(kept, true), kept);
    }
}

#[test]
fn loops_in_other_scripts_are_cut() {
    check(&[
        ("谢谢观看谢谢观看谢谢观看谢谢观看谢谢观看", "谢谢观看"),
        ("今天几点开门?今天几点开门?", "今天几点开门"),
        (
            "ご視聴ありがとうございましたご視聴ありがとうございました",
            "ご視聴ありがとうございました",
        ),
        ("Где я могу припарковаться? Где я могу припарковаться?", "Где я могу припарковаться?"),
        ("¿Dónde está la entrada? ¿Dónde está la entrada? ¿Dónde está", "¿Dónde está la entrada?"),
        ("متى تفتحون اليوم؟ متى تفتحون اليوم؟", "متى تفتحون اليوم؟"),
    ]);
    let laughter = "哈".repeat(50);
    assert_eq!(without_repetition(&laughter, false), "哈哈哈哈");
    check_kept(&["谢谢谢谢", "哈哈哈哈", "好好好", "はいはい", "да да да", "非常非常好"]);
}

#[test]
fn the_same_word_is_not_said_fifty_times() {
    let kept = without_repetition(&["the"; 50].join(" "), false);
    assert_eq!(kept, "the the the the");
}

#[test]
fn punctuation_alone_does_no_harm() {
    check_kept(&["...", "- - - -", "?", ". . . . . . . . . . . ."]);
}
