//! A stereo WAV file in memory.

use super::RATE_HZ;

/// Two mu-law tracks as a 16-bit stereo WAV file; the shorter one ends in silence.
pub(super) fn stereo(left: &[i16], right: &[i16]) -> Vec<u8> {
    let frames = left.len().max(right.len());
    let size = u32::try_from(frames * 4).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + frames * 4);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&size.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16u32.to_le_bytes());
    file.extend_from_slice(&1u16.to_le_bytes());
    file.extend_from_slice(&2u16.to_le_bytes());
    file.extend_from_slice(&RATE_HZ.to_le_bytes());
    file.extend_from_slice(&(RATE_HZ * 4).to_le_bytes());
    file.extend_from_slice(&4u16.to_le_bytes());
    file.extend_from_slice(&16u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&size.to_le_bytes());
    let at = |track: &[i16], index: usize| track.get(index).copied().unwrap_or_default();
    for index in 0..frames {
        file.extend_from_slice(&at(left, index).to_le_bytes());
        file.extend_from_slice(&at(right, index).to_le_bytes());
    }
    file
}
