//! Tests of the crate's public interface.
#![allow(clippy::unwrap_used)]

mod contract;
mod folder;
mod index;
mod ingest;
mod load;
mod quality;
mod split;
#[cfg(feature = "http")]
mod web;
