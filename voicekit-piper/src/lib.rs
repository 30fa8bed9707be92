#![doc = include_str!("../README.md")]

mod config;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod piper;
mod speaking;
mod text;
mod wyoming;

use std::borrow::Cow;

use voicekit_core::error::{Error, ErrorKind};

pub use config::PiperConfig;
pub use piper::Piper;

/// The name under which this crate's errors appear.
const SERVICE: &str = "piper";

fn error(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, SERVICE, text)
}
