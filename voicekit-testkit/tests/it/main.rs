//! The simulators, tested through their public API.
#![allow(clippy::unwrap_used)]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names the variants it expects")]

mod agent;
mod call;
mod carrier;
mod contract;
mod fakes;
mod invariants;
mod knowledge;
mod mutate;
mod phone;
mod servers;
mod whole;
