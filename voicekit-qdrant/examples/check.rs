//! Checks the contracts of `Index` and `Retriever` on a real server, and prints each clause.
//!
//! ```sh
//! cargo run -p voicekit-qdrant --example check -- http://localhost:6333 [--api-key-env NAME]
//! ```
//!
//! It makes collections of its own, named after the process, and deletes them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::process::ExitCode;
use std::sync::Arc;

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::{Embedder, Index};
use voicekit_net::{Connector, Endpoint, HttpClient, HttpConfig, HttpRequest, Secret};
use voicekit_qdrant::{Qdrant, QdrantConfig, Quantization};
use voicekit_testkit::contract::{self, ContractReport, Subject, knowledge};
use voicekit_testkit::fake::FakeEmbedder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match check().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every clause is kept.
async fn check() -> Result<bool> {
    let (url, key) = arguments()?;
    let mut all_kept = true;
    for (nth, variant) in ["hybrid", "by meaning", "of a tenant, in 8 bits"].iter().enumerate() {
        let name = format!("voicekit-check-{}-{nth}", std::process::id());
        let mut config = QdrantConfig::new(url.clone(), name.clone()).with_indexed(["house"]);
        config = match nth {
            0 => config,
            1 => config.by_meaning_alone(),
            _ => config.with_tenant("tenant").with_quantization(Quantization::Int8),
        };
        config.api_key.clone_from(&key);
        // Somebody looks at it over whatever network there is, and no caller waits.
        config.search_timeout = std::time::Duration::from_secs(10);
        println!("{variant}, in the collection {name}");
        let outcome = reports(config).await;
        delete(&url, key.as_ref(), &name).await?;
        for report in outcome? {
            print!("{report}");
            // A server does not show what it is at work on.
            all_kept &=
                report.broken().is_empty() && report.skipped().iter().all(|skip| *skip == 3);
        }
    }
    println!("{}", if all_kept { "every clause is kept" } else { "a clause is broken" });
    Ok(all_kept)
}

async fn reports(config: QdrantConfig) -> Result<[ContractReport; 2]> {
    let embedder: Arc<dyn Embedder> = Arc::new(FakeEmbedder::new());
    let qdrant = Qdrant::new(config, Arc::clone(&embedder))?;
    qdrant.ensure().await?;
    let index = contract::index(&Subject::new(qdrant.clone())).await;
    qdrant.upsert(knowledge(&embedder).await).await?;
    Ok([index, contract::retriever(&Subject::new(qdrant)).await])
}

fn arguments() -> Result<(String, Option<Secret>)> {
    let mut arguments = std::env::args().skip(1);
    let usage = || {
        Error::new(ErrorKind::Config, "check", "usage: check http://HOST:6333 [--api-key-env NAME]")
    };
    let url = arguments.next().ok_or_else(usage)?;
    let key = match arguments.next().as_deref() {
        None => None,
        Some("--api-key-env") => {
            let name = arguments.next().ok_or_else(usage)?;
            Some(Secret::from_env("check", &name)?)
        }
        Some(_) => return Err(usage()),
    };
    if arguments.next().is_some() { Err(usage()) } else { Ok((url, key)) }
}

async fn delete(url: &str, key: Option<&Secret>, collection: &str) -> Result<()> {
    let mut endpoint = Endpoint::new("qdrant", url)?.with_path("collections")?;
    endpoint = endpoint.with_path(collection)?;
    if let Some(key) = key {
        endpoint = endpoint.with_header("api-key", key.clone())?;
    }
    let http = HttpClient::new(Connector::new()?, HttpConfig::default());
    http.send(HttpRequest::delete(endpoint)).await.map(|_| ())
}
