//! The embedded engine on directories that are gone when a test is over.

#![allow(clippy::unwrap_used)]

mod contract;
mod folder;
mod keeping;
mod server;
