#![doc = include_str!("../README.md")]

mod account;
mod aura;
mod config;
mod failure;
mod flux;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod listen;
mod nova;
mod wire;

pub use account::{Account, Credentials};
pub use aura::Aura;
pub use config::{AuraConfig, FluxConfig, NovaConfig};
pub use flux::Flux;
pub use nova::Nova;
pub use voicekit_net::Secret;

/// The name under which this crate's errors appear.
const SERVICE: &str = "deepgram";
