//! The key tree as it stands open in memory: mids and pages as contiguous ranges of key ids, like the inner nodes of a B+tree.
//!
//! Subject keys are not in it: they stay sealed in the store. A tree never changes by itself: [`super::grow`] and
//! [`super::turn`] say what to write and hand back a [`Patch`], which is applied once the writes are durable.
//!
//! INVARIANT: whatever was ever sealed, at any depth, under a key that is still in use, is still below that key. So a page
//! or mid that splits gets new keys in *all* its pieces: had one piece kept the old key, then old copies of the store would
//! open, under that living key, the sealed keys of subjects that moved to another piece and were erased there.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;

use super::rows::{
    BucketRow, Crown, Damaged, DeploymentId, MidRow, PageRow, RootId, SignersRow, SubjectRow, Table, Tally, TopRow,
    Write, bucket_key,
};
use super::{BucketId, Edge, KeyId, Secret, SigningKey, Standing};

/// A page that would hold more subjects than this is split.
pub const PAGE_LIMIT: usize = 512;
/// Into pieces of about this many: pages then hold about 277 on average over a growing store.
pub const PAGE_PIECE: usize = 128;
/// A mid that would hold more pages than this is split.
pub const MID_LIMIT: usize = 128;
/// Into pieces of about this many.
pub const MID_PIECE: usize = 32;

/// Fresh random secrets, one a call.
pub type Draw<'a> = dyn FnMut() -> Secret + 'a;

/// All subjects of some pages, in order, by the first key id of the page's range.
pub type PageRows = BTreeMap<KeyId, Vec<(KeyId, SubjectRow)>>;

/// A page: the parent of some hundred subject keys.
#[derive(Clone)]
pub struct Page {
    /// Given once in a store's life; a re-keyed page keeps it, the pieces of a split page get new ones.
    pub id: u64,
    /// Its key.
    pub key: Secret,
    /// How many subjects it holds: a hint, since after a crash it may lag.
    pub count: usize,
}

/// A mid: the parent of some dozen pages.
#[derive(Clone)]
pub struct Mid {
    /// Given once in a store's life.
    pub id: u64,
    /// Its key.
    pub key: Secret,
}

/// The tree.
pub struct Tree {
    pub(super) deployment: DeploymentId,
    pub(super) tally: Tally,
    pub(super) top: Secret,
    pub(super) crown: Crown,
    pub(super) mids: BTreeMap<KeyId, Mid>,
    pub(super) pages: BTreeMap<KeyId, Page>,
    /// `None` where the bucket's secret is destroyed.
    pub(super) buckets: HashMap<BucketId, Option<Secret>>,
    /// Who has signed so far; `None` while the first key does.
    pub(super) signers: Option<SignersRow>,
}

/// What a durable batch of writes changed of a tree.
#[derive(Default)]
pub struct Patch {
    pub(super) tally: Option<Tally>,
    pub(super) top: Option<Secret>,
    pub(super) crown: Option<Crown>,
    pub(super) mids: Vec<(KeyId, Mid)>,
    pub(super) pages: Vec<(KeyId, Page)>,
    pub(super) buckets: Vec<(BucketId, Option<Secret>)>,
    pub(super) signers: Option<SignersRow>,
}

/// The stored rows from which a tree is opened.
#[derive(Default)]
pub struct Stored {
    /// Mids by first key id.
    pub mids: Vec<(KeyId, MidRow)>,
    /// Pages by first key id.
    pub pages: Vec<(KeyId, PageRow)>,
    /// Buckets.
    pub buckets: Vec<(BucketId, BucketRow)>,
    /// How full the pages were, by page id.
    pub counts: HashMap<u64, usize>,
    /// Who has signed so far, where more than one key has.
    pub signers: Option<SignersRow>,
}

const FIRST: KeyId = KeyId([0; 16]);

impl Tree {
    /// A new deployment's tree: one mid, one empty page, no bucket. The writes lack the top row, which needs a root.
    pub fn plant(deployment: DeploymentId, draw: &mut Draw<'_>) -> (Self, Vec<Write>) {
        let tally = Tally { epoch: 1, next_id: 3, subjects: 0 };
        let tree = Self {
            deployment,
            tally,
            top: draw(),
            crown: Crown { bucket_page: draw(), digest: draw(), signing: draw() },
            mids: BTreeMap::from([(FIRST, Mid { id: 1, key: draw() })]),
            pages: BTreeMap::from([(FIRST, Page { id: 2, key: draw(), count: 0 })]),
            buckets: HashMap::new(),
            signers: None,
        };
        let mut writes = vec![tally.write()];
        for (start, mid) in &tree.mids {
            let row = MidRow::seal(&Edge::new(&tree.top), &deployment, mid.id, start, &mid.key);
            writes.push(Write::put(Table::Mids, &start.0, row.encode()));
            for (start, page) in &tree.pages {
                let row = PageRow::seal(&Edge::new(&mid.key), &deployment, mid.id, page.id, start, &page.key);
                writes.push(Write::put(Table::Pages, &start.0, row.encode()));
            }
        }
        (tree, writes)
    }

    /// Opens a stored tree, of which the root keeper has opened the top.
    pub fn open(row: &TopRow, top: Secret, tally: Tally, stored: Stored) -> Result<Self, Damaged> {
        let crown = row.open(&top).map_err(|_| Damaged(Table::Meta))?;
        let mut tree = Self {
            deployment: row.deployment,
            tally,
            top,
            crown,
            mids: BTreeMap::new(),
            pages: BTreeMap::new(),
            buckets: HashMap::new(),
            signers: None,
        };
        let patch = tree.follow(None, tally, &stored)?;
        tree.apply(patch);
        for page in tree.pages.values_mut() {
            page.count = stored.counts.get(&page.id).copied().unwrap_or(0);
        }
        match (tree.mids.contains_key(&FIRST), tree.pages.contains_key(&FIRST)) {
            (true, true) => Ok(tree),
            (false, _) => Err(Damaged(Table::Mids)),
            (true, false) => Err(Damaged(Table::Pages)),
        }
    }

    /// Opens rows that were stored since this tree was read, by others who share the store: what they change here. Where the
    /// top was replaced, its row comes along with the key that the root keeper has opened; every mid is then among the rows.
    pub fn follow(&self, top: Option<(&TopRow, Secret)>, tally: Tally, changed: &Stored) -> Result<Patch, Damaged> {
        let mut patch = Patch { tally: Some(tally), signers: changed.signers.clone(), ..Patch::default() };
        if let Some((row, top)) = top {
            patch.crown = Some(row.open(&top).map_err(|_| Damaged(Table::Meta))?);
            patch.top = Some(top);
        }
        let under = Edge::new(patch.top.as_ref().unwrap_or(&self.top));
        let mut mids = BTreeMap::new();
        for (start, row) in &changed.mids {
            let key = row.open(&under, &self.deployment, start).map_err(|_| Damaged(Table::Mids))?;
            mids.insert(*start, Mid { id: row.id, key });
        }
        let mut under: Option<(u64, Edge)> = None;
        for (start, row) in &changed.pages {
            let newer = mids.range(..=*start).next_back();
            let mid = match (newer, self.mids.range(..=*start).next_back()) {
                (Some((at, mid)), known) if known.is_none_or(|(known, _)| known <= at) => mid,
                (_, known) => known.ok_or(Damaged(Table::Mids))?.1,
            };
            let edge = match under.take() {
                Some((id, edge)) if id == mid.id => edge,
                _ => Edge::new(&mid.key),
            };
            let key = row.open(&edge, &self.deployment, mid.id, start).map_err(|_| Damaged(Table::Pages))?;
            under = Some((mid.id, edge));
            let known = self.pages.get(start).filter(|page| page.id == row.id);
            let count = known.map_or(PAGE_PIECE, |page| page.count);
            patch.pages.push((*start, Page { id: row.id, key, count }));
        }
        patch.mids = mids.into_iter().collect();
        let under = Edge::new(&patch.crown.as_ref().unwrap_or(&self.crown).bucket_page);
        for (bucket, row) in &changed.buckets {
            let secret = row.open(&under, &self.deployment, bucket).map_err(|_| Damaged(Table::Buckets))?;
            patch.buckets.push((bucket.clone(), secret));
        }
        Ok(patch)
    }

    /// Takes note of how many subjects stand on some pages: each a page's first key id, its own id and the number.
    pub fn recount(&mut self, counts: impl IntoIterator<Item = (KeyId, u64, usize)>) {
        for (start, id, count) in counts {
            if let Some(page) = self.pages.get_mut(&start).filter(|page| page.id == id) {
                page.count = count;
            }
        }
    }

    /// Takes note of how many subjects there are: others may have made some.
    pub fn set_subjects(&mut self, subjects: u64) {
        self.tally.subjects = subjects;
    }

    /// The page in whose range a key id lies, with the first key id of that range.
    pub fn page_of(&self, id: &KeyId) -> Result<(KeyId, &Page), Damaged> {
        let found = self.pages.range(..=*id).next_back();
        found.map(|(start, page)| (*start, page)).ok_or(Damaged(Table::Pages))
    }

    /// The mid in whose range a key id lies, with the first key id of that range.
    pub fn mid_of(&self, id: &KeyId) -> Result<(KeyId, &Mid), Damaged> {
        let found = self.mids.range(..=*id).next_back();
        found.map(|(start, mid)| (*start, mid)).ok_or(Damaged(Table::Mids))
    }

    /// Where the range of the page that begins at `start` ends: the first key id that is no longer in it.
    pub fn page_end(&self, start: &KeyId) -> Option<KeyId> {
        self.pages.range((Bound::Excluded(*start), Bound::Unbounded)).next().map(|(next, _)| *next)
    }

    pub(super) fn mid_end(&self, start: &KeyId) -> Bound<KeyId> {
        let next = self.mids.range((Bound::Excluded(*start), Bound::Unbounded)).next();
        next.map_or(Bound::Unbounded, |(next, _)| Bound::Excluded(*next))
    }

    /// Opens a stored subject key.
    pub fn open_subject(&self, id: &KeyId, row: &SubjectRow) -> Result<Secret, Damaged> {
        let (_, page) = self.page_of(id)?;
        let place = SubjectRow::place(&self.deployment, page.id, id, row.generation);
        super::unwrap(&page.key, &place, &row.sealed).map_err(|_| Damaged(Table::Subjects))
    }

    /// What stands of a bucket, with its secret where there is one.
    pub fn bucket(&self, bucket: &BucketId) -> (Standing, Option<&Secret>) {
        match self.buckets.get(bucket) {
            Some(Some(secret)) => (Standing::Live, Some(secret)),
            Some(None) => (Standing::Expired, None),
            None => (Standing::Absent, None),
        }
    }

    /// Makes the secrets of buckets that were never made; the writes and the patch that belong together.
    pub fn make_buckets(&self, absent: &[BucketId], draw: &mut Draw<'_>) -> (Vec<Write>, Patch) {
        let under = Edge::new(&self.crown.bucket_page);
        let (mut writes, mut patch) = (Vec::new(), Patch::default());
        for bucket in absent.iter().filter(|bucket| !self.buckets.contains_key(*bucket)) {
            let secret = draw();
            let row = BucketRow::seal(&under, &self.deployment, bucket, &secret);
            writes.push(Write::put(Table::Buckets, &bucket_key(bucket), row.encode()));
            patch.buckets.push((bucket.clone(), Some(secret)));
        }
        (writes, patch)
    }

    /// The row that commits the tree with `patch` applied, under a root.
    pub fn top_row(&self, patch: &Patch, sealing: u64, root: RootId, sealed_top: Vec<u8>) -> TopRow {
        let top = patch.top.as_ref().unwrap_or(&self.top);
        let crown = patch.crown.as_ref().unwrap_or(&self.crown);
        TopRow::seal(self.deployment, sealing, root, sealed_top, top, crown)
    }

    /// Makes a durable change true in memory.
    pub fn apply(&mut self, patch: Patch) {
        self.tally = patch.tally.unwrap_or(self.tally);
        self.pages.extend(patch.pages);
        self.mids.extend(patch.mids);
        self.buckets.extend(patch.buckets);
        if let Some(top) = patch.top {
            self.top = top;
        }
        if let Some(crown) = patch.crown {
            self.crown = crown;
        }
        self.signers = patch.signers.or(self.signers.take());
    }

    /// Whose tree it is.
    pub fn deployment(&self) -> &DeploymentId {
        &self.deployment
    }

    /// The counters.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The key right under the root.
    pub fn top(&self) -> &Secret {
        &self.top
    }

    /// The keys right under the top.
    pub fn crown(&self) -> &Crown {
        &self.crown
    }

    /// The public halves of all keys that ever signed receipts.
    pub fn signers(&self) -> SignersRow {
        let first = || SignersRow::first(SigningKey::new(&self.crown.signing).public_key());
        self.signers.clone().unwrap_or_else(first)
    }

    /// How full each page is, by page id.
    pub fn counts(&self) -> impl Iterator<Item = (u64, usize)> {
        self.pages.values().map(|page| (page.id, page.count))
    }

    /// How many mids and pages there are.
    pub fn sizes(&self) -> (usize, usize) {
        (self.mids.len(), self.pages.len())
    }

    /// All buckets ever made, in order, and whether each is live.
    pub fn buckets(&self) -> Vec<(BucketId, bool)> {
        let mut buckets: Vec<_> = self.buckets.iter().map(|(id, secret)| (id.clone(), secret.is_some())).collect();
        buckets.sort();
        buckets
    }

    /// First key ids of all pages, in order.
    pub fn page_starts(&self) -> Vec<KeyId> {
        self.pages.keys().copied().collect()
    }
}

impl Patch {
    /// Joins another change that becomes durable in the same batch.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.tally = other.tally.or(self.tally);
        self.top = other.top.or(self.top);
        self.crown = other.crown.or(self.crown);
        self.mids.extend(other.mids);
        self.pages.extend(other.pages);
        self.buckets.extend(other.buckets);
        self.signers = other.signers.or(self.signers);
        self
    }

    /// The counters, where they change.
    pub fn tally(&self) -> Option<Tally> {
        self.tally
    }

    /// Marks buckets as destroyed.
    pub fn expired(buckets: &[BucketId]) -> Self {
        Self { buckets: buckets.iter().map(|bucket| (bucket.clone(), None)).collect(), ..Self::default() }
    }

    /// Sets the counters.
    #[must_use]
    pub fn with_tally(mut self, tally: Tally) -> Self {
        self.tally = Some(tally);
        self
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree({} mids, {} pages, {} buckets)", self.mids.len(), self.pages.len(), self.buckets.len())
    }
}
