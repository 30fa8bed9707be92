#![doc = include_str!("../README.md")]

pub mod files;
pub mod lines;
#[cfg(feature = "recordings")]
pub mod recordings;
#[cfg(feature = "sessions")]
pub mod sessions;
