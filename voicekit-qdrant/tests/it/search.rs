//! Finding passages.

use serde_json::{Value, json};
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Index, Query, Retriever, SECTION, SOURCE};
use voicekit_qdrant::{QdrantConfig, Quantization};
use voicekit_testkit::server::http::Asked;

use crate::service::{Host, chunk, config, embedded, fill, found, ids};

fn shorten(query: &mut Value) {
    if query["query"].is_array() {
        query["query"] = json!("meaning");
    } else if query["query"]["indices"].is_array() {
        query["query"] = json!("words");
    }
}

/// What the golden samples leave out: the vectors.
fn without_vectors(asked: &Asked) -> String {
    let mut body = asked.json();
    shorten(&mut body);
    for prefetch in body.get_mut("prefetch").and_then(Value::as_array_mut).into_iter().flatten() {
        shorten(prefetch);
    }
    body.to_string()
}

#[tokio::test(start_paused = true)]
async fn meaning_and_words_are_asked_at_once_and_filtered_everywhere() {
    let host = Host::new();
    let qdrant = host.client(config().with_tenant("acme").with_score_threshold(0.9));
    fill(&qdrant).await;
    let before = host.server.asked().len();
    let query =
        Query::new("um, is there parking please").with_limit(3).with_filter("site", "north");
    qdrant.retrieve(&query).await.unwrap();
    assert_eq!(host.lines(before), ["POST /collections/kb/points/query?timeout=1"]);
    let filter = json!({"must": [
        {"key": "metadata.site", "match": {"value": "north"}},
        {"key": "tenant", "match": {"value": "acme"}},
    ]});
    let wanted = json!({
        "prefetch": [
            {"query": "meaning", "using": "dense", "filter": filter, "limit": 50},
            {"query": "words", "using": "bm25", "filter": filter, "limit": 50},
        ],
        "query": {"fusion": "rrf"},
        "filter": filter,
        "limit": 11,
        "with_payload": true,
    });
    let asked = &host.asked("/points/query")[0];
    assert_eq!(without_vectors(asked), wanted.to_string());
    let words = &asked.json()["prefetch"][1]["query"];
    assert_eq!(words["values"], json!([1.0]), "only parking tells anything");
    let meaning = embedded("is there parking").await;
    assert_eq!(asked.json()["prefetch"][0]["query"], json!(meaning.values()));
}

#[tokio::test(start_paused = true)]
async fn meaning_alone_is_asked_with_a_threshold() {
    let host = Host::new();
    let settings = config().by_meaning_alone().with_quantization(Quantization::Int8);
    let qdrant = host.client(settings.clone());
    fill(&qdrant).await;
    assert_eq!(host.asked("PUT /collections/kb")[0].json().get("sparse_vectors"), None);
    assert_eq!(found(&qdrant, "are dogs welcome").await.len(), 3);
    let strict = host.client(settings.with_score_threshold(0.5));
    assert_eq!(found(&strict, "are dogs welcome").await, ["b#1"]);
    let wanted = json!({
        "query": "meaning",
        "using": "dense",
        "params": {"quantization": {"rescore": true, "oversampling": 2.0}},
        "filter": {"must": [{"key": "tenant", "match": {"value": "default"}}]},
        "score_threshold": 0.5,
        "limit": 12,
        "with_payload": true,
    });
    assert_eq!(without_vectors(&host.asked("/points/query")[1]), wanted.to_string());
}

#[tokio::test(start_paused = true)]
async fn passages_say_where_they_are_from() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let passages = qdrant.retrieve(&Query::new("is there parking")).await.unwrap();
    assert_eq!(
        (passages[0].id.as_str(), passages[0].text.as_str()),
        ("a#1", "Parking is behind the house.")
    );
    assert_eq!(passages[0].metadata[SOURCE], "a");
    assert_eq!(passages[0].metadata[SECTION], "House › Cars");
    for (key, value, wanted) in [
        (SOURCE, "a", &["a#1", "a#2"][..]),
        (SECTION, "House › Cars", &["a#1"]),
        ("site", "north", &["b#1"]),
        ("site", "south", &[]),
        ("no such key, \u{1f600}", "x", &[]),
    ] {
        let query = Query::new("parking breakfast dogs").with_filter(key, value);
        let mut found = ids(&qdrant.retrieve(&query).await.unwrap());
        found.sort();
        assert_eq!(found, wanted, "{key} {value}");
    }
    let query = Query::new("parking").with_filter("a \"quoted\" key", "x");
    assert_eq!(qdrant.retrieve(&query).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn passages_that_say_the_same_come_once() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    for nth in 0..4 {
        let again = chunk(&format!("c#{nth}"), "c", "Dogs are welcome.").await;
        qdrant.upsert(vec![again]).await.unwrap();
    }
    let query = Query::new("are dogs welcome at breakfast").with_limit(2);
    let passages = qdrant.retrieve(&query).await.unwrap();
    let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    assert_eq!(texts, ["Dogs are welcome.", "Breakfast begins at seven."]);
}

#[tokio::test(start_paused = true)]
async fn words_that_are_rare_find_what_meaning_misses() {
    let host = Host::new();
    let qdrant = host.client(config());
    // Vectors that say nothing.
    let mut chunks = Vec::new();
    for (nth, text) in ["The yard", "The garage", "Extension 4711"].iter().enumerate() {
        let mut chunk = chunk(&format!("a#{nth}"), "a", text).await;
        chunk.embedding = embedded("nothing").await;
        chunks.push(chunk);
    }
    qdrant.upsert(chunks).await.unwrap();
    assert_eq!(found(&qdrant, "what is extension 4711").await[0], "a#2");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_finds_only_its_own() {
    let host = Host::new();
    let [one, other] = ["one", "other"].map(|tenant| host.client(config().with_tenant(tenant)));
    fill(&one).await;
    other.upsert(vec![chunk("z#1", "z", "Parking is free.").await]).await.unwrap();
    assert_eq!(found(&other, "parking breakfast dogs").await, ["z#1"]);
    assert_eq!(found(&one, "parking breakfast dogs").await.len(), 3);
    assert!(found(&host.client(config()), "parking").await.is_empty());
}

/// A collection with one vector and payloads as others write them.
async fn foreign(host: &Host, name: &str, vectors: Value, named: Option<&str>) {
    let path = format!("/collections/{name}");
    put(host, &path, json!({"vectors": vectors})).await;
    let mut points = Vec::new();
    for (nth, text) in ["Dogs are welcome.", "Parking is free."].iter().enumerate() {
        let values = embedded(text).await;
        let vector = match named {
            Some(vector) => json!({ vector: values.values() }),
            None => json!(values.values()),
        };
        let payload =
            json!({"text": text, "page": nth, "site": "north", "tags": ["x"], "tenant": "acme"});
        points.push(json!({"id": nth, "vector": vector, "payload": payload}));
    }
    points.push(json!({"id": 9, "vector": {}, "payload": {"no": "text"}}));
    put(host, &format!("{path}/points?wait=true"), json!({"points": points})).await;
}

pub(crate) async fn put(host: &Host, target: &str, body: Value) {
    let served = std::sync::Arc::clone(&host.server);
    let connector = voicekit_net::Connector::new().unwrap().with_pipe(move || served.connect());
    let http = voicekit_net::HttpClient::new(connector, voicekit_net::HttpConfig::default());
    let endpoint = voicekit_net::Endpoint::new("test", &format!("http://test{target}")).unwrap();
    http.send(voicekit_net::HttpRequest::put(endpoint).json(&body).unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn collections_of_others_are_searched_by_meaning_and_never_written() {
    let host = Host::new();
    let one = json!({"size": 256, "distance": "Cosine"});
    foreign(&host, "unnamed", one.clone(), None).await;
    foreign(&host, "named", json!({ "text-vector": one }), Some("text-vector")).await;
    for (name, using) in [("unnamed", None), ("named", Some("text-vector"))] {
        let settings = QdrantConfig::new("http://qdrant.test", name);
        let qdrant = host.client(settings.clone());
        let passages = qdrant.retrieve(&Query::new("are dogs welcome")).await.unwrap();
        assert_eq!(ids(&passages), ["0", "1"], "{name}");
        assert_eq!(passages[0].text, "Dogs are welcome.");
        assert_eq!(passages[0].metadata["page"], "0");
        let query = Query::new("dogs").with_filter("site", "north");
        assert_eq!(qdrant.retrieve(&query).await.unwrap().len(), 2);
        let acme = host.client(settings.with_tenant("acme"));
        assert_eq!(found(&acme, "dogs").await.len(), 2);
        let asked = host.asked(&format!("/{name}/points/query"));
        assert_eq!(asked[0].json().get("using").and_then(|using| using.as_str()), using);
        assert_eq!((asked[0].json().get("filter"), asked[0].json().get("prefetch")), (None, None));
        assert_eq!(asked[1].json()["filter"]["must"][0]["key"], "site");
        assert_eq!(asked[2].json()["filter"]["must"][0]["key"], "tenant");
        let refused = qdrant.upsert(vec![chunk("a", "a", "a").await]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Rejected);
        assert!(refused.message().contains("made by somebody else"), "{refused}");
        assert_eq!(qdrant.delete("a").await.unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(host.service.count(name), Some(3));
    }
}
