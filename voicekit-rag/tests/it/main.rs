//! Tests of the crate's public interface.
#![allow(clippy::unwrap_used)]

mod contract;
mod documents;
mod folder;
mod index;
mod ingest;
mod load;
#[cfg(feature = "office")]
mod office;
#[cfg(feature = "pdf")]
mod pdf;
mod quality;
mod split;
mod walk;
#[cfg(feature = "http")]
mod web;
