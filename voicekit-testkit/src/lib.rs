#![doc = include_str!("../README.md")]

pub mod carrier;
pub mod contract;
pub mod fake;
pub mod load;
pub mod logs;
pub mod mulaw;
pub mod mutate;
pub mod phone;
pub mod script;
pub mod server;
pub mod speech;
pub mod words;

/// Returns `usual`, or ten times as many if the environment variable `VOICEKIT_THOROUGH` is set.
///
/// For tests that repeat one thing so often that a rare leak or race shows. `cargo xtask explore`
/// sets the variable.
pub fn repetitions(usual: usize) -> usize {
    if std::env::var_os("VOICEKIT_THOROUGH").is_some() { 10 * usual } else { usual }
}
