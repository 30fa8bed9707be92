//! Files become documents: blocks of text under headings.
//!
//! What is read: Markdown (`.md`, `.markdown`), HTML (`.html`, `.htm`), plain text (`.txt`), tables
//! (`.csv`, `.tsv`: a block for each row), JSON (`.json`: a block for each item, `.jsonl`: for each
//! line); with the feature `pdf`, PDF (under a heading for each page), and with the feature `office`,
//! Word, Excel, PowerPoint and OpenDocument files.
//!
//! Text may be in any charset of the web: a byte order mark, the page's own declaration and the bytes
//! themselves tell which. Markdown may be of any common dialect, with HTML in it; the title in its
//! front matter names its passages. Of HTML, scripts, styles, menus, footers (except addresses),
//! consent banners and hidden elements are left out; what readers unfold is read. A heading without
//! text below it is text itself.
//!
//! Parts that cannot be read, such as scanned pages, are [`Loaded::losses`].

mod charset;
mod html;
mod json;
mod loss;
mod markdown;
#[cfg(feature = "office")]
mod office;
mod outline;
#[cfg(feature = "pdf")]
mod pdf;
mod table;
mod text;

use std::path::Path;

use voicekit_core::error::{Error, ErrorKind, Result};

use self::outline::Outline;

pub use self::loss::{Loaded, Loss};

const SERVICE: &str = "documents";

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// CommonMark with tables, footnotes, definition lists, HTML and the boxes of common dialects.
    Markdown,
    /// HTML.
    Html,
    /// Paragraphs with empty lines between them, underlined headings, lists and questions.
    Text,
    /// Values separated by commas, semicolons, tabs or `|`, which is found out; the first row names the
    /// columns unless it looks like the others.
    Table,
    /// One JSON value, or several, also with comments and trailing commas.
    Json,
    /// A JSON value a line.
    JsonLines,
    /// PDF; read with the feature `pdf`.
    Pdf,
    /// A document, sheet or presentation of an office program, in OOXML or ODF; read with the
    /// feature `office`.
    Office,
    /// A document in a format of office programs from before 2007, which is not read.
    LegacyOffice,
}

impl Format {
    /// By the end of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "md" | "markdown" | "mdx" | "mkd" | "mdown" | "qmd" => Self::Markdown,
            "html" | "htm" | "xhtml" | "shtml" => Self::Html,
            "txt" | "text" => Self::Text,
            "csv" | "tsv" | "tab" | "psv" => Self::Table,
            "json" | "jsonc" | "json5" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            "pdf" => Self::Pdf,
            "docx" | "docm" | "dotx" | "xlsx" | "xlsm" | "xlsb" | "xltx" | "pptx" | "pptm"
            | "ppsx" | "odt" | "ods" | "odp" | "ott" | "ots" | "otp" => Self::Office,
            "doc" | "dot" | "xls" | "ppt" | "pps" | "rtf" => Self::LegacyOffice,
            _ => return None,
        })
    }
}

/// What a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest file, in bytes. Default: 32 MB.
    pub file: u64,
    /// The most text that may come out of a file, in bytes, whatever its size. Default: 8 MB, some
    /// 2,500 pages.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 32 << 20, text: 8 << 20 }
    }
}

impl Limits {
    /// Sets the largest file, in bytes.
    #[must_use]
    pub fn with_file(mut self, bytes: u64) -> Self {
        self.file = bytes;
        self
    }

    /// Sets the most text that may come out of a file, in bytes.
    #[must_use]
    pub fn with_text(mut self, bytes: usize) -> Self {
        self.text = bytes;
        self
    }
}

/// A piece of a document under its headings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// The headings above it, the document's title first.
    pub headings: Vec<String>,
    /// Sentences, or lines.
    pub text: String,
    /// Whether it stands for itself, like a row of a table, and is not joined with others.
    pub whole: bool,
}

/// Reads the bytes of a file. `name` is the title where the document has none.
///
/// A part that cannot be read, such as a scanned page or a broken row, does not fail the document:
/// it is one of [`Loaded::losses`]. A document without text has no blocks and no losses.
///
/// # Errors
///
/// `Rejected` if the bytes are not what `format` says, are too large, or nothing in them can be
/// read; `Unsupported` for a PDF without the feature.
pub fn load(format: Format, name: &str, bytes: &[u8], limits: &Limits) -> Result<Loaded> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.file {
        return Err(too_large(size, limits));
    }
    let mut outline = Outline::new(name, limits.text);
    let decode = || charset::text(format, bytes);
    match format {
        Format::Markdown => markdown::read(&decode()?, &mut outline)?,
        Format::Html => html::read(&decode()?, &mut outline)?,
        Format::Text => text::read(&decode()?, &mut outline)?,
        Format::Table => table::read(&decode()?, &mut outline)?,
        Format::Json => json::read(&decode()?, &mut outline)?,
        Format::JsonLines => json::read_lines(&decode()?, &mut outline)?,
        #[cfg(feature = "pdf")]
        Format::Pdf => pdf::read(bytes, &mut outline)?,
        #[cfg(not(feature = "pdf"))]
        Format::Pdf => return Err(unsupported("PDF is read with the feature `pdf`")),
        #[cfg(feature = "office")]
        Format::Office => office::read(bytes, &mut outline)?,
        #[cfg(not(feature = "office"))]
        Format::Office => {
            return Err(unsupported("office documents are read with the feature `office`"));
        }
        Format::LegacyOffice => {
            return Err(unsupported(
                "is in a format from before 2007 (.doc, .xls, .ppt) or rich text (.rtf), which is \
                 not read: save it as .docx, .xlsx, .pptx or PDF",
            ));
        }
    }
    let loaded = outline.finish()?;
    if loaded.blocks.is_empty() && !loaded.losses.is_empty() {
        let losses: Vec<String> = loaded.losses.iter().map(Loss::to_string).collect();
        return Err(rejected(format!("no text could be read: {}", losses.join("; "))));
    }
    Ok(loaded)
}

#[cfg(feature = "http")]
pub(crate) use self::charset::with_charset;

pub(crate) fn too_large(size: u64, limits: &Limits) -> Error {
    rejected(format!("has {size} bytes; {} are allowed", limits.file))
}

fn unsupported(problem: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, SERVICE, problem)
}

fn rejected(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Rejected, SERVICE, problem)
}
