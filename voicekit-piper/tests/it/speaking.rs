//! One stream of speech: what is asked, when, and in which order it is heard.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Spoken, Tts, TtsRequest};

use crate::server::{Say, Wyoming, info, speaking, start, stop};
use crate::support::{clauses, config, order, request, said, speak, wyoming};

fn asked(server: &Wyoming) -> Vec<(String, u128)> {
    let heard = server.heard().into_iter().filter(|heard| heard.data["text"].is_string());
    heard
        .map(|heard| (heard.data["text"].as_str().unwrap().to_owned(), heard.at.as_millis()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_clause_is_asked_for_while_one_is_heard_and_the_order_is_kept() {
    let server = Wyoming::new(speaking(false, 1_000));
    let (samples, error) = said(&wyoming(&server, config()), &["1", "2", "3", "4"]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(samples.len(), 4 * 2 * 220);
    assert_eq!(order(&samples), [1, 2, 3, 4]);
    let asked = asked(&server);
    let texts: Vec<&str> = asked.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3", "4"]);
    let times: Vec<u128> = asked.iter().map(|(_, at)| *at).collect();
    assert_eq!(times, [0, 0, 1_000, 1_000], "two at a time");
}

#[tokio::test(start_paused = true)]
async fn no_more_clauses_are_with_the_server_than_may_be() {
    for (concurrency, wanted) in [(1, [0, 1_000, 2_000, 3_000]), (3, [0, 0, 0, 1_000])] {
        let server = Wyoming::new(speaking(true, 1_000));
        let piper = wyoming(&server, config().with_concurrency(concurrency));
        let (samples, _) = said(&piper, &["1", "2", "3", "4"]).await;
        assert_eq!(order(&samples), [1, 2, 3, 4]);
        let times: Vec<u128> = asked(&server).iter().map(|(_, at)| *at).collect();
        assert_eq!(times, wanted, "{concurrency}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_clause_is_heard_while_later_text_is_to_come() {
    let server = Wyoming::new(speaking(true, 0));
    let piper = wyoming(&server, config());
    let text = clauses(&["1"]).chain(futures::stream::pending()).boxed();
    let mut spoken = speak(&piper, text).await;
    for _ in 0..2 {
        assert!(matches!(spoken.next().await, Some(Ok(Spoken::Audio(_)))));
    }
    let more = tokio::time::timeout(Duration::from_secs(60), spoken.next()).await;
    assert!(more.is_err(), "the stream waits for text");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_drops_its_connections_and_asks_for_nothing_more() {
    let server = Wyoming::new(speaking(true, 1_000));
    let piper = wyoming(&server, config());
    let mut spoken = speak(&piper, clauses(&["1", "2", "3", "4"])).await;
    assert!(spoken.next().await.is_some());
    drop(spoken);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(server.open(), [false, false]);
    assert_eq!(asked(&server).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn text_is_put_on_one_line_and_what_cannot_be_pronounced_is_not_sent() {
    let server = Wyoming::new(speaking(false, 0));
    let piper = wyoming(&server, config());
    let (samples, error) =
        said(&piper, &[" Hello\n  there, \t1.\r\n", "…", " ", "\u{7}2\u{0}"]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(order(&samples), [1, 2]);
    let asked = asked(&server);
    let texts: Vec<&str> = asked.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["Hello there, 1.", "2"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_pronounce_makes_no_connection() {
    let server = Wyoming::new(speaking(false, 0));
    let (samples, error) = said(&wyoming(&server, config()), &["...", "—"]).await;
    assert!(samples.is_empty() && error.is_none());
    assert!(server.open().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_voice_of_another_rate_is_converted_to_what_was_promised() {
    let server = Wyoming::new(|heard| match heard.kind.as_str() {
        "describe" => vec![info(false, &[])],
        _ => {
            let format = json!({ "rate": 16_000, "width": 2, "channels": 1 });
            let second = 1_000_i16.to_le_bytes().repeat(16_000);
            vec![start(), Say::Event("audio-chunk", format, second), stop()]
        }
    });
    for rate_hz in [22_050, 16_000, 8_000] {
        let piper = wyoming(&server, config().with_rate_hz(rate_hz));
        assert_eq!(piper.info().formats, [AudioFormat::pcm16(rate_hz)]);
        let mut spoken = speak(&piper, clauses(&["a", "b"])).await;
        let mut samples = Vec::new();
        while let Some(Ok(Spoken::Audio(chunk))) = spoken.next().await {
            assert_eq!(chunk.format(), AudioFormat::pcm16(rate_hz));
            chunk.decode_into(&mut samples);
        }
        // The converter's delay, without which the end of each clause would be cut off.
        let delay = if rate_hz == 16_000 { 0..=0 } else { 10..=100 };
        let more = samples.len() - 2 * rate_hz as usize;
        assert!(delay.contains(&more), "{} samples at {rate_hz} Hz", samples.len());
        let middle = samples[samples.len() / 4];
        assert!((990..=1_010).contains(&middle), "{middle} at {rate_hz} Hz");
    }
}

#[tokio::test(start_paused = true)]
async fn a_format_that_is_not_promised_is_refused() {
    let server = Wyoming::new(speaking(false, 0));
    let piper = wyoming(&server, config());
    let refused = piper.speak(TtsRequest::new(AudioFormat::PHONE), clauses(&["1"])).await;
    let error = refused.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.message(), "it speaks pcm16/22050, not mulaw/8000");
}

#[tokio::test(start_paused = true)]
async fn a_clause_that_fails_is_the_last() {
    let mut count = 0;
    let mut speaks = speaking(false, 0);
    let server = Wyoming::new(move |heard| {
        count += usize::from(heard.kind == "synthesize");
        if count == 2 {
            return vec![Say::Event("error", json!({ "text": "no phonemes" }), Vec::new())];
        }
        speaks(heard)
    });
    let piper = wyoming(&server, config().with_concurrency(1));
    let (samples, error) = said(&piper, &["1", "2", "3"]).await;
    assert_eq!(order(&samples), [1]);
    let error = error.unwrap();
    assert_eq!(
        (error.message(), error.detail()),
        ("the server reported an error", Some("no phonemes"))
    );
    assert_eq!(asked(&server).len(), 2);
    let mut spoken = piper.speak(request(&piper), clauses(&["4"])).await.unwrap();
    assert!(matches!(spoken.next().await, Some(Ok(_))), "the next reply is spoken");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_heard_after_a_clause_that_failed() {
    let mut speaks = speaking(false, 0);
    let server = Wyoming::new(move |heard| {
        if heard.data["text"] == "1" {
            return vec![Say::Wait(100), Say::Close];
        }
        speaks(heard)
    });
    let (samples, error) = said(&wyoming(&server, config()), &["1", "2", "3"]).await;
    assert!(samples.is_empty(), "{samples:?}");
    assert_eq!(error.unwrap().kind(), ErrorKind::Connection);
}
