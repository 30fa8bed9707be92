//! How likely the caller speaks: Silero behind the echo gate, as a call has them.

use voicekit_core::dsp::echo::Echo;
use voicekit_core::error::Result;
use voicekit_core::vad::{Foreground, Vad};
use voicekit_local::Silero;

/// Voice activity and the agent's echo on one line.
#[derive(Debug)]
pub(crate) struct Ears {
    vad: Foreground<Silero>,
    echo: Echo,
    pending: Vec<i16>,
    sent: u64,
}

impl Ears {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            vad: Foreground::new(Silero::new()?),
            echo: Echo::new(),
            pending: Vec::new(),
            sent: 0,
        })
    }

    /// Notes the frame that the agent says next.
    pub(crate) fn agent(&mut self, frame: &[i16]) {
        self.echo.outgoing(self.sent, frame);
        self.sent += frame.len() as u64;
    }

    /// Takes in the caller's next frame and gives the probability of each window that it fills.
    pub(crate) fn caller(&mut self, frame: &[i16]) -> Vec<f32> {
        self.pending.extend_from_slice(frame);
        let whole = self.pending.len() - self.pending.len() % self.vad.window();
        let windows = self.pending[..whole].chunks_exact(self.vad.window());
        let judged = windows.map(|window| {
            let somebody = self.vad.probability(window);
            self.echo.near_end(window, somebody)
        });
        let judged = judged.collect();
        self.pending.drain(..whole);
        judged
    }
}
