//! The elements of an XML part, by their names without prefixes.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use voicekit_core::error::Result;

use crate::load::rejected;

/// What comes next in a part.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Open(&'a str, Attributes<'a>),
    Close(&'a str),
    Text(&'a str),
}

/// The attributes of an element.
#[derive(Debug)]
pub(super) struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// The value of the attribute with this name, whatever its prefix.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let found = attributes.with_checks(false).flatten();
        let mut found = found.filter(|one| one.key.local_name().as_ref() == name.as_bytes());
        let value = String::from_utf8_lossy(&found.next()?.value).into_owned();
        let text = quick_xml::escape::unescape(&value).map(Cow::into_owned);
        Some(text.unwrap_or(value))
    }

    /// Whether one of the attributes with this name, whatever their prefixes, has this value.
    pub(super) fn has_value(&self, name: &str, value: &str) -> bool {
        let mut attributes = self.0.attributes();
        attributes.with_checks(false).flatten().any(|one| {
            one.key.local_name().as_ref() == name.as_bytes() && *one.value == *value.as_bytes()
        })
    }

    /// Whether the attribute is absent or does not say no.
    pub(super) fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_some_and(|value| matches!(value.as_str(), "0" | "false" | "off"))
    }

    /// The attribute as a number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.trim().parse().ok()
    }
}

/// Gives all nodes of `text` to `take`, in order. Entities that a document defines are not expanded.
pub(super) fn read(text: &str, take: &mut dyn FnMut(Node<'_>) -> Result<()>) -> Result<()> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().check_end_names = false;
    loop {
        let event = reader.read_event();
        let event = event.map_err(|error| rejected("is broken XML").with_source(error))?;
        match event {
            Event::Start(start) => open(&start, take)?,
            Event::Empty(start) => {
                open(&start, take)?;
                close(start.local_name().as_ref(), take)?;
            }
            Event::End(end) => close(end.local_name().as_ref(), take)?,
            Event::Text(text) => take(Node::Text(&String::from_utf8_lossy(&text)))?,
            Event::CData(text) => take(Node::Text(&String::from_utf8_lossy(&text)))?,
            Event::GeneralRef(entity) => {
                let name = String::from_utf8_lossy(&entity).into_owned();
                let character = entity.resolve_char_ref().ok().flatten().map(String::from);
                let text = character.as_deref().or_else(|| resolve_predefined_entity(&name));
                take(Node::Text(text.unwrap_or_default()))?;
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn open(start: &BytesStart<'_>, take: &mut dyn FnMut(Node<'_>) -> Result<()>) -> Result<()> {
    let name = start.local_name();
    take(Node::Open(&String::from_utf8_lossy(name.as_ref()), Attributes(start)))
}

fn close(name: &[u8], take: &mut dyn FnMut(Node<'_>) -> Result<()>) -> Result<()> {
    take(Node::Close(&String::from_utf8_lossy(name)))
}
