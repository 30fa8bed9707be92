//! What goes over the wire, without a socket: requests as JSON, answers from events.
//!
//! Answers are read leniently, for services that are nearly compatible: what is missing, `null`
//! or unknown is skipped. What is no JSON at all is a `Protocol` error.

mod answer;
mod calls;
mod content;
mod embedding;
mod fault;
mod request;

pub(crate) use answer::Answer;
pub(crate) use embedding::{Embeddings, batches, embedding_body, vectors};
pub(crate) use request::{chat_body, speech_body};
