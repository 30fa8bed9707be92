//! Footnotes stand after the text that refers to them.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Tag, TagEnd};

/// What comes of the events of a document: its own, and those of its notes by their names.
#[derive(Default)]
struct Parts<'a> {
    events: Vec<Event<'a>>,
    notes: BTreeMap<String, Vec<Event<'a>>>,
}

/// Moves the definitions of footnotes behind the blocks that first refer to them. Those that nothing
/// refers to come last.
pub(super) fn in_place<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let Parts { events, mut notes } = apart(events);
    let mut placed = Vec::with_capacity(events.len());
    let mut depth = 0_usize;
    let mut here: Vec<String> = Vec::new();
    for event in events {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::FootnoteReference(name) => here.push(name.to_string()),
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
        placed.push(event);
        if depth == 0 {
            for name in here.drain(..) {
                placed.extend(notes.remove(&name).unwrap_or_default());
            }
        }
    }
    placed.extend(notes.into_values().flatten());
    placed
}

fn apart<'a>(events: impl Iterator<Item = Event<'a>>) -> Parts<'a> {
    let mut parts = Parts::default();
    let mut note: Option<(String, Vec<Event<'a>>)> = None;
    for event in events {
        if let Event::Start(Tag::FootnoteDefinition(name)) = &event {
            note = Some((name.to_string(), Vec::new()));
        }
        let ends = matches!(event, Event::End(TagEnd::FootnoteDefinition));
        match &mut note {
            Some((_, events)) => events.push(event),
            None => parts.events.push(event),
        }
        if ends && let Some((name, events)) = note.take() {
            parts.notes.entry(name).or_default().extend(events);
        }
    }
    parts
}
