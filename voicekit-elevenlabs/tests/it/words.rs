//! Where the words lie.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use voicekit_core::tts::Spoken;
use voicekit_elevenlabs::AlignmentChoice;
use voicekit_testkit::server::{Reply, Script};

use crate::support::{
    Manner, Talk, alignment, bytes, config, context, ms, service, sound, speaker, spell, spelled,
    voice, voice_with, words,
};

const TEXT: [&str; 2] = ["Good morning, ", "dear caller."];

/// 50 ms a character, the space included.
const TIMES: [&str; 4] = ["Good 0-200", "morning, 250-650", "dear 700-900", "caller. 950-1300"];

/// Answers the first flush with these messages, to which the context's id is added.
fn says(messages: Vec<Value>) -> Script {
    let mut messages = Some(messages);
    Script::new().answer(move |received| {
        let said: Value = serde_json::from_str(received.text().unwrap()).unwrap();
        if said["close_context"] != true {
            return Vec::new();
        }
        let id = said["context_id"].clone();
        let with_id = messages.take().unwrap_or_default().into_iter().map(|mut message| {
            message["contextId"] = id.clone();
            Reply::Text(message.to_string())
        });
        let last = Reply::Text(json!({ "isFinal": true, "contextId": id.clone() }).to_string());
        with_id.chain([last]).collect()
    })
}

fn sounding(text: &str, alignment: &Value) -> Value {
    json!({ "audio": BASE64_STANDARD.encode(sound(text)), "alignment": alignment })
}

#[tokio::test(start_paused = true)]
async fn times_go_on_from_message_to_message() {
    for chunk in [1, 2, 3, 5, 7, 12, 1_000] {
        let server = speaker(Manner { chunk, ..Manner::default() });
        let heard = Talk::whole(&voice(&server), &TEXT).await.rest().await;
        assert_eq!(words(&heard), TIMES, "{chunk} characters a message");
        assert_eq!(spelled(&heard), "Good morning, dear caller. ");
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_comes_at_the_latest_with_the_audio_that_follows_it() {
    for chunk in [1, 3, 5, 12, 1_000] {
        let server = speaker(Manner { chunk, ..Manner::default() });
        let heard = Talk::whole(&voice(&server), &TEXT).await.rest().await;
        let mut end = ms(0);
        for item in heard {
            match item {
                Spoken::Word(word) => {
                    // Up to a message of twelve characters of 50 ms may come before the word.
                    assert!(word.end + ms(600) >= end, "{word:?} comes at {end:?}");
                }
                Spoken::Audio(chunk) => end += chunk.duration(),
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_word_of_a_clause_does_not_wait_for_the_next() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["Well then"]).await;
    talk.listen(ms(100)).await;
    assert_eq!(words(&talk.heard), ["Well 0-200", "then 250-450"]);
    assert_eq!(spelled(&talk.heard), "Well then ");
}

#[tokio::test(start_paused = true)]
async fn the_text_says_where_a_word_ends_that_no_space_follows() {
    let mut answers =
        vec![sounding("Well th", &alignment("Well th")), sounding("en", &alignment("en"))];
    let server = service([Script::new().answer(move |received| {
        let said: Value = serde_json::from_str(received.text().unwrap()).unwrap();
        let is_text = said["flush"] == true && said.get("text").is_some();
        let messages = if is_text { std::mem::take(&mut answers) } else { Vec::new() };
        let with_id = messages.into_iter().map(|mut message| {
            message["contextId"] = said["context_id"].clone();
            Reply::Text(message.to_string())
        });
        with_id.collect()
    })]);
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["Well then"]).await;
    assert_eq!(spell(&talk.audio().await), "Well th", "audio does not wait for its words");
    assert_eq!(words(&talk.heard), ["Well 0-200"]);
    talk.listen(ms(100)).await;
    assert_eq!(words(&talk.heard), ["Well 0-200", "then 250-450"]);
    assert_eq!(spelled(&talk.heard), "Well then");
}

#[tokio::test(start_paused = true)]
async fn spaces_at_the_start_are_no_words() {
    let server = service([says(vec![
        sounding("  Hi", &alignment("  Hi")),
        sounding("  you.", &alignment("  you.")),
    ])]);
    let heard = Talk::whole(&voice(&server), &["Hi you."]).await.rest().await;
    assert_eq!(words(&heard), ["Hi 100-200", "you. 300-500"]);
}

#[tokio::test(start_paused = true)]
async fn the_base_is_the_audio_and_not_the_last_character() {
    // A pause of 200 ms after the first word, which no character stands for.
    let server = service([says(vec![
        sounding("One....", &alignment("One")),
        sounding(" two.", &alignment(" two.")),
    ])]);
    let heard = Talk::whole(&voice(&server), &["One two."]).await.rest().await;
    assert_eq!(words(&heard), ["One 0-150", "two. 400-600"]);
}

#[tokio::test(start_paused = true)]
async fn times_that_count_from_the_start_of_the_context_are_understood() {
    let later = |text: &str, by: u64| {
        let mut times = alignment(text);
        for start in times["charStartTimesMs"].as_array_mut().unwrap() {
            *start = json!(start.as_u64().unwrap() + by);
        }
        sounding(text, &times)
    };
    let server = service([says(vec![
        sounding("Good", &alignment("Good")),
        later(" morning, ", 200),
        later("dear ", 700),
        later("caller. ", 950),
    ])]);
    let voice = voice(&server);
    let heard = Talk::whole(&voice, &TEXT).await.rest().await;
    assert_eq!(words(&heard), TIMES);
}

#[tokio::test(start_paused = true)]
async fn either_text_can_be_followed_and_the_other_takes_its_place() {
    let (given, normalized) = (alignment("$5 please."), alignment("five dollars please."));
    let both = json!({ "audio": BASE64_STANDARD.encode(sound("five dollars please.")),
        "alignment": given, "normalizedAlignment": normalized });
    for (choice, expected) in [
        (AlignmentChoice::Given, vec!["$5 0-100", "please. 150-500"]),
        (AlignmentChoice::Normalized, vec!["five 0-200", "dollars 250-600", "please. 650-1000"]),
    ] {
        let server = service([says(vec![both.clone()])]);
        let voice = voice_with(&server, config().with_alignment(choice));
        let heard = Talk::whole(&voice, &["$5 please."]).await.rest().await;
        assert_eq!(words(&heard), expected);
    }
    let server = service([says(vec![sounding("Hi.", &alignment("Hi."))])]);
    let voice = voice_with(&server, config().with_alignment(AlignmentChoice::Normalized));
    assert_eq!(words(&Talk::whole(&voice, &["Hi."]).await.rest().await), ["Hi. 0-150"]);
}

#[tokio::test(start_paused = true)]
async fn audio_without_times_is_given_all_the_same() {
    let wrong = json!({ "chars": ["H", "i"], "charStartTimesMs": [0], "charDurationsMs": [1, 2] });
    for alignment in [Value::Null, json!({}), json!("x"), wrong] {
        let server = service([says(vec![sounding("Hi.", &alignment)])]);
        let heard = Talk::whole(&voice(&server), &["Hi."]).await.rest().await;
        assert_eq!((spelled(&heard).as_str(), words(&heard).len()), ("Hi.", 0), "{alignment}");
    }
}

#[tokio::test(start_paused = true)]
async fn times_without_audio_wait_for_it() {
    let server = service([says(vec![
        json!({ "audio": null, "alignment": alignment("Hi you. ") }),
        sounding("Hi ", &Value::Null),
        sounding("you. ", &Value::Null),
    ])]);
    let heard = Talk::whole(&voice(&server), &["Hi you."]).await.rest().await;
    let order: Vec<bool> = heard.iter().map(|item| matches!(item, Spoken::Word(_))).collect();
    assert_eq!(words(&heard), ["Hi 0-100", "you. 150-350"]);
    assert_eq!(order, [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_language_without_spaces_is_not_held_up_to_the_end_of_its_sentence() {
    let text = "これはとても長い文章なのでここで切れます";
    let mut messages = Vec::new();
    for character in text.chars() {
        messages.push(sounding(
            "abcde",
            &json!({ "chars": [character.to_string()],
            "charStartTimesMs": [0], "charDurationsMs": [250] }),
        ));
    }
    let server = service([Script::new().answer(move |received| {
        let said: Value = serde_json::from_str(received.text().unwrap()).unwrap();
        let texts = messages.iter().map(|message| {
            let mut message = message.clone();
            message["contextId"] = said["context_id"].clone();
            Reply::Text(message.to_string())
        });
        let is_text = said["flush"] == true && said.get("text").is_some();
        if is_text { texts.take(10).collect() } else { Vec::new() }
    })]);
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &[text]).await;
    talk.listen(ms(100)).await;
    let missing = sound("abcde").len() * 10 - bytes(&talk.heard).len();
    assert!(missing <= sound("abcde").len() * 4, "{missing} bytes are kept back");
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_words_gets_none_and_does_not_ask() {
    let server = speaker(Manner::default());
    let voice = voice_with(&server, config().with_words(false));
    let heard = Talk::whole(&voice, &TEXT).await.rest().await;
    assert_eq!(words(&heard).len(), 0);
    let seen = server.connections();
    assert!(!seen[0].query.contains("sync_alignment"), "{}", seen[0].query);
    assert!(!context(&seen[0], 0).is_empty());
}
