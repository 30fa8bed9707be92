//! Utterances, finalising, keeping a connection and losing one: `/v1/listen`.

use std::time::Duration;

use futures::StreamExt;
use voicekit_core::asr::{AsrInput, AsrRequest};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::ErrorKind;
use voicekit_deepgram::{Nova, NovaConfig};
use voicekit_testkit::server::{Reply, Script, Sent};

use crate::support::{
    Call, METADATA, account, closing, connector, ms, nova, result, service, words_of,
};

const FINALIZE: &str = r#"{"type":"Finalize"}"#;
const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// What comes of these messages after a second of audio, up to the end.
async fn heard(messages: impl IntoIterator<Item = String>) -> Vec<String> {
    let script = Script::new().until_bytes(8_000);
    let script = messages.into_iter().fold(script, |script, message| script.say(message));
    let server = service([script.answer(closing(METADATA))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.hang_up();
    call.rest().await
}

#[tokio::test(start_paused = true)]
async fn the_segments_of_an_utterance_become_one_final() {
    let lines = heard([
        result("I would", 0.0, 0.2, &[]),
        result("I would like", 0.0, 0.3, &["is_final"]),
        result("a table", 0.3, 0.5, &[]),
        result("a table for two.", 0.3, 0.6, &["is_final", "speech_final"]),
    ]);
    let wanted = [
        "~ I would",
        "~ I would like",
        "~ I would like a table",
        "= I would like a table for two.",
    ];
    assert_eq!(lines.await, wanted);
}

#[tokio::test(start_paused = true)]
async fn an_utterance_that_ends_twice_is_one() {
    let end = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":-1}"#.to_owned();
    let speech_final = result("Hello.", 0.0, 0.5, &["is_final", "speech_final"]);
    let lines = heard([speech_final.clone(), end.clone(), end.clone()]).await;
    assert_eq!(lines, ["= Hello."]);
    let lines = heard([result("Hello.", 0.0, 0.5, &["is_final"]), end]).await;
    assert_eq!(lines, ["~ Hello.", "= Hello."]);
}

#[tokio::test(start_paused = true)]
async fn empty_finals_are_no_utterance() {
    let empty = result("", 0.0, 0.5, &["is_final", "speech_final"]);
    assert!(heard([empty.clone(), empty]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_interim_that_comes_to_nothing_is_kept() {
    let lines = heard([result("Hm", 0.0, 0.2, &[]), result("", 0.0, 0.5, &["is_final"])]);
    assert_eq!(lines.await, ["~ Hm", "= Hm"]);
}

#[tokio::test(start_paused = true)]
async fn an_interim_is_given_once() {
    let same = result("Hello", 0.0, 0.2, &[]);
    let lines =
        heard([same.clone(), same, result("Hello.", 0.0, 0.5, &["is_final", "speech_final"])]);
    assert_eq!(lines.await, ["~ Hello", "= Hello."]);
}

#[tokio::test(start_paused = true)]
async fn a_transcript_says_how_sure_it_is_and_where_its_last_word_ends() {
    let script = Script::new().until_bytes(8_000);
    let script = script.say(result("Hello there.", 0.0, 0.5, &["is_final", "speech_final"]));
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    let words = words_of(call.events.next().await.unwrap());
    assert_eq!((words.confidence, words.end), (Some(0.9), Some(ms(500))));
    assert!(!words.finalized);
}

#[tokio::test(start_paused = true)]
async fn what_stands_when_the_input_ends_becomes_final() {
    let lines = heard([result("Good", 0.0, 0.5, &["is_final"]), result("bye", 0.5, 0.9, &[])]);
    assert_eq!(lines.await, ["~ Good", "~ Good bye", "= Good bye"]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_finalize_is_marked() {
    let answer = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let script = Script::new().until_text("Finalize").say(answer.clone()).say(answer);
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! Hello.");
    assert_eq!(call.next().await, "= Hello.", "nobody asked for the second");
    let asked = server.connections()[0].texts().join(" ");
    assert_eq!(asked, FINALIZE);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_to_finalize_is_an_answer() {
    let answer = result("", 0.0, 1.0, &["is_final", "from_finalize"]);
    let server = service([Script::new().until_text("Finalize").say(answer)]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! ");
}

#[tokio::test(start_paused = true)]
async fn a_finalize_that_nothing_follows_is_answered_with_what_was_heard() {
    let script = Script::new().until_bytes(8_000).say(result("Hello", 0.0, 0.8, &[]));
    // What was taken as final comes again with the words after it.
    let script = script.until_bytes(8_000).say(result("Hello there", 0.0, 2.0, &["is_final"]));
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    assert_eq!(call.next().await, "~ Hello");
    call.send(AsrInput::Finalize);
    let asked = tokio::time::Instant::now();
    assert_eq!(call.next().await, "! Hello");
    assert_eq!(asked.elapsed().as_millis() / 100, 10, "the time limit is a second");
    call.speak(1_000).await;
    call.hang_up();
    let words = call.rest().await.join(" ");
    assert!(!words.contains("Hello"), "given twice: {words}");
}

#[tokio::test(start_paused = true)]
async fn words_after_an_assumed_end_are_not_lost() {
    let first = serde_json::json!({ "word": "Hello", "start": 0.1, "end": 0.8 });
    let second = serde_json::json!({ "word": "there", "punctuated_word": "there.", "start": 1.2, "end": 1.8 });
    let mut late: serde_json::Value =
        serde_json::from_str(&result("", 0.0, 2.0, &["is_final", "speech_final"])).unwrap();
    late["channel"]["alternatives"][0] =
        serde_json::json!({ "transcript": "Hello there.", "words": [first, second] });
    let script = Script::new().until_bytes(8_000).say(result("Hello", 0.0, 0.8, &[]));
    let server = service([script.until_bytes(8_000).say(late.to_string())]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    assert_eq!(call.next().await, "~ Hello");
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! Hello");
    call.speak(1_000).await;
    assert_eq!(call.next().await, "= there.");
}

#[tokio::test(start_paused = true)]
async fn a_finalize_is_not_forgotten_while_other_results_come() {
    let script = Script::new().until_text("Finalize");
    let script = script.until_bytes(8_000).say(result("Hello", 0.0, 1.5, &[]));
    let server = service([script.until_bytes(8_000).say(result("Hello you", 0.0, 2.0, &[]))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    call.speak(2_000).await;
    assert_eq!(call.next().await, "~ Hello");
    assert_eq!(call.next().await, "! Hello you", "it lies a second of audio after the question");
}

#[tokio::test(start_paused = true)]
async fn a_final_that_reaches_as_far_answers_without_saying_so() {
    let script = Script::new().until_text("Finalize");
    let server = service([script.say(result("Hello.", 0.0, 0.95, &["is_final", "speech_final"]))]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! Hello.");
}

#[tokio::test(start_paused = true)]
async fn every_finalize_is_answered_once() {
    let answer = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let script = Script::new().until_text("Finalize").until_text("Finalize").say(answer);
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["! Hello.", "! "]);
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pause_asks_for_the_final_early() {
    let answer = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let server = service([Script::new().until_text("Finalize").say(answer)]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::SpeechEnded);
    assert_eq!(call.next().await, "= Hello.", "it is there before anybody waits for it");
}

#[tokio::test(start_paused = true)]
async fn the_answer_at_a_pause_is_not_taken_for_the_one_at_the_end() {
    let early = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let last = result("Bye.", 1.0, 2.0, &["is_final", "from_finalize"]);
    let script = Script::new().until_text("Finalize").until_text("Finalize");
    let server = service([script.say(early).say(last)]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::SpeechEnded);
    call.speak(1_000).await;
    call.send(AsrInput::Finalize);
    assert_eq!([call.next().await, call.next().await], ["= Hello.", "! Bye."]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_asks_for_nothing_if_it_is_not_wanted() {
    let server = service([Script::new()]);
    let config = NovaConfig::new(account()).with_finalize_early(false);
    let asr = Nova::new(config).unwrap().with_connector(connector(&server));
    let mut call = Call::open(&asr).await;
    call.audio(1_000);
    call.send(AsrInput::SpeechEnded);
    call.hang_up();
    let seen = server.until(|seen| seen.iter().any(|one| !one.texts().is_empty())).await;
    assert_eq!(seen[0].texts(), [CLOSE_STREAM]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_fallen_silent_is_left_and_the_question_asked_again() {
    let answer = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let server = service([Script::new(), Script::new().until_text("Finalize").say(answer)]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! ");
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! Hello.");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_by_texts_while_no_audio_comes() {
    let server = service([Script::new()]);
    let mut call = Call::open(&nova(&server)).await;
    call.speak(6_000).await;
    assert!(server.connections()[0].texts().is_empty(), "audio flows");
    tokio::time::sleep(ms(14_000)).await;
    let seen = &server.connections()[0];
    assert_eq!(seen.texts(), [KEEP_ALIVE; 3]);
    let mut last = ms(0);
    for received in &seen.received {
        assert!(received.at - last <= ms(5_000), "silent for {:?}", received.at - last);
        last = received.at;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_audio_is_given_some_within_ten_seconds() {
    let server = service([Script::new()]);
    let _call = Call::open(&nova(&server)).await;
    let seen = server.until(|seen| seen.iter().any(|one| one.texts().len() == 2)).await;
    let audio: Vec<_> = seen[0].received.iter().filter(|one| one.binary().is_some()).collect();
    assert_eq!(audio.len(), 1);
    assert!(audio[0].at < ms(10_000));
}

#[tokio::test(start_paused = true)]
async fn no_empty_audio_is_sent_and_samples_are_whole() {
    let server = service([Script::new().answer(closing(METADATA))]);
    let format = AudioFormat::pcm16(16_000);
    let mut call = Call::open_with(&nova(&server), AsrRequest::new(format)).await;
    for bytes in [0, 2, 0, 30, 1_000, 0] {
        call.send(AsrInput::Audio(AudioChunk::new(format, vec![7; bytes]).unwrap()));
        tokio::time::sleep(ms(50)).await;
    }
    call.hang_up();
    call.rest().await;
    let seen = &server.connections()[0];
    assert_eq!(seen.bytes().len(), 1_032);
    assert!(seen.binaries().iter().all(|bytes| !bytes.is_empty() && bytes.len() % 2 == 0));
}

#[tokio::test(start_paused = true)]
async fn the_telephones_audio_goes_through_untouched() {
    let server = service([Script::new().answer(closing(METADATA))]);
    let mut call = Call::open(&nova(&server)).await;
    let codes: Vec<u8> = (0..=255).collect();
    call.send(AsrInput::Audio(AudioChunk::new(AudioFormat::PHONE, codes.clone()).unwrap()));
    call.hang_up();
    call.rest().await;
    assert_eq!(server.connections()[0].bytes(), codes);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_input_waits_for_the_last_words() {
    let last = r#"{"type":"Results","start":0,"duration":1,"is_final":true,"channel":{"alternatives":[{"transcript":"Bye."}]}}"#;
    let script = Script::new().until_text("CloseStream").wait(ms(1_500)).say(last);
    let server = service([script.say(METADATA).close(1000, "")]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.hang_up();
    assert_eq!(call.rest().await, ["~ Bye.", "= Bye."]);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_are_not_waited_for_longer_than_five_seconds() {
    let server = service([Script::new()]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    let since = tokio::time::Instant::now();
    call.hang_up();
    assert!(call.rest().await.is_empty());
    assert!(since.elapsed() >= ms(2_000) && since.elapsed() <= ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_output_closes_the_stream() {
    let server = service([Script::new()]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    server.until(|seen| seen.iter().any(|one| !one.binaries().is_empty())).await;
    drop(call);
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(seen[0].texts(), [CLOSE_STREAM]);
    assert!(matches!(seen[0].received.last().unwrap().sent, Sent::Close(_)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_with_what_was_not_final() {
    let first = Script::new().until_bytes(16_000);
    let first = first.say(result("One two", 0.0, 1.0, &["is_final"])).wait(ms(10)).cut();
    let second = Script::new().until_bytes(8_000);
    let second = second.say(result("three.", 0.0, 1.0, &["is_final", "speech_final"]));
    let server = service([first, second]);
    let mut call = Call::open(&nova(&server)).await;
    for code in 0..100_u8 {
        let audio = AudioChunk::new(AudioFormat::PHONE, vec![code; 160]).unwrap();
        call.send(AsrInput::Audio(audio));
    }
    assert_eq!(call.next().await, "~ One two");
    let words = words_of(call.events.next().await.unwrap());
    assert_eq!(words.text, "One two three.");
    assert_eq!(words.end, Some(ms(2_000)), "times go on where the first connection stopped");
    let again = server.connections()[1].bytes();
    assert_eq!((again[0], again.len()), (50, 8_000));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_bounded_and_not_hurried() {
    let server = service([Script::new().until_bytes(64_000).cut(), Script::new()]);
    let mut call = Call::open(&nova(&server)).await;
    call.speak(8_000).await;
    let seen = server.until(|seen| seen.len() == 2 && seen[1].bytes().len() >= 40_000).await;
    tokio::time::sleep(ms(1_000)).await;
    assert_eq!(server.connections()[1].bytes().len(), 40_000, "five seconds are kept");
    let audio = |upto: Duration| -> usize {
        let received = seen[1].received.iter().filter(|one| one.at <= upto);
        received.filter_map(|one| one.binary()).map(|bytes| bytes.len()).sum()
    };
    for second in 1..4_u16 {
        let most = 0.6 + 1.25 * f64::from(second);
        let sent = AudioFormat::PHONE.duration_of(audio(ms(u64::from(second) * 1_000)));
        assert!(sent.as_secs_f64() <= most, "{sent:?} within {second} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finalize_is_asked_again_on_a_new_connection() {
    let answer = result("Hello.", 0.0, 1.0, &["is_final", "from_finalize"]);
    let first = Script::new().until_text("Finalize").cut();
    let server = service([first, Script::new().until_text("Finalize").say(answer)]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    call.send(AsrInput::Finalize);
    assert_eq!(call.next().await, "! Hello.");
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_nothing_holds_nobody_up() {
    let server = service((0..5).map(|_| Script::new().stall()));
    let mut call = Call::open(&nova(&server)).await;
    // A connection is full after some eight seconds, and given up after one more; all input is
    // taken all the same.
    call.speak(30_000).await;
    assert!(server.connections().len() > 1);
    call.hang_up();
    assert!(call.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn audio_in_another_format_than_announced_is_refused() {
    let server = service([Script::new()]);
    let mut call = Call::open(&nova(&server)).await;
    call.send(AsrInput::Audio(AudioChunk::silence(AudioFormat::pcm16(8_000), ms(20))));
    assert_eq!(call.error().await.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn words_that_stand_are_given_before_an_error() {
    let script = Script::new().until_bytes(8_000).say(result("Hello", 0.0, 1.0, &["is_final"]));
    let script = script.say(r#"{"type":"Error","description":"no more","variant":"X"}"#);
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.audio(1_000);
    assert_eq!([call.next().await, call.next().await], ["~ Hello", "= Hello"]);
    let error = call.error().await;
    assert_eq!(error.message(), "the service reported X (request request-1)");
    assert_eq!(error.detail(), Some("X: no more"));
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_while_the_caller_speaks_on_do_not_hold_the_input() {
    let script = Script::new().answer(|received| {
        received.binary().map(|_| Reply::Text(result("so", 0.0, 0.1, &[]))).into_iter().collect()
    });
    let server = service([script]);
    let mut call = Call::open(&nova(&server)).await;
    call.speak(5_000).await;
    assert_eq!(server.connections()[0].bytes().len(), 40_000);
}
