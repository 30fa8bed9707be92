//! Signal processing on samples: changing the rate and the format, measuring the level.

mod convert;
pub mod echo;
mod kernels;
pub mod level;
pub mod resample;

pub use convert::Converter;
