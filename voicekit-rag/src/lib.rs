#![doc = include_str!("../README.md")]

pub mod briefing;
pub mod index;
pub mod ingest;
pub mod load;
pub mod lookup;
pub mod rerank;
pub mod split;
pub mod spoken;

pub use index::EmbeddedIndex;
pub use ingest::Ingestion;
pub use lookup::Lookup;
pub use rerank::CrossCheck;

/// Where a passage's metadata says which document it is of.
pub const SOURCE: &str = "source";
/// Where a passage's metadata says under which headings it is.
pub const SECTION: &str = "section";
