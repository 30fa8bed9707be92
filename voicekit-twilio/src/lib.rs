#![doc = include_str!("../README.md")]

mod account;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod bare;
mod config;
mod control;
mod crowd;
mod live;
mod media;
pub mod serve;
mod signature;
mod throttle;
mod token;
mod twiml;
mod webhook;
mod wire;

pub use account::Account;
pub use config::{SignaturePolicy, TokenPolicy, TwilioConfig};
pub use signature::{SignedBody, is_signed, is_upgrade_signed, sign};
pub use voicekit_net::Secret;
pub use webhook::routes;

/// The name under which this crate's errors appear.
const SERVICE: &str = "twilio";
