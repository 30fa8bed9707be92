//! The pure heart of voicekit: traits, audio, the turn and barge-in engine. No I/O, no clock, no runtime.
