//! What goes over the wire, without a socket: requests as JSON, answers from events.
//!
//! Events, blocks and fields that are unknown are skipped, as the API's policy on versions demands.
//! What is no JSON at all is a `Protocol` error.

mod answer;
mod block;
mod fault;
mod history;
mod request;

pub(crate) use answer::Answer;
pub(crate) use request::message_body;

/// Under what name thoughts travel in a call's provider data, so that no other adapter's data is
/// taken for ours.
const PROVIDER: &str = "anthropic";
