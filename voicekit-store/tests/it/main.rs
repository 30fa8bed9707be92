//! Recordings and sessions of calls, on a real disk and a real server.
#![allow(clippy::unwrap_used)]

mod calls;
mod directory;
mod files;
mod flaky;
mod recovery;
mod redis;
mod s3;
mod sessions;
mod upload;
