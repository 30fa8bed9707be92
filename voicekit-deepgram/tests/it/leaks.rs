//! Nothing is left behind: neither tasks nor sockets.

use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use voicekit_core::asr::Asr;
use voicekit_core::audio::AudioFormat;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_testkit::repetitions;
use voicekit_testkit::server::WebSocketServer;

use crate::aura::speaking;
use crate::contract::{follows, hears, serving};
use crate::support::{Call, aura, clauses, flux, ms, nova};

/// Drops streams of `asr` in the middle of an utterance.
async fn hang_up_often(asr: &dyn Asr) {
    for nth in 0..repetitions(1_000) {
        let mut call = Call::open(asr).await;
        // Before anything was done; while it connects; with audio on its way; in talk.
        match nth % 4 {
            0 => {}
            1 => drop(timeout(ms(0), call.events.next()).await),
            2 => {
                call.audio(100);
                let _ = timeout(ms(1), call.events.next()).await;
            }
            _ => {
                call.audio(100);
                call.events.next().await.unwrap().unwrap();
            }
        }
    }
}

/// All is as it was `before`, but for what may hang for a while.
async fn nothing_is_left(server: &WebSocketServer, before: usize) {
    sleep(ms(10_000)).await;
    assert!(server.connections().len() > repetitions(250), "{}", server.connections().len());
    assert_eq!(server.open_connections(), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn streams_of_nova_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = serving(hears);
    hang_up_often(&nova(&server)).await;
    nothing_is_left(&server, before).await;
}

#[tokio::test(start_paused = true)]
async fn streams_of_flux_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = serving(follows);
    hang_up_often(&flux(&server)).await;
    nothing_is_left(&server, before).await;
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = serving(speaking);
    let voice = aura(&server);
    for nth in 0..repetitions(1_000) {
        let text = clauses(&["One. "]).chain(stream::pending()).boxed();
        let request = TtsRequest::new(AudioFormat::PHONE);
        let mut spoken = voice.speak(request, text).await.unwrap();
        let time = [0, 0, 1, 1_000][nth % 4];
        if nth % 4 > 0 {
            let _ = timeout(ms(time), spoken.next()).await;
        }
    }
    nothing_is_left(&server, before).await;
}
