#![doc = include_str!("../README.md")]

#[cfg(feature = "recordings")]
pub mod recordings;
#[cfg(feature = "sessions")]
pub mod sessions;
