//! Parts that survive the failure of the service behind them.
//!
//! Each wrapper implements the trait of what it wraps, so that they nest and an agent cannot tell
//! them from a service:
//!
//! - [`Retrying`] tries the same part again.
//! - [`Fallback`] goes on with another part, remembers which ones are broken, and asks them in the
//!   background whether they have recovered. It can choose the one that answers soonest.
//! - [`Timeout`] makes a service that accepts and never answers fail in time for the others.
//! - [`CircuitBreaker`] makes a broken service fail at once.
//!
//! ```no_run
//! # use voicekit::core::{asr::Asr, llm::Llm, tts::Tts};
//! use voicekit::resilience::{Fallback, Timeout};
//! # fn agent(deepgram: impl Asr, whisper: impl Asr, openai: impl Llm, claude: impl Llm) {
//! let asr = Fallback::asr(Timeout::new(deepgram)).or(whisper);
//! let llm = Fallback::llm(Timeout::new(openai)).or(Timeout::new(claude));
//! # }
//! ```
//!
//! # What the caller notices
//!
//! Nothing is lost and nothing comes twice, as far as a service says what it has done:
//!
//! - A **recogniser** that fails is replaced by one that is given the audio that was not
//!   transcribed for good, and the questions that were not answered.
//! - A **model** that fails amid its answer is replaced by one that is told what was said and goes
//!   on from there; what it repeats of it is left out. Once a tool was called, the answer fails:
//!   it must not be called twice.
//! - A **voice** that fails is replaced by one that speaks the rest of the text. Where the rest
//!   begins is known from word times; without them it is reckoned by how fast the voice spoke
//!   before, and may be a word or two off.
//!
//! An answer of a model without a word and without a tool call is a failure, however its service
//! says that it ended. Text for a voice without anything to pronounce and audio without anything to
//! hear are not.
//!
//! Time is tokio's. Dropping an output drops everything below it.

mod answer;
mod attempts;
mod breaker;
mod fallback;
mod health;
mod overlap;
mod recognition;
mod retrying;
mod speech;
mod timeout;

pub use breaker::CircuitBreaker;
pub use fallback::{Fallback, Order};
pub use health::BreakerConfig;
pub(crate) use health::Health;
pub use retrying::Retrying;
pub use timeout::{Limits, Timeout};
