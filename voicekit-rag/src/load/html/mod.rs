//! HTML, as its readers see it.
//!
//! Scripts, menus, footers and what is hidden from everyone are left out; what readers open, such as
//! accordions, tabs and `details`, is read under the name of what opens it. Where nothing else is
//! left, menus and footers are read, then the data that the page carries for scripts and search
//! engines.

mod data;
mod inline;
mod parse;
mod render;
mod table;
mod tree;
mod visible;

use voicekit_core::error::Result;

use self::render::Render;
use self::tree::{ROOT, Tree};
use self::visible::Visible;
use super::outline::Outline;

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let tree = parse::parse(text)?;
    if let Some(title) = title(&tree) {
        outline.title(&title);
    }
    for all in [false, true] {
        let visible = Visible::new(&tree, all);
        Render::new(&tree, &visible, outline).read()?;
        if !outline.is_empty() {
            return Ok(());
        }
    }
    data::read(&tree, outline)?;
    if outline.is_empty() {
        explain(&tree, outline);
    }
    Ok(())
}

/// Reads HTML that is part of another document, whose titles and headings are above it.
pub(super) fn read_part(text: &str, outline: &mut Outline) -> Result<()> {
    let tree = parse::parse(text)?;
    let visible = Visible::new(&tree, false);
    Render::new(&tree, &visible, outline).read()
}

/// The text of a piece of HTML, a line for each of its blocks.
pub(super) fn lines(text: &str, limit: usize) -> Result<String> {
    let mut outline = Outline::new("", limit);
    read_part(text, &mut outline)?;
    let mut lines = Vec::new();
    let mut above = Vec::new();
    for block in outline.finish()?.blocks {
        if block.headings != above {
            lines.extend(block.headings.last().cloned());
            above = block.headings;
        }
        lines.push(block.text);
    }
    Ok(lines.join("\n"))
}

fn title(tree: &Tree) -> Option<String> {
    let named = |id: &tree::Id| tree.name(*id) == "title";
    let title = tree.below(ROOT).find(named).map(|id| tree.text(id));
    let title = title.filter(|title| !title.trim().is_empty());
    title.or_else(|| meta(tree, &["og:title", "twitter:title"]))
}

/// The content of the first `meta` with one of these names.
fn meta(tree: &Tree, names: &[&str]) -> Option<String> {
    let metas = tree.below(ROOT).filter(|id| tree.name(*id) == "meta");
    let mut named = metas.filter(|id| {
        let name = tree.attribute(*id, "name").or_else(|| tree.attribute(*id, "property"));
        name.is_some_and(|name| names.iter().any(|one| name.eq_ignore_ascii_case(one)))
    });
    named.find_map(|id| tree.attribute(id, "content")).map(str::to_owned)
}

/// Says why there is nothing to read, if the page is not just empty.
fn explain(tree: &Tree, outline: &mut Outline) {
    let named = |names: &'static [&str]| {
        tree.below(ROOT).filter(|id| names.contains(&tree.name(*id))).collect::<Vec<_>>()
    };
    for frame in named(&["frame", "iframe"]) {
        let address = tree.attribute(frame, "src").unwrap_or_default();
        outline.lose("frame", address, "its page is a document of its own: add it");
    }
    if !named(&["script"]).is_empty() {
        outline.lose("page", "", "its scripts make its text in the browser");
    }
}
