//! Forgetting: fences, and the epochs that destroy what stands behind them.
//!
//! An epoch: new root made → one durable commit that re-keys everything above what is condemned → old root destroyed → the
//! epoch's row says so. Stopped anywhere, it is either not begun or finished by the next call or the next start.

use std::collections::BTreeSet;

use super::embedded::{EmbeddedStore, State, epoch_row};
use super::shelf::Around;
use super::{Destroyed, Destruction, Expired, Outcome, Renewal, Rotated, StoreError};
use crate::io::kms::Finality;
use crate::keys::rows::{BucketRow, EpochRow, FenceRow, SubjectRow, Table, TopRow, Write, bucket_key};
use crate::keys::{BucketId, Damaged, Fence, KeyId, PageRows, Patch, Sentence, Standing, turn};

const FENCED: Around = ("fence not yet durable", "fence durable");
const TURNED: Around = ("epoch not yet durable", "epoch durable");
const SETTLED: Around = ("end of root not yet durable", "end of root durable");
const MARKED: Around = ("expiry not yet durable", "expiry durable");

impl EmbeddedStore {
    pub(super) fn raise_fences(&self, through: &[(KeyId, i64)]) -> Result<Vec<Fence>, StoreError> {
        let mut state = self.write_state()?;
        let mut writes: Vec<Write> = Vec::new();
        let mut raised: std::collections::HashMap<KeyId, FenceRow> = std::collections::HashMap::new();
        for (id, erased_through_ms) in through {
            let was = match raised.get(id) {
                Some(row) => Some(*row),
                None => self.fence_row(id)?,
            };
            let live = self.shelf.get(Table::Subjects, &id.0)?.map(|row| SubjectRow::decode(&row)).transpose()?;
            let row = FenceRow::raised(was, *erased_through_ms, live.map(|row| row.generation));
            if Some(row) != was {
                writes.push(Write::put(Table::Fences, &id.0, row.encode()));
            }
            raised.insert(*id, row);
        }
        if !writes.is_empty() {
            let mut tally = state.tree.tally();
            tally.epoch += 1;
            writes.push(tally.write());
            self.commit(FENCED, &mut state, writes, Patch::default().with_tally(tally))?;
        }
        Ok(through.iter().filter_map(|(id, _)| raised.get(id)).map(|row| row.fence).collect())
    }

    fn fence_row(&self, id: &KeyId) -> Result<Option<FenceRow>, StoreError> {
        Ok(self.shelf.get(Table::Fences, &id.0)?.map(|row| FenceRow::decode(&row)).transpose()?)
    }

    pub(super) fn destroy_condemned(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let mut sentence = Sentence::default();
        for id in ids {
            let row = self.fence_row(id)?.ok_or(StoreError::Unfenced(*id))?;
            if row.pending() {
                sentence.condemned.insert(*id, row);
            }
        }
        if !sentence.condemned.is_empty() {
            let starts = sentence.condemned.keys().map(|id| state.tree.page_of(id).map(|(start, _)| start));
            let starts: BTreeSet<KeyId> = starts.collect::<Result<_, Damaged>>()?;
            let rows = self.page_rows(&state, starts)?;
            self.turn(&mut state, &sentence, &rows)?;
        }
        self.report(ids)
    }

    fn report(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError> {
        let mut subjects = Vec::with_capacity(ids.len());
        let mut epochs = BTreeSet::new();
        for id in ids {
            let row = self.fence_row(id)?.ok_or(StoreError::Unfenced(*id))?;
            let outcome = if row.fence.generation == 0 {
                Outcome::NoneHeld
            } else {
                epochs.insert(row.epoch);
                Outcome::Destroyed { epoch: row.epoch, page: row.page, before: row.before, after: row.after }
            };
            subjects.push(Destruction { id: *id, fence: row.fence, outcome });
        }
        let epochs = epochs.into_iter().map(|epoch| self.epoch_facts(epoch)).collect::<Result<_, _>>()?;
        Ok(Destroyed { subjects, epochs })
    }

    fn epoch_facts(&self, epoch: u64) -> Result<(u64, EpochRow), StoreError> {
        let row = self.shelf.get(Table::Epochs, &epoch.to_be_bytes())?.ok_or(Damaged(Table::Epochs))?;
        Ok((epoch, EpochRow::decode(&row)?))
    }

    pub(super) fn expire_buckets(&self, buckets: &[BucketId]) -> Result<Expired, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let wanted: BTreeSet<&BucketId> = buckets.iter().collect();
        let standing = |bucket: &BucketId| state.tree.bucket(bucket).0;
        let expired: Vec<BucketId> =
            wanted.into_iter().filter(|bucket| standing(bucket) != Standing::Expired).cloned().collect();
        if expired.iter().any(|bucket| standing(bucket) == Standing::Live) {
            let sentence = Sentence { expired: expired.clone(), ..Sentence::default() };
            let epoch = self.turn(&mut state, &sentence, &PageRows::new())?;
            return Ok(Expired { buckets: expired, epoch: Some(self.epoch_facts(epoch)?) });
        }
        if !expired.is_empty() {
            // No secret to destroy: the mark alone, so that none is ever made.
            let mark = BucketRow::Expired(state.tree.tally().epoch).encode();
            let writes = expired.iter().map(|id| Write::put(Table::Buckets, &bucket_key(id), mark.clone())).collect();
            let patch = Patch::expired(&expired);
            self.commit(MARKED, &mut state, writes, patch)?;
        }
        Ok(Expired { buckets: expired, epoch: None })
    }

    pub(super) fn rotate_pages(&self, from: Option<KeyId>, pages: usize) -> Result<Rotated, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let starts = state.tree.page_starts();
        let mut due = starts.into_iter().filter(|start| from.is_none_or(|from| *start >= from));
        let turned: Vec<KeyId> = due.by_ref().take(pages.max(1)).collect();
        let next = due.next();
        let rows = self.page_rows(&state, turned.iter().copied())?;
        let epoch = self.turn(&mut state, &Sentence::default(), &rows)?;
        Ok(Rotated { epoch: self.epoch_facts(epoch)?, pages: turned.len(), next })
    }

    pub(super) fn renew_crown(&self, what: Renewal) -> Result<(u64, EpochRow), StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let sentence = what.sentence(self.clock.wall_ms());
        let epoch = self.turn(&mut state, &sentence, &PageRows::new())?;
        self.epoch_facts(epoch)
    }

    /// One epoch. When it returns, the old root is destroyed.
    fn turn(&self, state: &mut State, sentence: &Sentence, rows: &PageRows) -> Result<u64, StoreError> {
        let deployment = *state.tree.deployment();
        let new_root = self.keeper.create(&deployment)?;
        let turned = {
            let mut entropy = self.entropy();
            turn(&state.tree, sentence, rows, &mut || entropy.secret())?
        };
        let epoch = turned.epoch;
        let place = TopRow::place(&deployment, epoch);
        let sealed = self.keeper.seal(&new_root, &place, turned.top(&state.tree))?;
        let top_row = state.tree.top_row(&turned.patch, epoch, new_root.clone(), sealed);
        let row = EpochRow {
            old_root: state.root.clone(),
            new_root: new_root.clone(),
            old_top: turned.tops.0,
            new_top: turned.tops.1,
            committed_at_ms: self.clock.wall_ms(),
            destroyed_at_ms: None,
            irreversible_from_ms: None,
            caveat: String::new(),
        };
        let mut writes = turned.writes;
        writes.push(top_row.write());
        writes.push(Write::put(Table::Epochs, &epoch.to_be_bytes(), row.encode()));
        self.commit(TURNED, state, writes, turned.patch)?;
        state.root = new_root;
        self.settle_roots(state)?;
        Ok(epoch)
    }

    /// Epochs whose old root may still exist.
    pub(super) fn unsettled(&self) -> Result<Vec<(u64, EpochRow)>, StoreError> {
        let open = |row: &super::shelf::Row| epoch_row(row).is_ok_and(|(_, row)| row.destroyed_at_ms.is_none());
        Ok(self.shelf.newest(Table::Epochs, open)?.iter().map(epoch_row).collect::<Result<_, Damaged>>()?)
    }

    /// Destroys the roots of finished epochs and every stray one, sees that they are gone, and makes that durable.
    ///
    /// INVARIANT: called only while the tree in memory is the durable one, and never destroys the root it hangs from.
    pub(super) fn settle_roots(&self, state: &State) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for (epoch, row) in self.unsettled()? {
            let Finality { irreversible_from_ms, caveat } = self.keeper.destroy(&row.old_root)?;
            let now_ms = self.clock.wall_ms();
            let row = EpochRow {
                destroyed_at_ms: Some(now_ms),
                irreversible_from_ms: Some(irreversible_from_ms.unwrap_or(now_ms)),
                caveat: caveat.to_owned(),
                ..row
            };
            writes.push(Write::put(Table::Epochs, &epoch.to_be_bytes(), row.encode()));
        }
        self.keeper.reconcile(state.tree.deployment(), Some(&state.root))?;
        let ours = self.keeper.list()?.into_iter().filter(|held| held.deployment == *state.tree.deployment());
        if let Some(stray) = ours.into_iter().find(|held| held.id != state.root) {
            return Err(StoreError::Lingers(stray.id));
        }
        if writes.is_empty() { Ok(()) } else { self.shelf.commit(SETTLED, writes) }
    }
}
