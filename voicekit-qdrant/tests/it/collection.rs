//! Making the collection, and servers that cannot be used.

use std::sync::Arc;

use serde_json::json;
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Chunk, Embedding, Index, Query, Retriever};
use voicekit_qdrant::{QdrantConfig, Quantization};
use voicekit_testkit::fake::FakeEmbedder;
use voicekit_testkit::server::http::Answer;
use voicekit_testkit::server::provider::qdrant::Qdrant as Service;

use crate::service::{Host, chunk, config, fill, found};

#[tokio::test(start_paused = true)]
async fn a_collection_is_made_with_its_indexes_before_anything_is_written() {
    let host = Host::new();
    let settings =
        config().with_quantization(Quantization::Int8).with_indexed(["site", "the site"]);
    let qdrant = host.client(settings.clone());
    qdrant.upsert(vec![chunk("a", "a", "text").await]).await.unwrap();
    assert_eq!(
        host.lines(0),
        [
            "GET /",
            "GET /collections/kb",
            "PUT /collections/kb",
            "GET /collections/kb",
            "POST /collections/kb/points/scroll",
            "PUT /collections/kb/index?wait=true",
            "PUT /collections/kb/index?wait=true",
            "PUT /collections/kb/index?wait=true",
            "PUT /collections/kb/index?wait=true",
            "PUT /collections/kb/index?wait=true",
            "PUT /collections/kb/points?wait=true",
            "PUT /collections/kb/points?wait=true",
        ]
    );
    let scalar = json!({"type": "int8", "quantile": 0.99, "always_ram": true});
    assert_eq!(
        host.server.asked()[2].json(),
        json!({
            "vectors": {"dense": {"size": 256, "distance": "Cosine"}},
            "sparse_vectors": {"bm25": {"modifier": "idf"}},
            "hnsw_config": {"m": 16, "ef_construct": 100},
            "quantization_config": {"scalar": scalar},
        })
    );
    let tenant = json!({"type": "keyword", "is_tenant": true});
    assert_eq!(
        host.bodies("/index"),
        [
            json!({"field_name": "document", "field_schema": "keyword"}),
            json!({"field_name": "kind", "field_schema": "keyword"}),
            json!({"field_name": "metadata.\"the site\"", "field_schema": "keyword"}),
            json!({"field_name": "metadata.site", "field_schema": "keyword"}),
            json!({"field_name": "tenant", "field_schema": tenant}),
        ]
    );
    // Another client finds all of it there.
    let before = host.server.asked().len();
    host.client(settings).ensure().await.unwrap();
    assert_eq!(host.lines(before), ["GET /", "GET /collections/kb"]);
    qdrant.ensure().await.unwrap();
    assert_eq!(host.server.asked().len(), before + 2, "what is known is not asked again");
}

#[tokio::test(start_paused = true)]
async fn two_that_make_the_collection_at_once_both_succeed() {
    let host = Host::new();
    let (one, other) = (host.client(config()), host.client(config()));
    let (one, other) = tokio::join!(one.ensure(), other.ensure());
    one.unwrap();
    other.unwrap();
    assert_eq!(
        host.asked("PUT /collections/kb").iter().filter(|a| a.target == "/collections/kb").count(),
        2
    );
    // An answer that was lost is asked for again, and then the collection is there.
    let host = Host::new();
    host.service.lose("PUT /collections/kb");
    host.client(config()).ensure().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_collection_for_other_embeddings_is_refused_with_what_to_do() {
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let small = || vec![Chunk::new("c", "c", "text", Embedding::new(vec![1.0, 0.0]))];
    for client in [&qdrant, &host.client(config())] {
        let refused = client.upsert(small()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Rejected);
        for part in ["2 dimensions", "256", "name another"] {
            assert!(refused.message().contains(part), "{refused}");
        }
    }
    host.service.fail(
        "GET /collections/dot",
        Answer::json(
            200,
            r#"{"result": {"config": {"params":
        {"vectors": {"dense": {"size": 256, "distance": "Dot"}}}}}}"#,
        ),
    );
    let mut settings = config();
    "dot".clone_into(&mut settings.collection);
    let refused = host.client(settings).ensure().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.message().contains("compares by Dot, not by Cosine"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn servers_that_are_too_old_or_something_else_are_refused() {
    for (version, problem) in [
        ("1.16.3", Some("the server is Qdrant 1.16.3; 1.17 or later is needed")),
        ("0.11.0", Some("1.17 or later")),
        ("1.17.0", None),
        ("v2.0.0-dev", None),
        ("nginx", Some("is it Qdrant?")),
    ] {
        let host = Host::of(Service::new().with_version(version));
        let qdrant = host.client(config());
        let outcome = qdrant.ensure().await;
        let searched = qdrant.retrieve(&Query::new("parking")).await;
        match problem {
            None => outcome.unwrap(),
            Some(problem) => {
                assert!(outcome.unwrap_err().message().contains(problem), "{version}");
                assert!(searched.unwrap_err().message().contains(problem), "{version}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn names_with_special_characters_are_encoded() {
    let host = Host::new();
    let mut settings = config();
    "Hôtel №1 & 50%+#".clone_into(&mut settings.collection);
    let qdrant = host.client(settings);
    fill(&qdrant).await;
    assert_eq!(found(&qdrant, "dogs").await[0], "b#1");
    assert_eq!(host.service.count("Hôtel №1 & 50%+#"), Some(5));
}

#[tokio::test(start_paused = true)]
async fn settings_that_make_no_sense_are_refused_by_name() {
    let host = Host::new();
    let with = |change: fn(&mut QdrantConfig)| {
        let mut settings = config();
        change(&mut settings);
        host.client_with(settings, Arc::new(FakeEmbedder::new())).unwrap_err()
    };
    for (failure, part) in [
        (with(|c| "db:6333".clone_into(&mut c.url)), "url must start"),
        (with(|c| "a/b".clone_into(&mut c.collection)), "collection is \"a/b\""),
        (with(|c| "..".clone_into(&mut c.collection)), "collection"),
        (with(|c| c.collection = "x".repeat(256)), "256, not 1 to 255"),
        (with(|c| c.tenant = Some(" ".to_owned())), "tenant is empty"),
        (with(|c| c.indexed = vec!["a\"b".to_owned()]), "indexed"),
        (with(|c| c.score_threshold = Some(f32::NAN)), "score_threshold"),
        (with(|c| c.candidates = 0), "candidates is 0"),
        (with(|c| c.batch = 0), "batch is 0"),
        (with(|c| c.batch_bytes = 1), "batch_bytes is 1"),
        (with(|c| c.search_timeout = std::time::Duration::ZERO), "search_timeout_ms is 0"),
    ] {
        assert_eq!(failure.kind(), ErrorKind::Config);
        assert!(failure.message().contains(part), "{failure}");
    }
    assert!(host.server.asked().is_empty());
}
