//! Bytes become text, in whatever charset they are written.
//!
//! What says the charset, first to last: a byte order mark, the server (see [`with_charset`]), the
//! document itself, its bytes. Text without any such sign is UTF-8 if it can be, else what it most
//! likely is.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use voicekit_core::error::Result;

use super::{Format, rejected};

/// Where a document says its charset, in bytes.
const HEAD: usize = 4096;
/// How binary files begin, and what they are.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"{\\rtf", "RTF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "a SQLite database"),
    (b"ID3\x03", "an MP3 recording"),
    (b"ID3\x04", "an MP3 recording"),
    (b"bplist00", "a binary property list"),
];

/// Reads the text of a document, with `\n` at the ends of its lines.
pub(super) fn text(format: Format, bytes: &[u8]) -> Result<String> {
    if let Some((_, kind)) = MAGIC.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(rejected(format!("is {kind}, not text")));
    }
    let text = decode(format, bytes)?;
    if is_binary(&text) {
        return Err(rejected("is binary data, not text"));
    }
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.into_owned()
    };
    Ok(text)
}

/// Returns `bytes` as UTF-8 with a byte order mark if `content_type` names their charset.
#[cfg(feature = "http")]
pub(crate) fn with_charset(content_type: &str, format: Format, bytes: Vec<u8>) -> Vec<u8> {
    if matches!(format, Format::Pdf | Format::Office | Format::LegacyOffice) {
        return bytes;
    }
    let named =
        parameter(content_type, "charset").and_then(|label| Encoding::for_label(label.as_bytes()));
    let Some(encoding) = named else { return bytes };
    let says_utf_8 = encoding == UTF_8 && std::str::from_utf8(&bytes).is_err();
    if Encoding::for_bom(&bytes).is_some() || says_utf_8 {
        return bytes;
    }
    let (text, _) = encoding.decode_without_bom_handling(&bytes);
    [b"\xef\xbb\xbf", text.as_bytes()].concat()
}

/// The value of a parameter such as `charset=utf-8`.
#[cfg(feature = "http")]
fn parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

fn decode(format: Format, bytes: &[u8]) -> Result<Cow<'_, str>> {
    if let Some(text) = utf_32(bytes) {
        return Ok(text.into());
    }
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return Ok(encoding.decode_without_bom_handling(&bytes[length..]).0);
    }
    if let Some(encoding) = utf_16(bytes) {
        return Ok(encoding.decode_without_bom_handling(bytes).0);
    }
    if let Some(encoding) = declared(format, bytes)
        && let (text, false) = encoding.decode_without_bom_handling(bytes)
    {
        return Ok(text);
    }
    let Err(broken) = std::str::from_utf8(bytes) else {
        return Ok(UTF_8.decode_without_bom_handling(bytes).0);
    };
    if is_mostly_utf_8(bytes) {
        return Ok(String::from_utf8_lossy(bytes));
    }
    if bytes.contains(&0) {
        let place = broken.valid_up_to();
        return Err(rejected(format!("is binary data, not text, at byte {place}")));
    }
    let encoding = guessed(bytes);
    Ok(encoding.decode_without_bom_handling(bytes).0)
}

/// What text without a sign of its charset most likely is.
fn guessed(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // A few letters are too few to tell alphabets apart.
    let unusual = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    if unusual < 4 && !guess.is_single_byte() { WINDOWS_1252 } else { guess }
}

/// Whether there are some broken characters among many good ones.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut good, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    good >= 4 * broken
}

/// UTF-16 without a byte order mark, of which every other byte is mostly zero.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    match (even, odd) {
        (even, odd) if odd * 2 >= half && even * 8 <= odd => Some(UTF_16LE),
        (even, odd) if even * 2 >= half && odd * 8 <= even => Some(UTF_16BE),
        _ => None,
    }
}

fn utf_32(bytes: &[u8]) -> Option<String> {
    let read: fn([u8; 4]) -> u32 = match bytes {
        [0xff, 0xfe, 0, 0, ..] => u32::from_le_bytes,
        [0, 0, 0xfe, 0xff, ..] => u32::from_be_bytes,
        _ => return None,
    };
    let units = bytes[4..].chunks_exact(4);
    let unit = |unit: &[u8]| read([unit[0], unit[1], unit[2], unit[3]]);
    Some(
        units.map(|one| char::from_u32(unit(one)).unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    )
}

/// The charset that a document names at its beginning.
fn declared(format: Format, bytes: &[u8]) -> Option<&'static Encoding> {
    if !matches!(format, Format::Html | Format::Markdown) {
        return None;
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let label =
        if format == Format::Html { in_meta(&head).or_else(|| in_xml(&head)) } else { None };
    let encoding = Encoding::for_label(label?.as_bytes())?;
    // What can be read up to here as bytes of ASCII is no UTF-16.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

/// `charset=…` of the first `meta` that has it, in `head` in lower case.
fn in_meta(head: &str) -> Option<&str> {
    let mut rest = head;
    while let Some((_, after)) = rest.split_once("<meta") {
        let tag = after.split('>').next().unwrap_or_default();
        if let Some((_, value)) = tag.split_once("charset") {
            let value = value.trim_start().strip_prefix('=').map(str::trim_start);
            let value = value.map(|value| value.trim_start_matches(['"', '\'']));
            return value?.split(['"', '\'', ';', ' ', '/', '\n', '\r']).next();
        }
        rest = after;
    }
    None
}

fn in_xml(head: &str) -> Option<&str> {
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?;
    let (_, value) = declaration.split_once("encoding")?;
    value
        .trim_start()
        .strip_prefix('=')?
        .trim_start()
        .trim_start_matches(['"', '\''])
        .split(['"', '\''])
        .next()
}

/// Whether many characters are no text.
fn is_binary(text: &str) -> bool {
    let controls = text.chars().filter(|c| {
        (c.is_control()
            && !c.is_whitespace()
            && !matches!(c, '\u{1b}' | '\u{1a}' | '\u{80}'..='\u{9f}'))
            || *c == char::REPLACEMENT_CHARACTER
    });
    controls.count() * 10 > text.chars().count()
}
