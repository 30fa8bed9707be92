//! Contract tests: whether an adapter keeps the numbered clauses of its trait.
//!
//! [`contract_tests!`](crate::contract_tests) makes one test of each clause of a trait's
//! `# Contract`, so that a clause that is broken is seen by its name:
//!
//! ```
//! use voicekit_testkit::contract::Subject;
//! use voicekit_testkit::contract_tests;
//! use voicekit_testkit::fake::{FakeLlm, FakeTts};
//!
//! contract_tests! {
//!     voice: Tts = {
//!         let tts = FakeTts::new();
//!         let journal = tts.journal().clone();
//!         Subject::new(tts).with_work(move || journal.open_count())
//!     },
//!     skip: { 7 => "the voice gives no word times" },
//! }
//!
//! contract_tests! {
//!     model: Llm = Subject::new(FakeLlm::new(["Good morning, we are open."])),
//!     skip: {
//!         3 => "it has no service that could work on",
//!         4 => "it has no service to be asked",
//!         5 => "it calls no tools",
//!     },
//! }
//! # fn main() {}
//! ```
//!
//! These are the tests `voice::clause_4_dropping_the_output_cancels` and so on, each on a
//! [`Subject`] of its own. What shows the service's side, [`Subject::with_work`] and
//! [`Subject::with_requests`], is what lets the clauses about it be checked. The subject's expression
//! may await, and it may be a block that starts a server.
//!
//! A clause that cannot be checked has to be declared as a skip with a reason, and one that can be
//! checked must not be: either fails the clause's test.
//!
//! An `Index` is empty and can be searched; a `Retriever` knows what [`knowledge`](knowledge())
//! gives. Both are written and asked with the embeddings of [`Subject::with_embedder`].
//!
//! [`asr`](asr()), [`llm`](llm()), [`tts`](tts()), [`embedder`](embedder()), [`index`](index()) and
//! [`retriever`](retriever()) check all clauses at once and give a
//! [`ContractReport`], for subjects in many variants. Nothing is waited for longer than 30 s of
//! `tokio`'s clock, so that live services and servers under a paused clock are served alike.

mod asr;
mod cancel;
mod embedder;
mod feed;
mod index;
mod knowledge;
mod llm;
mod macros;
mod retriever;
mod subject;
mod tts;

use std::fmt;
use std::time::Duration;

pub use asr::asr;
pub use embedder::embedder;
pub use index::index;
pub use knowledge::knowledge;
pub use llm::llm;
#[doc(hidden)]
pub use macros::{
    Time, check_asr, check_embedder, check_index, check_llm, check_retriever, check_tts,
};
pub use retriever::retriever;
pub use subject::Subject;
pub use tts::tts;

/// What [`contract_tests!`](crate::contract_tests) names.
#[doc(hidden)]
pub mod roles {
    pub use voicekit_core::asr::Asr;
    pub use voicekit_core::llm::Llm;
    pub use voicekit_core::retrieve::{Embedder, Retriever};
    pub use voicekit_core::tts::Tts;

    /// An index that can be searched.
    pub trait Index: voicekit_core::retrieve::Index + Retriever {}

    impl<I: voicekit_core::retrieve::Index + Retriever> Index for I {}
}

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

/// The name of a type, without where it is.
fn name_of<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or_default()
}

/// Kept if `fine`, otherwise broken as `seen`.
fn unless(fine: bool, seen: impl FnOnce() -> String) -> Verdict {
    if fine { Verdict::Kept } else { Verdict::Broken(seen()) }
}
