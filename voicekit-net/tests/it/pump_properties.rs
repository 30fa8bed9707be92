//! What holds for any audio, any sizes and any way in which connections break.

use std::time::Duration;

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_net::pump::{Chunking, Overflow};
use voicekit_net::{PumpConfig, RetryPolicy, pump};

use crate::codec::{In, Recogniser, feed, samples};
use crate::server::{Peer, Service};

/// Runs `test` in virtual time.
fn in_virtual_time(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test);
}

fn audio(start: usize, count: usize) -> In {
    In::Audio(AudioChunk::new(AudioFormat::PHONE, samples(start, count)).unwrap())
}

/// A piece of input: audio of so many samples, or a flush.
fn piece() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![8 => (0_usize..2_000).prop_map(Some), 1 => Just(None)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// No sample is lost, repeated or moved, and every size is within its bounds.
    #[test]
    fn audio_is_only_cut_anew(
        pieces in prop::collection::vec(piece(), 1..40),
        least in 0_u64..120,
        more in 0_u64..300,
    ) {
        let most = least * 2 + more;
        in_virtual_time(cut(pieces, least, most));
    }

    /// Whatever breaks, each connection begins with the first sample that is not understood.
    #[test]
    fn a_reconnect_repeats_what_is_not_understood_and_nothing_else(
        breaks in prop::collection::vec((1_usize..20, 0_u64..120), 1..4),
        sizes in prop::collection::vec(1_usize..400, 8),
    ) {
        in_virtual_time(broken(breaks, sizes));
    }
}

async fn cut(pieces: Vec<Option<usize>>, least: u64, most: u64) {
    let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
    let mut service = Service::new(1 << 20);
    let config = PumpConfig::default()
        .with_chunking(Chunking::new(least, most))
        .with_overflow(Overflow::Wait);
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let mut total = 0;
    for piece in &pieces {
        let input = piece.map_or(In::Flush, |count| audio(total, count));
        total += piece.unwrap_or_default();
        to.send(input).await.unwrap_or_else(|_| panic!());
    }
    drop(to);
    let (least, most) = (AudioFormat::PHONE.bytes_in(least), AudioFormat::PHONE.bytes_in(most));
    let mut peer = service.accept().await;
    let (mut heard, mut run) = (Vec::new(), Vec::new());
    loop {
        let message = peer.next().await.unwrap();
        if let Message::Binary(bytes) = message {
            assert!(!bytes.is_empty() && bytes.len() <= most.max(1), "{}", bytes.len());
            run.push(bytes.len());
            heard.extend_from_slice(&bytes);
            continue;
        }
        check_run(&std::mem::take(&mut run), least);
        if message.into_text().unwrap().as_str() == "bye" {
            break;
        }
        peer.say("flushed").await;
    }
    assert!(heard == samples(0, total), "{} of {total} samples, or others", heard.len());
}

/// Only what is too short in all is sent too short.
fn check_run(run: &[usize], least: usize) {
    let all: usize = run.iter().sum();
    let shortest = run.iter().min().copied().unwrap_or(usize::MAX);
    assert!(shortest >= least.min(all), "{run:?} with at least {least}");
}

async fn broken(breaks: Vec<(usize, u64)>, sizes: Vec<usize>) {
    let mut service = Service::new(1 << 20);
    let config = PumpConfig::default().with_reconnect(RetryPolicy::after([Duration::ZERO; 10]));
    let (to, input) = feed();
    let _output = pump(service.link(), Recogniser::default(), input, config);
    let (mut sent, mut understood) = (0, 0);
    for (count, percent) in breaks {
        let mut peer = service.accept().await;
        for size in sizes.iter().cycle().take(count) {
            to.send(audio(sent, *size)).await.unwrap_or_else(|_| panic!());
            sent += size;
        }
        let heard = listen(&mut peer, sent - understood).await;
        assert!(heard == samples(understood, sent - understood));
        // Whole milliseconds, so that no rounding is tested here.
        let newly = (heard.len() as u64 * percent.min(100) / 100) / 8;
        peer.say(&format!("final {newly} words")).await;
        peer.say("seen").await;
        understood += usize::try_from(newly).unwrap() * 8;
        // The pump has seen it when it has read everything that was said.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut peer = service.accept().await;
    let rest = listen(&mut peer, sent - understood).await;
    assert!(rest == samples(understood, sent - understood));
}

async fn listen(peer: &mut Peer, count: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.extend(peer.audio().await);
    }
    heard
}
