//! The characters of glyphs without an entry in a `ToUnicode` map and without a known name.
//!
//! Many composite fonts name a character collection, such as `Adobe-Japan1`, whose characters are
//! known, or declare that their codes are Unicode. Embedded TrueType and OpenType fonts may have a table
//! of their own, from characters to glyphs.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use hayro_interpret::font::{GlyphId, OutlineFontData, OutlineGlyph};
use hayro_interpret::hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, String as Bytes};
use skrifa::{FontRef, MetadataProvider};

/// Objects of a document among which fonts are looked for.
const OBJECTS: usize = 500_000;
/// Characters of a font's table that are read.
const CHARACTERS: usize = 200_000;

/// The characters in the table of a font, by glyph.
type Glyphs = BTreeMap<u32, char>;

/// The characters of the fonts of a document, read when they are first needed.
pub(super) struct Characters<'a> {
    pdf: &'a Pdf,
    fonts: OnceCell<BTreeMap<String, Option<Codes>>>,
    maps: RefCell<BTreeMap<Vec<u8>, Option<Rc<CMap>>>>,
    tables: RefCell<BTreeMap<u128, Glyphs>>,
}

/// What the character codes of a font are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Codes {
    /// Unicode characters.
    Unicode,
    /// Codes of the named encoding, which selects characters of a collection.
    Collection { encoding: Vec<u8>, family: CidFamily },
}

impl<'a> Characters<'a> {
    pub(super) fn new(pdf: &'a Pdf) -> Self {
        Self { pdf, fonts: OnceCell::new(), maps: RefCell::default(), tables: RefCell::default() }
    }

    /// The characters of a glyph, usually one.
    pub(super) fn of(&self, glyph: &OutlineGlyph) -> Option<String> {
        let font = glyph.font_data()?;
        let by_code =
            font.postscript_name.as_deref().and_then(|name| self.by_code(name, glyph.char_code()));
        by_code.or_else(|| self.in_table(&font, glyph.glyph_id()).map(String::from))
    }

    /// The character of a glyph in the font's own table.
    fn in_table(&self, font: &OutlineFontData, glyph: GlyphId) -> Option<char> {
        let mut tables = self.tables.borrow_mut();
        let table = tables.entry(font.cache_key).or_insert_with(|| table(font));
        table.get(&glyph.to_u32()).copied()
    }

    /// The character of `code` in the font `name`, which is given without the prefix of a subset.
    fn by_code(&self, name: &str, code: u32) -> Option<String> {
        match self.fonts.get_or_init(|| fonts(self.pdf)).get(name)?.as_ref()? {
            Codes::Unicode => char::from_u32(code).map(String::from),
            Codes::Collection { encoding, family } => {
                let id = self.id(encoding, code)?;
                match self.map(family.ucs2_cmap()?)?.lookup_bf_string(id)? {
                    BfString::Char(c) => Some(c.to_string()),
                    BfString::String(text) => Some(text),
                }
            }
        }
    }

    /// The number of a character in its collection.
    fn id(&self, encoding: &[u8], code: u32) -> Option<u32> {
        let name = CMapName::from_bytes(encoding);
        if matches!(name, CMapName::IdentityH | CMapName::IdentityV) {
            return Some(code);
        }
        let map = self.map(name)?;
        (1..=4).find_map(|length| map.lookup_cid_code(code, length))
    }

    fn map(&self, name: CMapName<'_>) -> Option<Rc<CMap>> {
        let mut maps = self.maps.borrow_mut();
        let parsed = maps.entry(name.to_bytes().to_vec()).or_insert_with(|| {
            let map = CMap::parse(load_embedded(name)?, load_embedded)?;
            Some(Rc::new(map))
        });
        parsed.clone()
    }
}

/// The characters by glyph; of several characters with the same glyph, the first.
fn table(font: &OutlineFontData) -> Glyphs {
    let mut table = Glyphs::new();
    let Ok(font) = FontRef::new((*font.data).as_ref()) else { return table };
    for (code, glyph) in font.charmap().mappings().take(CHARACTERS) {
        if let Some(c) = char::from_u32(code).filter(|_| glyph.to_u32() != 0) {
            table.entry(glyph.to_u32()).or_insert(c);
        }
    }
    table
}

/// The fonts of a document by name. Fonts of the same name that differ are not told apart: their
/// characters are unknown.
fn fonts(pdf: &Pdf) -> BTreeMap<String, Option<Codes>> {
    let mut fonts: BTreeMap<String, Option<Codes>> = BTreeMap::new();
    for object in pdf.objects().into_iter().take(OBJECTS) {
        let Object::Dict(dict) = object else { continue };
        if dict.get::<Name<'_>>("Type").is_none_or(|kind| &*kind != b"Font") {
            continue;
        }
        let is_part = dict.get::<Dict<'_>>("CIDSystemInfo").is_some();
        let Some(name) = dict.get::<Name<'_>>("BaseFont").filter(|_| !is_part) else { continue };
        let codes = codes(&dict);
        let name = without_prefix(name.as_str()).to_owned();
        match fonts.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(codes);
            }
            Entry::Occupied(mut entry) if *entry.get() != codes => {
                entry.insert(None);
            }
            Entry::Occupied(_) => {}
        }
    }
    fonts
}

fn codes(font: &Dict<'_>) -> Option<Codes> {
    let is_composite = font.get::<Name<'_>>("Subtype").is_some_and(|kind| &*kind == b"Type0");
    if !is_composite {
        return None;
    }
    let to_unicode = font.get::<Name<'_>>("ToUnicode");
    if to_unicode.is_some_and(|name| name.starts_with(b"Identity-")) {
        return Some(Codes::Unicode);
    }
    let encoding = font.get::<Name<'_>>("Encoding")?.to_vec();
    let part = font.get::<Array<'_>>("DescendantFonts")?.iter::<Dict<'_>>().next()?;
    let system = part.get::<Dict<'_>>("CIDSystemInfo")?;
    let registry = system.get::<Bytes<'_>>("Registry")?;
    let ordering = system.get::<Bytes<'_>>("Ordering")?;
    let family = CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes());
    family.ucs2_cmap()?;
    Some(Codes::Collection { encoding, family })
}

/// The name of a font without the six letters and the plus sign of a subset.
fn without_prefix(name: &str) -> &str {
    match name.split_once('+') {
        Some((prefix, bare)) if prefix.len() == 6 => bare,
        _ => name,
    }
}
