//! Headings and blocks, as loaders come upon them.

use std::borrow::Cow;

use voicekit_core::error::Result;

use super::loss::{Loaded, Losses};
use super::{Block, rejected};

/// Collects a document.
#[derive(Debug)]
pub(crate) struct Outline {
    title: String,
    /// Whether a heading of the first level says what the document is.
    titled: bool,
    headings: Vec<(u8, String)>,
    blocks: Vec<Block>,
    losses: Losses,
    text: String,
    /// Bytes of text that may still come.
    room: usize,
    limit: usize,
}

impl Outline {
    /// A document called `name` with at most `limit` bytes of text.
    pub(crate) fn new(name: &str, limit: usize) -> Self {
        Self {
            title: name.to_owned(),
            titled: false,
            headings: Vec::new(),
            blocks: Vec::new(),
            losses: Losses::default(),
            text: String::new(),
            room: limit,
            limit,
        }
    }

    /// The document says its title, which counts where it has no heading of the first level.
    pub(crate) fn title(&mut self, title: &str) {
        let title = tidy(title);
        if !title.is_empty() {
            self.title = title;
        }
    }

    /// What follows is under this heading, 1 the broadest.
    pub(crate) fn heading(&mut self, level: u8, text: &str) -> Result<()> {
        self.end_block()?;
        self.spend(text.len())?;
        let text = tidy(text);
        while self.headings.last().is_some_and(|(above, _)| *above >= level) {
            self.headings.pop();
        }
        if !text.is_empty() {
            self.titled |= level == 1;
            self.headings.push((level, text));
        }
        Ok(())
    }

    /// More text of the block.
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

    /// A block that stands for itself, under a heading of its own if it has one.
    pub(crate) fn whole(&mut self, heading: Option<&str>, text: &str) -> Result<()> {
        self.end_block()?;
        self.spend(text.len() + heading.map_or(0, str::len))?;
        let heading = heading.map(tidy).filter(|heading| !heading.is_empty());
        let depth = self.headings.len();
        self.headings.extend(heading.map(|heading| (u8::MAX, heading)));
        self.block(text, true);
        self.headings.truncate(depth);
        Ok(())
    }

    /// A row of a table: each cell with the name of its column.
    pub(crate) fn row(&mut self, columns: &[String], cells: &[String]) -> Result<()> {
        let row = row(columns, cells);
        if !row.is_empty() {
            self.text(&row)?;
            self.text("\n")?;
        }
        Ok(())
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
        if !self.titled && !self.title.is_empty() {
            for block in &mut self.blocks {
                block.headings.insert(0, self.title.clone());
            }
        }
        Ok(Loaded { blocks: self.blocks, losses: self.losses.into_vec() })
    }

    fn block(&mut self, text: &str, whole: bool) {
        let lines = text.lines().map(tidy).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            return;
        }
        let headings = self.headings.iter().map(|(_, heading)| heading.clone()).collect();
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
            row.push_str(": ");
        }
        row.push_str(&cell);
        row.push_str(if cell.ends_with(['.', '!', '?']) { " " } else { ". " });
    }
    row.trim_end().to_owned()
}

/// Without control characters, and with single spaces.
fn tidy(text: &str) -> String {
    let visible = |c: &char| !c.is_control() || c.is_whitespace();
    let text: String = text.chars().filter(visible).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
