//! What can be set.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use voicekit_core::error::{ErrorKind, Result};
use voicekit_qdrant::{QdrantConfig, layout};

use crate::error;

/// Which directory, and how it is written and searched.
///
/// [`QdrantEdge::open`](crate::QdrantEdge::open) checks it and names what is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EdgeConfig {
    /// Where it is kept. Default: `knowledge` in the working directory.
    pub directory: PathBuf,
    /// Whose knowledge it is, where several share a directory: only theirs is found, listed and
    /// deleted. Default: `default`.
    pub tenant: Option<String>,
    /// Whether passages are found by words as well as by meaning. A directory that was made without
    /// words stays without. Default: true.
    pub hybrid: bool,
    /// Metadata that questions filter by, which makes searches quicker. Default: none.
    pub indexed: Vec<String>,
    /// How close a passage must be where it is found by meaning alone: a cosine, −1 to 1. What is
    /// found by words too has ranks for scores and is not cut. Default: anything.
    pub score_threshold: Option<f32>,
    /// How many passages each of meaning and words puts forward before they become one order, 1 to
    /// 10,000. Default: 50.
    pub candidates: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        let QdrantConfig { tenant, hybrid, indexed, score_threshold, candidates, .. } =
            QdrantConfig::default();
        let directory = PathBuf::from("knowledge");
        Self { directory, tenant, hybrid, indexed, score_threshold, candidates }
    }
}

impl EdgeConfig {
    /// Knowledge in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), ..Self::default() }
    }

    /// Sets [`tenant`](Self::tenant).
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Finds passages by meaning alone.
    #[must_use]
    pub fn by_meaning_alone(mut self) -> Self {
        self.hybrid = false;
        self
    }

    /// Sets [`indexed`](Self::indexed).
    #[must_use]
    pub fn with_indexed<T: Into<String>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        self.indexed = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`score_threshold`](Self::score_threshold).
    #[must_use]
    pub fn with_score_threshold(mut self, threshold: f32) -> Self {
        self.score_threshold = Some(threshold);
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.directory.as_os_str().is_empty() {
            return Err(error(ErrorKind::Config, "directory is empty"));
        }
        layout::check(&self.collection())
    }

    /// The collection of a server that is written and searched in the same way.
    pub(crate) fn collection(&self) -> QdrantConfig {
        let mut config = QdrantConfig::default();
        config.tenant.clone_from(&self.tenant);
        config.hybrid = self.hybrid;
        config.indexed.clone_from(&self.indexed);
        config.score_threshold = self.score_threshold;
        config.candidates = self.candidates;
        config
    }

    pub(crate) fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or(layout::NOBODY)
    }
}
