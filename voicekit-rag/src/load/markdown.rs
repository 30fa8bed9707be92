//! Markdown.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use voicekit_core::error::Result;

use super::outline::Outline;

/// A table whose rows are being read.
#[derive(Default)]
struct Table {
    columns: Vec<String>,
    cells: Vec<String>,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what has no text of its own")]
pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut heading: Option<String> = None;
    let mut table: Option<Table> = None;
    let (mut lists, mut hidden) = (0_usize, false);
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(level)) => {
                outline.heading(depth(level), &heading.take().unwrap_or_default())?;
            }
            Event::Start(Tag::MetadataBlock(_)) => hidden = true,
            Event::End(TagEnd::MetadataBlock(_)) => hidden = false,
            Event::Start(Tag::List(_)) => {
                lists += 1;
                outline.text("\n")?;
            }
            Event::End(TagEnd::List(_)) => {
                lists = lists.saturating_sub(1);
                end(outline, lists)?;
            }
            Event::End(
                TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::Item,
            ) => end(outline, lists)?,
            Event::Start(Tag::Table(_)) => table = Some(Table::default()),
            Event::End(TagEnd::Table) => {
                table = None;
                end(outline, lists)?;
            }
            Event::Start(Tag::TableCell) => {
                table.iter_mut().for_each(|table| table.cells.push(String::new()));
            }
            Event::End(TagEnd::TableHead) => {
                table.iter_mut().for_each(|table| table.columns = std::mem::take(&mut table.cells));
            }
            Event::End(TagEnd::TableRow) => {
                if let Some(table) = &mut table {
                    outline.row(&table.columns, &std::mem::take(&mut table.cells))?;
                }
            }
            Event::Text(text) | Event::Code(text) if !hidden => {
                let cell = table.as_mut().and_then(|table| table.cells.last_mut());
                match heading.as_mut().or(cell) {
                    Some(part) => part.push_str(&text),
                    None => outline.text(&text)?,
                }
            }
            Event::SoftBreak | Event::HardBreak => match &mut heading {
                Some(heading) => heading.push(' '),
                None => outline.text(" ")?,
            },
            _ => {}
        }
    }
    Ok(())
}

/// A block ends, which within a list is a line.
fn end(outline: &mut Outline, lists: usize) -> Result<()> {
    if lists > 0 { outline.text("\n") } else { outline.end_block() }
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
