//! The data that a page carries for scripts and search engines, for pages that hold nothing else.

use voicekit_core::error::Result;

use super::super::json;
use super::super::outline::Outline;
use super::tree::{Data, Id, ROOT, Tree};
use super::{meta, read_part};

/// Ids of the data of frameworks.
const STATES: &[&str] = &["__NEXT_DATA__", "__NUXT_DATA__", "__APP_DATA__", "__INITIAL_STATE__"];

/// Reads what search engines are told, else what scripts are given, else what is for browsers
/// without either.
pub(super) fn read(tree: &Tree, outline: &mut Outline) -> Result<()> {
    let is_linked = |id: Id| {
        tree.attribute(id, "type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("application/ld+json"))
    };
    let is_state = |id: Id| tree.attribute(id, "id").is_some_and(|id| STATES.contains(&id));
    for chosen in [&is_linked as &dyn Fn(Id) -> bool, &is_state] {
        for id in tree.below(ROOT).filter(|id| tree.name(*id) == "script" && chosen(*id)) {
            // What a framework gives a page is within what it keeps for itself.
            json::read_embedded(&tree.text(id), &["props", "pageProps"], outline)?;
        }
        if !outline.is_empty() {
            return Ok(());
        }
    }
    for id in tree.below(ROOT).filter(|id| matches!(tree.name(*id), "noframes" | "noscript")) {
        let markup = tree.text(id);
        let asks = markup.to_lowercase().contains("javascript");
        let raw = tree.children(id).all(|child| matches!(tree.data(child), Data::Text(_)));
        if !asks && raw {
            read_part(&markup, outline)?;
        } else if !asks {
            outline.text(&markup.replace('\n', " "))?;
            outline.end_block()?;
        }
    }
    if outline.is_empty()
        && let Some(description) = meta(tree, &["description", "og:description"])
    {
        outline.text(&description)?;
        outline.end_block()?;
    }
    Ok(())
}
