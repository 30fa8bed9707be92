//! What goes wrong, what is tried again, and what never gets into an error.

use std::time::Duration;

use futures::StreamExt;
use voicekit_anthropic::{Anthropic, Thinking, ToolChoice};
use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::service::{KEY, YES, ask, config, end, events, hear, question, serve};

/// The error of an answer that is refused twice, or once if it is not tried again.
async fn refused(answer: Answer) -> (Error, usize) {
    let (server, model) = serve([answer.clone(), answer]).await;
    let error = ask(&model, question()).await.unwrap_err();
    (error, server.asked().len())
}

fn body(kind: &str, message: &str) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_7"}}"#
    )
}

#[tokio::test]
async fn a_refusal_says_who_is_at_fault_and_is_tried_again_if_that_can_help() {
    for (status, kind, message, expected, attempts) in [
        (400, "invalid_request_error", "No.", ErrorKind::Rejected, 1),
        (400, "invalid_request_error", "Your credit balance is too low", ErrorKind::Quota, 1),
        (401, "authentication_error", "No.", ErrorKind::Unauthenticated, 1),
        (402, "billing_error", "No.", ErrorKind::Quota, 1),
        (403, "permission_error", "No.", ErrorKind::Unauthenticated, 1),
        (404, "not_found_error", "model: claude-1", ErrorKind::Config, 1),
        (413, "request_too_large", "No.", ErrorKind::Rejected, 1),
        (429, "rate_limit_error", "No.", ErrorKind::RateLimited, 2),
        (500, "api_error", "No.", ErrorKind::Connection, 2),
        (504, "timeout_error", "No.", ErrorKind::Timeout, 2),
        (529, "overloaded_error", "Overloaded", ErrorKind::RateLimited, 2),
    ] {
        let answer = Answer::json(status, body(kind, message)).with_header("retry-after", "0");
        let (error, asked) = refused(answer).await;
        assert_eq!((error.kind(), asked), (expected, attempts), "{status}");
        assert!(error.message().ends_with(" (request req_7)"), "{error}");
        assert_eq!(error.detail(), Some(message));
        assert!(!error.to_string().contains(message), "{error}");
        // The same within an answer.
        let late = hear(&events(&[&body(kind, message)])).await.error.unwrap();
        let is_retried = late.retry() != Retry::Never;
        assert_eq!((late.kind(), is_retried), (expected, attempts == 2), "{kind}");
    }
    let patient =
        Answer::json(429, body("rate_limit_error", "No.")).with_header("retry-after", "60");
    assert_eq!(refused(patient).await.1, 1);
    let named = Answer::new(500).with_header("request-id", "req_8");
    assert!(refused(named).await.0.message().ends_with("(request req_8)"));
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_tried_again() {
    let yes = YES.to_owned() + &end("end_turn");
    let overloaded =
        Answer::json(529, body("overloaded_error", "")).with_header("retry-after", "0");
    for first in [Answer::hang_up(), overloaded] {
        let (server, model) = serve([first, Answer::events(yes.clone())]).await;
        assert_eq!(ask(&model, question()).await.unwrap().text, "Yes.");
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn nothing_is_worth_another_attempt_once_a_word_was_heard() {
    let (_server, model) = serve([Answer::events(YES).then_cut()]).await;
    let cut = ask(&model, question()).await.unwrap();
    let overloaded = YES.to_owned() + &events(&[&body("overloaded_error", "Overloaded")]);
    for (said, kind) in [
        (hear(&overloaded).await, ErrorKind::RateLimited),
        (hear(YES).await, ErrorKind::Protocol),
        (hear(&(YES.to_owned() + "data: {oops\n\n")).await, ErrorKind::Protocol),
        (cut, ErrorKind::Connection),
    ] {
        let error = said.error.unwrap();
        assert_eq!((said.text.as_str(), error.kind(), error.retry()), ("Yes.", kind, Retry::Never));
    }
}

#[tokio::test]
async fn an_answer_that_just_ends_was_cut_off() {
    for stream in ["", "event: ping\ndata: {\"type\":\"ping\"}\n\n"] {
        let error = hear(stream).await.error.unwrap();
        assert_eq!(error.to_string(), "anthropic: the answer was cut off");
        let at_once = Retry::After(Duration::ZERO);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, at_once));
    }
}

#[tokio::test]
async fn what_is_no_json_is_a_protocol_error_that_repeats_none_of_it() {
    let error = hear("data: the caller said 0123\n\n").await.error.unwrap();
    assert_eq!(error.to_string(), "anthropic: an event is not JSON");
}

#[tokio::test]
async fn dropping_an_answer_closes_the_connection() {
    let (server, model) = serve([Answer::events(YES).then_stall()]).await;
    let mut answer = model.chat(question()).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), ChatEvent::Text("Yes.".to_owned()));
    drop(answer);
    server.abandoned(1).await;
}

#[tokio::test]
async fn each_time_limit_has_its_own_error() {
    let server = HttpServer::start([Answer::never(), Answer::events(": ping\n\n").then_stall()]);
    let server = server.await.unwrap();
    let short = Duration::from_millis(100);
    let config = config(&server).with_retry_after([]).with_first_byte_timeout(short);
    let model = Anthropic::new(config.with_idle_timeout(short * 2)).unwrap();
    let error = ask(&model, question()).await.unwrap_err();
    assert_eq!(error.to_string(), "anthropic: no answer within 100 ms");
    let error = ask(&model, question()).await.unwrap().error.unwrap();
    assert_eq!(error.to_string(), "anthropic: nothing came for 200 ms");
}

#[tokio::test]
async fn the_key_is_nowhere() {
    let logs = Logs::catch();
    let echo = body("authentication_error", &format!("invalid x-api-key {KEY}"));
    let (error, _) = refused(Answer::json(401, echo.clone())).await;
    let late = hear(&events(&[&echo])).await.error.unwrap();
    let (server, model) = serve([]).await;
    let config = config(&server);
    let written = serde_json::to_string(&config).unwrap();
    let shown =
        [format!("{error:?}"), format!("{late:?}"), format!("{model:?}"), written, logs.text()];
    for shown in shown.into_iter().chain([error.to_string(), format!("{config:?}")]) {
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_named() {
    let server = HttpServer::start([]).await.unwrap();
    let config = || config(&server);
    let mut keyless = config();
    keyless.api_key = "".into();
    let forced = config().with_tool_choice(ToolChoice::Required);
    for (config, field) in [
        (config().with_temperature(1.5), "temperature is 1.5, not within 0.0 to 1.0"),
        (keyless, "api_key"),
        (config().with_model(" "), "model"),
        (config().with_max_tokens(0), "max_tokens"),
        (config().with_thinking(Thinking::Budget(5)), "thinking.budget"),
        (forced.with_thinking(Thinking::Adaptive), "tool_choice"),
        (config().with_idle_timeout(Duration::ZERO), "idle_timeout"),
        (config().with_base_url("localhost"), "URL"),
    ] {
        let error = Anthropic::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(field), "{error}");
    }
    let (_server, model) = serve([]).await;
    let error = model.chat(ChatRequest::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
