//! What goes over the wire, without a socket: requests as JSON, answers from JSON.
//!
//! Answers are read leniently: unknown fields are skipped, and points without a text are left out
//! with a line at DEBUG. What is no JSON, or of other types, is a `Protocol` error.

mod answer;
mod request;

pub(crate) use answer::{
    Counted, Envelope, Found, Info, Layout, Params, Scrolled, Vector, Vectors, Version, document,
};
pub(crate) use request::{
    Condition, Search, all_chunks, all_markers, chunks_of, create, delete_marker, indexes, markers,
    metadata_filter, path, query,
};
pub use request::{DENSE, WORDS};
