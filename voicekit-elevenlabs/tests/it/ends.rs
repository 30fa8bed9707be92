//! How a reply ends.

use serde_json::{Value, json};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::server::{Reply, Script};

use crate::support::{
    Manner, Talk, config, ms, said, service, speaker, spelled, told, voice, voice_with, words,
};

async fn time_of(talk: Talk) -> (String, u128) {
    let since = tokio::time::Instant::now();
    let heard = talk.rest().await;
    (spelled(&heard), since.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn the_final_message_ends_the_reply_at_once() {
    for snake in [false, true] {
        let server = speaker(Manner { snake, ..Manner::default() });
        let (heard, time) = time_of(Talk::whole(&voice(&server), &["One. ", "Two."]).await).await;
        assert_eq!((heard.as_str(), time), ("One. Two. ", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_says_final_is_believed_when_all_words_have_come() {
    let server = speaker(Manner { finals: false, ..Manner::default() });
    let (heard, time) = time_of(Talk::whole(&voice(&server), &["One. ", "Two."]).await).await;
    assert_eq!((heard.as_str(), time), ("One. Two. ", 500));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answers_every_flush_has_said_all() {
    let manner = Manner { finals: false, aligned: false, flush_done: true, ..Manner::default() };
    let server = speaker(manner);
    let (heard, time) = time_of(Talk::whole(&voice(&server), &["One. ", "Two."]).await).await;
    assert_eq!((heard.as_str(), time), ("One. Two. ", 500));
}

#[tokio::test(start_paused = true)]
async fn without_any_sign_silence_ends_the_reply() {
    let server = speaker(Manner { finals: false, aligned: false, ..Manner::default() });
    let (heard, time) = time_of(Talk::whole(&voice(&server), &["One. ", "Two."]).await).await;
    assert_eq!((heard.as_str(), time), ("One. Two. ", 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_service_within_a_reply_does_not_end_it() {
    let script = Script::new().until_text("close_context");
    // Ids are counted from 0.
    let Reply::Text(first) = said("One. ", "voicekit-0", Manner::default()) else { panic!() };
    let Reply::Text(last) = said("Two. ", "voicekit-0", Manner::default()) else { panic!() };
    let script = script.say(first).wait(ms(4_500)).say(last);
    let script = script.say(json!({ "isFinal": true, "contextId": "voicekit-0" }).to_string());
    let server = service([script]);
    let talk = Talk::whole(&voice(&server), &["One. ", "Two."]).await;
    assert_eq!(time_of(talk).await, ("One. Two. ".to_owned(), 4_500));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_model_is_no_silence_of_the_service() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["One. "]).await;
    talk.listen(ms(60_000)).await;
    talk.say("Two.");
    talk.end();
    assert_eq!(words(&talk.rest().await), ["One. 0-200", "Two. 250-450"]);
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_owes_audio_is_not_waited_for_forever() {
    let server = service([Script::new(), Script::new()]);
    let voice = voice_with(&server, config().with_answer(ms(1_000)));
    let since = tokio::time::Instant::now();
    let error = Talk::begin(&voice, &["One. "]).await.error().await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.to_string(), "elevenlabs: no audio came for 1000 ms");
    assert_eq!(since.elapsed(), ms(2_100), "on two sockets, with a moment between");
}

#[tokio::test(start_paused = true)]
async fn a_context_that_the_service_ends_is_replaced_when_there_is_more_text() {
    let script = Script::new().answer(move |received| {
        let message: Value = serde_json::from_str(received.text().unwrap()).unwrap();
        let id = message["context_id"].as_str().unwrap();
        if message["flush"] != true || message.get("text").is_none() {
            return Vec::new();
        }
        let text = message["text"].as_str().unwrap();
        let last = Reply::Text(json!({ "isFinal": true, "contextId": id }).to_string());
        vec![said(text, id, Manner::default()), last]
    });
    let server = service([script]);
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["One. "]).await;
    talk.listen(ms(1_000)).await;
    talk.say("Two.");
    talk.listen(ms(1_000)).await;
    talk.end();
    let heard = talk.rest().await;
    assert_eq!(words(&heard), ["One. 0-200", "Two. 250-450"]);
    let seen = server.connections();
    let opened = told(&seen[0]).into_iter().filter(|message| message["text"] == " ");
    assert_eq!((seen.len(), opened.count()), (1, 2));
}
