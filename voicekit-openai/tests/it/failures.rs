//! What goes wrong, what is tried again, and what never gets into an error.

use std::time::Duration;

use futures::{StreamExt, stream};
use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm};
use voicekit_core::retrieve::Embedder;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_openai::{Dialect, OpenAi, OpenAiEmbedder, OpenAiTts};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::service::{KEY, Said, ask, chunks, config, hear, question, serve};

const TEXT: &str = include_str!("../fixtures/text.sse");
const ERROR: &str = include_str!("../fixtures/error.sse");
const AT_ONCE: Retry = Retry::After(Duration::ZERO);

fn text() -> Answer {
    Answer::events(TEXT)
}

/// The error of an answer that is refused twice, or once if it is not tried again.
async fn refused(answer: Answer) -> (Error, usize) {
    let (server, model) = serve([answer.clone(), answer]).await;
    let error = ask(&model, question()).await.unwrap_err();
    (error, server.asked().len())
}

fn body(code: &str, kind: &str) -> String {
    format!(r#"{{"error":{{"message":"No.","type":"{kind}","param":null,"code":{code}}}}}"#)
}

#[tokio::test]
async fn a_refusal_says_who_is_at_fault_and_is_tried_again_if_that_can_help() {
    for (status, code, kind, attempts) in [
        (400, r#""context_length_exceeded""#, ErrorKind::Rejected, 1),
        (400, r#""tool_use_failed""#, ErrorKind::Rejected, 2),
        (401, r#""invalid_api_key""#, ErrorKind::Unauthenticated, 1),
        (403, "null", ErrorKind::Unauthenticated, 1),
        (404, r#""model_not_found""#, ErrorKind::Config, 1),
        (404, "null", ErrorKind::Rejected, 1),
        (408, "null", ErrorKind::Timeout, 2),
        (409, "null", ErrorKind::Rejected, 2),
        (413, "null", ErrorKind::Rejected, 1),
        (422, "422", ErrorKind::Rejected, 1),
        (429, r#""insufficient_quota""#, ErrorKind::Quota, 1),
        (500, "null", ErrorKind::Connection, 2),
    ] {
        let (error, asked) = refused(Answer::json(status, body(code, "x"))).await;
        assert_eq!((error.kind(), asked), (kind, attempts), "{status} {code}");
        assert_eq!(error.detail(), Some("No."));
        assert!(!error.to_string().contains("No."), "{error}");
    }
    let quota = Answer::json(429, body("null", "insufficient_quota"));
    let (error, asked) = refused(quota.with_header("x-should-retry", "true")).await;
    assert_eq!((error.kind(), error.retry(), asked), (ErrorKind::Quota, Retry::Never, 1));
}

#[tokio::test]
async fn a_service_says_when_to_come_back() {
    let limit = || Answer::json(429, body(r#""rate_limit_exceeded""#, "tokens"));
    let date = "Sun, 06 Nov 1994 08:49:30 GMT";
    for (answer, attempts) in [
        (limit().with_header("retry-after-ms", "1"), 2),
        (limit().with_header("retry-after", "0.001"), 2),
        (limit().with_header("retry-after", date).with_header("date", date), 2),
        (limit().with_header("retry-after", "60"), 1),
        (limit().with_header("retry-after-ms", "1").with_header("x-should-retry", "false"), 1),
    ] {
        let (error, asked) = refused(answer.clone()).await;
        assert_eq!((error.kind(), asked), (ErrorKind::RateLimited, attempts), "{answer:?}");
    }
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_tried_again() {
    for first in
        [Answer::hang_up(), Answer::new(500), Answer::new(503).with_header("retry-after", "0")]
    {
        let (server, model) = serve([first, text()]).await;
        assert_eq!(ask(&model, question()).await.unwrap().text, "Hello");
        assert_eq!(server.asked().len(), 2);
        assert_eq!(server.asked()[0].body, server.asked()[1].body);
    }
}

#[tokio::test]
async fn an_error_within_an_answer_means_what_it_says() {
    let said = hear(ERROR).await;
    let error = said.error.unwrap();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Connection, AT_ONCE));
    assert!(error.detail().unwrap().contains("The server had an error"), "{error}");
    for (error, kind) in [
        (body(r#""rate_limit_exceeded""#, "tokens"), ErrorKind::RateLimited),
        (body("null", "insufficient_quota"), ErrorKind::Quota),
        (body("400", "BadRequestError"), ErrorKind::Rejected),
        (body(r#""503""#, ""), ErrorKind::RateLimited),
        (r#"{"error":"out of memory"}"#.to_owned(), ErrorKind::Connection),
        (r#"{"x_groq":{"error":"over capacity"}}"#.to_owned(), ErrorKind::Connection),
    ] {
        let said = hear(&chunks(&[&error])).await;
        assert_eq!(said.error.unwrap().kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn nothing_is_worth_another_attempt_once_a_word_was_heard() {
    let word = r#"{"choices":[{"delta":{"content":"Yes"}}]}"#;
    let (_server, model) = serve([Answer::events(chunks(&[word])).then_cut()]).await;
    let cut = ask(&model, question()).await.unwrap();
    for (said, kind) in [
        (hear(&(chunks(&[word]) + ERROR)).await, ErrorKind::Connection),
        (hear(&chunks(&[word])).await, ErrorKind::Protocol),
        (hear(&chunks(&[word, "{oops"])).await, ErrorKind::Protocol),
        (cut, ErrorKind::Connection),
    ] {
        let Said { text, error, .. } = said;
        let error = error.unwrap();
        assert_eq!((text.as_str(), error.kind(), error.retry()), ("Yes", kind, Retry::Never));
    }
}

#[tokio::test]
async fn an_answer_that_just_ends_was_cut_off() {
    for events in ["", ": ping\n\n", "data: {\"choices\":[]}\n\n"] {
        let error = hear(events).await.error.unwrap();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, AT_ONCE));
        assert_eq!(error.to_string(), "openai: the answer was cut off");
    }
}

#[tokio::test]
async fn what_is_no_json_is_a_protocol_error_that_repeats_none_of_it() {
    let error = hear("data: {\"choices\": the caller said 0123\n\n").await.error.unwrap();
    assert_eq!((error.kind(), error.service()), (ErrorKind::Protocol, "openai"));
    assert_eq!(error.message(), "an event is not JSON");
}

#[tokio::test]
async fn dropping_an_answer_closes_the_connection() {
    let (server, model) = serve([
        Answer::events("data: {\"choices\":[{\"delta\":{\"content\":\"A\"}}]}\n\n").then_stall(),
        Answer::never(),
    ])
    .await;
    let mut answer = model.chat(question()).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), ChatEvent::Text("A".to_owned()));
    drop(answer);
    server.abandoned(1).await;
    let mut asking = Box::pin(model.chat(question()));
    while server.asked().len() < 2 {
        let step = tokio::time::timeout(Duration::from_millis(1), &mut asking).await;
        assert!(step.is_err(), "it answered");
    }
    drop(asking);
    server.abandoned(2).await;
}

#[tokio::test]
async fn each_time_limit_has_its_own_error() {
    let server = HttpServer::start([Answer::never(), Answer::events(": ping\n\n").then_stall()]);
    let server = server.await.unwrap();
    let short = Duration::from_millis(100);
    let config = config(&server).with_retry_after([]).with_first_byte_timeout(short);
    let model = OpenAi::new(config.with_idle_timeout(short * 2)).unwrap();
    let error = ask(&model, question()).await.unwrap_err();
    assert_eq!(error.to_string(), "openai: no answer within 100 ms");
    let error = ask(&model, question()).await.unwrap().error.unwrap();
    assert_eq!(error.to_string(), "openai: nothing came for 200 ms");
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_refusal_may_have_any_body() {
    for (body, detail) in [
        (r#"{"error":{"message":"No such thing."}}"#, Some("No such thing.")),
        (r#"{"error":"No."}"#, Some("No.")),
        (r#"{"detail":"No."}"#, Some("No.")),
        (r#"{"message":"No."}"#, Some("No.")),
        ("<html>Bad</html>", None),
        ("", None),
    ] {
        let (error, _) = refused(Answer::json(400, body)).await;
        assert_eq!((error.message(), error.detail()), ("HTTP 400 Bad Request", detail));
    }
}

#[tokio::test]
async fn the_request_id_is_in_errors_and_the_key_is_nowhere() {
    let logs = Logs::catch();
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#);
    let answer = Answer::json(401, echo.clone()).with_header("x-request-id", "req_7");
    let (error, _) = refused(answer).await;
    assert!(error.message().ends_with("(request req_7)"), "{error}");
    let late = hear(&chunks(&[&echo])).await.error.unwrap();
    let answers = [Answer::json(401, echo.clone()), Answer::json(401, echo)];
    let (server, model) = serve(answers).await;
    let config = config(&server);
    let (voice, embedder) =
        (OpenAiTts::new(config.clone()).unwrap(), OpenAiEmbedder::new(config.clone()).unwrap());
    let text = stream::iter(["Hello.".to_owned()]).boxed();
    let request = TtsRequest::new(voice.info().formats[0]);
    let unspoken: Vec<_> = voice.speak(request, text).await.unwrap().collect().await;
    let unknown = embedder.embed(&["Hello.".to_owned()]).await.unwrap_err();
    assert!(unspoken[0].is_err() && unknown.kind() == ErrorKind::Unauthenticated);
    let written = serde_json::to_string(&config).unwrap();
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{late:?}"),
        format!("{model:?}"),
        format!("{config:?}"),
        format!("{unspoken:?} {unknown:?} {unknown}"),
        format!("{voice:?} {embedder:?}"),
        written,
        logs.text(),
    ] {
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_named() {
    let server = HttpServer::start([]).await.unwrap();
    let config = || config(&server);
    let mut warm = config();
    warm.chat.temperature = Some(2.5);
    let mut keyless = config();
    keyless.api_key = None;
    for (config, field) in [
        (warm, "chat.temperature is 2.5, not within 0.0 to 2.0"),
        (keyless, "api_key"),
        (config().with_model(" "), "chat.model"),
        (config().with_idle_timeout(Duration::ZERO), "idle_timeout"),
        (config().with_base_url("localhost"), "URL"),
        (config().with_header("x y", "z"), "x y"),
    ] {
        let error = OpenAi::new(config.with_dialect(Dialect::OpenAi)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(field), "{error}");
    }
    let (_server, model) = serve([]).await;
    let error = model.chat(ChatRequest::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
