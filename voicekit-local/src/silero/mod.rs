//! Silero VAD v6 at 8 kHz: is somebody speaking in these 32 ms?
//!
//! The network that telephone audio needs, run as it comes, without resampling: a spectrum of four
//! overlapping frames, four small convolutions, one LSTM cell that remembers the stream, and a
//! sigmoid. Its weights are part of the program. It is computed by a kernel of its own, on weights
//! of 16 bits, which neither allocates nor leaves the calling thread.
//!
//! # Accuracy
//!
//! Beside the same network in single precision, on four labelled calls made of the recordings in
//! the repository, window by window; "apart" is the largest difference of two probabilities:
//!
//! | line | windows | F1 at 0.5 | AUC | the same in single precision | apart |
//! |---|---|---|---|---|---|
//! | as recorded | 12,762 | 0.8783 | 0.9758 | 0.8783, 0.9758 | 0.0035 |
//! | mu-law | 12,762 | 0.8787 | 0.9759 | 0.8787, 0.9759 | 0.0037 |
//! | mu-law, white noise at 10 dB | 12,762 | 0.8455 | 0.9613 | 0.8455, 0.9613 | 0.0019 |
//!
//! Pauses in the recordings count as speech, which holds all F1 down.
//!
//! ```sh
//! python3 benches/make_corpus.py CALLS
//! cargo run --release -p voicekit-benches --bin vad -- --score CALLS/held-out/clear-*.wav
//! ```
//!
//! # Cost
//!
//! 7.2 µs a window on one core of an AMD EPYC with AVX2, the same with a hundred streams in turn,
//! where ONNX Runtime 1.32 takes 86 µs (called from Python), earshot 14 µs for 32 ms and plain loops
//! in single precision 210 µs: `cargo bench -p voicekit-benches --bench vad`. Without AVX2, x86
//! takes some 85 µs.
//!
//! # Shapes
//!
//! A window is 256 samples; the network also sees the 32 samples before it. Source of the shapes:
//! silero-vad 6.2.3, `utils_vad.py` and `silero_vad.onnx`.

mod kernel;
mod network;

use std::sync::{Arc, Mutex, PoisonError};

use voicekit_core::error::Result;
use voicekit_core::vad::Vad;

use self::network::{Network, State};

const RATE_HZ: u32 = 8_000;
const WINDOW: usize = 256;

/// Silero VAD for one stream of audio.
///
/// All streams share the weights (0.4 MB); each has 1.2 KB of its own.
///
/// ```
/// use voicekit_core::vad::Vad;
/// use voicekit_local::silero::Silero;
///
/// let mut vad = Silero::new()?;
/// assert_eq!((vad.rate_hz(), vad.window()), (8_000, 256));
/// assert!(vad.probability(&[0; 256]) < 0.1);
/// # Ok::<(), voicekit_core::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Silero {
    network: Arc<Network>,
    state: State,
}

impl Silero {
    /// A detector that has heard nothing yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`](voicekit_core::error::ErrorKind::Internal) if the weights in the
    /// program are damaged.
    pub fn new() -> Result<Self> {
        Ok(Self { network: shared_network()?, state: State::default() })
    }
}

impl Vad for Silero {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    fn window(&self) -> usize {
        WINDOW
    }

    /// The highest of all windows if `samples` are longer than one; what is missing of the last is
    /// taken as silence.
    fn probability(&mut self, samples: &[i16]) -> f32 {
        let windows = samples.chunks(WINDOW);
        windows.map(|window| self.network.listen(window, &mut self.state)).fold(0.0, f32::max)
    }

    fn reset(&mut self) {
        self.state = State::default();
    }
}

fn shared_network() -> Result<Arc<Network>> {
    static NETWORK: Mutex<Option<Arc<Network>>> = Mutex::new(None);
    let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(network) = &*network {
        return Ok(Arc::clone(network));
    }
    let loaded = Arc::new(Network::load()?);
    *network = Some(Arc::clone(&loaded));
    Ok(loaded)
}
