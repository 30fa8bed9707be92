//! The route over HTTP, and the list of voices. Over loopback, in real time.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig, Route, VoiceSettings};
use voicekit_net::Connector;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::support::{KEY, Talk, bytes, ms, sound, spelled, words};

fn config(server: &HttpServer) -> ElevenLabsConfig {
    let url = server.url().replace("http://", "ws://");
    ElevenLabsConfig::new(KEY).with_url(url).with_route(Route::Http)
}

async fn served(
    answers: impl IntoIterator<Item = Answer>,
    change: impl FnOnce(ElevenLabsConfig) -> ElevenLabsConfig,
) -> (HttpServer, ElevenLabs) {
    let server = HttpServer::start(answers).await.unwrap();
    let voice = ElevenLabs::new(change(config(&server))).unwrap();
    (server, voice)
}

/// A line of `/stream/with-timestamps` whose times are those of the whole answer.
pub(crate) fn line(text: &str, before: f64) -> String {
    let times = |plus: f64| {
        let times = (0..text.chars().count()).map(|nth| before + nth as f64 * 0.05 + plus);
        times.collect::<Vec<_>>()
    };
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let line = json!({ "audio_base64": BASE64_STANDARD.encode(sound(text)), "alignment": {
        "characters": characters, "character_start_times_seconds": times(0.0),
        "character_end_times_seconds": times(0.05),
    }, "normalized_alignment": null });
    line.to_string()
}

fn lines(lines: &[String]) -> Answer {
    Answer::new(200).with_header("content-type", "application/json").then(lines.join("\n"))
}

#[tokio::test]
async fn a_clause_is_a_request_with_the_text_before_it() {
    let answers = [lines(&[line("One. ", 0.0)]), lines(&[line("Two. ", 0.0)])];
    let settings = VoiceSettings::default().with_speed(1.1);
    let (server, voice) = served(answers, |config| config.with_voice_settings(settings)).await;
    let heard = Talk::whole(&voice, &["One. ", "…", "Two. "]).await.rest().await;
    assert_eq!(spelled(&heard), "One. Two. ");
    assert_eq!(words(&heard), ["One. 0-200", "Two. 250-450"]);
    let asked = server.asked();
    let path = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream/with-timestamps";
    assert_eq!(asked[0].target, format!("{path}?output_format=ulaw_8000"));
    assert_eq!((asked[0].method.as_str(), asked[0].header("xi-api-key")), ("POST", KEY));
    let mut expected = json!({ "text": "One.", "model_id": "eleven_flash_v2_5",
        "language_code": "en", "voice_settings": { "speed": 1.1 } });
    assert_eq!(asked[0].json(), expected);
    expected["text"] = json!("Two.");
    expected["previous_text"] = json!("One.");
    assert_eq!(asked[1].json(), expected);
}

#[tokio::test]
async fn times_within_an_answer_count_from_its_start() {
    let answers = [
        lines(&[line("Well, ", 0.0), String::new(), line("good ", 0.3), line("day.", 0.55)]),
        lines(&[line("Bye.", 0.0)]),
    ];
    let (_server, voice) = served(answers, |config| config).await;
    let heard = Talk::whole(&voice, &["Well, good day. ", "Bye."]).await.rest().await;
    let expected = ["Well, 0-250", "good 300-500", "day. 550-750", "Bye. 750-950"];
    assert_eq!(words(&heard), expected);
}

#[tokio::test]
async fn lines_may_come_in_pieces_and_without_breaks() {
    for size in [1, 7, 1_000] {
        let body = [line("One ", 0.0), line("two. ", 0.2)].concat();
        let (_server, voice) =
            served([Answer::new(200).then(body).in_pieces_of(size)], |config| config).await;
        let heard = Talk::whole(&voice, &["One two."]).await.rest().await;
        assert_eq!(words(&heard), ["One 0-150", "two. 200-400"]);
    }
}

#[tokio::test]
async fn without_words_the_bytes_come_raw_and_half_samples_are_put_together() {
    let first: Vec<u8> = (0..101).collect();
    // Half a sample at the end of an answer belongs to nothing.
    let answers = [
        Answer::new(200).then(first.clone()).in_pieces_of(3),
        Answer::new(200).then(vec![200, 201, 202]).in_pieces_of(1),
    ];
    let (server, voice) = served(answers, |config| config.with_words(false)).await;
    let format = AudioFormat::pcm16(24_000);
    let mut talk = Talk::begin_in(&voice, format, &["One. ", "Two. "]).await;
    talk.end();
    assert_eq!(bytes(&talk.rest().await), [&first[..100], &[200, 201]].concat());
    let path = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream?output_format=pcm_24000";
    assert_eq!(server.asked()[0].target, path);
}

#[tokio::test]
async fn the_next_clause_is_asked_for_while_one_is_heard_and_no_more() {
    let stalled = Answer::new(200).then(line("One. ", 0.0)).then_stall();
    let (server, voice) = served([stalled, Answer::never(), Answer::never()], |c| c).await;
    let mut talk = Talk::begin(&voice, &["One. ", "Two. ", "Three. "]).await;
    talk.audio().await;
    while server.asked().len() < 2 {
        talk.listen(ms(1)).await;
    }
    talk.listen(ms(50)).await;
    assert_eq!(server.asked().len(), 2);
    drop(talk);
    server.abandoned(2).await;
}

#[tokio::test]
async fn nothing_is_asked_for_unless_somebody_listens() {
    let (server, voice) = served([lines(&[line("One. ", 0.0)])], |config| config).await;
    let talk = Talk::whole(&voice, &["One. "]).await;
    tokio::time::sleep(ms(20)).await;
    assert_eq!(server.asked().len(), 0);
    assert_eq!(spelled(&talk.rest().await), "One. ");
}

#[tokio::test]
async fn a_busy_service_is_asked_three_times() {
    let busy = || Answer::json(429, r#"{"detail":{"status":"system_busy","message":"Busy."}}"#);
    let soon = || busy().with_header("retry-after-ms", "1");
    let (server, voice) = served([soon(), soon(), soon()], |config| config).await;
    let error = Talk::whole(&voice, &["One. "]).await.error().await;
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::RateLimited, 3));
    let quota = r#"{"detail":{"status":"quota_exceeded","message":"0 credits."}}"#;
    let (server, voice) = served([Answer::json(401, quota)], |config| config).await;
    let error = Talk::whole(&voice, &["One. "]).await.error().await;
    assert_eq!((error.kind(), server.asked().len()), (ErrorKind::Quota, 1));
}

#[tokio::test]
async fn an_answer_that_is_not_what_it_should_be_is_an_error() {
    for (answer, kind) in [
        (Answer::new(200).then(r#"{"audio_base64":"AAAA"#), ErrorKind::Protocol),
        (Answer::new(200).then("<html>"), ErrorKind::Protocol),
        (Answer::new(200).then(r#"{"audio_base64":"%"}"#), ErrorKind::Protocol),
        (Answer::new(200).then(line("On", 0.0)).then_cut(), ErrorKind::Connection),
    ] {
        let (_server, voice) = served([answer], |config| config).await;
        let error = Talk::whole(&voice, &["One. "]).await.error().await;
        assert_eq!((error.kind(), error.service()), (kind, "elevenlabs"), "{error}");
    }
}

#[tokio::test]
async fn a_new_model_is_not_told_what_it_refuses() {
    let answers = [lines(&[line("One. ", 0.0)]), lines(&[line("Two. ", 0.0)])];
    let (server, voice) = served(answers, |config| config.with_model("eleven_v3")).await;
    Talk::whole(&voice, &["One. ", "Two. "]).await.rest().await;
    assert_eq!(server.asked()[1].json().get("previous_text"), None);
}

#[tokio::test]
async fn a_connection_is_warmed() {
    let (server, voice) = served([lines(&[line("One. ", 0.0)])], |config| config).await;
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    Talk::whole(&voice, &["One. "]).await.rest().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn voices_are_listed_over_all_pages() {
    let page = |id: &str, token: Value| {
        let voice = json!({ "voice_id": id, "name": "Ann", "category": null, "labels": null,
            "settings": {} });
        let more = !token.is_null();
        let page = json!({ "voices": [voice], "has_more": more, "total_count": 2,
            "next_page_token": token });
        Answer::json(200, page.to_string())
    };
    let (server, voice) =
        served([page("v1", json!("t/2")), page("v2", Value::Null)], |config| config).await;
    let voices = voice.voices().await.unwrap();
    let found: Vec<_> = voices.iter().map(|voice| (&*voice.id, &*voice.name)).collect();
    assert_eq!(found, [("v1", "Ann"), ("v2", "Ann")]);
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.target).collect();
    let first = "/v2/voices?page_size=100";
    assert_eq!(asked, [first.to_owned(), format!("{first}&next_page_token=t%2F2")]);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_voices_is_kept_for_five_minutes() {
    let page = |id: &str| {
        let voices = json!({ "voices": [{ "voice_id": id, "name": "Ann" }], "has_more": false });
        Answer::json(200, voices.to_string())
    };
    let server = Arc::new(HttpServer::in_memory([page("v1"), Answer::json(500, "{}"), page("v2")]));
    let served = Arc::clone(&server);
    let connector = Connector::new().unwrap().with_pipe(move || served.connect());
    let config = ElevenLabsConfig::new(KEY).with_url("ws://elevenlabs.test");
    let voice = ElevenLabs::with_connector(config, connector).unwrap();
    let first = futures::future::join_all((0..9).map(|_| voice.voices())).await;
    assert!(first.iter().all(|voices| voices.as_ref().unwrap()[0].id == "v1"));
    assert_eq!(server.asked().len(), 1);
    tokio::time::sleep(ms(299_000)).await;
    assert_eq!(voice.voices().await.unwrap()[0].id, "v1");
    tokio::time::sleep(ms(2_000)).await;
    // What goes wrong is not kept.
    while voice.voices().await.is_err() {}
    assert_eq!(voice.voices().await.unwrap()[0].id, "v2");
    assert_eq!(server.asked().len(), 3);
}
