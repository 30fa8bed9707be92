//! The contract of `Tts`, in both ways, and that nothing is left behind.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use voicekit_core::audio::AudioFormat;
use voicekit_core::record::wav;
use voicekit_piper::Piper;
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::repetitions;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::server::{Wyoming, speaking};
use crate::support::{clauses, config, over_http, speak, wyoming};

contract_tests! {
    wyoming_by_streams: Tts = over_wyoming(true),
    skip: { 7 => "the server gives no word times" },
}

contract_tests! {
    wyoming_by_clauses: Tts = over_wyoming(false),
    skip: { 7 => "the server gives no word times" },
}

contract_tests! {
    http: Tts = {
        let server = slow_http();
        Subject::new(over_http(&server, |_| ())).with_work(move || server.open_answers())
    },
    skip: { 7 => "the server gives no word times" },
}

fn over_wyoming(streams: bool) -> Subject<Piper> {
    let server = Wyoming::new(speaking(streams, 100));
    Subject::new(wyoming(&server, config())).with_work(move || server.busy())
}

/// A server that takes a second for a clause.
fn slow_http() -> Arc<HttpServer> {
    let file = wav::encode(AudioFormat::pcm16(22_050), 1, &[5; 2_205]).unwrap();
    Arc::new(HttpServer::in_memory_answering(move |_| {
        Answer::new(200).then_wait(Duration::from_secs(1)).then(file.clone())
    }))
}

/// Drops replies before anything was done, while they connect, and in their middle.
async fn interrupt_often(piper: &Piper) {
    for nth in 0..repetitions(1_000) {
        let text = clauses(&["One. ", "Two. "]).chain(stream::pending()).boxed();
        let mut spoken = speak(piper, text).await;
        if nth % 4 > 0 {
            let time = Duration::from_millis([0, 0, 1, 1_500][nth % 4]);
            let _ = timeout(time, spoken.next()).await;
        }
    }
    // As long as anything may hang.
    sleep(Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn replies_over_wyoming_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = Wyoming::new(speaking(true, 100));
    let piper = wyoming(&server, config());
    interrupt_often(&piper).await;
    assert_eq!(server.busy(), 0);
    assert!(server.heard().len() > repetitions(250), "{}", server.heard().len());
    assert!(server.open_count() <= 8, "{} connections are open", server.open_count());
    drop(piper);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open_count(), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn replies_over_http_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = slow_http();
    let piper = over_http(&server, |_| ());
    interrupt_often(&piper).await;
    assert_eq!(server.open_answers(), 0);
    assert!(server.asked().len() > repetitions(250), "{}", server.asked().len());
    assert!(server.open_connections() <= 8, "{} connections", server.open_connections());
    drop((piper, server));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
