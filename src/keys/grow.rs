//! New subjects in the tree: seals their keys, and splits pages and mids that become too full. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Damaged, MidRow, PageRow, SubjectRow, Table, Write};
use super::tree::{Draw, MID_LIMIT, MID_PIECE, Mid, PAGE_LIMIT, PAGE_PIECE, Page, PageRows, Patch, Tree};
use super::{Edge, KeyId, Secret};

/// A subject that gets a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newcomer {
    /// Whose.
    pub id: KeyId,
    /// Of which generation.
    pub generation: u32,
    /// Whether a condemned row stands there, which this one takes the place of.
    pub replaces: bool,
}

/// What growing asks to be written, and what is true once that is durable.
pub struct Grown {
    /// To be made durable as a whole.
    pub writes: Vec<Write>,
    /// To be applied then.
    pub patch: Patch,
    /// The new keys.
    pub secrets: Vec<(Newcomer, Secret)>,
}

/// The pages that newcomers would make too full: [`grow`] needs all their rows.
pub fn overfull(tree: &Tree, newcomers: &[Newcomer]) -> Result<Vec<KeyId>, Damaged> {
    let mut more: BTreeMap<KeyId, usize> = BTreeMap::new();
    for newcomer in newcomers {
        *more.entry(tree.page_of(&newcomer.id)?.0).or_default() += 1;
    }
    let full = |(start, more): &(KeyId, usize)| tree.pages.get(start).is_some_and(|p| p.count + more > PAGE_LIMIT);
    Ok(more.into_iter().filter(full).map(|(start, _)| start).collect())
}

/// Seals a new key for each newcomer (in order of id, no id twice), with the rows of all [`overfull`] pages.
pub fn grow(tree: &Tree, newcomers: &[Newcomer], rows: &PageRows, draw: &mut Draw<'_>) -> Result<Grown, Damaged> {
    let mut growth = Growth { tree, next_id: tree.tally.next_id, writes: Vec::new(), pages: BTreeMap::new() };
    let secrets: Vec<(Newcomer, Secret)> = newcomers.iter().map(|newcomer| (*newcomer, draw())).collect();
    let mut split = BTreeSet::new();
    let mut rest = secrets.as_slice();
    while let Some((first, _)) = rest.first() {
        let (start, page) = tree.page_of(&first.id)?;
        let end = tree.page_end(&start);
        let (group, after) = rest.split_at(rest.partition_point(|(new, _)| end.is_none_or(|end| new.id < end)));
        rest = after;
        let held = rows.get(&start).map(Vec::as_slice);
        if growth.add(start, page, group, held, draw)? {
            split.insert(tree.mid_of(&start)?.0);
        }
    }
    let mut mids = Vec::new();
    for start in split {
        growth.hang_pages(start, &mut mids, draw)?;
    }
    let mut tally = tree.tally;
    tally.next_id = growth.next_id;
    tally.subjects += secrets.iter().filter(|(new, _)| !new.replaces).count() as u64;
    let Growth { mut writes, pages, .. } = growth;
    writes.push(tally.write());
    let patch = Patch { tally: Some(tally), mids, pages: pages.into_iter().collect(), ..Patch::default() };
    Ok(Grown { writes, patch, secrets })
}

struct Growth<'a> {
    tree: &'a Tree,
    next_id: u64,
    writes: Vec<Write>,
    pages: BTreeMap<KeyId, Page>,
}

impl Growth<'_> {
    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn put(&mut self, under: &Edge, page: u64, id: &KeyId, generation: u32, secret: &Secret) {
        let row = SubjectRow::seal(under, &self.tree.deployment, page, id, generation, secret);
        self.writes.push(Write::put(Table::Subjects, &id.0, row.encode()));
    }

    /// Adds newcomers to one page; true where it was split.
    fn add(
        &mut self,
        start: KeyId,
        page: &Page,
        group: &[(Newcomer, Secret)],
        held: Option<&[(KeyId, SubjectRow)]>,
        draw: &mut Draw<'_>,
    ) -> Result<bool, Damaged> {
        let held_count = held.map_or(page.count, <[_]>::len);
        let added = group.iter().filter(|(new, _)| !new.replaces).count();
        let under = Edge::new(&page.key);
        match held {
            Some(rows) if held_count + added > PAGE_LIMIT => {
                let mut all: BTreeMap<KeyId, (u32, Secret)> = BTreeMap::new();
                for (id, row) in rows {
                    let secret = row.open(&under, &self.tree.deployment, page.id, id);
                    all.insert(*id, (row.generation, secret.map_err(|_| Damaged(Table::Subjects))?));
                }
                all.extend(group.iter().map(|(new, secret)| (new.id, (new.generation, secret.clone()))));
                self.split_page(start, &all.into_iter().collect::<Vec<_>>(), draw);
                Ok(true)
            }
            _ => {
                for (new, secret) in group {
                    self.put(&under, page.id, &new.id, new.generation, secret);
                }
                self.pages.insert(start, Page { count: held_count + added, ..page.clone() });
                Ok(false)
            }
        }
    }

    fn split_page(&mut self, start: KeyId, all: &[(KeyId, (u32, Secret))], draw: &mut Draw<'_>) {
        let pieces = all.len().div_ceil(PAGE_PIECE).max(1);
        for (index, piece) in all.chunks(all.len().div_ceil(pieces).max(1)).enumerate() {
            let page = Page { id: self.next_id(), key: draw(), count: piece.len() };
            let under = Edge::new(&page.key);
            for (id, (generation, secret)) in piece {
                self.put(&under, page.id, id, *generation, secret);
            }
            let first = if index == 0 { start } else { piece.first().map_or(start, |(id, _)| *id) };
            self.pages.insert(first, page);
        }
    }

    /// Seals the keys of split pages under their mid, or under its pieces where it is too full now.
    fn hang_pages(&mut self, start: KeyId, mids: &mut Vec<(KeyId, Mid)>, draw: &mut Draw<'_>) -> Result<(), Damaged> {
        let tree = self.tree;
        let (_, mid) = tree.mid_of(&start)?;
        let range = (std::ops::Bound::Included(start), tree.mid_end(&start));
        let mut all: BTreeMap<KeyId, Page> = tree.pages.range(range).map(|(at, page)| (*at, page.clone())).collect();
        all.extend(self.pages.range(range).map(|(at, page)| (*at, page.clone())));
        let all: Vec<(KeyId, Page)> = all.into_iter().collect();
        if all.len() <= MID_LIMIT {
            // Only what is new: pages that were not split keep their rows.
            let new = all.iter().filter(|(_, page)| page.id >= tree.tally.next_id);
            self.seal_pages(mid, new);
            return Ok(());
        }
        let pieces = all.len().div_ceil(MID_PIECE);
        let top = Edge::new(&tree.top);
        for (index, piece) in all.chunks(all.len().div_ceil(pieces)).enumerate() {
            let mid = Mid { id: self.next_id(), key: draw() };
            let first = if index == 0 { start } else { piece.first().map_or(start, |(at, _)| *at) };
            let row = MidRow::seal(&top, &tree.deployment, mid.id, &first, &mid.key);
            self.writes.push(Write::put(Table::Mids, &first.0, row.encode()));
            self.seal_pages(&mid, piece.iter());
            mids.push((first, mid));
        }
        Ok(())
    }

    fn seal_pages<'p>(&mut self, mid: &Mid, pages: impl Iterator<Item = &'p (KeyId, Page)>) {
        let under = Edge::new(&mid.key);
        for (start, page) in pages {
            let row = PageRow::seal(&under, &self.tree.deployment, mid.id, page.id, start, &page.key);
            self.writes.push(Write::put(Table::Pages, &start.0, row.encode()));
        }
    }
}
