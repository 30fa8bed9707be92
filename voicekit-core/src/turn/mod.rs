//! Turn taking and barge-in.

mod detector;

pub use detector::{Heard, TurnDetector};
