//! Wyoming: what is said, what is understood, and connections.

use serde_json::{Value, json};
use tokio::time::Instant;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_core::tts::{Tts, TtsRequest};

use crate::server::{Say, Wyoming, chunk, format, frame, info, speaking, start, stop, stopped};
use crate::support::{config, failed, order, request, said, wyoming};

/// A server that does not stream, and answers every `synthesize` with `says`.
fn answering(says: Vec<Say>) -> Wyoming {
    Wyoming::new(move |heard| match heard.kind.as_str() {
        "describe" => vec![info(false, &["joe"])],
        "synthesize" => says.clone(),
        _ => Vec::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_streams_is_asked_to_stream() {
    let server = Wyoming::new(speaking(true, 0));
    let piper = wyoming(&server, config().with_voice("joe").with_speaker("3"));
    assert_eq!(order(&said(&piper, &["1"]).await.0), [1]);
    let heard: Vec<(String, Value)> =
        server.heard().into_iter().map(|heard| (heard.kind, heard.data)).collect();
    let wanted = [
        ("describe", Value::Null),
        ("synthesize-start", json!({ "voice": { "name": "joe", "speaker": "3" } })),
        ("synthesize-chunk", json!({ "text": "1" })),
        ("synthesize-stop", Value::Null),
    ];
    assert_eq!(heard, wanted.map(|(kind, data)| (kind.to_owned(), data)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_stream_is_asked_for_a_text() {
    let bare = Say::Event("info", json!({ "tts": [{ "voices": null }] }), Vec::new());
    for told in [info(false, &[]), bare, Say::Event("info", Value::Null, Vec::new())] {
        let server = Wyoming::new(move |heard| match heard.kind.as_str() {
            "describe" => vec![told.clone()],
            _ => vec![start(), chunk(1), stop()],
        });
        let piper = wyoming(&server, config().with_voice("joe"));
        assert_eq!(order(&said(&piper, &["1"]).await.0), [1]);
        let last = server.heard().pop().unwrap();
        assert_eq!(last.kind, "synthesize");
        assert_eq!(last.data, json!({ "text": "1", "voice": { "name": "joe" } }));
    }
}

#[tokio::test(start_paused = true)]
async fn sentences_of_a_stream_each_have_a_start_and_a_stop() {
    let server = Wyoming::new(|heard| match heard.kind.as_str() {
        "describe" => vec![info(true, &[])],
        "synthesize-stop" => {
            let sentence = |value| [start(), chunk(value), stop()];
            [sentence(1), sentence(2)].into_iter().flatten().chain([stopped()]).collect()
        }
        _ => Vec::new(),
    });
    let (samples, error) = said(&wyoming(&server, config()), &["One. Two."]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(order(&samples), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_replys_own_voice_goes_before_the_settings() {
    let server = Wyoming::new(speaking(false, 0));
    let piper = wyoming(&server, config().with_voice("nobody"));
    let mut wanted: TtsRequest = request(&piper);
    wanted.voice = Some("joe".to_owned());
    let spoken = piper.speak(wanted, crate::support::clauses(&["1"])).await.unwrap();
    let items: Vec<_> = futures::StreamExt::collect(spoken).await;
    assert!(items.iter().all(Result::is_ok), "{items:?}");
    let error = failed(&piper).await;
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Config, "the server has no voice nobody")
    );
    assert_eq!(server.kinds().iter().filter(|kind| *kind == "synthesize").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn connections_are_kept_and_the_server_is_asked_once_what_it_can() {
    let server = Wyoming::new(speaking(true, 0));
    let piper = wyoming(&server, config().with_concurrency(1));
    for _ in 0..2 {
        assert_eq!(order(&said(&piper, &["1", "2"]).await.0), [1, 2]);
    }
    assert_eq!(server.open(), [true]);
    assert_eq!(server.kinds().iter().filter(|kind| *kind == "describe").count(), 1);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(order(&said(&piper, &["1"]).await.0), [1]);
    assert_eq!(server.open(), [false, true], "not for long");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_closed_meanwhile_is_made_again() {
    let mut speaks = speaking(false, 0);
    let server = Wyoming::new(move |heard| {
        let mut says = speaks(heard);
        if heard.kind == "synthesize" {
            says.push(Say::Close);
        }
        says
    });
    let piper = wyoming(&server, config().with_concurrency(1));
    let (samples, error) = said(&piper, &["1", "2", "3"]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(order(&samples), [1, 2, 3]);
    assert_eq!(server.open(), [false; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_starting_is_waited_for() {
    let server = Wyoming::new(speaking(false, 0)).refusing(5);
    let begun = Instant::now();
    let (samples, _) = said(&wyoming(&server, config().with_concurrency(1)), &["1"]).await;
    assert_eq!((order(&samples), begun.elapsed().as_millis()), (vec![1], 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_not_waited_for_long() {
    let server = Wyoming::new(speaking(false, 0)).refusing(100);
    let error = failed(&wyoming(&server, config())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(server.refused(), 6);
}

#[tokio::test(start_paused = true)]
async fn events_are_understood_however_they_are_cut_and_written() {
    let inline = r#"{"type":"audio-start","data":{"rate":22050,"width":2,"channels":1}}"#;
    let mixed =
        r#"{"type":"audio-chunk","data":{"rate":1,"width":2},"data_length":29,"payload_length":4}"#;
    let raw = [
        inline.as_bytes(),
        b"\n",
        &frame("not-known-yet", &json!({ "a": 1 }), &[1, 2, 3]),
        &frame("ping", &json!({ "text": "hi" }), &[]),
        mixed.as_bytes(),
        b"\n{\"rate\":22050, \"channels\": 1}",
        &[1, 0, 1, 0],
        &frame("audio-chunk", &Value::Null, &[2, 0]),
        &frame("audio-stop", &json!({ "timestamp": 5 }), &[]),
    ];
    let server = answering(vec![Say::Raw(raw.concat())]);
    let (samples, error) = said(&wyoming(&server, config()), &["1"]).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(samples, [1, 1, 2]);
    tokio::task::yield_now().await;
    let pong = server.heard().pop().unwrap();
    assert_eq!((pong.kind.as_str(), &pong.data["text"]), ("pong", &json!("hi")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_played_is_refused() {
    let of = |rate: u32, width: u32, channels: u32| json!({ "rate": rate, "width": width, "channels": channels });
    let odd = Say::Event("audio-chunk", format(), vec![1, 2, 3]);
    let bare = Say::Event("audio-chunk", Value::Null, vec![1, 2]);
    let audio = |format| Say::Event("audio-chunk", format, vec![0; 4]);
    let cases = [
        (audio(of(22_050, 2, 2)), ErrorKind::Unsupported, "2 channels of 16 bits"),
        (audio(of(22_050, 4, 1)), ErrorKind::Unsupported, "1 channels of 32 bits"),
        (audio(of(1, 2, 1)), ErrorKind::Unsupported, "at 1 Hz"),
        (odd, ErrorKind::Protocol, "not whole 2-byte samples"),
        (bare, ErrorKind::Protocol, "audio came without its format"),
        (Say::Raw(b"nonsense\n".to_vec()), ErrorKind::Protocol, "a malformed event"),
    ];
    for (says, kind, wanted) in cases {
        let error = failed(&wyoming(&answering(vec![says]), config())).await;
        assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{error}");
        assert!(error.message().contains(wanted), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_server_is_told_and_not_tried_again() {
    let told = json!({ "text": "no such thing", "code": "ValueError" });
    let server = answering(vec![Say::Event("error", told, Vec::new()), Say::Close]);
    let error = failed(&wyoming(&server, config())).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Rejected, Retry::Never));
    assert_eq!(error.message(), "the server reported an error [ValueError]");
    assert_eq!(error.detail(), Some("no such thing"));
    assert_eq!(server.open().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn audio_that_is_cut_off_is_an_error_and_no_end() {
    let error = failed(&wyoming(&answering(vec![start(), chunk(1), Say::Close]), config())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("before its last word"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up_after_a_time_for_the_text() {
    for says in [vec![], vec![start(), chunk(1)]] {
        let begun = Instant::now();
        let error = failed(&wyoming(&answering(says), config())).await;
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(begun.elapsed().as_millis(), 10_060, "{error}");
    }
    let server = Wyoming::new(|_| Vec::new());
    assert_eq!(failed(&wyoming(&server, config())).await.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_gives_no_audio_is_no_error() {
    let server = answering(vec![stop()]);
    let (samples, error) = said(&wyoming(&server, config()), &["1"]).await;
    assert!(samples.is_empty() && error.is_none());
}
