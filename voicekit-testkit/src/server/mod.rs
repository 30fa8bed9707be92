//! Servers in the place of a provider, which answer by a script.

pub mod http;
