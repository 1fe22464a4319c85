//! All paths of a pipeline as one tree, so that a walk over a document asks each place once.
//!
//! A place is a set of nodes: those that its way down from the root has reached.

use super::path::{JsonPath, Step};

/// The tree. Node 0 is the root.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    names: Vec<(Box<str>, u32)>,
    indexes: Vec<(u32, u32)>,
    any: Option<u32>,
    /// Where `..` leads: a node that is in every place below.
    below: Option<u32>,
    stays: bool,
    /// A text path ends here.
    text: bool,
    /// Selectors that end here: attribute and rank among that attribute's selectors.
    picks: Vec<(usize, usize)>,
}

/// How a place is reached from the container above it.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    Name(&'k str),
    Index(u32),
}

impl Matcher {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    pub(super) fn add_text(&mut self, path: &JsonPath) {
        let end = self.insert(path);
        if let Some(node) = self.nodes.get_mut(end as usize) {
            node.text = true;
        }
    }

    pub(super) fn add_pick(&mut self, path: &JsonPath, attribute: usize, rank: usize) {
        let end = self.insert(path);
        if let Some(node) = self.nodes.get_mut(end as usize) {
            node.picks.push((attribute, rank));
        }
    }

    fn insert(&mut self, path: &JsonPath) -> u32 {
        let mut at = 0;
        for step in path.steps() {
            at = match step {
                Step::Name(name) => self.named(at, name),
                Step::Index(index) => {
                    let known = |node: &Node| node.indexes.iter().find(|(i, _)| i == index).map(|(_, to)| *to);
                    self.edge(at, known, |node, to| node.indexes.push((*index, to)))
                }
                Step::Any => self.edge(at, |node| node.any, |node, to| node.any = Some(to)),
                Step::Below(name) => {
                    let below = self.edge(at, |node| node.below, |node, to| node.below = Some(to));
                    if let Some(node) = self.nodes.get_mut(below as usize) {
                        node.stays = true;
                    }
                    self.named(below, name)
                }
            };
        }
        at
    }

    fn named(&mut self, at: u32, name: &str) -> u32 {
        let known = |node: &Node| node.names.iter().find(|(n, _)| **n == *name).map(|(_, to)| *to);
        self.edge(at, known, |node, to| node.names.push((name.into(), to)))
    }

    fn edge(&mut self, at: u32, known: impl Fn(&Node) -> Option<u32>, add: impl Fn(&mut Node, u32)) -> u32 {
        let fresh = self.nodes.len() as u32;
        let Some(node) = self.nodes.get_mut(at as usize) else { return 0 };
        if let Some(to) = known(node) {
            return to;
        }
        add(node, fresh);
        self.nodes.push(Node::default());
        fresh
    }

    /// Appends the place of the whole document.
    pub(super) fn start(&self, places: &mut Vec<u32>) {
        self.reach(0, places);
    }

    /// Appends the place under `key` of the container whose nodes are `places[from..to]`.
    #[inline]
    pub(super) fn descend(&self, (from, to): (usize, usize), key: Key<'_>, places: &mut Vec<u32>) {
        for index in from..to {
            let Some(id) = places.get(index).copied() else { return };
            let Some(node) = self.nodes.get(id as usize) else { return };
            if node.stays {
                places.push(id);
            }
            match key {
                Key::Name(name) => {
                    if let Some((_, to)) = node.names.iter().find(|(known, _)| **known == *name) {
                        self.reach(*to, places);
                    }
                }
                Key::Index(index) => {
                    if let Some((_, to)) = node.indexes.iter().find(|(known, _)| *known == index) {
                        self.reach(*to, places);
                    }
                }
            }
            if let Some(to) = node.any {
                self.reach(to, places);
            }
        }
    }

    fn reach(&self, id: u32, places: &mut Vec<u32>) {
        places.push(id);
        if let Some(below) = self.nodes.get(id as usize).and_then(|node| node.below) {
            places.push(below);
        }
    }

    /// Whether a text path ends at a place.
    pub(super) fn is_text(&self, place: &[u32]) -> bool {
        place.iter().any(|id| self.nodes.get(*id as usize).is_some_and(|node| node.text))
    }

    /// Whether any selector ends at a place.
    #[inline]
    pub(super) fn has_picks(&self, place: &[u32]) -> bool {
        place.iter().any(|id| self.nodes.get(*id as usize).is_some_and(|node| !node.picks.is_empty()))
    }

    /// The selectors that end at a place: (attribute, rank).
    pub(super) fn picks(&self, place: &[u32]) -> impl Iterator<Item = (usize, usize)> {
        place.iter().filter_map(|id| self.nodes.get(*id as usize)).flat_map(|node| node.picks.iter().copied())
    }
}
