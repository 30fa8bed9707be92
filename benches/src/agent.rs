//! The agent's turns on its own channel.

use voicekit_core::dsp::level::rms_dbfs;

/// Samples in a frame of 20 ms, as carriers send them.
pub const FRAME: usize = 160;
/// Frames a second.
pub const FRAMES_PER_SECOND: usize = 50;

/// A frame as loud as this is a voice. The agent's side of a call is synthetic or a studio's: its
/// pauses are silent.
const VOICE_DBFS: f32 = -50.0;
/// A frame so far below the loudest is not, however loud: the noise of a bad recording.
const BELOW_LOUDEST_DB: f32 = 40.0;
/// A silence of one second ends a turn. Pauses between an agent's sentences are shorter.
const HANG_OVER: usize = FRAMES_PER_SECOND;
/// Shorter sounds are clicks: 60 ms.
const SHORTEST: usize = 3;

/// A turn of the agent's, in frames; `end` is the first after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is what it is")]
pub struct Turn {
    /// Its first frame with a voice.
    pub start: usize,
    /// The frame after its last with a voice.
    pub end: usize,
}

/// Finds the turns in the agent's channel. They may be known ahead: an agent knows what it is
/// about to say.
pub fn turns(samples: &[i16]) -> Vec<Turn> {
    let levels: Vec<f32> = samples.chunks(FRAME).map(rms_dbfs).collect();
    let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
    let threshold = VOICE_DBFS.max(loudest - BELOW_LOUDEST_DB);
    let mut turns: Vec<Turn> = Vec::new();
    for (frame, _) in levels.iter().enumerate().filter(|(_, level)| **level > threshold) {
        match turns.last_mut() {
            Some(turn) if frame - turn.end < HANG_OVER => turn.end = frame + 1,
            Some(_) | None => turns.push(Turn { start: frame, end: frame + 1 }),
        }
    }
    turns.retain(|turn| turn.end - turn.start >= SHORTEST);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(pieces: &[(usize, i16)]) -> Vec<i16> {
        pieces.iter().flat_map(|&(frames, level)| vec![level; frames * FRAME]).collect()
    }

    #[test]
    fn short_pauses_belong_to_the_turn() {
        let samples = channel(&[(10, 0), (40, 3_000), (45, 0), (20, -3_000), (60, 0), (5, 3_000)]);
        let found = turns(&samples);
        assert_eq!(found, [Turn { start: 10, end: 115 }, Turn { start: 175, end: 180 }]);
    }

    #[test]
    fn noise_and_clicks_are_no_turns() {
        assert_eq!(turns(&channel(&[(100, 60), (2, 9_000), (100, 60)])), []);
        assert_eq!(turns(&[]), []);
    }
}
