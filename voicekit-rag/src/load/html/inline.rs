//! Elements within lines, and the text of elements as one line.

use super::super::outline;
use super::tree::{Data, Id, Step, Tree};
use super::visible::Visible;

/// Elements within a line.
pub(super) const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "img", "input", "ins", "kbd", "mark", "meter", "nobr", "output", "picture",
    "progress", "q", "ruby", "s", "samp", "slot", "small", "source", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
];
/// Other elements of HTML.
const KNOWN: &[&str] = &[
    "address",
    "area",
    "article",
    "aside",
    "audio",
    "base",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "col",
    "colgroup",
    "command",
    "content",
    "datalist",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "iframe",
    "keygen",
    "label",
    "legend",
    "li",
    "link",
    "listing",
    "main",
    "map",
    "marquee",
    "math",
    "menu",
    "menuitem",
    "meta",
    "nav",
    "noframes",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "p",
    "param",
    "plaintext",
    "portal",
    "pre",
    "rp",
    "rt",
    "rtc",
    "script",
    "search",
    "section",
    "select",
    "selectedcontent",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "track",
    "ul",
    "video",
    "xml",
    "xmp",
];
/// What the words begin with that stand beside numbers and addresses.
const CONTACTS: &[&str] = &[
    "tel",
    "phone",
    "call",
    "fax",
    "mobil",
    "whatsapp",
    "mail",
    "email",
    "address",
    "adres",
    "anschrift",
    "contact",
    "kontakt",
    "tél",
    "dirección",
    "indirizzo",
    "endereço",
];
/// Digits of the shortest number to call that is known without a word beside it; a date has fewer.
const SHORTEST_CALL: usize = 9;
/// The longest line of bold letters that is a heading, in bytes.
const LONGEST_BOLD: usize = 80;

/// Whether an element is none of HTML.
pub(super) fn is_component(tree: &Tree, id: Id) -> bool {
    is_component_name(tree.name(id))
}

pub(super) fn is_component_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(':') && !KNOWN.contains(&name) && !INLINE.contains(&name)
}

/// The number or e-mail address of a link whose text does not have it.
pub(super) fn said_by(href: &str, text: &str) -> Option<String> {
    let (scheme, rest) = href.trim().split_once(':')?;
    let address = rest.split(['?', ';']).next().unwrap_or_default().trim_start_matches('/');
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let says = match scheme.to_ascii_lowercase().as_str() {
        "tel" => digits(address) >= 3 && digits(text) < 3,
        "mailto" => address.contains('@') && !text.contains('@'),
        _ => false,
    };
    says.then(|| address.replace("%20", " "))
}

/// Whether a line of a footer tells where someone is or how to reach them.
pub(super) fn is_contact(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    let named = words.any(|word| CONTACTS.iter().any(|contact| word.starts_with(contact)));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let mut runs = text.split(|c: char| !c.is_ascii_digit() && !" -()+./\u{a0}".contains(c));
    let mail = lower
        .split_once('@')
        .is_some_and(|(name, host)| name.ends_with(char::is_alphanumeric) && host.contains('.'));
    mail || (named && digits(text) >= 3) || runs.any(|run| digits(run) >= SHORTEST_CALL)
}

/// The level of a heading.
pub(super) fn level(tree: &Tree, id: Id) -> Option<u8> {
    match tree.name(id) {
        "h1" => Some(1),
        "h2" => Some(2),
        "h3" => Some(3),
        "h4" => Some(4),
        "h5" => Some(5),
        "h6" => Some(6),
        _ => match tree.attribute(id, "role") {
            Some("heading") => {
                let level = tree.attribute(id, "aria-level").and_then(|level| level.parse().ok());
                Some(level.unwrap_or(2_u8).clamp(1, 6))
            }
            _ if tree.attribute(id, "class") == Some("MsoTitle") => Some(1),
            _ => None,
        },
    }
}

/// What an image shows, if that is more than a decoration.
pub(super) fn described(tree: &Tree, id: Id) -> Option<&str> {
    let text = tree.attribute(id, "alt")?.trim();
    let lower = text.to_ascii_lowercase();
    let is_file = [".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"]
        .iter()
        .any(|ending| lower.ends_with(ending));
    let is_sign = ["logo", "icon", "badge"].iter().any(|one| lower.ends_with(one));
    (text.contains(' ') && !is_file && !is_sign).then_some(text)
}

/// What stands between a text that ends in `last` and its superscript; `None` for the mark of a
/// footnote.
pub(super) fn raised(tree: &Tree, id: Id, last: Option<char>) -> Option<&'static str> {
    let text = tree.text(id);
    let text = text.trim();
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let refers =
        tree.below(id).any(|id| tree.attribute(id, "href").is_some_and(|to| to.starts_with('#')));
    let class = tree.attribute(id, "class").unwrap_or_default();
    if refers || class.contains("footnote") {
        return None;
    }
    Some(match (digits && last.is_some_and(|last| last.is_ascii_digit()), text.len()) {
        // Of a price, as `4` with a raised `99`.
        (true, 2) => ".",
        (true, _) => "^",
        (false, _) => "",
    })
}

/// Whether a paragraph is nothing but one short bold line above others.
pub(super) fn is_bold_heading(tree: &Tree, id: Id) -> bool {
    let mut inner = id;
    let mut bold = false;
    loop {
        let blank = |id: &Id| matches!(tree.data(*id), Data::Text(text) if text.trim().is_empty());
        let mut children = tree.children(inner).filter(|id| !blank(id));
        let (Some(child), None) = (children.next(), children.next()) else { break };
        match tree.name(child) {
            "b" | "strong" => bold = true,
            "font" | "span" | "u" | "em" | "i" | "big" | "center" | "a" => {}
            _ => break,
        }
        inner = child;
    }
    if !bold || tree.children(inner).any(|id| tree.name(id) == "br") {
        return false;
    }
    let after = std::iter::successors(tree.next(id), |next| tree.next(*next));
    let mut after = after.filter(|id| tree.element(*id).is_some());
    let text = tree.text(inner);
    let text = text.trim();
    text.len() <= LONGEST_BOLD
        && text.chars().any(char::is_alphabetic)
        && !text.ends_with(['.', ',', ';'])
        && after.any(|id| !tree.name(id).is_empty() && tree.name(id) != "br")
}

/// The visible text below `id` in one line, with commas between the items of lists.
pub(super) fn flat(tree: &Tree, visible: &Visible<'_>, root: Id) -> String {
    let mut text = String::new();
    let mut step = Some(Step::Enter(root));
    while let Some(now) = step {
        let mut inside = true;
        if let Step::Enter(id) = now {
            match tree.data(id) {
                Data::Other => {}
                Data::Text(part) => text.push_str(part),
                Data::Element(_) if id == root => {}
                Data::Element(_) => inside = flat_element(tree, visible, id, &mut text),
            }
        } else if let Step::Leave(id) = now
            && !INLINE.contains(&tree.name(id))
            && tree.element(id).is_some_and(|element| element.is_html())
        {
            text.push(' ');
        }
        step = tree.step(now, root, inside);
    }
    outline::tidy(&text)
}

fn flat_element(tree: &Tree, visible: &Visible<'_>, id: Id, text: &mut String) -> bool {
    match tree.name(id) {
        _ if !visible.shows(id) => return false,
        "img" => text.push_str(described(tree, id).unwrap_or_default()),
        // The signs by which a heading is linked to.
        "a" if !visible.has_text(id) => {
            let described = tree.below(id).find_map(|id| described(tree, id));
            text.push_str(described.unwrap_or_default());
            return false;
        }
        "sup" => match raised(tree, id, text.chars().last()) {
            None => return false,
            Some(between) => text.push_str(between),
        },
        "li" if !outline::tidy(text).is_empty() => {
            let end = text.trim_end().len();
            text.truncate(end);
            text.push_str(if text.ends_with([':', ',', ';']) { " " } else { ", " });
        }
        name if INLINE.contains(&name) || name.is_empty() => {}
        _ => text.push(' '),
    }
    true
}
