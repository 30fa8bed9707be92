//! Headings and blocks, in the order in which loaders read them.

use std::borrow::Cow;

use voicekit_core::error::Result;

use super::loss::{Loaded, Losses};
use super::{Block, rejected};

/// Collects a document.
#[derive(Debug)]
pub(crate) struct Outline {
    title: String,
    /// The name that the document gives itself apart from its text.
    name: Option<String>,
    headings: Vec<Heading>,
    /// Numbers of headings that open elements keep in place.
    floors: Vec<usize>,
    blocks: Vec<Block>,
    /// Whether each block is under a heading of the first level.
    topped: Vec<bool>,
    losses: Losses,
    text: String,
    /// Bytes of text that may still come.
    room: usize,
    limit: usize,
}

#[derive(Debug)]
struct Heading {
    /// 1 is the broadest.
    level: u8,
    text: String,
    /// Whether it is lost unless something stands below it.
    counts: bool,
}

impl Outline {
    /// A document called `name` with at most `limit` bytes of text.
    pub(crate) fn new(name: &str, limit: usize) -> Self {
        Self {
            title: name.to_owned(),
            name: None,
            headings: Vec::new(),
            floors: Vec::new(),
            blocks: Vec::new(),
            topped: Vec::new(),
            losses: Losses::default(),
            text: String::new(),
            room: limit,
            limit,
        }
    }

    /// Sets the title of blocks that no heading of the first level is above.
    pub(crate) fn title(&mut self, title: &str) {
        let title = tidy(title);
        if !title.is_empty() {
            self.title = title;
        }
    }

    /// Sets the title of all blocks.
    pub(crate) fn name(&mut self, name: &str) {
        let name = tidy(name);
        if !name.is_empty() {
            self.name = Some(name);
        }
    }

    /// Begins a section under a heading, 1 the broadest, that is no content by itself.
    pub(crate) fn heading(&mut self, level: u8, text: &str) -> Result<()> {
        self.push(level, text, false)
    }

    /// Begins a section under a heading, 1 the broadest, which is content if nothing follows it.
    pub(crate) fn headline(&mut self, level: u8, text: &str) -> Result<()> {
        self.push(level, text, true)
    }

    fn push(&mut self, level: u8, text: &str, counts: bool) -> Result<()> {
        self.end_block()?;
        self.spend(text.len())?;
        let text = tidy(text);
        let floor = self.floors.last().copied().unwrap_or_default();
        while self.headings.len() > floor && self.headings.last().is_some_and(|h| h.level >= level)
        {
            self.pop();
        }
        if !text.is_empty() {
            self.use_headings();
            self.headings.push(Heading { level, text, counts });
        }
        Ok(())
    }

    /// Ends the sections of `level` and below.
    pub(crate) fn end_sections(&mut self, level: u8) -> Result<()> {
        self.push(level, "", false)
    }

    /// Puts what follows under `text`, until [`leave`](Self::leave). Returns whether it does, which
    /// it does not for an empty text or the heading above.
    pub(crate) fn enter(&mut self, text: &str) -> Result<bool> {
        self.end_block()?;
        let text = tidy(text);
        if text.is_empty() || self.headings.last().is_some_and(|above| above.text == text) {
            return Ok(false);
        }
        self.spend(text.len())?;
        self.use_headings();
        self.headings.push(Heading { level: u8::MAX, text, counts: true });
        self.floors.push(self.headings.len());
        Ok(true)
    }

    pub(crate) fn leave(&mut self) -> Result<()> {
        self.end_block()?;
        let floor = self.floors.pop().unwrap_or(1);
        while self.headings.len() >= floor.max(1) {
            self.pop();
        }
        Ok(())
    }

    /// Adds text to the block.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.spend(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    pub(crate) fn end_block(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        self.block(&text, false);
        Ok(())
    }

    /// Adds a block that stands for itself, under a heading of its own if it has one.
    pub(crate) fn whole(&mut self, heading: Option<&str>, text: &str) -> Result<()> {
        self.end_block()?;
        self.spend(text.len() + heading.map_or(0, str::len))?;
        let heading = heading.map(tidy).filter(|heading| !heading.is_empty());
        let depth = self.headings.len();
        let level = u8::MAX;
        self.headings.extend(heading.map(|text| Heading { level, text, counts: false }));
        self.block(text, true);
        self.headings.truncate(depth);
        Ok(())
    }

    /// Adds a line for a row of a table: each cell with the name of its column.
    pub(crate) fn row(&mut self, columns: &[String], cells: &[String]) -> Result<()> {
        let row = row(columns, cells);
        if !row.is_empty() {
            self.text(&row)?;
            self.text("\n")?;
        }
        Ok(())
    }

    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        let waits = self.headings.iter().any(|heading| heading.counts);
        self.blocks.is_empty() && self.text.trim().is_empty() && !waits
    }

    /// Records that one part `what` (a noun in the singular) at `place` (`page 3`, `line 12`; may be
    /// empty) could not be read because of `why`. Equal parts and reasons are counted together, so
    /// keep numbers and names out of `why` where there may be many.
    pub(crate) fn lose(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        place: impl Into<String>,
        why: impl Into<Cow<'static, str>>,
    ) {
        self.losses.add(what, place, why);
    }

    pub(crate) fn finish(mut self) -> Result<Loaded> {
        self.end_block()?;
        while !self.headings.is_empty() {
            self.pop();
        }
        let (name, title) = (self.name.as_deref(), self.title.as_str());
        for (block, topped) in self.blocks.iter_mut().zip(self.topped) {
            let above = match name {
                Some(name) => Some(name).filter(|name| {
                    block.headings.first().is_none_or(|first| !first.eq_ignore_ascii_case(name))
                }),
                None => Some(title).filter(|title| !topped && !title.is_empty()),
            };
            if let Some(above) = above {
                block.headings.insert(0, above.to_owned());
            }
        }
        Ok(Loaded { blocks: self.blocks, losses: self.losses.into_vec() })
    }

    /// Ends a section. A heading that nothing stood below is a block.
    fn pop(&mut self) {
        let Some(heading) = self.headings.pop() else { return };
        if heading.counts {
            self.block(&heading.text, false);
        }
    }

    fn use_headings(&mut self) {
        self.headings.iter_mut().for_each(|heading| heading.counts = false);
    }

    fn block(&mut self, text: &str, whole: bool) {
        let lines = text.lines().map(tidy).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            return;
        }
        self.use_headings();
        let headings = self.headings.iter().map(|heading| heading.text.clone()).collect();
        self.topped.push(self.headings.first().is_some_and(|heading| heading.level == 1));
        self.blocks.push(Block { headings, text, whole });
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        let room = self.room.checked_sub(bytes);
        self.room =
            room.ok_or_else(|| rejected(format!("holds more than {} bytes of text", self.limit)))?;
        Ok(())
    }
}

/// `Treatment: Manicure. Minutes: 40.`
pub(crate) fn row(columns: &[String], cells: &[String]) -> String {
    let mut row = String::new();
    for (place, cell) in cells.iter().enumerate() {
        let cell = tidy(cell);
        if cell.is_empty() {
            continue;
        }
        if let Some(column) =
            columns.get(place).map(|column| tidy(column)).filter(|c| !c.is_empty())
        {
            row.push_str(&column);
            row.push_str(if column.ends_with([':', '?']) { " " } else { ": " });
        }
        row.push_str(&cell);
        row.push_str(if cell.ends_with(['.', '!', '?']) { " " } else { ". " });
    }
    row.trim_end().to_owned()
}

/// Returns `text` without control characters and invisible marks, and with single spaces.
pub(crate) fn tidy(text: &str) -> String {
    let visible = |c: &char| {
        (!c.is_control() || c.is_whitespace())
            // Soft hyphens, zero-width spaces, joiners of words, marks of direction.
            && !matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let text: String = text.chars().filter(visible).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
