#![allow(clippy::unwrap_used)]
mod config;
mod contexts;
mod contract;
mod ends;
mod http;
mod leaks;
mod messages;
mod privacy;
mod reconnect;
mod refusals;
mod support;
mod texts;
mod words;
