#![doc = include_str!("../README.md")]

mod config;
mod engine;
mod index;
mod search;

use std::fmt;
use std::sync::Arc;

use tokio::task::JoinSet;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retrieve::Embedder;

use self::engine::Engine;

pub use config::EdgeConfig;

/// What the engine is called in errors, logs and traces.
const SERVICE: &str = "qdrant-edge";

/// Knowledge in a directory, kept by Qdrant's embedded engine. Clones share it.
#[derive(Clone)]
pub struct QdrantEdge(Arc<Shared>);

struct Shared {
    config: EdgeConfig,
    engine: Arc<Engine>,
    embedder: Arc<dyn Embedder>,
}

impl QdrantEdge {
    /// What is in the directory that `config` names; nothing, if it is empty or not there. It is
    /// made by the first write. Questions are embedded by `embedder`.
    ///
    /// One process at a time can have a directory open.
    ///
    /// # Errors
    ///
    /// `Config` if a setting is wrong or the directory holds something else; `Internal` if it cannot
    /// be read, or another process has it open.
    pub async fn open(config: EdgeConfig, embedder: Arc<dyn Embedder>) -> Result<Self> {
        config.check()?;
        let engine = Engine::new(&config);
        let engine = blocking(move || engine.open().map(|()| engine)).await?;
        Ok(Self(Arc::new(Shared { config, engine: Arc::new(engine), embedder })))
    }

    /// How many chunks there are.
    ///
    /// # Errors
    ///
    /// `Internal` if they cannot be counted.
    pub async fn count(&self) -> Result<u64> {
        self.on_engine(Engine::count).await
    }

    /// Tidies up after many writes: what was deleted is dropped, and where there are more than 10 MB
    /// of embeddings they get an index. Whether there was anything to do. Searches go on meanwhile,
    /// writes wait.
    ///
    /// # Errors
    ///
    /// `Internal` if it failed.
    pub async fn optimize(&self) -> Result<bool> {
        self.on_engine(Engine::optimize).await
    }

    /// Does `work` where it may block. What has not begun when the future is dropped never does.
    async fn on_engine<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = Arc::clone(&self.0.engine);
        blocking(move || work(&engine)).await
    }
}

impl fmt::Debug for QdrantEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = &self.0.config.directory;
        f.debug_struct("QdrantEdge").field("directory", directory).finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn_blocking(work);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        // The engine panics where a disk fails it.
        Some(Err(failed)) => {
            Err(error(ErrorKind::Internal, "the engine broke down").with_source(failed))
        }
        None => Err(error(ErrorKind::Internal, "the engine was not asked")),
    }
}

fn error(kind: ErrorKind, text: impl Into<String>) -> Error {
    Error::new(kind, SERVICE, text.into())
}
