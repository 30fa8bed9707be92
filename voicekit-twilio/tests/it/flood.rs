//! Peers that want to fill the memory, the log or the table of tokens.

use std::time::Duration;

use futures::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tracing::Level;
use voicekit_core::transport::Transport;
use voicekit_testkit::logs::Logs;
use voicekit_twilio::TwilioConfig;

use crate::carrier::{ANNOUNCE, CALL, Carrier, connected, media, settle, start, start_of};

/// The lines of `log` that hold `text`.
fn lines(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[tokio::test(start_paused = true)]
async fn a_replayed_webhook_flushes_no_other_calls_token() {
    let mut carrier = Carrier::local();
    let other = ANNOUNCE.replace(CALL, "CA00000000000000000000000000000002");
    let token = carrier.token().await;
    for _ in 0..2_000 {
        carrier.post(&other, &[]).await;
    }
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&start(&token)).await;
    assert_eq!(carrier.line().await.call().id, CALL);
}

#[tokio::test(start_paused = true)]
async fn floods_of_bad_signatures_tokens_and_starts_leave_a_few_lines_in_the_log() {
    let logs = Logs::catch_up_to(Level::INFO);
    let signed = Carrier::new(TwilioConfig::new("12345", "https://agent.example.com"));
    let carrier = Carrier::local();
    for _ in 0..200 {
        signed.post(ANNOUNCE, &[]).await;
        assert!(signed.open(&[("x-twilio-signature", "x")]).await.is_err());
        for bad in [start("0"), json!({"event": "start"}), start_of(CALL, json!({"token": "x"}))] {
            let mut socket = carrier.open(&[]).await.unwrap();
            socket.say(&bad).await;
            socket.closed().await;
        }
    }
    let log = logs.text();
    assert_eq!(lines(&log, "without a valid signature"), 1, "{log}");
    assert_eq!(lines(&log, "a media stream is refused"), 1, "{log}");
    tokio::time::advance(Duration::from_secs(10)).await;
    signed.post(ANNOUNCE, &[]).await;
    let log = logs.text();
    assert_eq!(lines(&log, "suppressed=399"), 1, "{log}");
}

#[tokio::test(start_paused = true)]
async fn pings_whose_pongs_are_never_read_are_answered_within_bounds() {
    let kept = std::sync::Arc::new(tokio::sync::Notify::new());
    let over = std::sync::Arc::clone(&kept);
    let carrier = Carrier::answered_by(move |line: Box<dyn Transport>| {
        let over = std::sync::Arc::clone(&over);
        async move {
            let (_sink, mut events) = line.split();
            while let Some(Ok(_)) = futures::StreamExt::next(&mut events).await {}
            over.notify_one();
        }
    });
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&connected()).await;
    socket.say(&start(&token)).await;
    settle().await;
    let payload = vec![b'x'; 120];
    let info = {
        let mut pings = 0_usize;
        let measured = allocated(async {
            // The socket is never read: what the server writes fills the connection's 64 KiB.
            for n in 0..50_000_u64 {
                let ping = Message::Ping(payload.clone().into());
                socket.0.feed(ping).await.unwrap();
                if n % 100 == 0 {
                    socket.0.flush().await.unwrap();
                    settle().await;
                }
                pings += 1;
            }
        })
        .await;
        assert_eq!(pings, 50_000);
        measured
    };
    // 50,000 pongs have more than 6 MB.
    assert!(info < 1 << 20, "{info} bytes are kept");
    socket.say(&media(0)).await;
    socket.say(&crate::carrier::stop()).await;
    kept.notified().await;
}

/// Bytes that are still allocated after `work`.
async fn allocated(work: impl Future<Output = ()>) -> i64 {
    let mut work = std::pin::pin!(work);
    let mut kept = 0;
    std::future::poll_fn(|cx| {
        let mut poll = std::task::Poll::Pending;
        let info = allocation_counter::measure(|| poll = work.as_mut().poll(cx));
        kept += info.bytes_current;
        poll
    })
    .await;
    kept
}

#[tokio::test(start_paused = true)]
async fn streams_that_never_start_make_room_for_newer_ones() {
    let mut carrier = Carrier::local();
    let mut first = carrier.open(&[]).await.unwrap();
    first.say(&connected()).await;
    let mut sockets = Vec::new();
    for _ in 0..300 {
        sockets.push(carrier.open(&[]).await.unwrap());
        settle().await;
    }
    assert_eq!(first.closed().await, 1013);
    let token = carrier.token().await;
    let mut genuine = carrier.open(&[]).await.unwrap();
    genuine.say(&start(&token)).await;
    assert_eq!(carrier.line().await.call().id, CALL);
}
