//! Signal processing on samples: changing the rate, measuring the level.

pub mod level;
pub mod resample;
