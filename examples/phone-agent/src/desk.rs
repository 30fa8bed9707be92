//! What the agent knows and does for callers: a receptionist's file, documents, and tools.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use voicekit::tools::{FnTool, builtin};
use voicekit_core::control::Transfer;
use voicekit_core::retrieve::Embedder;
use voicekit_local::Knowledge;
use voicekit_rag::{EmbeddedIndex, Ingestion};

use crate::booking::{self, Bookings, Ledger};

/// The file in a directory of knowledge that says who answers.
const RECEPTIONIST: &str = "receptionist.toml";
/// Whom callers can be connected to if nobody says so and the carrier is simulated.
const FRONT_DESK: (&str, &str) = ("front desk", "+15551230009");

/// The demonstration restaurant: in the program, so that it is there wherever the program is.
const DEMO: &[(&str, &str)] = &[
    ("allergies.md", include_str!("../demo/allergies.md")),
    ("events.md", include_str!("../demo/events.md")),
    ("families.md", include_str!("../demo/families.md")),
    ("getting-here.md", include_str!("../demo/getting-here.md")),
    ("gift-cards.md", include_str!("../demo/gift-cards.md")),
    ("menu.csv", include_str!("../demo/menu.csv")),
    ("opening-times.md", include_str!("../demo/opening-times.md")),
];

/// What the agent knows and does for callers.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DeskArgs {
    /// The documents to answer from: a directory, which is read at the start, or a file that
    /// `ingest` has made of one [default: those of a restaurant, unless there is a receptionist].
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) knowledge: Option<PathBuf>,
    /// What the receptionist says by itself, and what it can have done [default: the file
    /// receptionist.toml in the directory of knowledge].
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) receptionist: Option<PathBuf>,
    /// Where bookings are written, a line of JSON each [default: nowhere, they are kept in memory].
    #[arg(long, env = "VOICEKIT_BOOKINGS", value_name = "FILE")]
    pub(crate) bookings: Option<PathBuf>,
}

impl DeskArgs {
    /// What the receptionist says by itself.
    pub(crate) fn receptionist(&self) -> Result<Knowledge> {
        let beside = self.knowledge.as_deref().map(|path| path.join(RECEPTIONIST));
        let file = self.receptionist.clone().or_else(|| beside.filter(|path| path.exists()));
        let Some(path) = file else {
            let usual = match self.knowledge {
                Some(_) => include_str!("neutral.toml"),
                None => include_str!("../demo/receptionist.toml"),
            };
            return Ok(Knowledge::from_toml(usual)?);
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the receptionist's file {}", path.display()))?;
        Knowledge::from_toml(&text).with_context(|| path.display().to_string())
    }

    /// The documents, if there are any.
    pub(crate) async fn documents(
        &self,
        embedder: Arc<dyn Embedder>,
    ) -> Result<Option<EmbeddedIndex>> {
        match (&self.knowledge, &self.receptionist) {
            (Some(path), _) if path.is_dir() => Ok(Some(read(path, embedder).await?)),
            (Some(file), _) => Ok(Some(EmbeddedIndex::open(file, embedder)?)),
            (None, Some(_)) => Ok(None),
            (None, None) => Ok(Some(demo(embedder).await?)),
        }
    }

    /// Where bookings go.
    pub(crate) fn bookings(&self) -> Result<Arc<dyn Bookings>> {
        Ok(match &self.bookings {
            Some(file) => Arc::new(Ledger::in_file(file)?),
            None => Arc::new(Ledger::in_memory()),
        })
    }
}

/// The documents of the demonstration restaurant.
pub(crate) async fn demo(embedder: Arc<dyn Embedder>) -> Result<EmbeddedIndex> {
    // An unguessable name, so that no link can be planted there.
    let directory = tempfile::Builder::new().prefix("phone-agent-").tempdir()?;
    for (name, text) in DEMO {
        std::fs::write(directory.path().join(name), text)?;
    }
    let index = read(directory.path(), embedder).await;
    if let Err(error) = directory.close() {
        tracing::debug!(%error, "the directory of the demonstration stays");
    }
    index
}

async fn read(directory: &Path, embedder: Arc<dyn Embedder>) -> Result<EmbeddedIndex> {
    let index = EmbeddedIndex::in_memory(Arc::clone(&embedder));
    let ingestion = Ingestion::new(Arc::new(index.clone()), embedder);
    let report = ingestion.run(directory, |_| {}).await?;
    if let Some((document, error)) = report.failed.first() {
        bail!("{document} cannot be read: {}", error.message());
    }
    if index.is_empty() {
        bail!("{} holds no documents", directory.display());
    }
    Ok(index)
}

/// What the agent can do: hang up, transfer callers if there is somebody, and what the
/// receptionist's file has done by a tool that is here.
pub(crate) fn tools(
    receptionist: &Knowledge,
    bookings: Arc<dyn Bookings>,
    transfers: BTreeMap<String, Transfer>,
) -> Result<Vec<FnTool>> {
    let mut tools = vec![builtin::hang_up()];
    if !transfers.is_empty() {
        tools.push(builtin::transfer(transfers));
    }
    for name in receptionist.tools().collect::<BTreeSet<_>>() {
        if name != booking::NAME {
            bail!(
                "the receptionist's file has things done by {name:?}; there is {:?} only",
                booking::NAME
            );
        }
        tools.push(booking::book_table(Arc::clone(&bookings)));
    }
    Ok(tools)
}

/// Whom callers of a simulated carrier are connected to.
pub(crate) fn front_desk() -> BTreeMap<String, String> {
    let (name, number) = FRONT_DESK;
    BTreeMap::from([(name.to_owned(), number.to_owned())])
}
