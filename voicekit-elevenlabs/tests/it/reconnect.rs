//! Connections that are lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_elevenlabs::ElevenLabs;
use voicekit_net::{Connector, Dial, Io};
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Opened, Reply, Script, WebSocketServer};

use crate::support::{
    Manner, Talk, alignment, config, ms, said, service, sound, speaking, spelled, voice, words,
};

/// Speaks `text` of the first context when it is closed, and then cuts the connection.
fn cut_after(text: &str, manner: Manner) -> Script {
    let Reply::Text(message) = said(text, "voicekit-0", manner) else { panic!() };
    let script = Script::new().until_text("close_context");
    if text.is_empty() { script.cut() } else { script.say(message).wait(ms(10)).cut() }
}

fn texts(opened: &Opened) -> Vec<String> {
    let messages = opened.texts().into_iter();
    let texts = messages.filter_map(|text| {
        let message: Value = serde_json::from_str(text).unwrap();
        message["text"].as_str().map(str::to_owned)
    });
    texts.filter(|text| text != " ").collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_not_spoken_goes_over_a_new_socket_and_times_go_on() {
    let server = service([
        cut_after("One. Two, thr", Manner::default()),
        Script::new().answer(speaking(Manner::default())),
    ]);
    let heard = Talk::whole(&voice(&server), &["One. ", "Two, three four."]).await.rest().await;
    // Of "three" nothing was given, although a part had come.
    assert_eq!(spelled(&heard), "One. Two, three four. ");
    assert_eq!(words(&heard), ["One. 0-200", "Two, 250-450", "three 500-750", "four. 800-1050"]);
    let seen = server.connections();
    assert_eq!(texts(&seen[1]), ["three four. "]);
}

#[tokio::test(start_paused = true)]
async fn without_times_the_audio_that_was_given_is_left_out() {
    let silent = Manner { aligned: false, ..Manner::default() };
    let server = service([cut_after("One. Tw", silent), Script::new().answer(speaking(silent))]);
    let heard = Talk::whole(&voice(&server), &["One. ", "Two."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. Two. ");
    assert_eq!(texts(&server.connections()[1]), ["One. Two. "]);
}

#[tokio::test(start_paused = true)]
async fn a_word_whose_audio_was_given_before_is_not_given_after_it() {
    let silent = Manner { aligned: false, ..Manner::default() };
    let server =
        service([cut_after("One. Tw", silent), Script::new().answer(speaking(Manner::default()))]);
    let heard = Talk::whole(&voice(&server), &["One. ", "Two."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. Two. ");
    assert_eq!(words(&heard), ["Two. 250-450"]);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_breaks_before_any_audio_is_replaced() {
    for first in [
        cut_after("", Manner::default()),
        Script::new().until_text("One").close(1011, "internal error"),
        Script::new().until_text("One").close(1008, "max_active_conversations"),
        Script::refuse(500, &[], "{}"),
        Script::refuse(429, &[], r#"{"detail":{"status":"system_busy","message":"Busy."}}"#),
    ] {
        let server = service([first, Script::new().answer(speaking(Manner::default()))]);
        let heard = Talk::whole(&voice(&server), &["One. ", "Two."]).await.rest().await;
        assert_eq!(spelled(&heard), "One. Two. ");
        assert_eq!(words(&heard), ["One. 0-200", "Two. 250-450"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_loss_is_an_error_where_there_is_no_other_way() {
    let server = service([
        cut_after("One. ", Manner::default()),
        Script::new().until_text("Two").cut(),
        Script::new().answer(speaking(Manner::default())),
    ]);
    let error = Talk::whole(&voice(&server), &["One. ", "Two."]).await.error().await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.to_string(), "elevenlabs: the connection ended without a close frame");
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kept_socket_that_fails_without_a_word_costs_no_attempt() {
    let server = service([
        // Silent, and gone as soon as it is told something.
        Script::new().until_text("One").cut(),
        Script::new().until_text("One").cut(),
        Script::new().answer(speaking(Manner::default())),
    ]);
    let voice = voice(&server);
    voice.warm(&TtsRequest::new(AudioFormat::PHONE)).await.unwrap();
    let heard = Talk::whole(&voice, &["One."]).await.rest().await;
    assert_eq!((spelled(&heard).as_str(), server.connections().len()), ("One. ", 3));
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_has_fallen_silent_is_not_given_to_others() {
    let server = service([Script::new(), Script::new().answer(speaking(Manner::default()))]);
    let voice = voice(&server);
    let heard = Talk::whole(&voice, &["One."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. ");
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(seen[0].texts().last(), Some(&r#"{"close_socket":true}"#));
    assert!(!seen[1].is_over);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_all_spoken_does_not_mind_the_loss() {
    let server = service([cut_after("One. Two. ", Manner::default())]);
    let heard = Talk::whole(&voice(&server), &["One. ", "Two."]).await.rest().await;
    assert_eq!(spelled(&heard), "One. Two. ");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_get_better_is_not_tried_again() {
    for (script, kind) in [
        (Script::refuse(401, &[], "{}"), ErrorKind::Unauthenticated),
        (
            Script::new().until_text("One").close(1008, "invalid_api_key"),
            ErrorKind::Unauthenticated,
        ),
        (Script::new().until_text("One").say("{"), ErrorKind::Protocol),
    ] {
        let server = service([script, Script::new().answer(speaking(Manner::default()))]);
        let error = Talk::whole(&voice(&server), &["One."]).await.error().await;
        assert_eq!((error.kind(), server.connections().len()), (kind, 1), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_breaks_while_both_sides_have_much_to_say_holds_nobody_up() {
    let Reply::Text(message) = said("", "voicekit-0", Manner::default()) else { panic!() };
    let first = (0..400).fold(Script::new().until_text("1. "), |script, _| script.say(&*message));
    let server = service([first.cut(), Script::new().answer(speaking(Manner::default()))]);
    let clauses: Vec<String> = (1..300).map(|nth| format!("{nth}. ")).collect();
    let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
    let heard = Talk::whole(&voice(&server), &clauses).await.rest().await;
    assert_eq!(spelled(&heard), clauses.concat());
}

/// Leads to sockets in memory twice, and then to a web server.
#[derive(Debug)]
struct TwoRoads {
    dials: AtomicUsize,
    sockets: Arc<WebSocketServer>,
    web: String,
}

#[async_trait]
impl Dial for TwoRoads {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        if self.dials.fetch_add(1, Ordering::SeqCst) < 2 {
            return Ok(Box::new(self.sockets.connect()));
        }
        Ok(Box::new(TcpStream::connect(self.web.trim_start_matches("http://")).await?))
    }
}

/// Real sockets, in real time: a tenth of a second.
#[tokio::test]
async fn the_second_loss_sends_the_rest_over_http() {
    let line = |text: &str| {
        let times = alignment(text);
        let seconds = |list: &Value, plus: u64| {
            let millis = list.as_array().unwrap().iter().map(|time| time.as_u64().unwrap() + plus);
            millis.map(|time| time as f64 / 1_000.0).collect::<Vec<_>>()
        };
        let line = json!({ "audio_base64": BASE64_STANDARD.encode(sound(text)), "alignment": {
            "characters": times["chars"],
            "character_start_times_seconds": seconds(&times["charStartTimesMs"], 0),
            "character_end_times_seconds": seconds(&times["charStartTimesMs"], 50),
        } });
        Answer::json(200, format!("{line}\n"))
    };
    let web = HttpServer::start([line("two. "), line("Three.")]).await.unwrap();
    let sockets = service([
        cut_after("One, ", Manner::default()),
        Script::new().until_text("two").close(1011, ""),
    ]);
    let roads = TwoRoads { dials: AtomicUsize::new(0), sockets, web: web.url() };
    let connector = Connector::new().unwrap().with_dial(roads);
    let voice = ElevenLabs::with_connector(config().with_fallback(true), connector).unwrap();
    let heard = Talk::whole(&voice, &["One, ", "two. "]).await;
    let heard = heard.rest().await;
    assert_eq!(spelled(&heard), "One, two. ");
    assert_eq!(words(&heard), ["One, 0-200", "two. 250-450"]);
    assert_eq!(web.asked()[0].json()["text"], "two.");
}
