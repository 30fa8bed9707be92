//! Embeddings.

use voicekit_core::error::{ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Embedding};
use voicekit_openai::{Dialect, EmbeddingConfig, OpenAiEmbedder};
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::schema;
use crate::service::config;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

async fn embed(answer: &str, asked: &[&str]) -> Result<Vec<Embedding>> {
    let server = HttpServer::start([Answer::json(200, answer.to_owned())]).await.unwrap();
    OpenAiEmbedder::new(config(&server)).unwrap().embed(&texts(asked)).await
}

#[tokio::test]
async fn embeddings_come_in_the_order_of_the_texts_as_numbers_or_base64() {
    // 3.0 and 4.0 as little-endian 32-bit floats.
    let answer = r#"{"object":"list","data":[
        {"object":"embedding","index":1,"embedding":[0, 2.5]},
        {"object":"embedding","index":0,"embedding":"AABAQAAAgEA="}
    ],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let vectors = embed(answer, &["a", "b"]).await.unwrap();
    let vectors: Vec<&[f32]> = vectors.iter().map(Embedding::values).collect();
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
}

#[tokio::test]
async fn texts_go_in_batches_that_the_service_takes() {
    let one = r#"{"data":[{"index":0,"embedding":[1]}]}"#;
    let two = r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]}"#;
    let answers = [two, one, two, one].map(|answer| Answer::json(200, answer));
    let server = HttpServer::start(answers).await.unwrap();
    let mut settings = EmbeddingConfig::default();
    (settings.batch, settings.dimensions) = (2, Some(1));
    let embedder = OpenAiEmbedder::new(config(&server).with_embedding(settings)).unwrap();
    let (long, longer) = ("x".repeat(200_000), "x".repeat(250_000));
    let input = texts(&["a", "b", &long, &longer, "c", "d"]);
    assert_eq!(embedder.embed(&input).await.unwrap().len(), 6);
    let asked = server.asked();
    let sizes: Vec<usize> =
        asked.iter().map(|asked| asked.json()["input"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 1, 2, 1]);
    for asked in &asked {
        schema::check("CreateEmbeddingRequest", &asked.json());
        assert_eq!(asked.target, "/v1/embeddings");
        assert_eq!(asked.json()["encoding_format"], "base64");
        assert_eq!(asked.json()["dimensions"], 1);
    }
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_a_protocol_error() {
    for answer in [
        r#"{"data":[{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AAA="}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"?"}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]}"#,
        r#"{"data":{}}"#,
        "<html>",
    ] {
        let error = embed(answer, &["a", "b"]).await.unwrap_err();
        assert_eq!((error.kind(), error.service()), (ErrorKind::Protocol, "openai"), "{answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused_here() {
    let error = embed("", &["a", " "]).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "text 1 is empty"));
    let server = HttpServer::start([]).await.unwrap();
    let groq = OpenAiEmbedder::new(config(&server).with_dialect(Dialect::Groq)).unwrap_err();
    assert_eq!(groq.kind(), ErrorKind::Unsupported);
    let mut settings = EmbeddingConfig::default();
    settings.batch = 3_000;
    let error = OpenAiEmbedder::new(config(&server).with_embedding(settings)).unwrap_err();
    assert!(error.message().contains("embedding.batch is 3000"), "{error}");
}
