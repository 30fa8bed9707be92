//! Speech codecs of the telephone network.
//!
//! Both laws of ITU-T G.711 turn one 16-bit linear sample into one byte and back. They need no
//! state: a stream may be cut anywhere, and each byte lasts one sample (125 µs at 8 kHz).
//!
//! The slice functions convert as many samples as the shorter slice holds and return that number;
//! they never allocate. Every code and every sample gives what the recommendation's tables say.
//!
//! # Speed
//!
//! No table is larger than two lines of the cache: a call that has its turn every 20 ms finds larger
//! ones evicted. The functions of one sample are free of branches, and loops over them become vector
//! code: SSE2 and NEON, which their targets always have. On x86-64 with AVX2, found at run time,
//! encoding is the same loop compiled for it, and decoding shuffles bytes. `cargo bench -p
//! voicekit-benches --bench g711` measures them.

pub mod alaw;
#[cfg(target_arch = "x86_64")]
mod avx2;
pub mod mulaw;

/// `step << (chord & 7)`, without the shift by a variable that older vector units lack.
#[inline(always)]
const fn shift_by_chord(step: u16, chord: u16) -> u16 {
    let once = step + (step & (chord & 1).wrapping_neg());
    let twice = once + 3 * (once & ((chord >> 1) & 1).wrapping_neg());
    twice + 15 * (twice & ((chord >> 2) & 1).wrapping_neg())
}
