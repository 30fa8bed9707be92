//! Recordings of calls, on a real disk.
#![allow(clippy::unwrap_used)]

mod calls;
mod directory;
mod flaky;
mod recovery;
mod s3;
mod upload;
