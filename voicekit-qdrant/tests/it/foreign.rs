//! Collections that other tools have written.

use serde_json::{Value, json};
use voicekit_core::error::{Error, ErrorKind};
use voicekit_core::retrieve::{Index, Passage, Query, Retriever, SECTION, SOURCE};
use voicekit_qdrant::{Qdrant, QdrantConfig};

use crate::search::put;
use crate::service::{Host, chunk, embedded};

const DOGS: &str = "Dogs are welcome.";
const CARS: &str = "Parking is free.";

/// Two points whose payloads `payload` makes of their texts.
async fn filled(host: &Host, vectors: Value, named: Option<&str>, payload: impl Fn(&str) -> Value) {
    put(host, "/collections/kb", json!({ "vectors": vectors })).await;
    let mut points = Vec::new();
    for (nth, text) in [DOGS, CARS].iter().enumerate() {
        let values = embedded(text).await;
        let vector = match named {
            Some(name) => json!({ name: values.values() }),
            None => json!(values.values()),
        };
        points.push(json!({"id": nth, "vector": vector, "payload": payload(text)}));
    }
    put(host, "/collections/kb/points?wait=true", json!({ "points": points })).await;
}

fn cosine() -> Value {
    json!({"size": 256, "distance": "Cosine"})
}

fn config() -> QdrantConfig {
    QdrantConfig::new("http://qdrant.test", "kb")
}

async fn best(qdrant: &Qdrant) -> Result<Passage, Error> {
    let mut passages = qdrant.retrieve(&Query::new("are dogs welcome")).await?;
    assert_eq!(passages.len(), 2);
    Ok(passages.remove(0))
}

fn source_of(text: &str) -> &'static str {
    if text == DOGS { "pets.md" } else { "cars.md" }
}

/// What LlamaIndex writes: the node as JSON in a string.
fn node(text: &str) -> Value {
    let node = json!({"id_": "n-1", "text": text, "metadata": {"file_name": source_of(text)}});
    json!({
        "_node_content": node.to_string(), "_node_type": "TextNode",
        "file_name": source_of(text), "doc_id": "d-1", "document_id": "d-1", "ref_doc_id": "d-1",
    })
}

#[tokio::test(start_paused = true)]
async fn collections_of_known_tools_are_read_without_any_setting() {
    type Make = fn(&str) -> Value;
    let cases: [(&str, Make, Value, Option<&str>); 6] = [
        (
            "LangChain",
            |text| json!({"page_content": text, "metadata": {"source": source_of(text), "site": "n"}}),
            cosine(),
            None,
        ),
        (
            "n8n",
            |text| json!({"content": text, "metadata": {"source": source_of(text), "site": "n"}}),
            cosine(),
            None,
        ),
        ("LlamaIndex", node, json!({ "text-dense": cosine() }), Some("text-dense")),
        (
            "Haystack",
            |text| json!({"content": text, "meta": {"file_path": source_of(text), "site": "n"}}),
            json!({ "text-dense": cosine() }),
            Some("text-dense"),
        ),
        (
            "FastEmbed",
            |text| json!({"document": text, "source": source_of(text), "site": "n"}),
            json!({ "fast-bge-small-en": cosine() }),
            Some("fast-bge-small-en"),
        ),
        (
            "plain text in a vector called dense",
            |text| json!({"text": text, "url": source_of(text), "site": "n"}),
            json!({ "dense": cosine() }),
            Some("dense"),
        ),
    ];
    for (tool, payload, vectors, named) in cases {
        let host = Host::new();
        filled(&host, vectors, named, payload).await;
        let qdrant = host.client(config());
        let passage = best(&qdrant).await.unwrap();
        assert_eq!(passage.text, DOGS, "{tool}");
        assert_eq!(passage.metadata[SOURCE], "pets.md", "{tool}");
        assert!(!passage.metadata.contains_key("_node_content"), "{tool}");
        let filtered = Query::new("dogs").with_filter(SOURCE, "cars.md");
        let found = qdrant.retrieve(&filtered).await.unwrap();
        assert_eq!((found.len(), found[0].text.as_str()), (1, CARS), "{tool}");
        if tool != "LlamaIndex" {
            let filtered = Query::new("dogs").with_filter("site", "n");
            assert_eq!(qdrant.retrieve(&filtered).await.unwrap().len(), 2, "{tool}");
        }
        // Nothing is written into it.
        let refused = qdrant.upsert(vec![chunk("a", "a", "a").await]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Rejected, "{tool}");
        assert_eq!(host.service.count("kb"), Some(2), "{tool}");
    }
}

#[tokio::test(start_paused = true)]
async fn fields_and_vectors_that_nobody_knows_are_set_or_named_in_an_error() {
    let host = Host::new();
    let vectors = json!({ "title-vec": {"size": 8, "distance": "Dot"}, "body-vec": cosine() });
    filled(&host, vectors, Some("body-vec"), |text| {
        json!({"faq": {"answer": text, "about": "House rules"}, "doc": source_of(text), "n": 1})
    })
    .await;
    let problem = async |config: QdrantConfig| {
        let error = best(&host.client(config)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.message().to_owned()
    };
    let text = problem(config()).await;
    for part in ["set `vector`", "\"body-vec\" (256 dimensions, Cosine)", "\"title-vec\" (8"] {
        assert!(text.contains(part), "{text}");
    }
    let text = problem(config().with_vector("body")).await;
    assert!(text.contains("no vector \"body\"") && text.contains("body-vec"), "{text}");
    let text = problem(config().with_vector("body-vec")).await;
    for part in ["text_field", "faq.answer (text)", "n (number)", "for instance to \"faq.answer\""]
    {
        assert!(text.contains(part), "{text}");
    }
    let text = problem(config().with_vector("body-vec").with_text_field("faq.reply")).await;
    assert!(text.contains("\"faq.reply\"") && text.contains("faq.answer"), "{text}");

    let address =
        "qdrant://qdrant.test:80/kb?text=faq.answer&title=faq.about&source=doc&vector=body-vec";
    let qdrant = host.client(QdrantConfig::from_url(address).unwrap());
    let passage = best(&qdrant).await.unwrap();
    assert_eq!(passage.text, DOGS);
    assert_eq!(passage.metadata[SOURCE], "pets.md");
    assert_eq!(passage.metadata[SECTION], "House rules");
    assert_eq!(passage.metadata["n"], "1");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_only_where_nothing_fits() {
    let problem = async |host: &Host| {
        let error = host.client(config()).retrieve(&Query::new("dogs")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.message().to_owned()
    };
    // No points, in a collection that others made.
    let host = Host::new();
    put(&host, "/collections/kb", json!({ "vectors": cosine() })).await;
    assert!(problem(&host).await.contains("holds no points"));
    // Points without a payload, and with one that has no text.
    let host = Host::new();
    filled(&host, cosine(), None, |_| json!({})).await;
    assert!(problem(&host).await.contains("no payload"));
    let host = Host::new();
    filled(&host, cosine(), None, |_| json!({"page_content": " ", "vec": [1, 2]})).await;
    let text = problem(&host).await;
    assert!(text.contains("page_content (text), vec (list)"), "{text}");
    // The names of fields forge no log line.
    let host = Host::new();
    filled(&host, cosine(), None, |_| json!({"a\nb": "x"})).await;
    assert!(!problem(&host).await.contains('\n'));
}

#[tokio::test(start_paused = true)]
async fn what_is_closest_comes_first_whatever_the_collection_compares_by() {
    for distance in ["Cosine", "Dot", "Euclid", "Manhattan"] {
        let host = Host::new();
        let vectors = json!({"size": 256, "distance": distance});
        filled(&host, vectors, None, |text| json!({ "text": text })).await;
        let qdrant = host.client(config());
        let passages =
            qdrant.retrieve(&Query::new("are dogs welcome").with_limit(1)).await.unwrap();
        assert_eq!(passages[0].text, DOGS, "{distance}");
        let strict = host.client(config().with_score_threshold(0.1));
        let outcome = strict.retrieve(&Query::new("are dogs welcome")).await;
        assert_eq!(outcome.is_err(), matches!(distance, "Euclid" | "Manhattan"), "{distance}");
    }
}
