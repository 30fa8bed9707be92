//! The contracts of `Asr` and `Tts`; Aura's over a real socket.

use std::sync::Arc;

use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_deepgram::{Aura, AuraConfig};
use voicekit_testkit::contract;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use crate::aura::speaking;
use crate::support::{METADATA, account, flux, ms, nova, result, turn};

/// Two seconds, of which the servers here claim that they are speech.
fn speech() -> AudioChunk {
    AudioChunk::silence(AudioFormat::PHONE, ms(2_000))
}

/// Hears a word in everything, and finalises it when it is told to.
fn hears() -> impl FnMut(&Received) -> Vec<Reply> {
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

/// The same with turns.
fn follows() -> impl FnMut(&Received) -> Vec<Reply> {
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

fn serving<F>(answers: impl Fn() -> F + Send + 'static) -> Arc<WebSocketServer>
where
    F: FnMut(&Received) -> Vec<Reply> + Send + 'static,
{
    let script = move |_| Some(Script::new().answer(answers()));
    Arc::new(WebSocketServer::in_memory_serving(script))
}

#[tokio::test(start_paused = true)]
async fn nova_keeps_the_contract() {
    let server = serving(hears);
    contract::asr(&nova(&server), &speech()).await.assert_kept(&[]);
}

#[tokio::test(start_paused = true)]
async fn flux_keeps_the_contract() {
    let server = serving(follows);
    contract::asr(&flux(&server), &speech()).await.assert_kept(&[]);
}

#[tokio::test]
async fn aura_keeps_the_contract() {
    let script = |_| Some(Script::new().answer(speaking()));
    let server = WebSocketServer::serving(script).await.unwrap();
    let tts = Aura::new(AuraConfig::new(account().with_url(server.url()))).unwrap();
    contract::tts(&tts).await.assert_kept(&[7]);
}
