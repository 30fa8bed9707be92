//! Turn taking and barge-in, as a pure state machine.
//!
//! [`Engine`] decides when the agent answers and when it falls silent. It performs no I/O and
//! reads no clock: events and the time go in, [`Action`]s come out, and the same events at the
//! same times always give the same actions.
//!
//! # Driving it
//!
//! 1. Call [`handle`](Engine::handle) with one event, or
//!    [`handle_timeout`](Engine::handle_timeout) when [`poll_timeout`](Engine::poll_timeout) is
//!    due. The time never runs backwards.
//! 2. Drain [`poll_action`](Engine::poll_action) until it returns `None`, and carry out what it
//!    said in that order.
//! 3. Wait for the next event or timeout. Go to 1.
//!
//! # A call
//!
//! | state | the caller | the agent | leaves when |
//! |---|---|---|---|
//! | `Idle` | | | the call starts |
//! | `Listening` | speaks, or may | silent | the caller has finished; nobody said anything for long |
//! | `Processing` | waits | silent, making a reply | its first audio is there; it fails; the caller goes on speaking |
//! | `Speaking` | listens | audible | it has been heard; the caller interrupts |
//! | `Ended` | | | |
//!
//! **Who has the floor.** Small objects say what they make of a moment, and the engine decides:
//! a [`Start`] lets the caller take the floor from the agent, a [`Stop`] ends the caller's turn, a
//! [`Mute`] keeps them from taking it. Voice activity, words, the recogniser's own turns, keys and
//! the application are all such objects, and any of them may be absent.
//!
//! **The end of a turn.** By default a turn ends after the silence that [`endpoint`] says and with
//! a final transcript. The engine asks a [`TurnDetector`] about each pause, learns how long the
//! caller's own [`pauses`] are, and asks the recogniser to finalise, for which it waits until
//! [`Config::transcript_wait`] after the end of speech. Speech without words is a noise, or is
//! asked for again if it was long. A voice that never stops ends the turn when its words do
//! ([`Config::turn_timeout`]), or is ignored if it has none ([`Config::noise_after`]).
//!
//! **Barge-in.** Over the agent, speech makes it fall silent for the moment ([`Action::Hold`]). A
//! word that is more than a backchannel, or speech that lasts, takes the floor; otherwise the agent
//! goes on from the start of the word that was cut ([`Action::Release`]).
//!
//! **Speculation.** Some time before the turn can end ([`Speculation::lead`]), a reply to the
//! caller's words is prepared ([`Action::Prepare`]). It is adopted if they are the words of the turn
//! in the end, however they are written.
//!
//! **Tools.** A reply may ask for tools. They run while it is heard; the model goes on when all
//! have finished ([`Source::Tools`]). If that takes long, the caller is told. A tool that is to
//! follow what the agent says ([`OnBargeIn::Forgo`](crate::tool::OnBargeIn::Forgo)) starts once that
//! has been heard, and not at all if the caller interrupts it.
//!
//! **Dead ends.** An announcement that is heard again and again, and an agent whose answers are alike
//! again and again, lead nowhere. Then the agent does what [`dead_end`] says: it asks once, by
//! default.
//!
//! # Invariants
//!
//! 1. **No silent deadlock.** Every state but `Idle` and `Ended` owns a deadline; without further
//!    input, every call comes to its end in bounded time.
//! 2. **One voice.** At most one reply is live. Ids only grow; events of another reply change
//!    nothing.
//! 3. **Nothing stale after `Clear`.** `Clear` follows the `Cancel` or the `Hold` of the reply it
//!    silences, and a cancelled reply is never mentioned again.
//! 4. **`Clear` whenever anything is unplayed.** A reply that is cancelled or held while audio of
//!    it was let go and not confirmed as played is cleared, however long ago it was made.
//! 5. **The history is what was heard.** A reply is remembered once, as a prefix of its text that
//!    ends between words: whole if it was played, else up to where the caller was.
//! 6. **Every tool call is paired.** Each run is remembered exactly once, with its result, also
//!    across interruption, failure and the end of the call. A tool that is to finish is dropped only
//!    when it takes longer than [`Config::tool_timeout`].
//! 7. **No words lost.** Every word of a final transcript is remembered, in order, in this turn
//!    or the next, at the latest when the call ends. So is every word of an interim that a final
//!    transcript without words follows, or the recognizer's own end of the turn, its loss or the
//!    end of the call. An interim that another with words replaces is a revision and not lost.
//! 8. **Speculation has no side effects.** A prepared reply runs no tool and is not live until it
//!    is adopted, which it is only for the words it was prepared for.
//! 9. **The end latches.** After [`Event::End`] or a goodbye no new reply starts but the one that
//!    says goodbye, nothing interrupts it, and the call is hung up once.
//! 10. **Determinism.** The same events at the same times give the same actions.

pub mod answered;
mod config;
pub mod dead_end;
mod detector;
pub mod endpoint;
mod engine;
mod event;
pub mod metrics;
pub mod pauses;
pub mod replay;
mod speech;
mod strategy;
mod timer;
pub mod trace;
mod words;

pub use config::{Config, Keys, Speculation, TurnLimit};
pub use detector::{Heard, TurnDetector};
pub use engine::Engine;
pub use event::{Action, Event, Expected, Hint, Latency, Party, ReplyId, Source, State};
pub use metrics::Metrics;
pub use strategy::{Mute, Signs, Start, Stop, Verdict};
pub use timer::Timer;
pub use words::Vocabulary;
