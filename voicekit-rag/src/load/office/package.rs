//! A ZIP archive of parts, within limits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use voicekit_core::error::Result;
use zip::ZipArchive;
use zip::result::ZipError;

use super::xml::{self, Node};
use crate::load::rejected;

/// The most parts.
const PARTS: usize = 20_000;
/// The most that one part may unpack to, in bytes: 100,000 rows of a sheet take some 30 MB.
const PART: u64 = 128 << 20;
/// The most that all parts that are read may unpack to, in bytes.
const TOTAL: u64 = 384 << 20;

pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self> {
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| rejected("is not an office document, or broken").with_source(error))?;
        if archive.len() > PARTS {
            return Err(rejected(format!("has more than {PARTS} parts")));
        }
        Ok(Self { archive, left: TOTAL })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name).is_some()
    }

    /// The names of the parts that begin with `prefix`, in order.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let names = self.archive.file_names().flatten().map(Cow::into_owned);
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        names
    }

    /// The text of a part, if it is there.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>> {
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(broken(name, error)),
        };
        let limit = PART.min(self.left);
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| broken(name, error))?;
        let size = bytes.len() as u64;
        if size > limit {
            return Err(rejected("is a document that unpacks to too much"));
        }
        self.left -= size;
        Ok(Some(decoded(bytes)))
    }

    /// The text of a part that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String> {
        self.part(name)?.ok_or_else(|| rejected(format!("is broken: it has no part {name}")))
    }

    /// The targets of the relations of the part `name`, by their identifiers, with their kinds: the
    /// last part of their types' addresses, such as `notesSlide`.
    pub(super) fn relations(&mut self, name: &str) -> Result<BTreeMap<String, (String, String)>> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let mut relations = BTreeMap::new();
        let Some(text) = self.part(&format!("{folder}/_rels/{file}.rels"))? else {
            return Ok(relations);
        };
        xml::read(&text, &mut |node| {
            if let Node::Open("Relationship", attributes) = node {
                let [id, target, kind] = ["Id", "Target", "Type"].map(|key| attributes.get(key));
                if let (Some(id), Some(target), Some(kind)) = (id, target, kind) {
                    let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                    relations.insert(id, (resolved(folder, &target), kind));
                }
            }
            Ok(())
        })?;
        Ok(relations)
    }
}

fn broken(
    name: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> voicekit_core::error::Error {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    rejected(format!("is broken in its part {name}")).with_source(error)
}

/// The path of `target` as the part in `folder` means it.
fn resolved(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut steps: Vec<&str> = folder.split('/').collect();
    for step in target.split('/') {
        match step {
            "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// XML is UTF-8, or UTF-16 with a byte order mark.
fn decoded(bytes: Vec<u8>) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}
