//! Audio, marks and keys during a call.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::ErrorKind;
use voicekit_core::transport::{
    Digit, EndReason, Mark, Transport, TransportCommand, TransportEvent,
};

use crate::carrier::{ANNOUNCE, Call, Carrier, STREAM, media, media_with, returned, stop};

fn audio(byte: u8, samples: usize) -> TransportCommand {
    TransportCommand::Audio(AudioChunk::new(AudioFormat::PHONE, vec![byte; samples]).unwrap())
}

fn mark(reply: u64, position_us: u64) -> Mark {
    Mark { reply, position_us }
}

async fn heard(call: &mut Call) -> (u64, Vec<u8>) {
    let event = call.event().await;
    let TransportEvent::Audio { at, chunk } = event else { panic!("not audio: {event:?}") };
    (at.samples, chunk.bytes().to_vec())
}

#[tokio::test(start_paused = true)]
async fn the_callers_audio_arrives_as_it_was_sent() {
    let mut call = Carrier::local().call().await;
    for message in include_str!("../data/inbound.jsonl").lines().filter(|l| l.contains("payload")) {
        let message = message.replace("MZ00000000000000000000000000000000", STREAM);
        call.socket.say_text(&message).await;
    }
    assert_eq!(heard(&mut call).await, (40, vec![0x7f; 8]));
}

#[tokio::test(start_paused = true)]
async fn timestamps_may_be_strings_numbers_or_missing() {
    let mut call = Carrier::local().call().await;
    call.socket.say(&media_with(json!("20"), &"f39/".repeat(40))).await;
    call.socket.say(&media_with(json!(35), "f38=")).await;
    let mut bare = media_with(json!(0), "f38=");
    bare["media"] = json!({"payload": "f39/", "new": 1});
    call.socket.say(&bare).await;
    assert_eq!(heard(&mut call).await.0, 160);
    assert_eq!(heard(&mut call).await.0, 160 + 120);
    assert_eq!(heard(&mut call).await, (160 + 120 + 2, vec![0x7f; 3]));
}

#[tokio::test(start_paused = true)]
async fn lost_audio_is_silence_and_repeated_audio_is_dropped() {
    let mut call = Carrier::local().call().await;
    for ms in [0, 0, 20, 100] {
        call.socket.say(&media(ms)).await;
    }
    assert_eq!(heard(&mut call).await.0, 0);
    assert_eq!(heard(&mut call).await.0, 160);
    assert_eq!(heard(&mut call).await, (320, vec![0xff; 480]));
    assert_eq!(heard(&mut call).await.0, 800);
}

#[tokio::test(start_paused = true)]
async fn only_the_callers_track_of_this_stream_is_heard() {
    let mut call = Carrier::local().call().await;
    let mut outbound = media(0);
    outbound["media"]["track"] = json!("outbound");
    let mut foreign = media(0);
    foreign["streamSid"] = json!("MZ2");
    let mut foreign_stop = stop();
    foreign_stop["streamSid"] = json!("MZ2");
    let unknown = json!({"event": "later", "streamSid": STREAM});
    let empty = media_with(json!("0"), "");
    for message in [outbound, foreign, foreign_stop, unknown, empty, media(40)] {
        call.socket.say(&message).await;
    }
    assert_eq!(heard(&mut call).await.0, 320);
}

#[tokio::test(start_paused = true)]
async fn keys_arrive_and_what_is_no_key_does_not() {
    let mut call = Carrier::local().call().await;
    for digit in ["1", "x", "", "12", "*", "#", "A", "d"] {
        let dtmf = json!({"track": "inbound_track", "digit": digit});
        call.socket.say(&json!({"event": "dtmf", "streamSid": STREAM, "dtmf": dtmf})).await;
    }
    for key in ['1', '*', '#', 'A', 'D'] {
        assert_eq!(call.event().await, TransportEvent::Dtmf(Digit::new(key).unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_have_exactly_the_documented_keys() {
    let mut call = Carrier::local().call().await;
    call.send(audio(0x7f, 8)).await;
    call.send(TransportCommand::Mark(mark(7, 1_480_000))).await;
    call.send(TransportCommand::Clear).await;
    for golden in include_str!("../data/outbound.jsonl").lines() {
        let mut golden: Value = serde_json::from_str(golden).unwrap();
        golden["streamSid"] = json!(STREAM);
        if golden["event"] == "mark" {
            golden["mark"]["name"] = json!("r7/1480000/0");
        }
        assert_eq!(call.socket.hear().await, golden);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_chunk_is_sent_in_frames_of_20_ms() {
    let mut call = Carrier::local().call().await;
    call.send(audio(0x7f, 400)).await;
    let mut lengths = Vec::new();
    for _ in 0..3 {
        lengths.push(call.socket.hear().await["media"]["payload"].as_str().unwrap().len());
    }
    assert_eq!(lengths, [216, 216, 108]);
}

#[tokio::test(start_paused = true)]
async fn audio_in_another_format_is_refused_and_the_call_goes_on() {
    let mut call = Carrier::local().call().await;
    let wide = AudioChunk::from_pcm(16_000, &[0; 320]);
    let error = call.sink.send(TransportCommand::Audio(wide)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("pcm16/16000"));
    call.socket.say(&media(0)).await;
    assert_eq!(heard(&mut call).await.0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_returns_has_been_played() {
    let mut call = Carrier::local().call().await;
    call.send(audio(0x7f, 160)).await;
    call.send(TransportCommand::Mark(mark(1, 20_000))).await;
    call.socket.hear().await;
    let sent = call.socket.hear().await;
    call.socket.say(&returned(&sent)).await;
    assert_eq!(call.event().await, TransportEvent::Played(mark(1, 20_000)));
}

#[tokio::test(start_paused = true)]
async fn marks_that_a_clear_returns_are_cleared_and_later_ones_are_played() {
    let mut call = Carrier::local().call().await;
    let same = mark(1, 0);
    for command in [
        TransportCommand::Mark(same),
        TransportCommand::Mark(mark(1, 500)),
        TransportCommand::Clear,
        TransportCommand::Mark(same),
    ] {
        call.send(command).await;
    }
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(call.socket.hear().await);
    }
    assert_eq!(sent[2]["event"], "clear");
    for index in [0, 1, 3] {
        call.socket.say(&returned(&sent[index])).await;
    }
    assert_eq!(call.event().await, TransportEvent::Cleared(same));
    assert_eq!(call.event().await, TransportEvent::Cleared(mark(1, 500)));
    assert_eq!(call.event().await, TransportEvent::Played(same));
}

#[tokio::test(start_paused = true)]
async fn marks_that_are_not_ours_or_come_twice_mean_nothing() {
    let mut call = Carrier::local().call().await;
    call.send(TransportCommand::Mark(mark(1, 0))).await;
    let sent = call.socket.hear().await;
    for name in ["", "turn-7/seg-2", "r1/0", "r1/0/1", "r2/0/0", "r1/0/00", "r1/0/-1"] {
        call.socket.say(&returned(&json!({"mark": {"name": name}}))).await;
    }
    call.socket.say(&returned(&sent)).await;
    call.socket.say(&returned(&sent)).await;
    call.socket.say(&stop()).await;
    assert_eq!(call.event().await, TransportEvent::Played(mark(1, 0)));
    assert_eq!(call.event().await, TransportEvent::Ended(EndReason::CallerHungUp));
}

#[tokio::test(start_paused = true)]
async fn a_clear_overtakes_audio_that_the_network_has_not_taken() {
    let mut call = Carrier::local().call().await;
    for _ in 0..300 {
        call.send(audio(0x11, 160)).await;
    }
    call.send(TransportCommand::Clear).await;
    call.send(audio(0x22, 3)).await;
    let socket = &mut call.socket;
    let read = async {
        let mut old = 0;
        while socket.hear().await["event"] == "media" {
            old += 1;
        }
        (old, socket.hear().await["media"]["payload"].clone())
    };
    let (old, new) = tokio::select! {
        read = read => read,
        _ = futures::StreamExt::next(&mut call.events) => panic!("nothing was said"),
    };
    assert!(old < 300, "{old} frames went before the clear");
    assert_eq!(new, json!("IiIi"));
}

#[tokio::test(start_paused = true)]
async fn what_a_full_network_held_back_is_written_while_listening() {
    let mut call = Carrier::local().call().await;
    for n in 0..300_u64 {
        call.send(TransportCommand::Audio(AudioChunk::silence(
            AudioFormat::PHONE,
            Duration::from_millis(20),
        )))
        .await;
        call.send(TransportCommand::Mark(mark(n, 0))).await;
    }
    let socket = &mut call.socket;
    let read = async {
        for n in 0..300 {
            assert_eq!(socket.hear().await["event"], "media");
            assert_eq!(socket.hear().await["mark"]["name"], format!("r{n}/0/{n}"));
        }
    };
    tokio::select! {
        () = read => {}
        _ = futures::StreamExt::next(&mut call.events) => panic!("nothing was said"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_can_be_held_inside_the_answer() {
    use futures::StreamExt;
    let echo = |line: Box<dyn Transport>| async move {
        let (mut sink, mut events) = line.split();
        while let Some(Ok(event)) = events.next().await {
            if let TransportEvent::Audio { chunk, .. } = event {
                sink.send(TransportCommand::Audio(chunk)).await.unwrap();
            }
        }
    };
    let carrier = Carrier::answered_by(echo);
    let response = carrier.post(ANNOUNCE, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&crate::carrier::start(&crate::carrier::token_in(response.body()))).await;
    socket.say(&media_with(json!("0"), "AQID")).await;
    assert_eq!(socket.hear().await["media"]["payload"], "AQID");
    socket.say(&stop()).await;
    assert_eq!(socket.closed().await, 1000);
}
