//! Markdown, read as the HTML that it stands for.

mod dialect;
mod directive;
mod footnotes;
mod front;
mod yaml;

use pulldown_cmark::{Options, Parser, html};
use voicekit_core::error::Result;

use super::html as page;
use super::outline::Outline;

pub(super) fn read(text: &str, outline: &mut Outline) -> Result<()> {
    let (title, text) = front::split(text);
    if let Some(title) = title {
        outline.name(&title);
    }
    let text = dialect::to_common(text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_WIKILINKS;
    let events = footnotes::in_place(Parser::new_ext(&text, options));
    let mut markup = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut markup, events.into_iter());
    page::read_part(&markup, outline)
}
