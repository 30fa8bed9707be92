//! One stream per call: what happens when the carrier opens a second one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::transport::{EndReason, Transport, TransportCommand, TransportEvent};
use voicekit_testkit::logs::Logs;
use voicekit_twilio::{TokenPolicy, TwilioConfig};

use crate::carrier::{
    ANNOUNCE, CALL, Carrier, Socket, connected, media, settle, start, start_of, token_in,
};

/// Counts the calls that are held at the same time.
#[derive(Clone, Default)]
struct Agents {
    live: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    begun: Arc<AtomicUsize>,
    ends: Arc<std::sync::Mutex<Vec<EndReason>>>,
    /// How long an agent takes to put things away.
    tidies_for: Duration,
}

impl Agents {
    fn carrier(&self) -> Carrier {
        self.carrier_of(TwilioConfig::local().with_token(TokenPolicy::Require))
    }

    fn carrier_of(&self, config: TwilioConfig) -> Carrier {
        let agents = self.clone();
        Carrier::answered(config, move |line: Box<dyn Transport>| agents.clone().hold(line))
    }

    async fn hold(self, line: Box<dyn Transport>) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let live = self.live.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(live, Ordering::Relaxed);
        let (_sink, mut events) = line.split();
        while let Some(event) = events.next().await {
            if let Ok(TransportEvent::Ended(reason)) = event {
                self.ends.lock().unwrap().push(reason);
            }
        }
        tokio::time::sleep(self.tidies_for).await;
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Live now, live at most, begun.
    fn counts(&self) -> (usize, usize, usize) {
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (load(&self.live), load(&self.most), load(&self.begun))
    }
}

async fn opened(carrier: &Carrier, token: &str) -> Socket {
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&connected()).await;
    socket.say(&start(token)).await;
    settle().await;
    socket
}

#[tokio::test(start_paused = true)]
async fn the_newest_stream_takes_the_call_over_and_the_earlier_ends() {
    let agents = Agents::default();
    let carrier = agents.carrier();
    let (first, second) = (carrier.token().await, carrier.token().await);
    let mut one = opened(&carrier, &first).await;
    assert_eq!(agents.counts(), (1, 1, 1));
    let mut two = opened(&carrier, &second).await;
    assert_eq!(one.closed().await, 1008);
    assert_eq!(agents.counts(), (1, 1, 2));
    assert_eq!(*agents.ends.lock().unwrap(), [EndReason::Lost]);
    two.say(&media(0)).await;
    two.say(&crate::carrier::stop()).await;
    assert_eq!(two.closed().await, 1000);
    assert_eq!(agents.counts().0, 0);
}

#[tokio::test(start_paused = true)]
async fn the_streams_of_a_repeated_webhook_may_come_in_either_order() {
    for order in [[0, 1], [1, 0]] {
        let agents = Agents::default();
        let carrier = agents.carrier();
        let tokens = [carrier.token().await, carrier.token().await];
        let mut one = opened(&carrier, &tokens[order[0]]).await;
        let _two = opened(&carrier, &tokens[order[1]]).await;
        assert_eq!(one.closed().await, 1008, "{order:?}");
        assert_eq!(agents.counts(), (1, 1, 2), "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_start_at_once_leave_one_agent() {
    let agents = Agents { tidies_for: Duration::from_millis(100), ..Agents::default() };
    let carrier = agents.carrier();
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let token = carrier.token().await;
        let mut socket = carrier.open(&[]).await.unwrap();
        socket.say(&connected()).await;
        sockets.push((socket, token));
    }
    for (socket, token) in &mut sockets {
        socket.say(&start(token)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (live, most, _) = agents.counts();
    assert_eq!((live, most), (1, 1));
    // Whichever came last is live.
    let mut closed = 0;
    for (mut socket, _) in sockets {
        match timeout(Duration::from_millis(10), socket.closed()).await {
            Ok(code) => {
                assert_eq!(code, 1008);
                closed += 1;
            }
            Err(_) => {
                socket.say(&crate::carrier::stop()).await;
                assert_eq!(socket.closed().await, 1000);
            }
        }
    }
    assert_eq!(closed, 3);
}

#[tokio::test(start_paused = true)]
async fn the_new_agent_begins_when_the_earlier_has_put_things_away() {
    for (tidies, waits) in [(300, 300), (60_000, 1_000)] {
        let tidies_for = Duration::from_millis(tidies);
        let agents = Agents { tidies_for, ..Agents::default() };
        let carrier = agents.carrier();
        let (first, second) = (carrier.token().await, carrier.token().await);
        let _one = opened(&carrier, &first).await;
        let since = Instant::now();
        let _two = opened(&carrier, &second).await;
        while agents.counts().2 < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let waited = since.elapsed();
        let waits = Duration::from_millis(waits);
        assert!(waited >= waits && waited < waits + Duration::from_millis(50), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_message_that_is_replayed_disturbs_nobody() {
    let agents = Agents::default();
    let carrier = agents.carrier();
    let token = carrier.token().await;
    let mut one = opened(&carrier, &token).await;
    // In the same stream, in another with the used token, and in one with none.
    one.say(&start(&token)).await;
    for replayed in [start(&token), start_of(CALL, json!({}))] {
        let mut two = carrier.open(&[]).await.unwrap();
        two.say(&replayed).await;
        assert_eq!(two.closed().await, 1008);
    }
    assert_eq!(agents.counts(), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_token_takes_no_call_over_even_where_tokens_are_optional() {
    let agents = Agents::default();
    let carrier = agents.carrier_of(TwilioConfig::local());
    let bare = start_of(CALL, json!({}));
    let mut one = carrier.open(&[]).await.unwrap();
    one.say(&bare).await;
    settle().await;
    let mut two = carrier.open(&[]).await.unwrap();
    two.say(&bare).await;
    assert_eq!(two.closed().await, 1008);
    assert_eq!(agents.counts(), (1, 1, 1));
    // One with a token does, and a call that is over may come again.
    let token = carrier.token().await;
    let mut three = opened(&carrier, &token).await;
    assert_eq!(one.closed().await, 1008);
    three.say(&crate::carrier::stop()).await;
    assert_eq!(three.closed().await, 1000);
    let mut four = carrier.open(&[]).await.unwrap();
    four.say(&bare).await;
    settle().await;
    assert_eq!(agents.counts(), (1, 1, 3));
}

#[tokio::test(start_paused = true)]
async fn the_same_call_id_in_another_account_is_another_call() {
    let agents = Agents::default();
    let carrier = agents.carrier();
    let mut sockets = Vec::new();
    for account in ["AC1", "AC2"] {
        let announced = carrier.post(&format!("{ANNOUNCE}&AccountSid={account}"), &[]).await;
        assert_eq!(announced.status(), StatusCode::OK);
        let mut start = start(&token_in(announced.body()));
        start["start"]["accountSid"] = json!(account);
        let mut socket = carrier.open(&[]).await.unwrap();
        socket.say(&start).await;
        settle().await;
        sockets.push(socket);
    }
    assert_eq!(agents.counts(), (2, 2, 2));
    // A token of one account opens no stream of the other.
    let announced = carrier.post(&format!("{ANNOUNCE}&AccountSid=AC2"), &[]).await;
    let mut stolen = carrier.open(&[]).await.unwrap();
    stolen.say(&start(&token_in(announced.body()))).await;
    assert_eq!(stolen.closed().await, 1008);
    assert_eq!(agents.counts(), (2, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_to_the_webhook_after_its_stream_has_ended_is_answered_anew() {
    let agents = Agents::default();
    let carrier = agents.carrier();
    for round in 1..=3 {
        let token = carrier.token().await;
        let mut socket = opened(&carrier, &token).await;
        assert_eq!(agents.counts(), (1, 1, round));
        socket.say(&crate::carrier::stop()).await;
        assert_eq!(socket.closed().await, 1000);
        settle().await;
    }
    assert_eq!(*agents.ends.lock().unwrap(), [EndReason::CallerHungUp; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_socket_broke_unnoticed_is_taken_over_at_once() {
    let mut carrier = Carrier::local();
    let mut call = carrier.call().await;
    let token = carrier.token().await;
    let since = Instant::now();
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&start(&token)).await;
    let event = call.events.next().await.unwrap().unwrap();
    assert_eq!(event, TransportEvent::Ended(EndReason::Lost));
    assert!(call.events.next().await.is_none());
    assert!(call.sink.send(TransportCommand::Clear).await.is_err());
    let line = carrier.line().await;
    assert_eq!((line.call().id.as_str(), since.elapsed()), (CALL, Duration::ZERO));
    let sent = call.socket.0.next().await.unwrap().unwrap();
    assert!(matches!(sent, Message::Close(_)), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_ends_its_call_delays_the_next_by_a_second_and_is_logged() {
    let logs = Logs::catch();
    let stuck = Arc::new(Notify::new());
    let begun = Arc::new(AtomicUsize::new(0));
    let (wait, count) = (Arc::clone(&stuck), Arc::clone(&begun));
    let carrier = Carrier::answered_by(move |line: Box<dyn Transport>| {
        count.fetch_add(1, Ordering::Relaxed);
        let wait = Arc::clone(&wait);
        async move {
            let _line = line;
            wait.notified().await;
        }
    });
    let (first, second) = (carrier.token().await, carrier.token().await);
    let _one = opened(&carrier, &first).await;
    let _two = opened(&carrier, &second).await;
    assert_eq!(begun.load(Ordering::Relaxed), 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    assert!(logs.text().contains("still in use"), "{}", logs.text());
    stuck.notify_waiters();
}
