//! Parts of a page that readers open, such as accordions, tabs and components of frameworks.

use voicekit_core::error::Result;

use super::super::inline::{flat, level};
use super::super::tree::Id;
use super::Render;

/// How many siblings before a button are looked at.
const NEAR: usize = 16;

impl Render<'_, '_> {
    /// Puts what readers open under the name of what opens it.
    pub(super) fn open_panel(&mut self, id: Id) -> Result<()> {
        let Some(opener) = self.visible.opener(id) else { return Ok(()) };
        if self.is_named_above(opener) || self.visible.is_command(opener) {
            return Ok(());
        }
        let name = flat(self.tree, self.visible, opener);
        if self.outline.enter(&name)? {
            self.scopes.push(id);
            self.fresh = true;
        }
        Ok(())
    }

    /// Whether a button is part of a heading, which is read where it stands.
    fn is_named_above(&self, id: Id) -> bool {
        let mut above = std::iter::successors(Some(id), |id| self.tree.parent(*id));
        above.any(|id| level(self.tree, id).is_some() || self.tree.name(id) == "summary")
    }

    pub(super) fn button(&mut self, id: Id) -> Result<bool> {
        let opens = self.visible.opens(id);
        if self.visible.is_command(id) || (opens && !self.is_named_above(id)) {
            return Ok(false);
        }
        let names = ["class", "aria-expanded"].map(|name| self.tree.attribute(id, name));
        let unfolds = names[1].is_some()
            || names[0].is_some_and(|class| {
                let class = class.to_ascii_lowercase();
                ["accordion", "collaps", "faq", "question"].iter().any(|one| class.contains(one))
            });
        if unfolds && self.items == 0 {
            if let Some(level) = self.level_beside(id) {
                return self.heading(level, id);
            }
            self.minor(id)?;
            return Ok(false);
        }
        self.line()?;
        let text = flat(self.tree, self.visible, id);
        self.text(&text)?;
        self.line()?;
        Ok(false)
    }

    /// The level of a heading shortly before `id` that holds a button, too, and so is its equal.
    fn level_beside(&self, id: Id) -> Option<u8> {
        let before = std::iter::successors(self.tree.previous(id), |id| self.tree.previous(*id));
        let mut near = before.take(NEAR);
        let heading = near.find(|id| level(self.tree, *id).is_some())?;
        let holds = self.tree.below(heading).any(|id| self.visible.is_button(id));
        level(self.tree, heading).filter(|_| holds)
    }

    /// Reads a component of a framework, which says some of its text in attributes.
    pub(super) fn component(&mut self, id: Id) -> Result<bool> {
        self.block()?;
        let said = |names: &[&str]| names.iter().find_map(|name| self.tree.attribute(id, name));
        let title = said(&["title", "label", "header", "heading", "question", "summary", "name"]);
        let title =
            title.filter(|title| title.chars().any(char::is_alphabetic)).unwrap_or_default();
        let text =
            said(&["answer", "description", "text", "content", "subtitle"]).unwrap_or_default();
        let entered = self.outline.enter(title)?;
        if entered {
            self.scopes.push(id);
            self.fresh = true;
        }
        if !text.is_empty() {
            self.text(text)?;
            self.block()?;
        }
        Ok(true)
    }

    pub(super) fn details(&mut self, id: Id) -> Result<bool> {
        self.block()?;
        let summary = self.tree.children(id).find(|child| self.tree.name(*child) == "summary");
        if let Some(summary) = summary {
            let name = flat(self.tree, self.visible, summary);
            if self.outline.enter(&name)? {
                self.scopes.push(id);
                self.fresh = true;
            }
        }
        Ok(true)
    }
}
