//! Rows move when pages and mids split. What they were sealed under before must die with them too: the tree alone, without a
//! disk, against an attacker who has kept every row ever written.

use std::collections::BTreeMap;
use std::ops::Bound;

use lethe::keys::rows::{FenceRow, SubjectRow, Table, TopRow, Write};
use lethe::keys::{
    DeploymentId, Fence, KeyId, Newcomer, PageRows, Patch, RootId, Secret, Sentence, Tree, grow, overfull, turn,
};

use crate::attacker::{Loot, Opened};
use crate::store::id;

/// A store in memory that forgets nothing.
struct Model {
    tree: Tree,
    subjects: BTreeMap<KeyId, SubjectRow>,
    loot: Loot,
    drawn: u64,
}

fn draw(drawn: &mut u64) -> Secret {
    *drawn += 1;
    let digest = ring::digest::digest(&ring::digest::SHA256, &[b"drawn".as_slice(), &drawn.to_be_bytes()].concat());
    zeroize::Zeroizing::new(digest.as_ref().try_into().unwrap())
}

impl Model {
    fn new() -> Self {
        let mut drawn = 0;
        let (tree, writes) = Tree::plant(DeploymentId([1; 16]), &mut || draw(&mut drawn));
        let mut model = Self { tree, subjects: BTreeMap::new(), loot: Loot::default(), drawn };
        model.write(&writes, Patch::default());
        model
    }

    fn write(&mut self, writes: &[Write], patch: Patch) {
        self.loot.keep(writes);
        for Write { key, value, .. } in writes.iter().filter(|write| write.table == Table::Subjects) {
            let id = KeyId(key.as_slice().try_into().unwrap());
            match value {
                Some(row) => drop(self.subjects.insert(id, SubjectRow::decode(row).unwrap())),
                None => drop(self.subjects.remove(&id)),
            }
        }
        self.tree.apply(patch);
    }

    fn rows(&self, starts: impl IntoIterator<Item = KeyId>) -> PageRows {
        let page = |start: KeyId| {
            let end = self.tree.page_end(&start).map_or(Bound::Unbounded, Bound::Excluded);
            let rows = self.subjects.range((Bound::Included(start), end)).map(|(id, row)| (*id, *row)).collect();
            (start, rows)
        };
        starts.into_iter().map(page).collect()
    }

    fn create(&mut self, numbers: std::ops::Range<u64>) {
        for first in numbers.clone().step_by(500) {
            let ids = (first..numbers.end.min(first + 500)).map(id);
            let mut new: Vec<_> = ids.map(|id| Newcomer { id, generation: 1, replaces: false }).collect();
            new.sort();
            let rows = self.rows(overfull(&self.tree, &new).unwrap());
            let mut drawn = self.drawn;
            let grown = grow(&self.tree, &new, &rows, &mut || draw(&mut drawn)).unwrap();
            self.drawn = drawn;
            self.write(&grown.writes, grown.patch);
        }
    }

    fn erase(&mut self, id: KeyId) {
        let row = FenceRow::new(Fence { erased_through_ms: 1, generation: 1 });
        let sentence = Sentence { condemned: BTreeMap::from([(id, row)]), ..Sentence::default() };
        let rows = self.rows([self.tree.page_of(&id).unwrap().0]);
        let mut drawn = self.drawn;
        let turned = turn(&self.tree, &sentence, &rows, &mut || draw(&mut drawn)).unwrap();
        self.drawn = drawn;
        self.write(&turned.writes, turned.patch);
    }

    /// Every row ever written, and the top as it stands now.
    fn attack(&self) -> Opened {
        let row: TopRow = self.tree.top_row(&Patch::default(), 0, RootId::new("now").unwrap(), Vec::new());
        let mut opened = Opened::default();
        self.loot.open_top(&row, self.tree.top(), &mut opened);
        opened
    }
}

fn erase_one_by_one(subjects: u64, erased: impl Iterator<Item = u64>, mids: usize) {
    let mut model = Model::new();
    model.create(0..subjects);
    assert!(model.tree.sizes().0 >= mids, "the tree is too small to show anything");
    let erased: Vec<KeyId> = erased.map(id).collect();
    let opened = model.attack();
    assert!((0..subjects).all(|number| opened.holds(&id(number))), "before, all of them open");
    for id in &erased {
        model.erase(*id);
    }
    let opened = model.attack();
    for id in &erased {
        assert!(!opened.holds(id), "a key that still lives opens an old copy of {id:?}");
    }
    let kept = (0..subjects).map(id).filter(|id| !erased.contains(id));
    assert_eq!(kept.filter(|id| opened.holds(id)).count() as u64, subjects - erased.len() as u64);
}

#[test]
fn whoever_moved_when_a_page_split_is_gone_though_the_other_pieces_live_on() {
    // One subject erased at a time from a tree of a few pages: most pages keep their keys.
    for erased in 0..12 {
        erase_one_by_one(600, std::iter::once(erased * 50), 1);
    }
}

#[test]
fn whoever_moved_when_a_mid_split_is_gone_though_the_other_pieces_live_on() {
    // The last of all ids: it lies in the last piece, and nothing that the first piece hangs from is re-keyed but the top.
    let last = (0..36_000).max_by_key(|number| id(*number));
    erase_one_by_one(36_000, last.into_iter(), 2);
}
