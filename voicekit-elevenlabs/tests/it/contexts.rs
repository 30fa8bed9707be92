//! Sockets, the contexts on them, and the pool.

use std::sync::Arc;

use serde_json::json;
use voicekit_core::audio::AudioFormat;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_testkit::server::{Opened, Received, Reply, Script};

use crate::support::{
    Manner, Talk, came, config, context, ms, said, service, speaker, speaking, spell, spelled,
    told, voice, voice_with,
};

/// Gives contexts audio when they are told something, and never ends one.
fn endless() -> impl FnMut(&Received) -> Vec<Reply> {
    move |received| {
        let message: serde_json::Value =
            serde_json::from_str(received.text().unwrap_or("{}")).unwrap();
        let id = message["context_id"].as_str().unwrap_or_default();
        let is_text = message["text"].as_str().is_some_and(|text| !text.trim().is_empty());
        if is_text { vec![said("Hm ", id, Manner::default())] } else { Vec::new() }
    }
}

fn contexts_closed(opened: &Opened) -> usize {
    opened.texts().iter().filter(|text| text.contains("close_context")).count()
}

#[tokio::test(start_paused = true)]
async fn replies_follow_each_other_on_one_socket_with_an_id_each() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    for _ in 0..20 {
        let heard = Talk::whole(&voice, &["One."]).await.rest().await;
        assert_eq!(spelled(&heard), "One. ");
    }
    let seen = server.connections();
    let mut ids: Vec<String> = (0..20).map(|nth| context(&seen[0], nth)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((seen.len(), ids.len()), (1, 20));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_reply_closes_its_context_in_the_same_tick() {
    let server = service([Script::new().answer(endless())]);
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["One. "]).await;
    talk.audio().await;
    talk.say("Never said. ");
    drop(talk);
    let since = tokio::time::Instant::now();
    let seen = server.until(came(0, "close_context")).await;
    assert_eq!(since.elapsed(), ms(0));
    let said = told(&seen[0]);
    assert_eq!(said[2..], [json!({ "context_id": "#1", "close_context": true })]);
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(told(&server.connections()[0]).len(), 3, "nothing more goes to that context");
}

#[tokio::test(start_paused = true)]
async fn after_a_barge_in_the_socket_is_free_at_once_and_late_audio_is_dropped() {
    // The audio and the end of the first context come among those of the second.
    let mut first = None;
    let script = Script::new().answer(move |received| {
        let message: serde_json::Value = serde_json::from_str(received.text().unwrap()).unwrap();
        let id = message["context_id"].as_str().unwrap().to_owned();
        let old = first.get_or_insert_with(|| id.clone()).clone();
        let plain = Manner::default();
        if message["flush"] != true || message.get("text").is_none() {
            return Vec::new();
        }
        if old == id {
            return vec![said("Old ", &id, plain)];
        }
        let last = |id: &str| Reply::Text(json!({ "isFinal": true, "contextId": id }).to_string());
        vec![
            said("older ", &old, plain),
            said("New ", &id, plain),
            said("oldest ", &old, plain),
            last(&old),
            said("words. ", &id, plain),
            last(&id),
        ]
    });
    let server = service([script]);
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["Old older oldest. "]).await;
    assert_eq!(spell(&talk.audio().await), "Old ");
    drop(talk);
    let heard = Talk::whole(&voice, &["New words."]).await.rest().await;
    assert_eq!(spelled(&heard), "New words. ");
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn replies_at_the_same_time_have_a_socket_each() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let mut talks = Vec::new();
    for _ in 0..7 {
        let mut talk = Talk::begin(&voice, &["One. "]).await;
        assert_eq!(spell(&talk.audio().await), "One. ");
        talks.push(talk);
    }
    assert_eq!(server.connections().len(), 7);
    for mut talk in talks {
        talk.say("Two.");
        talk.end();
        assert_eq!(spelled(&talk.rest().await), "One. Two. ");
    }
    Talk::whole(&voice, &["Three."]).await.rest().await;
    assert_eq!(server.connections().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_sixth_context_is_never_opened_on_a_socket() {
    let server = service((0..4).map(|_| Script::new().answer(endless())));
    let voice = voice(&server);
    for _ in 0..12 {
        let mut talk = Talk::begin(&voice, &["One. "]).await;
        talk.audio().await;
        drop(talk);
        // The socket comes back to the pool.
        tokio::time::sleep(ms(1)).await;
    }
    let closed: Vec<usize> = server.connections().iter().map(contexts_closed).collect();
    assert_eq!(closed, [5, 5, 2]);
    let seen = server.connections();
    assert_eq!(seen[0].texts().last(), Some(&r#"{"close_socket":true}"#));
}

#[tokio::test(start_paused = true)]
async fn contexts_that_the_service_has_closed_do_not_count() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    for _ in 0..50 {
        let mut talk = Talk::begin(&voice, &["One. "]).await;
        talk.audio().await;
        drop(talk);
        tokio::time::sleep(ms(1)).await;
    }
    let seen = server.connections();
    assert_eq!((seen.len(), contexts_closed(&seen[0])), (1, 50));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_not_sent_leaves_no_context() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    let mut talk = Talk::begin(&voice, &[]).await;
    talk.listen(ms(100)).await;
    drop(talk);
    Talk::whole(&voice, &["One."]).await.rest().await;
    let seen = server.connections();
    assert_eq!((seen.len(), told(&seen[0]).len()), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_was_warmed_serves_the_first_reply() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let request = TtsRequest::new(AudioFormat::PHONE);
    voice.warm(&request).await.unwrap();
    voice.warm(&request).await.unwrap();
    let mut talk = Talk::begin(&voice, &["One. "]).await;
    talk.audio().await;
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn voice_format_and_language_have_sockets_of_their_own() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let phone = TtsRequest::new(AudioFormat::PHONE);
    let mut german = phone.clone();
    german.language = "de".to_owned();
    let mut other = phone.clone();
    other.voice = Some("other".to_owned());
    let wide = TtsRequest::new(AudioFormat::pcm16(16_000));
    for request in [&phone, &german, &other, &wide, &phone] {
        voice.warm(request).await.unwrap();
    }
    assert_eq!(server.connections().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_nobody_uses_is_closed_politely() {
    let server = speaker(Manner::default());
    let voice = voice_with(&server, config().with_idle(ms(30_000)));
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    tokio::time::sleep(ms(29_000)).await;
    assert!(!server.connections()[0].is_over);
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(seen[0].texts(), [r#"{"close_socket":true}"#]);
    Talk::whole(&voice, &["One."]).await.rest().await;
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_close_is_left_after_two_seconds() {
    let server = service([Script::new()]);
    let voice = voice(&server);
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    drop(voice);
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(seen[0].texts(), [r#"{"close_socket":true}"#]);
}

#[tokio::test(start_paused = true)]
async fn the_pool_is_bounded() {
    let server = speaker(Manner::default());
    let voice = voice_with(&server, config().with_idle_sockets(2));
    let mut talks = Vec::new();
    for _ in 0..5 {
        let mut talk = Talk::begin(&voice, &["One. "]).await;
        talk.audio().await;
        talks.push(talk);
    }
    drop(talks);
    tokio::time::sleep(ms(5_000)).await;
    let open = server.connections().iter().filter(|one| !one.is_over).count();
    assert_eq!(open, 2);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_the_service_closes_while_idle_is_replaced_in_silence() {
    let idle = "Have not received a new text input within the timeout of 20 seconds. \
                Streaming input terminated.";
    let server = service([
        Script::new().wait(ms(20_000)).close(1008, idle),
        Script::new().answer(speaking(Manner::default())),
    ]);
    let voice = voice(&server);
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    tokio::time::sleep(ms(25_000)).await;
    let heard = Talk::whole(&voice, &["One."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. ");
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_sockets() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let shared: Arc<dyn Tts> = Arc::new(voice.clone());
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    drop(voice);
    let text = futures::stream::iter(["One.".to_owned()]);
    let spoken = shared.speak(TtsRequest::new(AudioFormat::PHONE), Box::pin(text)).await.unwrap();
    assert!(futures::StreamExt::count(spoken).await > 0);
    assert_eq!(server.connections().len(), 1);
}
