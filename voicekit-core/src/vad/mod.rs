//! Voice activity: is somebody speaking in this window of audio?
//!
//! A [`Vad`] gives one probability for each window. What a probability means for the turn (how long
//! it must last, when it is over) is decided by the engine. [`EnergyVad`] needs no model.

mod energy;
mod foreground;

pub use energy::EnergyVad;
pub use foreground::Foreground;

use std::fmt::Debug;

/// A detector of speech in one stream of linear audio.
///
/// It is synchronous because it takes microseconds; one that takes longer belongs behind a trait
/// that can wait.
///
/// # Contract
///
/// 1. [`rate_hz`](Self::rate_hz) and [`window`](Self::window) never change.
/// 2. [`probability`](Self::probability) gives a number from 0 to 1, never NaN, for any samples.
/// 3. Windows follow each other without gap or overlap: the detector may remember earlier ones.
/// 4. The same windows since construction or [`reset`](Self::reset) give the same probabilities.
/// 5. A slice that is not one window long is judged as it is, and an empty one gives 0; neither
///    panics.
/// 6. It neither blocks nor allocates for each window.
pub trait Vad: Debug + Send {
    /// Samples a second it listens to.
    fn rate_hz(&self) -> u32;

    /// Samples in one window.
    fn window(&self) -> usize;

    /// How likely it is that this window holds speech, 0 to 1.
    fn probability(&mut self, samples: &[i16]) -> f32;

    /// Forgets what it heard: the next window is the first of a new stream.
    fn reset(&mut self);
}

/// A detector in a box is a detector.
impl<V: Vad + ?Sized> Vad for Box<V> {
    fn rate_hz(&self) -> u32 {
        (**self).rate_hz()
    }

    fn window(&self) -> usize {
        (**self).window()
    }

    fn probability(&mut self, samples: &[i16]) -> f32 {
        (**self).probability(samples)
    }

    fn reset(&mut self) {
        (**self).reset();
    }
}
