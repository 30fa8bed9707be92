//! Refuses documents that unpack to far more than they are.

use std::io::Read;

use flate2::read::ZlibDecoder;
use voicekit_core::error::Result;

use crate::load::rejected;

/// The most that a compressed stream may unpack to, in bytes: a page of dense text is below 1 MB, a
/// photograph below 100.
const STREAM: u64 = 128 << 20;
/// The most that all streams may unpack to, in bytes.
const TOTAL: u64 = 1 << 30;

/// Unpacks every deflated stream of the file, keeping nothing, up to the limits.
///
/// # Errors
///
/// `Rejected` if a stream, or all of them together, unpack to more.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut total = 0_u64;
    for start in streams(bytes) {
        let size = unpacked(&bytes[start..]);
        total = total.saturating_add(size);
        if size > STREAM || total > TOTAL {
            return Err(rejected("is a PDF that unpacks to too much"));
        }
    }
    Ok(())
}

/// What a stream unpacks to, up to just above the limit; also if it was deflated twice.
fn unpacked(bytes: &[u8]) -> u64 {
    let once = || ZlibDecoder::new(bytes).take(STREAM + 1);
    let mut first = [0; 2];
    let is_twice = once().read_exact(&mut first).is_ok() && is_zlib(&first);
    let twice = if is_twice { size(ZlibDecoder::new(once())) } else { 0 };
    size(once()).max(twice)
}

/// Bytes that can be read, up to just above the limit. Broken data ends the count where it ends
/// readers, too.
fn size(reader: impl Read) -> u64 {
    let mut reader = reader.take(STREAM + 1);
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        size += count as u64;
    }
    size
}

/// The starts of what looks like deflated streams.
fn streams(bytes: &[u8]) -> impl Iterator<Item = usize> {
    const WORD: &[u8] = b"stream";
    let found = bytes.windows(WORD.len()).enumerate().filter(|(_, word)| *word == WORD);
    found.filter_map(|(at, _)| {
        let mut start = at + WORD.len();
        while matches!(bytes.get(start), Some(b'\r' | b'\n' | b' ')) {
            start += 1;
        }
        bytes.get(start..start + 2).is_some_and(is_zlib).then_some(start)
    })
}

/// Whether the two bytes are a header of zlib.
fn is_zlib(header: &[u8]) -> bool {
    matches!(header, [first, second] if first & 0x0f == 8
        && first >> 4 <= 7
        && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}
