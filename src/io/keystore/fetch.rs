//! Fetch or create: one call a batch, one fsync at most. Cached keys cost no lock, stored ones a shared one, new ones the
//! exclusive one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::StoreError;
use super::batch::{Held, HeldRows, Needs, Settling, hold, needs, take_cached};
use super::embedded::{EmbeddedStore, State};
use super::epoch::key_id;
use crate::io::steps::Around;
use crate::keys::rows::{FenceRow, SubjectRow, Table, Tally, Write, encode_counts};
use crate::keys::{Damaged, KeyId, KeyRequest, KeyRing, PageRows, grow, overfull};

const MADE: Around = ("new keys not yet durable", "new keys durable");
/// Page counts are written along after so many new keys: a crash then loses at most these counts.
const COUNTS_EVERY: usize = 100_000;

/// The epoch moved while the ring was being filled.
struct Moved;

/// What is left to be made, and what was seen while looking.
struct Unmade<'r> {
    requests: Vec<&'r KeyRequest>,
    held: HeldRows,
    /// How many commits the store had seen then: if it still has, nothing needs to be looked at again.
    commits: u64,
}

impl EmbeddedStore {
    pub(super) fn fill_ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        loop {
            self.shelf.check()?;
            let mut ring = KeyRing::with_room(self.epoch(), self.clock.monotonic_ms(), requests.len());
            let missing = take_cached(&self.cache, requests, &mut ring);
            if missing.is_empty() {
                return Ok(ring);
            }
            let Ok(unmade) = self.take_stored(&missing, &mut ring)? else { continue };
            if unmade.requests.is_empty() || self.make(unmade, &mut ring)?.is_ok() {
                return Ok(ring);
            }
        }
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
        let mut held = HashMap::with_capacity(missing.len());
        self.look_up_all(missing, &mut held)?;
        let settling = Settling { tree: &state.tree, cache: &self.cache, read_at_ms: now_ms };
        let requests = settling.settle_found(missing, &mut held, ring)?;
        Ok(Ok(Unmade { requests, held, commits: state.commits }))
    }

    /// What stands for the subjects of these requests, each looked up once a batch.
    fn look_up_all(&self, requests: &[&KeyRequest], held: &mut HeldRows) -> Result<(), StoreError> {
        for request in requests {
            if let Entry::Vacant(entry) = held.entry(request.id) {
                entry.insert(self.look_up(&request.id)?);
            }
        }
        Ok(())
    }

    fn look_up(&self, id: &KeyId) -> Result<Held, StoreError> {
        let row = self.shelf.get(Table::Subjects, &id.0)?.map(|row| SubjectRow::decode(&row)).transpose()?;
        let fence = self.shelf.get(Table::Fences, &id.0)?.map(|row| FenceRow::decode(&row)).transpose()?;
        Ok(Held { row, fence: fence.map(|row| row.fence), secret: None })
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
        self.look_up_all(&requests, &mut held)?;
        let needs = needs(&state.tree, &requests, &held);
        self.plant(&mut state, &needs, &mut held)?;
        let settling = Settling { tree: &state.tree, cache: &self.cache, read_at_ms: now_ms };
        settling.settle_made(&requests, &mut held, ring)?;
        Ok(Ok(()))
    }

    fn plant(
        &self,
        state: &mut State,
        Needs { newcomers, buckets }: &Needs,
        held: &mut HeldRows,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        let mut patch = crate::keys::Patch::default();
        if !newcomers.is_empty() {
            let rows = self.page_rows(state, overfull(&state.tree, newcomers)?)?;
            let mut entropy = self.entropy();
            let grown = grow(&state.tree, newcomers, &rows, &mut || entropy.secret())?;
            hold(held, grown.secrets);
            writes = grown.writes;
            patch = grown.patch;
        }
        let (bucket_writes, bucket_patch) = {
            let mut entropy = self.entropy();
            state.tree.make_buckets(buckets, &mut || entropy.secret())
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
