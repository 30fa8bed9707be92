//! What goes out: sizes, order, replay, keep-alive, pace and overflow.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use voicekit_net::pump::{Chunking, Overflow, Pace};
use voicekit_net::{PumpConfig, RetryPolicy, WebSocket, pump};

use crate::codec::{In, Recogniser, chunk, feed, samples};
use crate::server::{Service, endpoint};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn audio_is_cut_to_the_sizes_that_the_service_takes() {
    let mut service = Service::new(1 << 16);
    let config = PumpConfig::default().with_chunking(Chunking::new(ms(50), ms(1_000)).padded());
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let mut peer = service.accept().await;
    for nth in 0..3 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    assert_eq!(peer.audio().await, samples(0, 480));
    to.send(chunk(3)).await.unwrap_or_else(|_| panic!());
    to.send(In::Flush).await.unwrap_or_else(|_| panic!());
    // 20 ms are left: they are filled with silence up to 50 ms.
    let mut expected = samples(480, 160);
    expected.resize(400, 0xFF);
    assert_eq!(peer.audio().await, expected);
    assert_eq!(peer.text().await, "flush");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_understood_for_good_is_sent_again_and_nothing_else() {
    let mut service = Service::new(1 << 16);
    let codec = Recogniser { hello: true, ..Recogniser::default() };
    let (to, input) = feed();
    let mut output = pump(service.link(), codec, input, PumpConfig::default());
    let mut peer = service.accept().await;
    assert_eq!(peer.text().await, "hello 0");
    for nth in 0..10 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
        assert_eq!(peer.audio().await, samples(nth * 160, 160));
    }
    peer.say("final 90 one").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "one@90");
    to.send(In::Flush).await.unwrap_or_else(|_| panic!());
    assert_eq!(peer.text().await, "flush");
    drop(peer);
    let mut peer = service.accept().await;
    assert_eq!(peer.text().await, "hello 1");
    // From 90 ms on, in pieces of at most 250 ms; then the flush that was not answered.
    assert_eq!(peer.audio().await, samples(720, 1_600 - 720));
    assert_eq!(peer.text().await, "flush");
    peer.say("flushed").await;
    // 20 ms into this connection is 110 ms into the input.
    peer.say("word 0 from").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "from?@90");
    peer.say("final 110 two").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "two@200");
    drop(peer);
    let mut peer = service.accept().await;
    assert_eq!(peer.text().await, "hello 2");
    to.send(chunk(10)).await.unwrap_or_else(|_| panic!());
    assert_eq!(peer.audio().await, samples(1_600, 160));
}

#[tokio::test(start_paused = true)]
async fn no_more_is_sent_again_than_the_buffer_holds() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let config = PumpConfig::default().with_buffer(ms(200)).with_overflow(Overflow::Wait);
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let mut peer = service.accept().await;
    for nth in 0..50 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
        assert_eq!(peer.audio().await, samples(nth * 160, 160));
    }
    drop(peer);
    let mut peer = service.accept().await;
    assert_eq!(peer.audio().await, samples(40 * 160, 1_600));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_already_open_is_used_first() {
    let mut service = Service::new(1 << 16);
    let (connector, link) = (service.connector(), service.link());
    let endpoint = endpoint("ws://service.test/listen");
    let opening = WebSocket::open(&connector, &endpoint, ms(1_000));
    let (socket, mut peer) = futures::join!(opening, service.accept());
    let (to, input) = feed();
    let link = link.with_open(socket.unwrap());
    let _output = pump(link, Recogniser::default(), input, PumpConfig::default());
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    assert_eq!(peer.audio().await, samples(0, 160));
}

#[tokio::test(start_paused = true)]
async fn audio_that_comes_while_there_is_no_connection_is_not_lost() {
    let mut service = Service::new(1 << 16);
    service.refuse(2);
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    for nth in 0..20 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    let started = Instant::now();
    let mut peer = service.accept().await;
    assert_eq!(started.elapsed(), ms(300), "waits of 100 and 200 ms");
    let mut heard = Vec::new();
    while heard.len() < 3_200 {
        heard.extend(peer.audio().await);
    }
    assert_eq!(heard, samples(0, 3_200));
}

#[tokio::test(start_paused = true)]
async fn a_silent_line_is_kept_alive() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let config = PumpConfig::default().with_keep_alive(ms(4_000));
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let mut peer = service.accept().await;
    let started = Instant::now();
    assert_eq!(peer.text().await, "ping");
    assert_eq!(started.elapsed(), ms(4_000));
    tokio::time::advance(ms(3_000)).await;
    to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
    peer.audio().await;
    let after_audio = Instant::now();
    assert_eq!(peer.text().await, "ping");
    assert_eq!(after_audio.elapsed(), ms(4_000), "counted from the last thing sent");
}

#[tokio::test(start_paused = true)]
async fn audio_goes_out_no_faster_than_the_service_takes_it() {
    let mut service = Service::new(1 << 16);
    let (to, input) = feed();
    let pace = Pace::new(1.25).with_burst(Duration::ZERO);
    let config = PumpConfig::default().with_pace(pace).with_chunking(Chunking::new(ms(20), ms(20)));
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let mut peer = service.accept().await;
    let started = Instant::now();
    for nth in 0..51 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    for nth in 0..51 {
        assert_eq!(peer.audio().await, samples(nth * 160, 160));
    }
    let took = started.elapsed();
    assert!(took >= ms(800) && took < ms(880), "{took:?} for a second of audio");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_line_drops_the_oldest_audio_and_keeps_the_latest() {
    let mut service = Service::new(1 << 16);
    service.refuse(1);
    let config =
        PumpConfig::default().with_buffer(ms(200)).with_reconnect(RetryPolicy::after([ms(1_000)]));
    let (to, input) = feed();
    let mut output = pump(service.link(), Recogniser::default(), input, config);
    for nth in 0..50 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    let mut peer = service.accept().await;
    assert_eq!(peer.audio().await, samples(40 * 160, 1_600));
    // Positions are the input's, in spite of what was dropped.
    peer.say("word 100 late").await;
    assert_eq!(output.next().await.unwrap().unwrap(), "late?@900");
}

#[tokio::test(start_paused = true)]
async fn a_patient_pump_reads_no_further_than_its_buffer() {
    let mut service = Service::new(1 << 16);
    service.refuse(1);
    let config = PumpConfig::default()
        .with_buffer(ms(200))
        .with_overflow(Overflow::Wait)
        .with_reconnect(RetryPolicy::after([ms(1_000)]));
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, config);
    for nth in 0..50 {
        to.send(chunk(nth)).await.unwrap_or_else(|_| panic!());
    }
    tokio::time::sleep(ms(500)).await;
    assert_eq!(to.max_capacity() - to.capacity(), 40, "ten chunks were taken");
    let mut peer = service.accept().await;
    let mut heard = Vec::new();
    while heard.len() < 8_000 {
        heard.extend(peer.audio().await);
    }
    assert_eq!(heard, samples(0, 8_000));
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_nobody_reads_the_output() {
    use futures::SinkExt;
    let mut service = Service::new(1 << 16);
    let (_to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    for _ in 0..100 {
        peer.say("noise").await;
    }
    peer.0.send(Message::Ping("x".into())).await.unwrap();
    let pong = timeout(ms(100), peer.next()).await.unwrap();
    assert_eq!(pong, Some(Message::Pong("x".into())));
}

#[tokio::test(start_paused = true)]
async fn text_waits_for_a_service_that_does_not_read() {
    let mut service = Service::new(512);
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
    let mut peer = service.accept().await;
    for nth in 0..1_000 {
        to.send(In::Text(format!("clause {nth}"))).await.unwrap_or_else(|_| panic!());
    }
    tokio::time::sleep(ms(100)).await;
    let taken = 1_000 - (to.max_capacity() - to.capacity());
    assert!(taken < 200, "{taken} were taken");
    for nth in 0..1_000 {
        assert_eq!(peer.text().await, format!("clause {nth}"));
    }
}
