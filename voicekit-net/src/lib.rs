#![doc = include_str!("../README.md")]

mod check;
mod codec;
mod connector;
mod endpoint;
mod events;
pub mod http;
pub mod lenient;
pub mod pump;
mod refusal;
mod secret;
mod silence;
pub mod sse;
mod websocket;

pub use check::Check;
pub use codec::{Inbox, Outbox, WireCodec, close_error, understood};
pub use connector::{Connector, Dial, Io, Wire};
pub use endpoint::Endpoint;
pub use events::{EventCodec, decode};
pub use http::{HttpClient, HttpConfig, HttpRequest, HttpResponse};
pub use pump::{Link, PumpConfig, Weigh, pump};
pub use refusal::{Refusal, plain_word, request_note};
pub use secret::Secret;
pub use silence::Silence;
pub use voicekit_core::retry::RetryPolicy;
pub use websocket::{Frame, OpenError, Received, WebSocket};
