//! Contract tests: whether an adapter keeps the numbered clauses of its trait.
//!
//! Each function works through the clauses of one trait's `# Contract` and gives a [`Verdict`] on
//! each. What cannot be checked from outside is skipped with a reason, and the caller declares
//! which skips it expects, so that none goes unnoticed:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use voicekit_testkit::contract;
//! use voicekit_testkit::fake::FakeLlm;
//!
//! let llm = FakeLlm::new(["Good morning."]);
//! let report = contract::llm(&llm).await;
//! report.assert_kept(&[3, 4]);
//! # }
//! ```
//!
//! The functions wait at most 30 s of `tokio`'s clock for anything, so that they serve live
//! services and fakes under a paused clock alike.

mod asr;
mod feed;
mod llm;
mod tts;

use std::fmt;
use std::time::Duration;

pub use asr::asr;
pub use llm::llm;
pub use tts::tts;

/// How long an adapter may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether one clause is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is.
    Kept,
    /// It is not, and this was seen.
    Broken(String),
    /// It could not be checked, for this reason.
    Skipped(&'static str),
}

/// The verdicts on every clause of a contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractReport {
    name: String,
    verdicts: Vec<(u32, Verdict)>,
}

impl ContractReport {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), verdicts: Vec::new() }
    }

    /// The clauses and their verdicts, in order.
    pub fn verdicts(&self) -> &[(u32, Verdict)] {
        &self.verdicts
    }

    /// The clauses that are broken.
    pub fn broken(&self) -> Vec<u32> {
        self.which(|verdict| matches!(verdict, Verdict::Broken(_)))
    }

    /// The clauses that were skipped.
    pub fn skipped(&self) -> Vec<u32> {
        self.which(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    /// Checks that every clause is kept but for the declared skips.
    ///
    /// # Panics
    ///
    /// If a clause is broken, or if the skips are not exactly those declared.
    pub fn assert_kept(&self, skips: &[u32]) {
        assert!(self.broken().is_empty(), "{self}");
        assert_eq!(self.skipped(), skips, "skips are not as declared: {self}");
    }

    fn add(&mut self, clause: u32, verdict: Verdict) {
        self.verdicts.push((clause, verdict));
    }

    /// Adds a verdict: kept if `seen` is `None`, otherwise broken as seen.
    fn check(&mut self, clause: u32, seen: Option<String>) {
        self.add(clause, seen.map_or(Verdict::Kept, Verdict::Broken));
    }

    fn which(&self, predicate: impl Fn(&Verdict) -> bool) -> Vec<u32> {
        let chosen = self.verdicts.iter().filter(|(_, verdict)| predicate(verdict));
        chosen.map(|(clause, _)| *clause).collect()
    }
}

impl fmt::Display for ContractReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "contract of {}:", self.name)?;
        for (clause, verdict) in &self.verdicts {
            match verdict {
                Verdict::Kept => writeln!(f, "  {clause}. kept")?,
                Verdict::Broken(seen) => writeln!(f, "  {clause}. BROKEN: {seen}")?,
                Verdict::Skipped(reason) => writeln!(f, "  {clause}. skipped: {reason}")?,
            }
        }
        Ok(())
    }
}

/// `None` if `fine`, otherwise what was seen.
fn unless(fine: bool, seen: impl FnOnce() -> String) -> Option<String> {
    (!fine).then(seen)
}
