#![doc = include_str!("../README.md")]

mod check;
mod codec;
mod connector;
mod endpoint;
mod events;
pub mod http;
mod last_words;
pub mod pump;
mod refusal;
mod secret;
pub mod sse;
mod websocket;

pub use check::Check;
pub use codec::{Inbox, Outbox, WireCodec, close_error, understood};
pub use connector::{Connector, Dial, Io, Wire};
pub use endpoint::Endpoint;
pub use events::{EventCodec, decode};
pub use http::{HttpClient, HttpConfig, HttpRequest, HttpResponse};
pub use last_words::keep_last_words;
pub use pump::{Link, PumpConfig, pump};
pub use refusal::Refusal;
pub use secret::Secret;
pub use voicekit_core::retry::RetryPolicy;
pub use websocket::{Frame, OpenError, Received, WebSocket};
