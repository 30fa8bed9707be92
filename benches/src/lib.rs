#![doc = include_str!("../README.md")]

pub mod agent;
pub mod call;
mod caller;
pub mod density;
mod ears;
pub mod happening;
pub mod labels;
pub mod metrics;
pub mod minute;
mod recogniser;
pub mod recording;
pub mod reference;
pub mod report;
pub mod response;
pub mod routing;
pub mod score;
mod server;
mod streaming;
