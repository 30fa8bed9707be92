//! Speech codecs of the telephone network.
//!
//! Both laws of ITU-T G.711 turn one 16-bit linear sample into one byte and back. They need no
//! state: a stream may be cut anywhere, and each byte lasts one sample (125 µs at 8 kHz).
//!
//! The slice functions convert as many samples as the shorter slice holds and return that number;
//! they never allocate. Every code and every sample gives what the recommendation's tables say.

pub mod alaw;
pub mod mulaw;

/// `step << (chord & 7)`, without the shift by a variable that older vector units lack.
#[inline]
fn shift_by_chord(step: u16, chord: u16) -> u16 {
    let once = step + (step & (chord & 1).wrapping_neg());
    let twice = once + 3 * (once & ((chord >> 1) & 1).wrapping_neg());
    twice + 15 * (twice & ((chord >> 2) & 1).wrapping_neg())
}
