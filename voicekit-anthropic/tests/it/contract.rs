//! The contract of `Llm`, and that nothing is left behind. In memory, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::runtime::Handle;
use voicekit_anthropic::{Anthropic, AnthropicConfig};
use voicekit_core::llm::Llm;
use voicekit_net::Connector;
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::repetitions;
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

use crate::service::{KEY, end, events, question};

contract_tests! {
    anthropic: Llm = {
        let (server, model) = serving();
        let asked = Arc::clone(&server);
        let requests = move || asked.asked().iter().map(|asked| asked.json()).collect();
        let subject = Subject::new(model).with_work(move || server.open_answers());
        subject.with_requests::<serde_json::Value>(requests)
    },
}

fn serving() -> (Arc<HttpServer>, Anthropic) {
    let server = Arc::new(HttpServer::in_memory_answering(answering));
    let served = Arc::clone(&server);
    let connector = Connector::new().unwrap().with_pipe(move || served.connect());
    let config = AnthropicConfig::new(KEY).with_base_url("http://anthropic.test");
    (server, Anthropic::with_connector(config, connector).unwrap())
}

/// Speaks, and calls two tools where the weather is asked for; takes its time. Says nothing where
/// that is asked for.
fn answering(asked: &Asked) -> Answer {
    let body = String::from_utf8_lossy(&asked.body);
    let silence = [("Say nothing", ""), ("emoji", "🙂"), ("Only think", "<think>hm</think>")];
    if let Some((_, text)) = silence.iter().find(|(asked, _)| body.contains(asked)) {
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text"}}"#;
        let delta = format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
        );
        return Answer::events(events(&[start, &delta]) + &end("end_turn"));
    }
    let start = |index: usize, block: &str| {
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{{{block}}}}}"#)
    };
    let delta = |index: usize, delta: &str| {
        format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{{delta}}}}}"#)
    };
    let stop = |index: usize| format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
    let answer = Answer::new(200).with_header("content-type", "text/event-stream");
    let mut answer = answer.then(events(&[&start(0, r#""type":"text","text":"""#)]));
    for word in ["We ", "will ", "see."] {
        let text = delta(0, &format!(r#""type":"text_delta","text":"{word}""#));
        answer = answer.then(events(&[&text])).then_wait(Duration::from_secs(1));
    }
    answer = answer.then(events(&[&stop(0)]));
    if !String::from_utf8_lossy(&asked.body).contains("weather in Paris") {
        return answer.then(end("end_turn"));
    }
    for (index, name) in [(1, "get_weather"), (2, "get_time")] {
        let block =
            format!(r#""type":"tool_use","id":"toolu_{index}","name":"{name}","input":{{}}"#);
        let piece = |json: &str| {
            delta(index, &format!(r#""type":"input_json_delta","partial_json":"{json}""#))
        };
        let pieces = [r#"{\"city\":"#, r#"\"Paris\"}"#].map(piece);
        answer =
            answer.then(events(&[&start(index, &block), &pieces[0], &pieces[1], &stop(index)]));
    }
    answer.then(end("tool_use"))
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (server, model) = serving();
    for nth in 0..repetitions(1_000) {
        let answering = async {
            let mut answer = model.chat(question()).await.unwrap();
            for _ in 0..nth % 3 {
                answer.next().await.unwrap().unwrap();
            }
        };
        // Before anything was done; while it connects; with an answer under way; in its middle.
        let time = Duration::from_millis([0, 1, 2_500, 2_500][nth % 4]);
        let _ = tokio::time::timeout(time, answering).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open_answers(), 0);
    assert!(server.asked().len() > repetitions(250), "{} requests", server.asked().len());
    let open = server.open_connections();
    assert!(open <= 8, "{open} connections are open");
    drop((model, server));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
