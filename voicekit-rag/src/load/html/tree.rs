//! The tree of a page, as browsers build it from whatever they are given.
//!
//! Nodes lie in one vector and are walked by their links, so that no function calls itself. Elements
//! that are nested deeper than [`DEEPEST`] are left out and their text is kept; a page of more than
//! [`MOST`] nodes is not read to its end.

use std::borrow::Cow;
use std::cell::{Ref, RefCell};

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, Namespace, QualName, ns};

/// Elements within elements. Browsers stop at 512.
pub(super) const DEEPEST: usize = 400;
/// Nodes of a page, which take some 300 MB.
pub(super) const MOST: usize = 2_000_000;

/// The place of a node in its [`Tree`].
pub(super) type Id = usize;

/// The document, which every tree begins with.
pub(super) const ROOT: Id = 0;

#[derive(Debug)]
pub(super) enum Data {
    /// The document, a comment or another node without text.
    Other,
    Text(StrTendril),
    Element(Element),
}

#[derive(Debug)]
pub(super) struct Element {
    name: QualName,
    attributes: Vec<Attribute>,
    /// Where the content of a `template` is, which is not shown.
    template: Option<Id>,
}

impl Element {
    /// Its name, in lower case if it is an element of HTML.
    pub(super) fn name(&self) -> &str {
        &self.name.local
    }

    pub(super) fn is_html(&self) -> bool {
        self.name.ns == ns!(html)
    }

    /// The value of an attribute, if the element has it.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|one| &*one.name.local == name).map(|one| &*one.value)
    }
}

#[derive(Debug)]
struct Node {
    data: Data,
    parent: Option<Id>,
    before: Option<Id>,
    after: Option<Id>,
    first: Option<Id>,
    last: Option<Id>,
}

/// A step of a walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Enter(Id),
    Leave(Id),
}

/// A parsed page.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    fn add(&mut self, data: Data) -> Id {
        let (parent, before, after, first, last) = (None, None, None, None, None);
        self.nodes.push(Node { data, parent, before, after, first, last });
        self.nodes.len() - 1
    }

    pub(super) fn data(&self, id: Id) -> &Data {
        &self.nodes[id].data
    }

    pub(super) fn element(&self, id: Id) -> Option<&Element> {
        match &self.nodes[id].data {
            Data::Element(element) => Some(element),
            Data::Other | Data::Text(_) => None,
        }
    }

    /// The name of an HTML element, else nothing.
    pub(super) fn name(&self, id: Id) -> &str {
        self.element(id).filter(|element| element.is_html()).map_or("", Element::name)
    }

    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<&str> {
        self.element(id)?.attribute(name)
    }

    pub(super) fn parent(&self, id: Id) -> Option<Id> {
        self.nodes[id].parent
    }

    pub(super) fn next(&self, id: Id) -> Option<Id> {
        self.nodes[id].after
    }

    pub(super) fn previous(&self, id: Id) -> Option<Id> {
        self.nodes[id].before
    }

    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        std::iter::successors(self.nodes[id].first, |child| self.nodes[*child].after)
    }

    /// All below `id`, in the order of the page.
    pub(super) fn below(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let mut step = Some(Step::Enter(id));
        std::iter::from_fn(move || {
            loop {
                step = step.and_then(|now| self.step(now, id, true));
                match step? {
                    Step::Enter(node) => return Some(node),
                    Step::Leave(_) => {}
                }
            }
        })
    }

    /// The step after `step` of a walk over what is below `root`, whose end is `None`. Children are
    /// skipped unless `inside`.
    pub(super) fn step(&self, step: Step, root: Id, inside: bool) -> Option<Step> {
        let id = match step {
            Step::Enter(id) => match self.nodes[id].first.filter(|_| inside) {
                Some(child) => return Some(Step::Enter(child)),
                None if id == root => return None,
                None => return Some(Step::Leave(id)),
            },
            Step::Leave(id) => id,
        };
        let Some(next) = self.nodes[id].after else {
            let parent = self.nodes[id].parent?;
            return (parent != root).then_some(Step::Leave(parent));
        };
        Some(Step::Enter(next))
    }

    /// All text below `id`, as it stands.
    pub(super) fn text(&self, id: Id) -> String {
        let mut text = String::new();
        for node in self.below(id) {
            if let Data::Text(part) = self.data(node) {
                text.push_str(part);
            }
        }
        text
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() > MOST
    }

    fn detach(&mut self, id: Id) {
        let node = &mut self.nodes[id];
        let (parent, before, after) = (node.parent.take(), node.before.take(), node.after.take());
        match (before, parent) {
            (Some(before), _) => self.nodes[before].after = after,
            (None, Some(parent)) => self.nodes[parent].first = after,
            (None, None) => {}
        }
        match (after, parent) {
            (Some(after), _) => self.nodes[after].before = before,
            (None, Some(parent)) => self.nodes[parent].last = before,
            (None, None) => {}
        }
    }

    fn append(&mut self, parent: Id, id: Id) {
        self.detach(id);
        let last = self.nodes[parent].last.replace(id);
        self.nodes[id].parent = Some(parent);
        self.nodes[id].before = last;
        match last {
            Some(last) => self.nodes[last].after = Some(id),
            None => self.nodes[parent].first = Some(id),
        }
    }

    fn insert(&mut self, sibling: Id, id: Id) {
        self.detach(id);
        let (parent, before) = (self.nodes[sibling].parent, self.nodes[sibling].before);
        self.nodes[id].parent = parent;
        self.nodes[id].before = before;
        self.nodes[id].after = Some(sibling);
        self.nodes[sibling].before = Some(id);
        match (before, parent) {
            (Some(before), _) => self.nodes[before].after = Some(id),
            (None, Some(parent)) => self.nodes[parent].first = Some(id),
            (None, None) => {}
        }
    }

    /// The node of `child`; text that follows on the text `previous` is joined with it.
    fn node(&mut self, child: NodeOrText<Id>, previous: Option<Id>) -> Option<Id> {
        match child {
            NodeOrText::AppendNode(id) => Some(id),
            NodeOrText::AppendText(text) => {
                if let Some(previous) = previous
                    && let Data::Text(before) = &mut self.nodes[previous].data
                {
                    before.push_tendril(&text);
                    return None;
                }
                Some(self.add(Data::Text(text)))
            }
        }
    }
}

/// Builds a [`Tree`].
#[derive(Debug)]
pub(super) struct Sink {
    tree: RefCell<Tree>,
}

impl Sink {
    pub(super) fn new() -> Self {
        let mut tree = Tree::default();
        tree.add(Data::Other);
        Self { tree: RefCell::new(tree) }
    }

    pub(super) fn is_full(&self) -> bool {
        self.tree.borrow().is_full()
    }

    fn template(&self, id: Id) -> Option<Id> {
        self.tree.borrow().element(id).and_then(|element| element.template)
    }
}

/// The name of an element while the tree is borrowed.
#[derive(Debug)]
pub(super) struct Name<'a>(Ref<'a, QualName>);

impl html5ever::interface::ElemName for Name<'_> {
    fn ns(&self) -> &Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &LocalName {
        &self.0.local
    }
}

impl TreeSink for Sink {
    type Handle = Id;
    type Output = Tree;
    type ElemName<'a> = Name<'a>;

    fn finish(self) -> Tree {
        self.tree.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Id {
        ROOT
    }

    fn elem_name<'a>(&'a self, target: &'a Id) -> Name<'a> {
        Name(Ref::map(self.tree.borrow(), |tree| match tree.element(*target) {
            Some(element) => &element.name,
            // The builder asks for the names of elements only.
            None => unreachable!("node {target} is an element"),
        }))
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Id {
        let mut tree = self.tree.borrow_mut();
        // The template of a shadow root is shown where it stands.
        let shown = attributes.iter().any(|one| &*one.name.local == "shadowrootmode");
        let template = (flags.template && !shown).then(|| tree.add(Data::Other));
        tree.add(Data::Element(Element { name, attributes, template }))
    }

    fn create_comment(&self, _: StrTendril) -> Id {
        self.tree.borrow_mut().add(Data::Other)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Id {
        self.tree.borrow_mut().add(Data::Other)
    }

    fn append(&self, parent: &Id, child: NodeOrText<Id>) {
        let mut tree = self.tree.borrow_mut();
        let previous = tree.nodes[*parent].last;
        if let Some(id) = tree.node(child, previous) {
            tree.append(*parent, id);
        }
    }

    fn append_based_on_parent_node(&self, element: &Id, previous: &Id, child: NodeOrText<Id>) {
        let has_parent = self.tree.borrow().parent(*element).is_some();
        if has_parent {
            self.append_before_sibling(element, child);
        } else {
            self.append(previous, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Id) -> Id {
        self.template(*target).unwrap_or(*target)
    }

    fn same_node(&self, one: &Id, other: &Id) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Id, child: NodeOrText<Id>) {
        let mut tree = self.tree.borrow_mut();
        let previous = tree.previous(*sibling);
        if let Some(id) = tree.node(child, previous) {
            tree.insert(*sibling, id);
        }
    }

    fn add_attrs_if_missing(&self, target: &Id, attributes: Vec<Attribute>) {
        if let Data::Element(element) = &mut self.tree.borrow_mut().nodes[*target].data {
            for one in attributes {
                if element.attributes.iter().all(|other| other.name != one.name) {
                    element.attributes.push(one);
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &Id) {
        self.tree.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &Id, new_parent: &Id) {
        let mut tree = self.tree.borrow_mut();
        while let Some(child) = tree.nodes[*node].first {
            tree.append(*new_parent, child);
        }
    }

    fn allow_declarative_shadow_roots(&self, _: &Id) -> bool {
        false
    }
}
