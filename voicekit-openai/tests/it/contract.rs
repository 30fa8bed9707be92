//! The contracts of the traits, and that nothing is left behind. In memory, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use voicekit_core::audio::AudioFormat;
use voicekit_core::llm::Llm;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_net::Connector;
use voicekit_openai::{Dialect, OpenAi, OpenAiConfig, OpenAiTts};
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::repetitions;
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

use crate::service::{KEY, chunks, question};

contract_tests! { openai: Llm = model(Dialect::OpenAi) }
contract_tests! { groq: Llm = model(Dialect::Groq) }
contract_tests! { azure: Llm = model(Dialect::Azure) }
contract_tests! { compatible: Llm = model(Dialect::Compatible) }

contract_tests! {
    speech: Tts = {
        let (server, connector) = serving(speaking);
        let voice = OpenAiTts::with_connector(config(Dialect::OpenAi), connector).unwrap();
        Subject::new(voice).with_work(move || server.open_answers())
    },
    skip: { 7 => "the service gives no word times" },
}

fn model(dialect: Dialect) -> Subject<OpenAi> {
    let (server, connector) = serving(answering);
    let model = OpenAi::with_connector(config(dialect), connector).unwrap();
    let asked = Arc::clone(&server);
    let requests = move || asked.asked().iter().map(|asked| asked.json()).collect();
    let subject = Subject::new(model).with_work(move || server.open_answers());
    subject.with_requests::<serde_json::Value>(requests)
}

fn config(dialect: Dialect) -> OpenAiConfig {
    let config = OpenAiConfig::new(KEY).with_base_url("http://openai.test/v1");
    config.with_dialect(dialect).with_model("some-model")
}

fn serving(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> (Arc<HttpServer>, Connector) {
    let server = Arc::new(HttpServer::in_memory_answering(answer));
    let served = Arc::clone(&server);
    (server, Connector::new().unwrap().with_pipe(move || served.connect()))
}

/// Speaks, and calls two tools where the weather is asked for; takes its time. Says nothing where
/// that is asked for.
fn answering(asked: &Asked) -> Answer {
    let body = String::from_utf8_lossy(&asked.body);
    let silence = [("Say nothing", ""), ("emoji", "🙂"), ("Only think", "<think>hm</think>")];
    if let Some((_, text)) = silence.iter().find(|(asked, _)| body.contains(asked)) {
        let delta = format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
        let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        return Answer::events(chunks(&[&delta, end, "[DONE]"]));
    }
    let say =
        |text: &str| chunks(&[&format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#)]);
    let mut answer = Answer::new(200).with_header("content-type", "text/event-stream");
    for word in ["We ", "will ", "see."] {
        answer = answer.then(say(word)).then_wait(Duration::from_secs(1));
    }
    if String::from_utf8_lossy(&asked.body).contains("weather in Paris") {
        for (index, name) in ["get_weather", "get_time"].iter().enumerate() {
            let begin = format!(
                r#"{{"index":{index},"id":"call_{index}","function":{{"name":"{name}","arguments":"{{\"city\":"}}}}"#
            );
            let end = format!(r#"{{"index":{index},"function":{{"arguments":"\"Paris\"}}"}}}}"#);
            for piece in [begin, end] {
                let delta = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{piece}]}}}}]}}"#);
                answer = answer.then(chunks(&[&delta]));
            }
        }
    }
    answer.then(chunks(&[r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, "[DONE]"]))
}

fn speaking(_: &Asked) -> Answer {
    let answer = Answer::new(200).with_header("content-type", "audio/pcm").then(vec![0; 960]);
    answer.then_wait(Duration::from_secs(1)).then(vec![0; 960])
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (server, connector) = serving(answering);
    let model = OpenAi::with_connector(config(Dialect::OpenAi), connector).unwrap();
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
    nothing_is_left(&server).await;
    drop((model, server));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (server, connector) = serving(speaking);
    let voice = OpenAiTts::with_connector(config(Dialect::OpenAi), connector).unwrap();
    for nth in 0..repetitions(1_000) {
        let clauses = ["One. ", "Two. ", "Three. "].map(str::to_owned);
        let request = TtsRequest::new(AudioFormat::pcm16(24_000));
        let text = stream::iter(clauses).chain(stream::pending()).boxed();
        let mut spoken = voice.speak(request, text).await.unwrap();
        let listening = async {
            for _ in 0..nth % 3 {
                spoken.next().await.unwrap().unwrap();
            }
        };
        let time = Duration::from_millis([0, 1, 1_500, 1_500][nth % 4]);
        let _ = tokio::time::timeout(time, listening).await;
    }
    nothing_is_left(&server).await;
    drop((voice, server));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

/// No answer is being given, and no more connections are open than are kept for the next.
async fn nothing_is_left(server: &HttpServer) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open_answers(), 0);
    assert!(server.asked().len() > repetitions(250), "{} requests", server.asked().len());
    let open = server.open_connections();
    assert!(open <= 8, "{open} connections are open");
}
