//! The embedded store: one folder, one process, one open tree. Opening it is the recovery: what a crash left is settled here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::cache::KeyCache;
use super::migrate::refuse_moved;
use super::shelf::Shelf;
use super::{Destroyed, Expired, Keystore, Renewal, Rotated, Status, StoreError, epoch};
use crate::io::clock::Clock;
use crate::io::entropy::Entropy;
use crate::io::kms::RootKeeper;
use crate::io::steps::{Around, Steps};
use crate::keys::rows::{
    BucketRow, EpochRow, MidRow, PageRow, Signer, SignersRow, Table, Tally, TopRow, Write, bucket_of_key,
    decode_counts, encode_counts,
};
use crate::keys::{
    BucketId, Damaged, DeploymentId, DigestKey, Fence, KeyId, KeyRequest, KeyRing, Patch, RootId, SigningKey, Stored,
    Tree,
};

/// The deployment's id, written before its first root is made: so that a crash in between leaves no root without an owner.
pub(super) const BIRTH: &[u8] = b"birth";

/// How an embedded store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder; made where it isn't there.
    pub folder: PathBuf,
    /// How long a key read from the store may be used.
    pub key_lease_ms: u64,
    /// How many derived keys stay in memory, at about 1.3 KB each.
    pub cached_keys: usize,
    /// Memory for blocks of the store's files.
    pub cache_bytes: u64,
    /// Where a test stops it.
    pub steps: Steps,
}

impl Options {
    /// A lease of 30 s, 65,536 cached keys, 64 MB of blocks.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            key_lease_ms: 30_000,
            cached_keys: 65_536,
            cache_bytes: 64 * 1024 * 1024,
            steps: Steps::default(),
        }
    }
}

/// The tree and the root it hangs from.
pub(super) struct State {
    pub tree: Tree,
    pub root: RootId,
    /// Keys made since the page counts were last written.
    pub made: usize,
    /// Commits of the tree since the store was opened.
    pub commits: u64,
}

/// Keys in a folder, for one process.
pub struct EmbeddedStore {
    pub(super) shelf: Shelf,
    pub(super) keeper: Arc<dyn RootKeeper>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cache: KeyCache,
    pub(super) lease_ms: u64,
    state: RwLock<State>,
    epoch: AtomicU64,
    entropy: Mutex<Entropy>,
}

impl EmbeddedStore {
    /// Opens the store, or makes it where the folder is empty. Then settles what a crash may have left: every root of this
    /// deployment but the committed one is destroyed.
    pub fn open(options: Options, keeper: Arc<dyn RootKeeper>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let shelf = Shelf::open(&options.folder, options.cache_bytes, options.steps)?;
        let meta = |key: &[u8]| Ok(shelf.get(Table::Meta, key)?.map(|row| row.to_vec()));
        refuse_moved(&options.folder.display().to_string(), meta)?;
        if shelf.half_copied()? {
            let what = "a backup into it was interrupted; take it again".to_owned();
            return Err(StoreError::Incomplete { folder: options.folder, what });
        }
        let mut entropy = Entropy::new();
        if shelf.get(Table::Meta, TopRow::KEY)?.is_none() {
            found(&shelf, &options.folder, &*keeper, &mut entropy)?;
        }
        let state = load(&shelf, &*keeper)?;
        let store = Self {
            cache: KeyCache::new(options.cached_keys, options.key_lease_ms),
            lease_ms: options.key_lease_ms,
            epoch: AtomicU64::new(state.tree.tally().epoch),
            state: RwLock::new(state),
            entropy: Mutex::new(entropy),
            shelf,
            keeper,
            clock,
        };
        let state = store.write_state()?;
        if !store.unsettled()?.is_empty() {
            store.shelf.settle()?;
        }
        store.settle_roots(&state)?;
        drop(state);
        Ok(store)
    }

    pub(super) fn read_state(&self) -> Result<RwLockReadGuard<'_, State>, StoreError> {
        self.shelf.check()?;
        Ok(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write_state(&self) -> Result<RwLockWriteGuard<'_, State>, StoreError> {
        let state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        self.shelf.check()?;
        Ok(state)
    }

    pub(super) fn entropy(&self) -> MutexGuard<'_, Entropy> {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// One durable change of the tree: on disk first, then in memory, then in the caches where the epoch has moved.
    pub(super) fn commit(
        &self,
        around: Around,
        state: &mut State,
        writes: Vec<Write>,
        patch: Patch,
    ) -> Result<(), StoreError> {
        self.shelf.commit(around, writes)?;
        state.tree.apply(patch);
        state.commits += 1;
        let epoch = state.tree.tally().epoch;
        if self.epoch.swap(epoch, Ordering::SeqCst) != epoch {
            self.cache.clear();
        }
        Ok(())
    }
}

impl Drop for EmbeddedStore {
    /// Page counts are hints: without them pages would only be split a little late.
    fn drop(&mut self) {
        if let Ok(state) = self.read_state()
            && state.made > 0
        {
            let counts = Write::put(Table::Meta, Tally::COUNTS_KEY, encode_counts(state.tree.counts()));
            drop(self.shelf.commit(("counts not yet durable", "counts durable"), vec![counts]));
        }
    }
}

/// Founds a deployment in an empty folder.
fn found(shelf: &Shelf, folder: &Path, keeper: &dyn RootKeeper, entropy: &mut Entropy) -> Result<(), StoreError> {
    if shelf.holds_keys()? {
        return Err(Damaged(Table::Meta).into());
    }
    let deployment = match shelf.get(Table::Meta, BIRTH)? {
        Some(row) => DeploymentId(row.as_ref().try_into().map_err(|_| Damaged(Table::Meta))?),
        None => {
            let deployment = DeploymentId(entropy.id());
            let birth = Write::put(Table::Meta, BIRTH, deployment.0.to_vec());
            shelf.commit(("birth not yet durable", "birth durable"), vec![birth])?;
            deployment
        }
    };
    epoch::refuse_orphans(keeper, &deployment, &folder.display().to_string())?;
    keeper.reconcile(&deployment, None)?;
    let writes = epoch::found(deployment, keeper, entropy)?;
    shelf.commit(("tree not yet planted", "tree planted"), writes)
}

/// Opens the stored tree with its root.
fn load(shelf: &Shelf, keeper: &dyn RootKeeper) -> Result<State, StoreError> {
    let row = |key| shelf.get(Table::Meta, key)?.ok_or(StoreError::Damaged(Damaged(Table::Meta)));
    let top_row = TopRow::decode(&row(TopRow::KEY)?)?;
    let tally = Tally::decode(&row(Tally::KEY)?)?;
    let top = epoch::open_top(keeper, &top_row)?;
    let mut stored = Stored::default();
    for (key, value) in shelf.scan(Table::Mids, &[], None)? {
        stored.mids.push((epoch::key_id(&key, Table::Mids)?, MidRow::decode(&value)?));
    }
    for (key, value) in shelf.scan(Table::Pages, &[], None)? {
        stored.pages.push((epoch::key_id(&key, Table::Pages)?, PageRow::decode(&value)?));
    }
    for (key, value) in shelf.scan(Table::Buckets, &[], None)? {
        stored.buckets.push((bucket_of_key(&key)?, BucketRow::decode(&value)?));
    }
    stored.signers = shelf.get(Table::Meta, SignersRow::KEY)?.map(|row| SignersRow::decode(&row)).transpose()?;
    if let Some(counts) = shelf.get(Table::Meta, Tally::COUNTS_KEY)? {
        stored.counts = decode_counts(&counts);
    }
    let tree = Tree::open(&top_row, top, tally, stored)?;
    Ok(State { tree, root: top_row.root, made: 0, commits: 0 })
}

impl Keystore for EmbeddedStore {
    fn ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        self.fill_ring(requests)
    }

    fn still_valid(&self, ring: &KeyRing) -> bool {
        let age_ms = self.clock.monotonic_ms().saturating_sub(ring.leased_at_ms);
        self.shelf.check().is_ok() && ring.epoch == self.epoch() && age_ms < self.lease_ms
    }

    fn fence(&self, through: &[(KeyId, i64)]) -> Result<Vec<Fence>, StoreError> {
        self.raise_fences(through)
    }

    fn destroy(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError> {
        self.destroy_condemned(ids)
    }

    fn expire(&self, buckets: &[BucketId]) -> Result<Expired, StoreError> {
        self.expire_buckets(buckets)
    }

    fn rotate(&self, from: Option<KeyId>, pages: usize) -> Result<Rotated, StoreError> {
        self.rotate_pages(from, pages)
    }

    fn renew(&self, what: Renewal) -> Result<(u64, EpochRow), StoreError> {
        self.renew_crown(what)
    }

    fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        self.back_up(to)
    }

    fn signers(&self) -> Result<Vec<Signer>, StoreError> {
        Ok(self.read_state()?.tree.signers().0)
    }

    fn remember(&self, request: &str, progress: &[u8], settled: bool) -> Result<(), StoreError> {
        let _state = self.write_state()?;
        self.shelf.remember(request, progress, settled)
    }

    fn recall(&self, request: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shelf.recall(request)?.map(|progress| progress.to_vec()))
    }

    fn open_requests(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = self.shelf.open_requests()?;
        let named = rows.into_iter().map(|(key, value)| (String::from_utf8_lossy(&key).into_owned(), value.to_vec()));
        Ok(named.collect())
    }

    fn digest_key(&self) -> Result<DigestKey, StoreError> {
        Ok(DigestKey::new(&self.read_state()?.tree.crown().digest))
    }

    fn signing_key(&self) -> Result<SigningKey, StoreError> {
        Ok(SigningKey::new(&self.read_state()?.tree.crown().signing))
    }

    fn buckets(&self) -> Result<Vec<(BucketId, bool)>, StoreError> {
        Ok(self.read_state()?.tree.buckets())
    }

    fn status(&self) -> Result<Status, StoreError> {
        let state = self.read_state()?;
        let (mids, pages) = state.tree.sizes();
        let buckets = state.tree.buckets();
        let live_buckets = buckets.iter().filter(|(_, live)| *live).count();
        let mut rows = 0;
        let newest = self.shelf.newest(Table::Epochs, |_| {
            rows += 1;
            rows == 1
        })?;
        let last_epoch = newest.first().map(|(key, value)| epoch::epoch_row(key, value)).transpose()?;
        Ok(Status {
            deployment: *state.tree.deployment(),
            root: state.root.clone(),
            epoch: state.tree.tally().epoch,
            subjects: state.tree.tally().subjects,
            mids,
            pages,
            live_buckets,
            expired_buckets: buckets.len() - live_buckets,
            last_epoch,
        })
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbeddedStore(epoch {})", self.epoch())
    }
}
