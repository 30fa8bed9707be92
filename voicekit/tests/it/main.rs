//! Whole calls in virtual time.
#![allow(clippy::unwrap_used)]

mod allocations;
mod answer_text;
mod answers;
mod builtin;
mod calls;
mod control;
mod dead_ends;
mod knowledge;
mod listening;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "mcp")]
mod mcp_calls;
#[cfg(feature = "mcp")]
mod mcp_faults;
#[cfg(feature = "mcp")]
mod mcp_http;
#[cfg(feature = "mcp")]
mod mcp_older;
#[cfg(feature = "mcp")]
mod mcp_results;
#[cfg(feature = "mcp")]
mod mcp_script;
#[cfg(feature = "mcp")]
mod mcp_secrets;
mod memory;
mod outages;
mod parts;
mod prepared;
mod privacy;
mod prompts;
mod providers;
mod resilience;
mod sessions;
mod silent;
mod slots;
mod standstill;
mod team;
mod tools;
mod tools_offered;
mod twilio;
mod typed_tools;
