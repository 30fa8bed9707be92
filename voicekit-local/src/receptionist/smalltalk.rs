//! What callers say that is about the call itself.

use super::words::Words;

/// A remark that every receptionist understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remark {
    Hello,
    HowAreYou,
    Thanks,
    Goodbye,
    Repeat,
    Wait,
    Cancel,
    WhoAreYou,
    WhatCanYouDo,
}

/// Phrases, the remark, and the most words a caller's text may have to be that and no more.
const REMARKS: &[(&[&str], Remark, usize)] = &[
    (
        &[
            "say that again",
            "repeat that",
            "repeat it",
            "say it again",
            "what did you say",
            "come again",
            "pardon",
            "can you repeat",
            "could you repeat",
            "one more time",
            "didn't hear you",
            "didn't catch that",
            "didn't get that",
        ],
        Remark::Repeat,
        10,
    ),
    (
        &[
            "never mind",
            "nevermind",
            "cancel",
            "forget it",
            "forget about it",
            "cancel that",
            "changed my mind",
            "don't want it anymore",
            "drop the order",
        ],
        Remark::Cancel,
        10,
    ),
    (
        &[
            "goodbye",
            "good bye",
            "bye",
            "bye bye",
            "that's all",
            "that is all",
            "that's it",
            "that will be all",
            "that'll be all",
            "nothing else",
            "have a nice day",
            "have a good day",
            "hang up",
            "no thanks",
            "no thank you",
            "see you",
            "i'm done",
            "that was everything",
            "that's everything",
        ],
        Remark::Goodbye,
        10,
    ),
    (
        &[
            "are you a robot",
            "are you a bot",
            "are you human",
            "are you a human",
            "are you a real person",
            "are you a machine",
            "are you an ai",
            "am i talking to a robot",
            "am i talking to a machine",
            "am i talking to a person",
            "who are you",
            "who am i talking to",
            "is this a robot",
            "is this a recording",
            "are you real",
            "am i speaking to a robot",
        ],
        Remark::WhoAreYou,
        12,
    ),
    (
        &[
            "what can you do",
            "what can you help",
            "how can you help",
            "what do you know",
            "what can i ask",
            "can you help me",
            "i need help",
            "i have a question",
            "help",
            "what are my options",
        ],
        Remark::WhatCanYouDo,
        7,
    ),
    (&["how are you", "how's it going", "how are you doing"], Remark::HowAreYou, 7),
    (
        &[
            "hold on",
            "one moment",
            "one second",
            "just a second",
            "just a moment",
            "wait",
            "give me a second",
            "give me a moment",
            "hang on",
            "let me think",
            "let me check",
        ],
        Remark::Wait,
        6,
    ),
    (&["thank you", "thanks", "thank you very much"], Remark::Thanks, 5),
    (
        &["hello", "hi", "hey", "good morning", "good afternoon", "good evening", "hello there"],
        Remark::Hello,
        3,
    ),
];

/// The remark that `words` are, if they are one.
pub(super) fn remark(words: &Words) -> Option<Remark> {
    let (_, remark, _) = REMARKS
        .iter()
        .find(|(phrases, _, most)| words.len() <= *most && words.have_any(phrases))?;
    Some(*remark)
}

/// Whether the caller asks for somebody else than this agent.
pub(super) fn wants_person(words: &Words) -> bool {
    const WAYS: &[&str] = &["talk", "speak", "transfer", "connect", "put me through", "get me"];
    const PEOPLE: &[&str] = &[
        "person",
        "human",
        "somebody",
        "someone",
        "operator",
        "manager",
        "representative",
        "human being",
    ];
    words.len() <= 14 && words.have_any(WAYS) && words.have_any(PEOPLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_told_from_questions() {
        for (text, expected) in [
            ("Hello?", Some(Remark::Hello)),
            ("Hi, when do you open?", None),
            ("Thanks a lot!", Some(Remark::Thanks)),
            ("No, that's all, thank you.", Some(Remark::Goodbye)),
            ("Sorry, could you repeat that please?", Some(Remark::Repeat)),
            ("Oh, never mind.", Some(Remark::Cancel)),
            ("Hold on a second.", Some(Remark::Wait)),
            ("Are you a robot?", Some(Remark::WhoAreYou)),
            ("What can you do for me?", Some(Remark::WhatCanYouDo)),
            ("Where are you?", None),
        ] {
            assert_eq!(remark(&Words::new(text)), expected, "{text}");
        }
    }

    #[test]
    fn asking_for_a_person_is_told_from_asking_who_this_is() {
        for (text, wants) in [
            ("Can I talk to a person, please?", true),
            ("Put me through to somebody.", true),
            ("Could I speak with the manager?", true),
            ("Am I talking to a person?", false),
            ("A table for one person.", false),
        ] {
            assert_eq!(wants_person(&Words::new(text)), wants, "{text}");
        }
    }
}
