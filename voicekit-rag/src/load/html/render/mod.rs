//! The visible text of a page, as headings and blocks.

mod folds;

use voicekit_core::error::Result;

use super::super::outline::{self, Outline};
use super::inline::{
    INLINE, described, flat, is_bold_heading, is_component, is_contact, level, raised, said_by,
};
use super::table::Table;
use super::tree::{Data, Id, ROOT, Step, Tree};
use super::visible::Visible;

/// The level of headings that are no `h1` to `h6`.
const MINOR: u8 = 7;
/// More options than these are a list of countries or the like.
const MOST_OPTIONS: usize = 40;

/// Reads a page into an outline.
pub(super) struct Render<'a, 'o> {
    tree: &'a Tree,
    visible: &'a Visible<'a>,
    outline: &'o mut Outline,
    /// List items and definitions that are open, in which blocks are lines.
    items: usize,
    /// Elements that are open whose line breaks count.
    verbatim: usize,
    /// Open elements with a heading of their own.
    scopes: Vec<Id>,
    /// Open elements that hold minor headings.
    minors: Vec<Id>,
    /// Whether nothing stands on the line.
    fresh: bool,
    /// Whether a line break was last.
    broken: bool,
    /// Whether a term waits for its definition, and whether one has come.
    term: Option<bool>,
    last: Option<char>,
}

impl<'a, 'o> Render<'a, 'o> {
    pub(super) fn new(tree: &'a Tree, visible: &'a Visible<'a>, outline: &'o mut Outline) -> Self {
        Self {
            tree,
            visible,
            outline,
            items: 0,
            verbatim: 0,
            scopes: Vec::new(),
            minors: Vec::new(),
            fresh: true,
            broken: false,
            term: None,
            last: None,
        }
    }

    pub(super) fn read(mut self) -> Result<()> {
        let mut step = Some(Step::Enter(ROOT));
        while let Some(now) = step {
            let inside = match now {
                Step::Enter(id) => self.enter(id)?,
                Step::Leave(id) => {
                    self.leave(id)?;
                    true
                }
            };
            step = self.tree.step(now, ROOT, inside);
        }
        self.outline.end_block()
    }

    /// Reads the beginning of `id`; whether what is in it is read next.
    fn enter(&mut self, id: Id) -> Result<bool> {
        match self.tree.data(id) {
            Data::Other => return Ok(true),
            Data::Text(text) => {
                if self.is_between_terms(id, text) {
                    return Ok(false);
                }
                if self.verbatim > 0 {
                    self.verbatim_text(text)?;
                } else {
                    self.text(&text.replace(['\n', '\r'], " "))?;
                }
                return Ok(false);
            }
            Data::Element(_) => {}
        }
        if !self.visible.shows(id) {
            return Ok(false);
        }
        if self.visible.is_footer(id) {
            return self.footer(id);
        }
        if let Some(level) = level(self.tree, id) {
            return self.heading(level, id);
        }
        self.open_panel(id)?;
        if is_component(self.tree, id) {
            return self.component(id);
        }
        match self.tree.name(id) {
            "br" => self.line_break(),
            "wbr" => Ok(false),
            "img" | "area" => self.image(id),
            "sup" => self.superscript(id),
            "summary"
                if self.tree.parent(id).is_some_and(|above| self.tree.name(above) == "details") =>
            {
                Ok(false)
            }
            "a" | "button" | "label" | "span" | "div" | "p"
                if self.visible.is_button(id) || self.visible.opens(id) =>
            {
                self.button(id)
            }
            "a" => {
                let before = self.tree.previous(id).map_or("", |before| self.tree.name(before));
                if before == "a" {
                    self.text(" ")?;
                }
                Ok(true)
            }
            "details" => self.details(id),
            "table" => self.table(id),
            "select" => self.select(id),
            "dt" => self.term(id),
            "dd" => self.definition(),
            "li" => {
                self.line()?;
                self.items += 1;
                Ok(true)
            }
            "pre" | "listing" | "plaintext" | "xmp" => {
                self.block()?;
                self.verbatim += 1;
                Ok(true)
            }
            "p" | "div" | "td" if self.items == 0 && is_bold_heading(self.tree, id) => {
                self.minor(id)?;
                Ok(false)
            }
            _ if self.is_inline(id) => Ok(true),
            "label" | "legend" | "caption" | "option" | "dl" if self.items > 0 => {
                self.line()?;
                Ok(true)
            }
            "label" | "caption" => {
                self.line()?;
                Ok(true)
            }
            _ => {
                self.block()?;
                Ok(true)
            }
        }
    }

    fn leave(&mut self, id: Id) -> Result<()> {
        while self.scopes.last() == Some(&id) {
            self.scopes.pop();
            self.outline.leave()?;
            self.fresh = true;
        }
        if self.minors.last() == Some(&id) {
            self.minors.pop();
            self.outline.end_sections(MINOR)?;
            self.fresh = true;
        }
        if self.tree.element(id).is_none()
            || !self.visible.shows(id)
            || level(self.tree, id).is_some()
        {
            return Ok(());
        }
        match self.tree.name(id) {
            "br" | "wbr" | "img" => Ok(()),
            "a" if self.visible.is_button(id) || self.visible.opens(id) => Ok(()),
            "a" => self.address(id),
            "li" | "dd" => {
                self.items = self.items.saturating_sub(1);
                if self.tree.name(id) == "li" { self.line() } else { Ok(()) }
            }
            "dt" => Ok(()),
            "dl" => {
                self.term = None;
                self.block()
            }
            "pre" | "listing" | "plaintext" | "xmp" => {
                self.verbatim = self.verbatim.saturating_sub(1);
                self.block()
            }
            _ if self.is_inline(id) => Ok(()),
            "label" | "caption" => self.line(),
            _ => self.block(),
        }
    }

    fn is_inline(&self, id: Id) -> bool {
        let name = self.tree.name(id);
        if !INLINE.contains(&name) && !name.contains(':') {
            // Elements that are not HTML, as those of formulas, stand within lines.
            return name.is_empty();
        }
        let style = self.tree.attribute(id, "style").unwrap_or_default().replace(' ', "");
        !["display:block", "display:flex", "display:grid"].iter().any(|one| style.contains(one))
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if text.chars().any(|c| !c.is_whitespace()) {
            self.fresh = false;
            self.broken = false;
        }
        self.last = text.chars().last().or(self.last);
        self.outline.text(text)
    }

    fn verbatim_text(&mut self, text: &str) -> Result<()> {
        let mut lines = text.split('\n');
        self.text(lines.next().unwrap_or_default())?;
        for line in lines {
            self.line()?;
            self.text(line)?;
        }
        Ok(())
    }

    /// Begins a line, unless nothing stands on this one.
    fn line(&mut self) -> Result<()> {
        self.broken = false;
        if !self.fresh {
            self.fresh = true;
            self.last = None;
            self.outline.text("\n")?;
        }
        Ok(())
    }

    /// Begins a block, which within a list is a line.
    fn block(&mut self) -> Result<()> {
        if self.items > 0 {
            return self.line();
        }
        (self.fresh, self.broken, self.last) = (true, false, None);
        self.outline.end_block()
    }

    /// Two line breaks end a paragraph.
    fn line_break(&mut self) -> Result<bool> {
        if self.broken {
            self.block()?;
        } else {
            self.line()?;
            self.broken = true;
        }
        Ok(false)
    }

    fn heading(&mut self, level: u8, id: Id) -> Result<bool> {
        let text = flat(self.tree, self.visible, id);
        self.outline.headline(level, &text)?;
        (self.fresh, self.broken) = (true, false);
        Ok(false)
    }

    /// A heading that holds until its parent ends.
    fn minor(&mut self, id: Id) -> Result<()> {
        self.heading(MINOR, id)?;
        let parent = self.tree.parent(id).unwrap_or(ROOT);
        if self.minors.last() != Some(&parent) {
            self.minors.push(parent);
        }
        Ok(())
    }

    fn table(&mut self, id: Id) -> Result<bool> {
        self.block()?;
        let Some(table) = Table::of(self.tree, self.visible, id) else { return Ok(true) };
        if !table.caption.is_empty() {
            self.text(&table.caption)?;
            self.line()?;
        }
        for cells in &table.rows {
            let row = outline::row(&table.columns, cells);
            if !row.is_empty() {
                self.text(&row)?;
                self.line()?;
            }
        }
        Ok(false)
    }

    fn select(&mut self, id: Id) -> Result<bool> {
        let options = self.tree.below(id).filter(|id| {
            let attribute = |name| self.tree.attribute(*id, name);
            self.tree.name(*id) == "option"
                && attribute("value") != Some("")
                && attribute("disabled").is_none()
                && self.visible.shows(*id)
        });
        let options: Vec<String> = options
            .map(|id| flat(self.tree, self.visible, id))
            .filter(|option| !option.is_empty())
            .collect();
        if (1..=MOST_OPTIONS).contains(&options.len()) {
            self.text(" ")?;
            self.text(&options.join(", "))?;
            self.text(" ")?;
        }
        Ok(false)
    }

    fn term(&mut self, id: Id) -> Result<bool> {
        if self.tree.below(id).any(|id| level(self.tree, id).is_some()) {
            self.term = None;
            return Ok(true);
        }
        let follows = self.term == Some(false);
        if follows {
            self.text(", ")?;
        } else {
            self.line()?;
        }
        let text = flat(self.tree, self.visible, id);
        self.text(&text)?;
        self.term = Some(false);
        Ok(false)
    }

    /// Whether a text is only the white space between a term and its definitions.
    fn is_between_terms(&self, id: Id, text: &str) -> bool {
        let within = self.tree.parent(id);
        let name = within.map_or("", |within| self.tree.name(within));
        let above = within.and_then(|within| self.tree.parent(within));
        let is_group = name == "div" && above.is_some_and(|above| self.tree.name(above) == "dl");
        self.term.is_some() && (name == "dl" || is_group) && text.trim().is_empty()
    }

    fn definition(&mut self) -> Result<bool> {
        match self.term.replace(true) {
            Some(false) => {
                let closed = self.last.is_some_and(|last| matches!(last, '?' | '!' | '.' | ':'));
                self.text(if closed { " " } else { ": " })?;
                self.fresh = true;
            }
            Some(true) => {
                self.text("; ")?;
                self.fresh = true;
            }
            None => {
                self.term = None;
                self.block()?;
            }
        }
        self.items += 1;
        Ok(true)
    }

    /// Of the footer of a page, the addresses; of one without, what tells how to reach someone.
    fn footer(&mut self, id: Id) -> Result<bool> {
        self.block()?;
        let addresses: Vec<Id> =
            self.tree.below(id).filter(|id| self.tree.name(*id) == "address").collect();
        // A page that is nothing but menus and footers is read as a whole.
        let addresses = if addresses.is_empty() && !self.outline.is_empty() {
            self.contacts(id)
        } else {
            addresses
        };
        for address in addresses {
            let text = flat(self.tree, self.visible, address);
            self.text(&text)?;
            for link in self.links(address) {
                self.address(link)?;
            }
            self.block()?;
        }
        Ok(false)
    }

    /// The lowest blocks of a footer that tell how to reach someone.
    fn contacts(&self, footer: Id) -> Vec<Id> {
        let mut open = vec![footer];
        let mut found = Vec::new();
        while let Some(id) = open.pop() {
            if !self.visible.shows(id) {
                continue;
            }
            let children = self.tree.children(id);
            let blocks: Vec<Id> = children
                .filter(|child| self.tree.element(*child).is_some() && !self.is_inline(*child))
                .filter(|child| self.tree.name(*child) != "br")
                .collect();
            let own = self
                .tree
                .children(id)
                .any(|child| matches!(self.tree.data(child), Data::Text(text) if is_contact(text)));
            let lowest = blocks.is_empty();
            let is_found =
                || is_contact(&flat(self.tree, self.visible, id)) || !self.links(id).is_empty();
            if own || (lowest && is_found()) {
                found.push(id);
            } else {
                open.extend(blocks.into_iter().rev());
            }
        }
        found
    }

    /// The links below `id` that call or write to what their text does not say.
    fn links(&self, id: Id) -> Vec<Id> {
        let says = |id: &Id| {
            let href = self.tree.attribute(*id, "href").unwrap_or_default();
            said_by(href, &self.tree.text(*id)).is_some()
        };
        let links = self.tree.below(id).filter(|id| self.tree.name(*id) == "a");
        links.filter(|id| self.visible.shows(*id) && says(id)).collect()
    }

    fn image(&mut self, id: Id) -> Result<bool> {
        if let Some(text) = described(self.tree, id) {
            self.text(text)?;
        }
        Ok(false)
    }

    fn superscript(&mut self, id: Id) -> Result<bool> {
        match raised(self.tree, id, self.last) {
            None => Ok(false),
            Some(between) => {
                self.text(between)?;
                Ok(true)
            }
        }
    }

    /// What a link calls or writes to, unless it says so.
    fn address(&mut self, id: Id) -> Result<()> {
        let Some(href) = self.tree.attribute(id, "href") else { return Ok(()) };
        let Some(address) = said_by(href, &self.tree.text(id)) else { return Ok(()) };
        self.text(&format!(" {address}"))
    }
}
