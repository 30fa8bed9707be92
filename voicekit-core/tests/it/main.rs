//! The crate as its users meet it: audio, text and recording.
#![allow(clippy::unwrap_used)]

mod g711;
mod level;
mod resample;
mod vad;
