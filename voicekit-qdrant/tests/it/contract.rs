//! The contracts of the traits, and that nothing is left behind. In virtual time.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use voicekit_core::retrieve::{Embedder, Index, Query, Retriever};
use voicekit_qdrant::{Qdrant, QdrantConfig, Quantization};
use voicekit_testkit::contract::{Subject, knowledge};
use voicekit_testkit::contract_tests;
use voicekit_testkit::fake::FakeEmbedder;
use voicekit_testkit::server::provider::qdrant::Qdrant as Service;

use crate::service::{Host, config, fill};

contract_tests! { index: Index = empty(config()) }
contract_tests! { index_by_meaning: Index = empty(config().by_meaning_alone()) }
contract_tests! { index_of_a_tenant: Index = empty(config().with_tenant("acme")) }
contract_tests! { index_in_small_batches: Index = empty(config().with_batch(1, 1 << 20)) }
contract_tests! { retriever: Retriever = filled(config().with_indexed(["house"])).await }
contract_tests! {
    retriever_by_meaning: Retriever = filled(
        config().by_meaning_alone().with_indexed(["house"]).with_quantization(Quantization::Int8)
    ).await
}

fn empty(config: QdrantConfig) -> Subject<Qdrant> {
    let host = Host::new();
    let qdrant = host.client(config);
    Subject::new(qdrant).with_work(move || host.server.open_answers())
}

/// In strict mode, and slow enough to be seen at work.
async fn filled(config: QdrantConfig) -> Subject<Qdrant> {
    let host = Host::of(Service::new().with_strict_mode());
    let qdrant = host.client(config);
    let embedder: Arc<dyn Embedder> = Arc::new(FakeEmbedder::new());
    qdrant.upsert(knowledge(&embedder).await).await.unwrap();
    let _slow = host.service.clone().with_delay(Duration::from_millis(100));
    Subject::new(qdrant).with_work(move || host.server.open_answers())
}

#[tokio::test(start_paused = true)]
async fn searches_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let host = Host::new();
    let qdrant = host.client(config());
    fill(&qdrant).await;
    let _slow = host.service.clone().with_delay(Duration::from_millis(100));
    for nth in 0..voicekit_testkit::repetitions(1_000) {
        let query = Query::new("parking");
        let time = Duration::from_millis([0, 1, 50, 500][nth % 4]);
        let _ = tokio::time::timeout(time, qdrant.retrieve(&query)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(host.server.open_answers(), 0);
    assert!(
        host.server.asked().len() > voicekit_testkit::repetitions(500),
        "{}",
        host.server.asked().len()
    );
    assert!(host.server.open_connections() <= 16, "{}", host.server.open_connections());
    drop((qdrant, host));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
