//! Signal processing on samples: changing the rate and the format, measuring the level,
//! playing what a network delivers.

mod convert;
pub mod echo;
pub mod jitter;
mod kernels;
pub mod level;
pub mod resample;

pub use convert::Converter;
