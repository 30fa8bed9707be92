//! Servers in the place of a provider, which play a script: what an adapter of a network service is
//! tested against.

pub mod http;
pub mod provider;
mod websocket;

pub use websocket::{Opened, Received, Reply, Script, Sent, WebSocketServer};
