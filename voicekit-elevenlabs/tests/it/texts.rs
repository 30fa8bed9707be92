//! What is sent, and in which order.

use serde_json::json;
use voicekit_elevenlabs::{PronunciationDictionary, VoiceSettings};
use voicekit_testkit::server::Script;

use crate::support::{
    Manner, Talk, came, config, ms, service, speaker, spell, spelled, told, voice, voice_with,
};

#[tokio::test(start_paused = true)]
async fn a_context_is_opened_told_flushed_and_closed() {
    let server = speaker(Manner::default());
    let talk = Talk::whole(&voice(&server), &["Hello there, ", "how can I help?"]).await;
    let heard = talk.rest().await;
    assert_eq!(spelled(&heard), "Hello there, how can I help? ");
    let seen = server.connections();
    let expected = [
        json!({ "text": " ", "context_id": "#1" }),
        json!({ "text": "Hello there, ", "context_id": "#1", "flush": true }),
        json!({ "text": "how can I help? ", "context_id": "#1", "flush": true }),
        json!({ "context_id": "#1", "flush": true }),
        json!({ "context_id": "#1", "close_context": true }),
    ];
    assert_eq!(told(&seen[0]), expected);
}

#[tokio::test(start_paused = true)]
async fn settings_go_with_the_first_message_of_a_context_only() {
    let server = speaker(Manner::default());
    let settings = VoiceSettings::default().with_stability(0.5).with_speed(1.0);
    let config = config()
        .with_voice_settings(settings)
        .with_pronunciation([PronunciationDictionary::new("d1", "v1")]);
    let voice = voice_with(&server, config);
    for _ in 0..2 {
        Talk::whole(&voice, &["One. ", "Two."]).await.rest().await;
    }
    let seen = server.connections();
    let opening = |id: &str| {
        json!({ "text": " ", "context_id": id,
            "voice_settings": { "stability": 0.5, "speed": 1.0 },
            "pronunciation_dictionary_locators":
                [{ "pronunciation_dictionary_id": "d1", "version_id": "v1" }] })
    };
    let said = told(&seen[0]);
    assert_eq!((&said[0], &said[5]), (&opening("#1"), &opening("#2")));
    let with_settings = said.iter().filter(|message| message.get("voice_settings").is_some());
    assert_eq!((seen.len(), with_settings.count()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn with_a_schedule_the_service_gathers_text_until_the_end() {
    let server = speaker(Manner::default());
    let voice = voice_with(&server, config().with_chunk_schedule([50, 80]));
    let heard = Talk::whole(&voice, &["One. ", "Two."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. Two. ");
    let seen = server.connections();
    let expected = [
        json!({ "text": " ", "context_id": "#1",
            "generation_config": { "chunk_length_schedule": [50, 80] } }),
        json!({ "text": "One. ", "context_id": "#1" }),
        json!({ "text": "Two. ", "context_id": "#1" }),
        json!({ "context_id": "#1", "flush": true }),
        json!({ "context_id": "#1", "close_context": true }),
    ];
    assert_eq!(told(&seen[0]), expected);
}

#[tokio::test(start_paused = true)]
async fn text_without_anything_to_pronounce_is_not_sent() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    assert!(Talk::whole(&voice, &["", " ", "\u{2014} \u{2026} "]).await.rest().await.is_empty());
    let heard = Talk::whole(&voice, &["", "One.", " ", "…"]).await.rest().await;
    assert_eq!(spelled(&heard), "One. ");
    let said: usize = server.connections().iter().map(|one| one.texts().len()).sum();
    assert_eq!(said, 4, "{:?}", server.connections());
}

#[tokio::test(start_paused = true)]
async fn a_context_is_kept_alive_while_its_text_is_to_come() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let mut talk = Talk::begin(&voice, &["One. "]).await;
    talk.listen(ms(35_000)).await;
    let seen = server.connections();
    let alive = json!({ "text": "", "context_id": "#1" });
    let said = told(&seen[0]);
    assert_eq!(said[2..], vec![alive; 4], "{said:?}");
    let times: Vec<_> = seen[0].received.iter().map(|received| received.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= ms(10_000)), "{times:?}");
    talk.end();
    talk.rest().await;
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(told(&server.connections()[0]).len(), said.len() + 2, "it is over");
}

#[tokio::test(start_paused = true)]
async fn a_context_that_has_all_of_its_text_is_not_kept_alive() {
    let server = service([Script::new()]);
    let voice = voice_with(&server, config().with_answer(ms(30_000)));
    let mut talk = Talk::whole(&voice, &["One. "]).await;
    talk.listen(ms(29_000)).await;
    assert_eq!(told(&server.connections()[0]).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_context_is_kept_alive_while_nobody_listens() {
    let server = speaker(Manner::default());
    let mut talk = Talk::begin(&voice(&server), &["One. "]).await;
    talk.audio().await;
    tokio::time::sleep(ms(30_000)).await;
    assert_eq!(told(&server.connections()[0]).len(), 2 + 3);
    drop(talk);
}

#[tokio::test(start_paused = true)]
async fn the_first_clause_is_heard_while_the_second_is_written() {
    let server = speaker(Manner::default());
    let mut talk = Talk::begin(&voice(&server), &["Good morning, "]).await;
    let since = tokio::time::Instant::now();
    assert_eq!(spell(&talk.audio().await), "Good morning, ");
    assert_eq!(since.elapsed(), ms(0), "nothing waits between the first text and the first audio");
    let seen = server.connections();
    assert!(came(0, "Good morning, ")(&seen) && !came(0, "close_context")(&seen));
}
