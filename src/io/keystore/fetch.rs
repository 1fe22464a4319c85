//! Fetch or create: one call a batch, one fsync at most. Cached keys cost no lock, stored ones a shared one, new ones the
//! exclusive one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::StoreError;
use super::cache::Cached;
use super::embedded::{EmbeddedStore, State, key_id};
use super::shelf::Around;
use crate::keys::rows::{FenceRow, SubjectRow, Table, Tally, Write, encode_counts};
use crate::keys::{
    Access, BucketId, Damaged, Fence, KeyId, KeyRequest, KeyRing, KeyState, Newcomer, PageRows, SealingKeys, Secret,
    Standing, access, grow, overfull,
};

const MADE: Around = ("new keys not yet durable", "new keys durable");
/// Page counts are written along after so many new keys: a crash then loses at most these counts.
const COUNTS_EVERY: usize = 100_000;

/// What stands in the store for one subject.
#[derive(Clone, Default)]
struct Held {
    row: Option<SubjectRow>,
    fence: Option<Fence>,
    /// Opened once for all buckets that a batch needs.
    secret: Option<Secret>,
}

impl Held {
    fn access(&self, request: &KeyRequest, bucket: Standing) -> Access {
        access(request.grant, request.at_ms, self.fence, self.row.map(|row| row.generation), bucket)
    }
}

/// The epoch moved while the ring was being filled.
struct Moved;

/// What is left to be made, and what was seen while looking.
struct Unmade<'r> {
    requests: Vec<&'r KeyRequest>,
    held: HashMap<KeyId, Held>,
    /// How many commits the store had seen then: if it still has, nothing needs to be looked at again.
    commits: u64,
}

impl EmbeddedStore {
    pub(super) fn fill_ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        loop {
            self.shelf.check()?;
            let mut ring = KeyRing::with_room(self.epoch(), self.clock.monotonic_ms(), requests.len());
            let missing = self.take_cached(requests, &mut ring);
            if missing.is_empty() {
                return Ok(ring);
            }
            let Ok(unmade) = self.take_stored(&missing, &mut ring)? else { continue };
            if unmade.requests.is_empty() || self.make(unmade, &mut ring)?.is_ok() {
                return Ok(ring);
            }
        }
    }

    /// Puts what is cached into the ring; the rest comes back.
    fn take_cached<'r>(&self, requests: &'r [KeyRequest], ring: &mut KeyRing) -> Vec<&'r KeyRequest> {
        let now_ms = ring.leased_at_ms;
        let mut missing = Vec::new();
        for request in requests {
            let Some(entry) = self.cache.get(&request.id, &request.bucket, ring.epoch, now_ms) else {
                missing.push(request);
                continue;
            };
            let generation = entry.keys.generation();
            let state = match access(request.grant, request.at_ms, entry.fence, Some(generation), Standing::Live) {
                Access::Use(_) => KeyState::Live(entry.keys),
                Access::Erased(fence) => KeyState::Erased(fence),
                Access::Expired | Access::Unknown | Access::Make(_) => {
                    missing.push(request);
                    continue;
                }
            };
            ring.leased_at_ms = ring.leased_at_ms.min(entry.read_at_ms);
            ring.insert(request.clone(), state);
        }
        missing
    }

    /// Puts what is stored into the ring; what is to be made comes back.
    fn take_stored<'r>(
        &self,
        missing: &[&'r KeyRequest],
        ring: &mut KeyRing,
    ) -> Result<Result<Unmade<'r>, Moved>, StoreError> {
        let now_ms = self.clock.monotonic_ms();
        let state = self.read_state()?;
        if state.tree.tally().epoch != ring.epoch {
            return Ok(Err(Moved));
        }
        let mut unmade =
            Unmade { requests: Vec::new(), held: HashMap::with_capacity(missing.len()), commits: state.commits };
        for request in missing.iter().copied() {
            let held = self.held(&mut unmade.held, &request.id)?;
            let (standing, _) = state.tree.bucket(&request.bucket);
            match held.access(request, standing) {
                Access::Make(_) => unmade.requests.push(request),
                found => self.settle_request(&state, request, found, held, now_ms, ring)?,
            }
        }
        Ok(Ok(unmade))
    }

    /// What stands for a subject, looked up once a batch.
    fn held<'h>(&self, held: &'h mut HashMap<KeyId, Held>, id: &KeyId) -> Result<&'h mut Held, StoreError> {
        Ok(match held.entry(*id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.look_up(id)?),
        })
    }

    fn look_up(&self, id: &KeyId) -> Result<Held, StoreError> {
        let row = self.shelf.get(Table::Subjects, &id.0)?.map(|row| SubjectRow::decode(&row)).transpose()?;
        let fence = self.shelf.get(Table::Fences, &id.0)?.map(|row| FenceRow::decode(&row)).transpose()?;
        Ok(Held { row, fence: fence.map(|row| row.fence), secret: None })
    }

    /// Puts a request's outcome into the ring, and its keys into the cache.
    fn settle_request(
        &self,
        state: &State,
        request: &KeyRequest,
        found: Access,
        held: &mut Held,
        now_ms: u64,
        ring: &mut KeyRing,
    ) -> Result<(), StoreError> {
        let outcome = match found {
            Access::Use(generation) => {
                let secret = match (&held.secret, &held.row) {
                    (Some(secret), _) => secret.clone(),
                    (None, Some(row)) => state.tree.open_subject(&request.id, row)?,
                    (None, None) => return Err(Damaged(Table::Subjects).into()),
                };
                let (_, bucket) = state.tree.bucket(&request.bucket);
                let bucket = bucket.ok_or(Damaged(Table::Buckets))?;
                let keys = Arc::new(SealingKeys::derive(&secret, generation, bucket));
                held.secret = Some(secret);
                let entry = Cached { keys: keys.clone(), fence: held.fence, epoch: ring.epoch, read_at_ms: now_ms };
                self.cache.insert(request.id, request.bucket.clone(), entry);
                KeyState::Live(keys)
            }
            Access::Erased(fence) => KeyState::Erased(fence),
            Access::Expired => KeyState::Expired,
            Access::Make(_) | Access::Unknown => KeyState::Unknown,
        };
        ring.insert(request.clone(), outcome);
        Ok(())
    }

    /// Makes keys and buckets, durable before this returns.
    fn make(&self, unmade: Unmade<'_>, ring: &mut KeyRing) -> Result<Result<(), Moved>, StoreError> {
        let mut state = self.write_state()?;
        let now_ms = self.clock.monotonic_ms();
        if state.tree.tally().epoch != ring.epoch {
            return Ok(Err(Moved));
        }
        let Unmade { requests, mut held, commits } = unmade;
        if commits != state.commits {
            // Another worker may have made some of them meanwhile: look again, now that nobody else can.
            held.clear();
        }
        let mut newcomers: BTreeMap<KeyId, Newcomer> = BTreeMap::new();
        let mut buckets: Vec<BucketId> = Vec::new();
        for request in &requests {
            let held = self.held(&mut held, &request.id)?;
            let (standing, _) = state.tree.bucket(&request.bucket);
            if let Access::Make(generation) = held.access(request, standing) {
                if held.row.is_none_or(|row| row.generation != generation) {
                    let replaces = held.row.is_some();
                    newcomers.insert(request.id, Newcomer { id: request.id, generation, replaces });
                }
                if standing == Standing::Absent && !buckets.contains(&request.bucket) {
                    buckets.push(request.bucket.clone());
                }
            }
        }
        let newcomers: Vec<Newcomer> = newcomers.into_values().collect();
        self.plant(&mut state, &newcomers, &buckets, &mut held)?;
        for request in requests {
            let held = held.entry(request.id).or_default();
            let (standing, _) = state.tree.bucket(&request.bucket);
            let found = held.access(request, standing);
            self.settle_request(&state, request, found, held, now_ms, ring)?;
        }
        Ok(Ok(()))
    }

    fn plant(
        &self,
        state: &mut State,
        newcomers: &[Newcomer],
        buckets: &[BucketId],
        held: &mut HashMap<KeyId, Held>,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        let mut patch = crate::keys::Patch::default();
        if !newcomers.is_empty() {
            let rows = self.page_rows(state, overfull(&state.tree, newcomers)?)?;
            let mut entropy = self.entropy();
            let grown = grow(&state.tree, newcomers, &rows, &mut || entropy.secret())?;
            for (new, secret) in grown.secrets {
                let held = held.entry(new.id).or_default();
                // Its sealed bytes are on the way to the disk; here the opened key serves.
                held.row = Some(SubjectRow { generation: new.generation, sealed: [0; 60] });
                held.secret = Some(secret);
            }
            writes = grown.writes;
            patch = grown.patch;
        }
        let (bucket_writes, bucket_patch) = {
            let mut entropy = self.entropy();
            state.tree.make_buckets(buckets, &mut || Zeroizing::new(*entropy.secret()))
        };
        writes.extend(bucket_writes);
        if writes.is_empty() {
            return Ok(());
        }
        self.commit(MADE, state, writes, patch.and(bucket_patch))?;
        state.made += newcomers.len();
        if state.made >= COUNTS_EVERY {
            state.made = 0;
            let counts = Write::put(Table::Meta, Tally::COUNTS_KEY, encode_counts(state.tree.counts()));
            self.shelf.commit(("counts not yet durable", "counts durable"), vec![counts])?;
        }
        Ok(())
    }

    /// All rows of some pages, in order.
    pub(super) fn page_rows(
        &self,
        state: &State,
        starts: impl IntoIterator<Item = KeyId>,
    ) -> Result<PageRows, StoreError> {
        let mut pages = PageRows::new();
        for start in starts {
            let end = state.tree.page_end(&start).map(|end| end.0);
            let rows = self.shelf.scan(Table::Subjects, &start.0, end.as_ref().map(<[u8; 16]>::as_slice))?;
            let rows = rows.iter().map(|(key, row)| Ok((key_id(key, Table::Subjects)?, SubjectRow::decode(row)?)));
            pages.insert(start, rows.collect::<Result<_, Damaged>>()?);
        }
        Ok(pages)
    }
}
