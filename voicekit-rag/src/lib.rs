#![doc = include_str!("../README.md")]

pub mod index;
pub mod ingest;
pub mod load;
pub mod rerank;
pub mod split;

pub use index::EmbeddedIndex;
pub use ingest::Ingestion;
pub use rerank::CrossCheck;
pub use voicekit_core::retrieve::{SECTION, SOURCE};
