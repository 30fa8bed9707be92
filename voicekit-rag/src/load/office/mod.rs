//! Documents of office programs: OOXML (`.docx`, `.xlsx`, `.pptx`) and ODF (`.odt`, `.ods`, `.odp`).
//!
//! All of them are packages: ZIP archives of XML parts. [`package`] reads the parts within limits,
//! [`xml`] their elements, and each format has a file of its own.

mod docx;
mod numbers;
mod odf;
mod package;
mod pptx;
mod table;
mod xlsx;
mod xml;

use voicekit_core::error::{Error, Result};

use self::package::Package;
use super::outline::Outline;
use super::{rejected, unsupported};

/// The first bytes of the formats before 2007, and of newer documents with a password.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Reads a package, whatever its name ends in: the parts say which format it is.
pub(super) fn read(bytes: &[u8], outline: &mut Outline) -> Result<()> {
    if bytes.starts_with(COMPOUND) {
        return Err(compound(bytes));
    }
    let mut package = Package::open(bytes)?;
    if package.has("word/document.xml") {
        docx::read(&mut package, outline)
    } else if package.has("xl/workbook.xml") {
        xlsx::read(&mut package, outline)
    } else if package.has("ppt/presentation.xml") {
        pptx::read(&mut package, outline)
    } else if package.has("content.xml") {
        odf::read(&mut package, outline)
    } else if package.has("xl/workbook.bin") {
        Err(unsupported("is a binary workbook (.xlsb), which is not read: save it as .xlsx"))
    } else {
        Err(rejected("is an archive, but not a document of an office program"))
    }
}

/// Why a compound file is not read.
fn compound(bytes: &[u8]) -> Error {
    // The name of the stream that holds an encrypted package, in UTF-16.
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if bytes.windows(name.len()).any(|window| window == name) {
        return rejected("is protected by a password: save a copy without one");
    }
    unsupported(
        "is in a format from before 2007, whatever its name ends in: save it as .docx, .xlsx or .pptx",
    )
}
