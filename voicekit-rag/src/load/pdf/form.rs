//! The values of form fields that are not drawn.

use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Rect, String as Bytes};
use hayro_interpret::hayro_syntax::page::Page as Source;
use hayro_interpret::kurbo::Point;

use super::glyphs::{Page, decode};

/// Levels of fields above a field from which it may inherit.
const DEPTH: usize = 16;

/// Adds the values of text and choice fields without an appearance, at the fields' places.
pub(super) fn add_values(source: &Source<'_>, page: &mut Page<'_>) {
    let Some(annotations) = source.raw().get::<Array<'_>>("Annots") else { return };
    for annotation in annotations.iter::<Dict<'_>>() {
        if let Some((text, place)) = value(&annotation) {
            let size = (place.y1 - place.y0).clamp(4.0, 12.0);
            page.put(&text, Point::new(place.x0, place.y0 + size * 0.3), size);
        }
    }
}

fn value(annotation: &Dict<'_>) -> Option<(String, Rect)> {
    let is_field = annotation.get::<Name<'_>>("Subtype").is_some_and(|name| &*name == b"Widget");
    let flags = annotation.get::<u32>("F").unwrap_or(0);
    let is_hidden = flags & 0b10_0010 != 0;
    let is_drawn =
        annotation.get::<Dict<'_>>("AP").and_then(|looks| looks.get::<Object<'_>>("N")).is_some();
    if !is_field || is_hidden || is_drawn {
        return None;
    }
    let kind = inherited(annotation, |field| field.get::<Name<'_>>("FT"))?;
    if !matches!(&*kind, b"Tx" | b"Ch") {
        return None;
    }
    // A password is not drawn either.
    let flags = inherited(annotation, |field| field.get::<u32>("Ff")).unwrap_or(0);
    if &*kind == b"Tx" && flags & (1 << 13) != 0 {
        return None;
    }
    let text = inherited(annotation, |field| {
        let one = field.get::<Bytes<'_>>("V").map(|text| decode(text.as_bytes()));
        one.or_else(|| {
            let several = field.get::<Array<'_>>("V")?;
            let texts = several.iter::<Bytes<'_>>().map(|text| decode(text.as_bytes()));
            Some(texts.collect::<Vec<_>>().join(", "))
        })
    })?;
    let place = annotation.get::<Rect>("Rect")?;
    (!text.trim().is_empty()).then_some((text.trim().to_owned(), place))
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
