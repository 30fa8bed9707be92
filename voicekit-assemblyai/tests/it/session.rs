//! A session from its first piece of audio to its last word.

use std::time::{Duration, SystemTime};

use voicekit_assemblyai::Credentials;
use voicekit_core::asr::AsrInput;
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_testkit::server::{Reply, Script, Sent};

use crate::support::{Call, TERMINATE, account, config, ms, said, service, terminating};

const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;

#[tokio::test(start_paused = true)]
async fn frames_are_put_together_and_the_tail_is_filled_up() {
    let server = service([Script::new().answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    call.speak(960).await;
    let loud = AudioChunk::new(AudioFormat::PHONE, vec![7; 160]).unwrap();
    tokio::time::sleep(ms(100)).await;
    call.send(AsrInput::Audio(loud));
    call.hang_up();
    assert!(call.rest().await.is_empty());
    let seen = server.connections().remove(0);
    let sizes: Vec<usize> = seen.binaries().iter().map(|piece| piece.len()).collect();
    assert!(sizes.iter().all(|size| (400..=800).contains(size)), "{sizes:?}");
    let tail = seen.binaries().pop().unwrap();
    let (spoken, silence) = tail.split_at(tail.len() - 240);
    assert!(spoken.ends_with(&[7; 160]) && silence.iter().all(|byte| *byte == 0xFF), "{tail:?}");
    assert_eq!(seen.texts(), [TERMINATE], "nothing else is said, and that last");
    assert!(matches!(seen.received.iter().rev().nth(1), Some(last) if last.text().is_some()));
}

#[tokio::test(start_paused = true)]
async fn the_telephones_bytes_go_through_untouched() {
    let server = service([Script::new().answer(terminating())]);
    let mut call = Call::open(config(), &server).await;
    let all: Vec<u8> = (0..=255).cycle().take(1_600).collect();
    for frame in all.chunks(160) {
        let chunk = AudioChunk::new(AudioFormat::PHONE, frame.to_vec()).unwrap();
        call.send(AsrInput::Audio(chunk));
    }
    call.hang_up();
    call.rest().await;
    let seen = server.connections().remove(0);
    assert_eq!(seen.bytes(), all);
    assert!(seen.query.contains("encoding=pcm_mulaw"), "{}", seen.query);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_are_waited_for() {
    let bye = said(0, "bye", 0).end().text();
    let script = Script::new().until_text("Terminate").wait(ms(3_000)).say(bye);
    let server = service([script.wait(ms(3_000)).close(1000, "")]);
    let mut call = Call::open(config(), &server).await;
    call.speak(500).await;
    call.hang_up();
    assert_eq!(call.rest().await, ["= bye"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_end_the_session_holds_nobody_up() {
    let server = service([Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.speak(500).await;
    call.hang_up();
    let asked = tokio::time::Instant::now();
    assert!(call.rest().await.is_empty());
    assert_eq!(asked.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_terminates_the_session() {
    let server = service([Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.speak(500).await;
    drop(call);
    let seen = server.until(|seen| seen[0].is_over).await.remove(0);
    let last: Vec<&Sent> = seen.received.iter().rev().take(2).map(|one| &one.sent).collect();
    assert_eq!(last, [&Sent::Close(None), &Sent::Text(TERMINATE.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_failed_is_terminated_too() {
    let server = service([Script::new()]);
    let mut call = Call::open(config(), &server).await;
    call.speak(200).await;
    let other = AudioChunk::silence(AudioFormat::pcm16(16_000), ms(20));
    call.send(AsrInput::Audio(other));
    let error = call.error().await;
    assert!(error.message().contains("mulaw/8000 was announced"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_kept_only_if_the_service_would_end_it() {
    let server = service([Script::new(), Script::new()]);
    let _plain = Call::open(config(), &server).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let mut limited = config();
    limited.inactivity_timeout = Some(ms(30_000));
    let _kept = Call::open(limited, &server).await;
    tokio::time::sleep(Duration::from_secs(46)).await;
    let seen = server.connections();
    assert!(seen[0].received.is_empty(), "{:?}", seen[0].received);
    assert!(seen[1].query.contains("inactivity_timeout=30"), "{}", seen[1].query);
    assert_eq!(seen[1].texts(), [KEEP_ALIVE; 3]);
}

/// `Begin` of a session that ends in so many seconds.
#[expect(clippy::disallowed_methods, reason = "the service speaks in wall time")]
fn begin(lives: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    format!(r#"{{"type":"Begin","id":"s","expires_at":{}}}"#, now + lives)
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_nearly_over_is_left_in_a_pause() {
    let bye = Reply::Text(said(0, "bye", 0).end().text());
    let mut end = terminating();
    let second = Script::new().answer(move |received| {
        let mut replies = end(received);
        if received.text().is_some_and(|text| text.contains("ForceEndpoint")) {
            replies.push(bye.clone());
        }
        replies
    });
    let first = Script::new().say(begin(120)).answer(terminating());
    let server = service([first, second]);
    let mut call = Call::open(config().with_finalize_early(false), &server).await;
    call.send(AsrInput::SpeechStarted);
    call.speak(100_000).await;
    assert_eq!(server.connections().len(), 1, "not while the caller speaks");
    call.send(AsrInput::SpeechEnded);
    call.speak(1_000).await;
    let seen = server.connections();
    assert_eq!((seen.len(), seen[0].texts()), (2, vec![TERMINATE]));
    assert!(seen[0].is_over);
    call.speak(2_000).await;
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! bye");
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_wrong_leaves_no_session() {
    let past = r#"{"type":"Begin","id":"s","expires_at":1759333333}"#;
    let date = r#"{"type":"Begin","expires_at":"2026-01-01T00:00:00Z"}"#;
    for begin in [past.to_owned(), date.to_owned(), begin(10)] {
        let server = service([Script::new().say(begin.clone())]);
        let mut call = Call::open(config(), &server).await;
        call.speak(60_000).await;
        assert!(server.connections()[0].texts().is_empty(), "{begin}");
        call.hang_up();
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_session_of_a_token_is_not_left() {
    let server = service([Script::new().say(begin(120))]);
    let mut config = config();
    config.account = account().with_credentials(Credentials::Token("once".into()));
    let mut call = Call::open(config, &server).await;
    call.speak(119_000).await;
    assert!(server.connections()[0].texts().is_empty());
}
