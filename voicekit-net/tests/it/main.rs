//! Everything against servers of our own: in memory and in virtual time where the time matters,
//! over loopback where sockets do.

#![allow(clippy::unwrap_used)]

mod bounds;
mod codec;
mod events;
mod http;
mod leaks;
mod lenient;
mod pump_ends;
mod pump_properties;
mod pump_sends;
mod refusals;
mod server;
mod silence;
mod sse;
mod tls;
mod web;
mod websocket;
