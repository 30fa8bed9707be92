//! Plain text, and bytes as text.

use voicekit_core::error::Result;

use super::outline::Outline;
use super::rejected;

pub(super) fn decode(bytes: &[u8]) -> Result<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|error| rejected(format!("is not UTF-8 at byte {}", error.valid_up_to())))
}

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    for line in text.lines() {
        if line.trim().is_empty() {
            outline.end_block()?;
        } else {
            outline.text(line)?;
            outline.text("\n")?;
        }
    }
    outline.end_block()
}
