#![doc = include_str!("../README.md")]

pub mod carrier;
pub mod contract;
pub mod fake;
pub mod load;
pub mod logs;
pub mod mulaw;
pub mod mutate;
pub mod phone;
pub mod script;
pub mod server;
pub mod speech;
pub mod words;
