//! The benchmark of routing, in short: it must go on to measure what it says.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use voicekit_benches::routing::{self, Config};

#[test]
fn every_leg_of_every_turn_is_seen_and_nothing_is_lost() {
    let outcome = routing::run(&Config::new(2, Duration::from_secs(2))).unwrap();
    assert!(outcome.turns >= 2, "{outcome}");
    assert!(outcome.is_whole(), "{outcome}");
    assert_eq!(outcome.voices.len(), outcome.turns, "{outcome}");
    assert!(outcome.clauses.len() > outcome.turns, "{outcome}");
    assert!(outcome.frames.len() >= 50 * outcome.turns, "{outcome}");
}
