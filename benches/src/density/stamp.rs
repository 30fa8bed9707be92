//! When a frame was written, in the frame itself.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bits of a stamp, one in the lowest bit of each of a frame's first mu-law codes: to the ear and to
/// a voice detector that is faint noise.
const BITS: usize = 32;

/// The microseconds of the clock that both processes read; they come round every 71 minutes.
#[expect(clippy::disallowed_methods, reason = "the only clock that two processes share")]
pub(super) fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_micros() % (1 << BITS)).unwrap_or_default()
}

/// Writes the time into a frame's codes.
pub(super) fn write(codes: &mut [u8], time: u32) {
    for (bit, code) in codes.iter_mut().take(BITS).enumerate() {
        *code = *code & !1 | u8::from(time >> bit & 1 == 1);
    }
}

/// The time in a frame's codes.
pub(super) fn read(codes: &[u8]) -> u32 {
    codes
        .iter()
        .take(BITS)
        .enumerate()
        .fold(0, |time, (bit, code)| time | u32::from(code & 1) << bit)
}

/// Microseconds from `from` to `to`; a clock that was set back in between counts as none.
pub(super) fn between(from: u32, to: u32) -> u64 {
    let passed = to.wrapping_sub(from);
    if passed > u32::MAX / 2 { 0 } else { passed.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let mut codes = [0xFE; 160];
        for time in [0, 1, 0xDEAD_BEEF, u32::MAX] {
            write(&mut codes, time);
            assert_eq!(read(&codes), time);
        }
    }

    #[test]
    fn the_clock_comes_round() {
        assert_eq!(between(u32::MAX - 4, 5), 10);
        assert_eq!(between(10, 5), 0);
    }
}
