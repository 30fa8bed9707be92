#![doc = include_str!("../README.md")]

mod account;
mod asr;
mod codec;
mod config;
mod failure;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod lifetime;
mod turn;
mod wire;

pub use account::{Account, Credentials};
pub use asr::AssemblyAi;
pub use config::{AssemblyAiConfig, Turns};
pub use voicekit_net::Secret;

/// The name under which this crate's errors appear.
const SERVICE: &str = "assemblyai";
