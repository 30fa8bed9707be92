//! The targets: each takes any bytes and panics if an invariant does not hold.

pub mod audio;
pub mod jitter;
pub mod knowledge;
pub mod models;
pub mod recognisers;
pub mod refusals;
pub mod text;
pub mod turn;
pub mod twilio;
pub mod voices;
pub mod wav;
