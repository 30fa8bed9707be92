//! The contracts of `Asr` and `Tts`; Aura's over a real socket, too.

use std::sync::Arc;

use voicekit_core::audio::AudioFormat;
use voicekit_deepgram::{Aura, AuraConfig};
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use crate::aura::speaking;
use crate::support::{METADATA, account, aura, flux, nova, result, turn};

/// Hears a word in everything, and finalises it when it is told to.
pub(crate) fn hears() -> impl FnMut(&Received) -> Vec<Reply> {
    let (mut bytes, mut done) = (0, 0.0);
    move |received| {
        bytes += received.binary().map_or(0, |audio| audio.len());
        let seconds = AudioFormat::PHONE.duration_of(bytes).as_secs_f64();
        let said = |flags| Reply::Text(result("word", done, seconds, flags));
        let replies = match received.text() {
            None if received.binary().is_some() => vec![said(&[])],
            Some(text) if text.contains("Finalize") => vec![said(&["is_final", "from_finalize"])],
            Some(text) if text.contains("CloseStream") => {
                let metadata = Reply::Text(METADATA.to_owned());
                vec![said(&["is_final"]), metadata, Reply::Close(1000, String::new())]
            }
            Some(_) | None => Vec::new(),
        };
        if received.text().is_some() {
            done = seconds;
        }
        replies
    }
}

/// Shows a word in everything, and finalises nothing of it.
fn forgets() -> impl FnMut(&Received) -> Vec<Reply> {
    let mut hears = hears();
    move |received| {
        let mut replies = hears(received);
        if received.text().is_some() {
            for reply in &mut replies {
                if let Reply::Text(text) = reply {
                    *text = text.replace(r#""transcript":"word""#, r#""transcript":"""#);
                    *text = text.replace(r#""word":"word""#, r#""word":"""#);
                }
            }
        }
        replies
    }
}

/// The same with turns.
fn forgets_turns() -> impl FnMut(&Received) -> Vec<Reply> {
    let mut follows = follows();
    move |received| {
        let mut replies = follows(received);
        if received.text().is_some() {
            for reply in &mut replies {
                if let Reply::Text(text) = reply {
                    *text = text.replace(r#""transcript":"word""#, r#""transcript":"""#);
                }
            }
        }
        replies
    }
}

/// Hears a word in everything, with turns.
pub(crate) fn follows() -> impl FnMut(&Received) -> Vec<Reply> {
    let (mut bytes, mut is_open) = (0, false);
    move |received| {
        bytes += received.binary().map_or(0, |audio| audio.len());
        let seconds = AudioFormat::PHONE.duration_of(bytes).as_secs_f64();
        let said = |event| Reply::Text(turn(event, "word", seconds));
        match received.text() {
            None if received.binary().is_some() => {
                let event = if is_open { "Update" } else { "StartOfTurn" };
                is_open = true;
                vec![said(event)]
            }
            Some(text) if text.contains("ForceEndTurn") && is_open => {
                is_open = false;
                vec![said("EndOfTurn")]
            }
            Some(text) if text.contains("CloseStream") => {
                vec![said("EndOfTurn"), Reply::Close(1000, String::new())]
            }
            Some(_) | None => Vec::new(),
        }
    }
}

/// A service whose every connection answers so.
pub(crate) fn serving<F>(answers: impl Fn() -> F + Send + 'static) -> Arc<WebSocketServer>
where
    F: FnMut(&Received) -> Vec<Reply> + Send + 'static,
{
    let script = move |_| Some(Script::new().answer(answers()));
    Arc::new(WebSocketServer::in_memory_serving(script))
}

contract_tests! {
    nova_contract: Asr = {
        let server = serving(hears);
        let forgetful = nova(&serving(forgets));
        Subject::new(nova(&server)).with_forgetful(forgetful).with_work(move || server.open_connections())
    },
}

contract_tests! {
    flux_contract: Asr = {
        let server = serving(follows);
        let forgetful = flux(&serving(forgets_turns));
        Subject::new(flux(&server)).with_forgetful(forgetful).with_work(move || server.open_connections())
    },
}

contract_tests! {
    aura_contract: Tts = {
        let server = serving(speaking);
        Subject::new(aura(&server)).with_work(move || server.open_connections())
    },
    skip: { 7 => "the service gives no word times" },
}

contract_tests! {
    aura_over_a_socket: Tts = {
        let script = |_| Some(Script::new().answer(speaking()));
        let server = WebSocketServer::serving(script).await.unwrap();
        let voice = Aura::new(AuraConfig::new(account().with_url(server.url()))).unwrap();
        Subject::new(voice).with_work(move || server.open_connections())
    },
    skip: { 7 => "the service gives no word times" },
    time: real,
}
