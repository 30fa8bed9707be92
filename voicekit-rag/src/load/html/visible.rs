//! What of a page is for its readers.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Data, Id, ROOT, Tree};

/// Elements whose content is not text for readers.
const NEVER: &[&str] = &[
    "script",
    "style",
    "template",
    "noscript",
    "noframes",
    "iframe",
    "object",
    "embed",
    "canvas",
    "audio",
    "video",
    "textarea",
    "head",
    "title",
    "datalist",
    "xml",
    "annotation",
    "annotation-xml",
    "rt",
    "rp",
    "map",
];
/// What a class or id says of an element that readers open and close.
const OPENED: &[&str] = &[
    "accordion",
    "collaps",
    "expand",
    "faq",
    "answer",
    "toggle",
    "disclosure",
    "spoiler",
    "tab-pane",
    "tabpane",
    "tab-panel",
    "tabpanel",
    "tab-content",
    "tabcontent",
    "panel",
    "readmore",
    "read-more",
];
/// The longest text that is the name of something readers open, in bytes.
const LONGEST_QUESTION: usize = 160;
/// Classes of what is around the content of a page.
const AROUND: &[&str] = &[
    "navbar",
    "breadcrumb",
    "breadcrumbs",
    "pagination",
    "skip-link",
    "skip-to-content",
    "skiplink",
];
/// What links to the content of the same page say.
const SKIPS: &[&str] = &["skip", "jump", "skip navigation", "zum inhalt", "zum inhalt springen"];
/// The beginnings of the classes and ids of banners that ask for consent.
const BANNERS: &[&str] = &[
    "onetrust",
    "cybotcookiebot",
    "cookiebot",
    "cookieconsent",
    "cookie-consent",
    "cookie_consent",
    "cookie-banner",
    "cookie_banner",
    "cookiebanner",
    "cookie-notice",
    "cookie_notice",
    "cookie-bar",
    "cookiebar",
    "cookie-popup",
    "cookie-law",
    "cookie-policy-banner",
    "cookie-message",
    "cookie-modal",
    "cookie-overlay",
    "cookie-alert",
    "cookie-info",
    "cookie-settings",
    "cookies-banner",
    "cookies-consent",
    "gdpr",
    "cc-window",
    "cc-banner",
    "cky-consent",
    "didomi",
    "usercentrics",
    "qc-cmp",
    "truste",
    "osano",
    "cmplz",
];
/// What a button says that does something to the page and nothing to its readers.
const COMMANDS: &[&str] = &[
    "accept",
    "accept all",
    "add to cart",
    "back",
    "cancel",
    "close",
    "copy",
    "dismiss",
    "go",
    "login",
    "log in",
    "log out",
    "menu",
    "more",
    "next",
    "ok",
    "okay",
    "open menu",
    "pause",
    "play",
    "prev",
    "previous",
    "print",
    "read more",
    "reset",
    "save",
    "search",
    "send",
    "share",
    "show less",
    "show more",
    "sign in",
    "sign up",
    "submit",
    "subscribe",
    "toggle menu",
    "toggle navigation",
    "x",
];

/// What readers see of a page.
pub(super) struct Visible<'a> {
    tree: &'a Tree,
    /// Whether menus, footers and banners are read, too.
    all: bool,
    /// The first element of each id.
    ids: BTreeMap<&'a str, Id>,
    /// Of elements that are opened by others: by which.
    openers: BTreeMap<Id, Id>,
    /// Elements that hold the content of the page, and so are not around it.
    centers: BTreeSet<Id>,
}

impl<'a> Visible<'a> {
    pub(super) fn new(tree: &'a Tree, all: bool) -> Self {
        let mut ids = BTreeMap::new();
        let mut centers = BTreeSet::new();
        for id in tree.below(ROOT) {
            if let Some(name) = tree.attribute(id, "id") {
                ids.entry(name).or_insert(id);
            }
            let is_main = tree.attribute(id, "role") == Some("main");
            if is_main || matches!(tree.name(id), "main" | "h1" | "article") {
                let above = std::iter::successors(tree.parent(id), |above| tree.parent(*above));
                // What is above a center that was found is known.
                for above in above {
                    if !centers.insert(above) {
                        break;
                    }
                }
            }
        }
        let mut visible = Self { tree, all, ids, openers: BTreeMap::new(), centers };
        visible.openers = visible.openers();
        visible
    }

    fn openers(&self) -> BTreeMap<Id, Id> {
        let mut openers = BTreeMap::new();
        for id in self.tree.below(ROOT) {
            let Some(opened) = self.opened_by(id) else { continue };
            openers.entry(opened).or_insert(id);
        }
        openers
    }

    /// What a button, tab or link opens.
    fn opened_by(&self, id: Id) -> Option<Id> {
        let attribute = |name| self.tree.attribute(id, name);
        let named = |value: &str| {
            let names = value.split_whitespace();
            let mut names = names.map(|name| name.trim_start_matches('#'));
            names.find_map(|name| self.ids.get(name).copied())
        };
        let toggles = ["data-toggle", "data-bs-toggle", "aria-expanded", "data-accordion-target"];
        let opens = attribute("role") == Some("tab")
            || toggles.iter().any(|name| attribute(*name).is_some());
        let targets = ["aria-controls", "data-bs-target", "data-target", "data-accordion-target"];
        let target = targets.iter().find_map(|name| attribute(*name).and_then(named));
        target.or_else(|| {
            attribute("href").filter(|href| opens && href.starts_with('#')).and_then(named)
        })
    }

    /// The button, tab or link that opens `id`.
    pub(super) fn opener(&self, id: Id) -> Option<Id> {
        self.openers.get(&id).copied()
    }

    /// Whether what `id` says is the name of what it opens.
    pub(super) fn opens(&self, id: Id) -> bool {
        self.opened_by(id).is_some_and(|opened| self.opener(opened) == Some(id))
    }

    /// Whether readers see `id` and so may see what is in it.
    pub(super) fn shows(&self, id: Id) -> bool {
        let Some(element) = self.tree.element(id) else { return true };
        let name = element.name();
        if !element.is_html() && matches!(name, "svg" | "annotation" | "annotation-xml") {
            return false;
        }
        if name == "template" {
            return element.attribute("shadowrootmode").is_some();
        }
        !NEVER.contains(&name) && !self.is_hidden(id) && (self.all || !self.is_around(id))
    }

    /// Whether nobody sees `id`, whatever they open.
    fn is_hidden(&self, id: Id) -> bool {
        let attribute = |name| self.tree.attribute(id, name);
        let style = attribute("style").unwrap_or_default();
        let style: String =
            style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        if style.contains("mso-list:ignore") || style.contains("mso-hide:all") {
            return true;
        }
        let says = |property: &str| {
            style.split(';').any(|one| one.trim_end_matches("!important") == property)
        };
        let hidden =
            attribute("hidden").is_some_and(|how| !how.eq_ignore_ascii_case("until-found"));
        let unseen =
            says("display:none") || says("visibility:hidden") || says("visibility:collapse");
        let hidden = hidden || self.has_hiding_class(id);
        let silent = attribute("aria-hidden").is_some_and(|how| how.eq_ignore_ascii_case("true"));
        if !hidden && !unseen && !silent {
            return false;
        }
        // A page that was saved while a dialog was open hides all the rest.
        let only_silent = !hidden && !unseen;
        let is_behind_dialog = only_silent && self.centers.contains(&id);
        !(self.is_opened(id) || is_behind_dialog)
    }

    /// Whether a class of a common style sheet hides `id` on screens of any size.
    fn has_hiding_class(&self, id: Id) -> bool {
        let class = self.tree.attribute(id, "class").unwrap_or_default();
        let mut names = class.split_whitespace();
        let shown = ["block", "flex", "grid", "table", "inline"];
        names.clone().any(|name| matches!(name, "d-none" | "hidden" | "is-hidden"))
            && !names.any(|name| shown.iter().any(|shown| name.contains(shown)))
    }

    /// Whether `id` is shown when readers ask for it, as parts of accordions and tabs are.
    fn is_opened(&self, id: Id) -> bool {
        let attribute = |name| self.tree.attribute(id, name);
        if self.opener(id).is_some() || attribute("role") == Some("tabpanel") {
            return true;
        }
        let labelled = attribute("aria-labelledby").and_then(|label| self.ids.get(label));
        if labelled.is_some_and(|label| self.is_button(*label)) {
            return true;
        }
        let within = self.tree.parent(id).map_or("", |parent| self.tree.name(parent));
        within == "details" || self.has_opened_name(id) || self.follows_opener(id)
    }

    /// Whether what is before `id` opens and closes something.
    fn follows_opener(&self, id: Id) -> bool {
        let mut before = self.tree.previous(id);
        while let Some(node) = before.filter(|node| self.tree.element(*node).is_none()) {
            before = self.tree.previous(node);
        }
        let Some(before) = before else { return false };
        let toggles = |id: Id| {
            let has = |name| self.tree.attribute(id, name).is_some();
            has("aria-expanded") || has("onclick") || (self.is_button(id) && !self.is_command(id))
        };
        toggles(before) || self.tree.children(before).any(toggles) || self.asks(before)
    }

    /// Whether `id` is short and called a question or looks like one.
    fn asks(&self, id: Id) -> bool {
        let text = self.tree.text(id);
        let text = text.trim();
        let called = self.has_opened_name(id)
            || self.tree.attribute(id, "class").is_some_and(|class| {
                ["question", "trigger"].iter().any(|one| class.to_ascii_lowercase().contains(one))
            });
        (1..=LONGEST_QUESTION).contains(&text.len()) && (called || text.ends_with('?'))
    }

    /// Whether the class or id of `id` is that of something that readers open.
    fn has_opened_name(&self, id: Id) -> bool {
        let names = [self.tree.attribute(id, "class"), self.tree.attribute(id, "id")];
        let mut names = names.into_iter().flatten().map(str::to_ascii_lowercase);
        names.any(|name| OPENED.iter().any(|opened| name.contains(opened)))
    }

    pub(super) fn is_button(&self, id: Id) -> bool {
        let role = self.tree.attribute(id, "role").unwrap_or_default();
        matches!(self.tree.name(id), "button" | "summary") || matches!(role, "button" | "tab")
    }

    /// Whether a button only does something to the page.
    pub(super) fn is_command(&self, id: Id) -> bool {
        let attribute = |name| self.tree.attribute(id, name);
        let expands = attribute("aria-expanded").is_some() || self.opened_by(id).is_some();
        let sends = attribute("type").is_some_and(|kind| matches!(kind, "submit" | "reset"));
        let said = self.tree.text(id);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let words = said.trim_matches(|c: char| !c.is_alphanumeric());
        COMMANDS.contains(&words) || words.is_empty() || (sends && !expands)
    }

    /// Whether `id` is a menu, a footer or a banner.
    fn is_around(&self, id: Id) -> bool {
        if self.centers.contains(&id) {
            return false;
        }
        let attribute = |name| self.tree.attribute(id, name);
        let role = attribute("role").unwrap_or_default();
        if matches!(role, "navigation" | "search" | "menubar") || self.tree.name(id) == "nav" {
            return true;
        }
        if self.tree.name(id) == "a" && attribute("href").is_some_and(|to| to.starts_with('#')) {
            let said = self.tree.text(id).trim().to_lowercase();
            if SKIPS.iter().any(|skip| said == *skip || said.starts_with(&format!("{skip} to "))) {
                return true;
            }
        }
        let dialog = matches!(role, "dialog" | "alertdialog") || self.tree.name(id) == "dialog";
        if dialog && self.tree.text(id).to_lowercase().contains("cookies") {
            return true;
        }
        let names = [attribute("class"), attribute("id")];
        let names = names.into_iter().flatten().flat_map(str::split_whitespace);
        let mut names = names.map(str::to_ascii_lowercase);
        names.any(|name| {
            AROUND.contains(&name.as_str()) || BANNERS.iter().any(|banner| name.starts_with(banner))
        })
    }

    /// Whether `id` is the footer of the page and not of a part of it. Of it, only addresses and
    /// the like are read.
    pub(super) fn is_footer(&self, id: Id) -> bool {
        let is = self.tree.name(id) == "footer"
            || self.tree.attribute(id, "role") == Some("contentinfo");
        if self.all || !is || self.centers.contains(&id) {
            return false;
        }
        let mut above =
            std::iter::successors(self.tree.parent(id), |above| self.tree.parent(*above));
        let parts = ["article", "section", "blockquote", "figure", "aside"];
        !above.any(|above| parts.contains(&self.tree.name(above)))
    }

    /// Whether there is text below `id`.
    pub(super) fn has_text(&self, id: Id) -> bool {
        self.tree.below(id).any(|id| {
            matches!(self.tree.data(id), Data::Text(text) if text.chars().any(char::is_alphanumeric))
        })
    }
}
