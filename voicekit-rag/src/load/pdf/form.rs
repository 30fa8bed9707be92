//! The texts of form fields and annotations that are not drawn.

use hayro_interpret::hayro_syntax::content::TypedIter;
use hayro_interpret::hayro_syntax::content::ops::TypedInstruction;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Rect, String as Bytes};
use hayro_interpret::hayro_syntax::page::Page as Source;
use hayro_interpret::kurbo::Point;

use super::glyphs::{Page, decode};

/// Levels of fields above a field from which it may inherit.
const DEPTH: usize = 16;

/// Adds the values of text and choice fields, and the texts written on the page, that have no
/// appearance, at their places.
pub(super) fn add_texts(source: &Source<'_>, page: &mut Page<'_>) {
    let Some(annotations) = source.raw().get::<Array<'_>>("Annots") else { return };
    for annotation in annotations.iter::<Dict<'_>>() {
        if let Some((text, place)) = undrawn(&annotation) {
            let size = (place.y1 - place.y0).clamp(4.0, 12.0);
            page.put(&text, Point::new(place.x0, place.y0 + size * 0.3), size);
        }
    }
}

/// The text of an annotation that is shown and not drawn, and its place.
fn undrawn(annotation: &Dict<'_>) -> Option<(String, Rect)> {
    let flags = annotation.get::<u32>("F").unwrap_or(0);
    let is_hidden = flags & 0b10_0010 != 0;
    if is_hidden || is_drawn(annotation) {
        return None;
    }
    let text = match &*annotation.get::<Name<'_>>("Subtype")? {
        b"Widget" => value(annotation)?,
        b"FreeText" => decode(annotation.get::<Bytes<'_>>("Contents")?.as_bytes()),
        _ => return None,
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let place = annotation.get::<Rect>("Rect")?;
    (!text.is_empty()).then_some((text, place))
}

/// What a form field shows.
fn value(field: &Dict<'_>) -> Option<String> {
    let kind = inherited(field, |field| field.get::<Name<'_>>("FT"))?;
    if !matches!(&*kind, b"Tx" | b"Ch") {
        return None;
    }
    // A password is not drawn either.
    let flags = inherited(field, |field| field.get::<u32>("Ff")).unwrap_or(0);
    if &*kind == b"Tx" && flags & (1 << 13) != 0 {
        return None;
    }
    let entered = inherited(field, entered).filter(|text| !text.trim().is_empty());
    // A list box shows its options, a combo box only the one that is chosen.
    let is_list = &*kind == b"Ch" && flags & (1 << 17) == 0;
    entered.or_else(|| if is_list { inherited(field, options) } else { None })
}

/// Whether the annotation has an appearance that shows text. Programs write appearances without text
/// for fields whose values viewers draw themselves.
fn is_drawn(annotation: &Dict<'_>) -> bool {
    let looks = annotation.get::<Dict<'_>>("AP").and_then(|looks| looks.get::<Object<'_>>("N"));
    looks.is_some_and(|looks| match looks.into_stream() {
        Some(stream) => stream.decoded_data().is_ok_and(|data| shows_text(&data)),
        // One appearance of several, as of a button.
        None => true,
    })
}

/// Whether a content stream shows text, or draws another object, which may show some.
fn shows_text(content: &[u8]) -> bool {
    let mut instructions = TypedIter::new(content);
    while let Some(instruction) = instructions.next() {
        if let TypedInstruction::ShowText(_)
        | TypedInstruction::ShowTexts(_)
        | TypedInstruction::NextLineAndShowText(_)
        | TypedInstruction::ShowTextWithParameters(_)
        | TypedInstruction::XObject(_) = instruction
        {
            return true;
        }
    }
    false
}

/// The value of a field, or its values.
fn entered(field: &Dict<'_>) -> Option<String> {
    let one = field.get::<Bytes<'_>>("V").map(|text| decode(text.as_bytes()));
    one.or_else(|| {
        let several = field.get::<Array<'_>>("V")?;
        let texts = several.iter::<Bytes<'_>>().map(|text| decode(text.as_bytes()));
        Some(texts.collect::<Vec<_>>().join(", "))
    })
}

/// The options of a choice field: texts, or pairs of what is exported and what is shown.
fn options(field: &Dict<'_>) -> Option<String> {
    let options = field.get::<Array<'_>>("Opt")?;
    let texts = options.iter::<Object<'_>>().filter_map(|option| {
        let shown = if let Object::Array(pair) = option {
            pair.iter::<Bytes<'_>>().last()?
        } else {
            option.into_string()?
        };
        Some(decode(shown.as_bytes()))
    });
    Some(texts.collect::<Vec<_>>().join(", "))
}

/// What a field or the next field above it says.
fn inherited<'a, T>(field: &Dict<'a>, read: impl Fn(&Dict<'a>) -> Option<T>) -> Option<T> {
    let mut field = field.clone();
    for _ in 0..DEPTH {
        if let Some(value) = read(&field) {
            return Some(value);
        }
        field = field.get::<Dict<'_>>("Parent")?;
    }
    None
}
