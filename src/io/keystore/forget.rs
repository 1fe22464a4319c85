//! Forgetting: fences, and the epochs that destroy what stands behind them.
//!
//! An epoch: new root made → one durable commit that re-keys everything above what is condemned → old root destroyed → the
//! epoch's row says so. Stopped anywhere, it is either not begun or finished by the next call or the next start.

use std::collections::HashMap;

use super::embedded::{EmbeddedStore, State};
use super::epoch::{
    Standings, epoch_row, marks, pages_from, passing, prepare, raise, report, sentence, settled, touched,
};
use super::shelf::Row;
use super::{Destroyed, Expired, Renewal, Rotated, StoreError};
use crate::io::steps::Around;
use crate::keys::rows::{EpochRow, FenceRow, SubjectRow, Table, Write};
use crate::keys::{BucketId, Damaged, Fence, KeyId, PageRows, Patch, Sentence};

const FENCED: Around = ("fence not yet durable", "fence durable");
const TURNED: Around = ("epoch not yet durable", "epoch durable");
const SETTLED: Around = ("end of root not yet durable", "end of root durable");
const MARKED: Around = ("expiry not yet durable", "expiry durable");

impl EmbeddedStore {
    pub(super) fn raise_fences(&self, through: &[(KeyId, i64)]) -> Result<Vec<Fence>, StoreError> {
        let mut state = self.write_state()?;
        let mut standings = Standings::new();
        for (id, _) in through {
            let live = self.shelf.get(Table::Subjects, &id.0)?.map(|row| SubjectRow::decode(&row)).transpose()?;
            standings.insert(*id, (self.fence_row(id)?, live));
        }
        let (mut writes, fences) = raise(through, &standings);
        if !writes.is_empty() {
            let mut tally = state.tree.tally();
            tally.epoch += 1;
            writes.push(tally.write());
            self.commit(FENCED, &mut state, writes, Patch::default().with_tally(tally))?;
        }
        Ok(fences)
    }

    fn fence_row(&self, id: &KeyId) -> Result<Option<FenceRow>, StoreError> {
        Ok(self.shelf.get(Table::Fences, &id.0)?.map(|row| FenceRow::decode(&row)).transpose()?)
    }

    pub(super) fn destroy_condemned(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let sentence = sentence(ids, &self.fence_rows(ids)?)?;
        if !sentence.condemned.is_empty() {
            let rows = self.page_rows(&state, touched(&state.tree, &sentence)?)?;
            self.turn(&mut state, &sentence, &rows)?;
        }
        let (subjects, epochs) = report(ids, &self.fence_rows(ids)?)?;
        let epochs = epochs.into_iter().map(|epoch| self.epoch_facts(epoch)).collect::<Result<_, _>>()?;
        Ok(Destroyed { subjects, epochs })
    }

    fn fence_rows(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, FenceRow>, StoreError> {
        let mut rows = HashMap::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.fence_row(id)?.map(|row| (*id, row)));
        }
        Ok(rows)
    }

    fn epoch_facts(&self, epoch: u64) -> Result<(u64, EpochRow), StoreError> {
        let row = self.shelf.get(Table::Epochs, &epoch.to_be_bytes())?.ok_or(Damaged(Table::Epochs))?;
        Ok((epoch, EpochRow::decode(&row)?))
    }

    pub(super) fn expire_buckets(&self, buckets: &[BucketId]) -> Result<Expired, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let (expired, live) = passing(&state.tree, buckets);
        if live {
            let sentence = Sentence { expired: expired.clone(), ..Sentence::default() };
            let epoch = self.turn(&mut state, &sentence, &PageRows::new())?;
            return Ok(Expired { buckets: expired, epoch: Some(self.epoch_facts(epoch)?) });
        }
        if !expired.is_empty() {
            // No secret to destroy: the mark alone, so that none is ever made.
            let (writes, patch) = marks(&state.tree, &expired);
            self.commit(MARKED, &mut state, writes, patch)?;
        }
        Ok(Expired { buckets: expired, epoch: None })
    }

    pub(super) fn rotate_pages(&self, from: Option<KeyId>, pages: usize) -> Result<Rotated, StoreError> {
        let mut state = self.write_state()?;
        self.settle_roots(&state)?;
        let (turned, next) = pages_from(&state.tree, from, pages);
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
        let now_ms = self.clock.wall_ms();
        let epoch = {
            let mut entropy = self.entropy();
            prepare(&state.tree, &state.root, &*self.keeper, (sentence, rows), &mut entropy, now_ms)?
        };
        self.commit(TURNED, state, epoch.writes, epoch.patch)?;
        state.root = epoch.root;
        self.settle_roots(state)?;
        Ok(epoch.number)
    }

    /// Epochs whose old root may still exist.
    pub(super) fn unsettled(&self) -> Result<Vec<(u64, EpochRow)>, StoreError> {
        let open = |(key, value): &Row| epoch_row(key, value).is_ok_and(|(_, row)| row.destroyed_at_ms.is_none());
        let rows = self.shelf.newest(Table::Epochs, open)?;
        Ok(rows.iter().map(|(key, value)| epoch_row(key, value)).collect::<Result<_, Damaged>>()?)
    }

    /// Destroys the roots of finished epochs and every stray one, sees that they are gone, and makes that durable.
    ///
    /// INVARIANT: called only while the tree in memory is the durable one, and never destroys the root it hangs from.
    pub(super) fn settle_roots(&self, state: &State) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for (epoch, row) in self.unsettled()? {
            let finality = self.keeper.destroy(&row.old_root)?;
            let row = settled(row, finality, self.clock.wall_ms());
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
