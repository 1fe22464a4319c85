//! Forgetting, for a store that several processes share: one of them at a time leads, and the others follow its epochs.
//!
//! The leader holds an advisory lock of its session from before it looks at the roots until they are settled; a session that
//! is lost gives it back, after whatever it had begun is committed or rolled back. Under it, an epoch goes as in every store:
//! new root made → one durable commit → old root destroyed → the epoch's row says so.

use super::PostgresStore;
use super::fetch::Hold;
use super::link::Session;
use super::table::{execute, fences, get, page_rows, pair, query};
use crate::io::keystore::epoch::{
    Standings, epoch_row, key_id, marks, pages_from, passing, prepare, raise, report, sentence, settled, touched,
};
use crate::io::keystore::{Destroyed, Expired, Renewal, Rotated, StoreError};
use crate::io::steps::Around;
use crate::keys::rows::{EpochRow, SubjectRow, Table, TopRow, Write};
use crate::keys::{BucketId, Damaged, Fence, KeyId, PageRows, Patch, RootId, Sentence};

const FENCED: Around = ("fence not yet durable", "fence durable");
const TURNED: Around = ("epoch not yet durable", "epoch durable");
const SETTLED: Around = ("end of root not yet durable", "end of root durable");
const MARKED: Around = ("expiry not yet durable", "expiry durable");

/// The first part of the leader's advisory lock.
pub(super) const LEADER: i32 = 0x6c74_6802;

/// A session that holds the leader's lock.
pub(super) struct Leader<'l>(Session<'l>);

impl PostgresStore {
    pub(super) fn raise_fences(&self, through: &[(KeyId, i64)]) -> Result<Vec<Fence>, StoreError> {
        let session = self.ground.link.session()?;
        let stand = self.begin(&session, Hold::Alone)?;
        let ids: Vec<KeyId> = through.iter().map(|(id, _)| *id).collect();
        let keys: Vec<&[u8]> = ids.iter().map(|id| id.0.as_slice()).collect();
        let mut standings = Standings::new();
        for (id, row) in fences(&session, &ids)? {
            standings.entry(id).or_default().0 = Some(row);
        }
        for (key, value) in get(&session, Table::Subjects, &keys)? {
            let id = key_id(&key, Table::Subjects)?;
            standings.entry(id).or_default().1 = Some(SubjectRow::decode(&value)?);
        }
        let (writes, fences) = raise(through, &standings);
        if writes.is_empty() {
            self.roll_back(&session)?;
        } else {
            let mut tally = self.read_state().tree.tally();
            tally.epoch += 1;
            self.commit(&session, FENCED, stand, writes, (Patch::default().with_tally(tally), None))?;
        }
        session.done();
        Ok(fences)
    }

    pub(super) fn destroy_condemned(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError> {
        let leader = self.lead()?;
        self.settle_roots(&leader)?;
        let judged = |session: &Session<'_>| {
            // Read under the lock: a fence that is raised meanwhile must not be written over.
            let sentence = sentence(ids, &fences(session, ids)?)?;
            if sentence.condemned.is_empty() {
                return Ok(None);
            }
            let state = self.read_state();
            let starts: Vec<KeyId> = touched(&state.tree, &sentence)?.into_iter().collect();
            let rows = page_rows(session, &state.tree, &starts)?;
            Ok(Some((sentence, rows)))
        };
        self.turn(&leader, judged)?;
        let (subjects, epochs) = report(ids, &fences(&leader.0, ids)?)?;
        let epochs = epochs.into_iter().map(|epoch| self.epoch_facts(&leader, epoch)).collect::<Result<_, _>>()?;
        self.resign(leader)?;
        Ok(Destroyed { subjects, epochs })
    }

    pub(super) fn expire_buckets(&self, buckets: &[BucketId]) -> Result<Expired, StoreError> {
        let leader = self.lead()?;
        self.settle_roots(&leader)?;
        let stand = self.begin(&leader.0, Hold::Alone)?;
        let (expired, live) = passing(&self.read_state().tree, buckets);
        if live || expired.is_empty() {
            self.roll_back(&leader.0)?;
        } else {
            // No secret to destroy: the mark alone, so that none is ever made.
            let (writes, patch) = marks(&self.read_state().tree, &expired);
            self.commit(&leader.0, MARKED, stand, writes, (patch, None))?;
        }
        let mut epoch = None;
        if live {
            let sentence = || Sentence { expired: expired.clone(), ..Sentence::default() };
            if let Some(number) = self.turn(&leader, |_| Ok(Some((sentence(), PageRows::new()))))? {
                epoch = Some(self.epoch_facts(&leader, number)?);
            }
        }
        self.resign(leader)?;
        Ok(Expired { buckets: expired, epoch })
    }

    pub(super) fn rotate_pages(&self, from: Option<KeyId>, pages: usize) -> Result<Rotated, StoreError> {
        let leader = self.lead()?;
        self.settle_roots(&leader)?;
        let mut turned = (0, None);
        let epoch = self.turn(&leader, |session| {
            let state = self.read_state();
            let (starts, next) = pages_from(&state.tree, from, pages);
            turned = (starts.len(), next);
            Ok(Some((Sentence::default(), page_rows(session, &state.tree, &starts)?)))
        })?;
        let epoch = self.epoch_facts(&leader, epoch.ok_or(Damaged(Table::Epochs))?)?;
        self.resign(leader)?;
        Ok(Rotated { epoch, pages: turned.0, next: turned.1 })
    }

    pub(super) fn renew_crown(&self, what: Renewal) -> Result<(u64, EpochRow), StoreError> {
        let leader = self.lead()?;
        self.settle_roots(&leader)?;
        let sentence = what.sentence(self.clock.wall_ms());
        let epoch = self.turn(&leader, |_| Ok(Some((sentence, PageRows::new()))))?;
        let epoch = self.epoch_facts(&leader, epoch.ok_or(Damaged(Table::Epochs))?)?;
        self.resign(leader)?;
        Ok(epoch)
    }

    /// Becomes the one that destroys; waits for whoever is.
    pub(super) fn lead(&self) -> Result<Leader<'_>, StoreError> {
        let session = self.ground.link.session()?;
        let (class, key) = (LEADER, self.lock);
        session.run(async |client| execute(client, "SELECT pg_advisory_lock($1, $2)", &[&class, &key]).await)?;
        Ok(Leader(session))
    }

    pub(super) fn resign(&self, leader: Leader<'_>) -> Result<(), StoreError> {
        let (class, key) = (LEADER, self.lock);
        leader.0.run(async |client| execute(client, "SELECT pg_advisory_unlock($1, $2)", &[&class, &key]).await)?;
        leader.0.done();
        Ok(())
    }

    /// One epoch, if there is anything to it: what to destroy, and the rows to re-key, are read under the tree lock. When it
    /// returns, the old root is destroyed.
    fn turn<'s>(
        &self,
        leader: &'s Leader<'_>,
        judge: impl FnOnce(&'s Session<'_>) -> Result<Option<(Sentence, PageRows)>, StoreError>,
    ) -> Result<Option<u64>, StoreError> {
        let stand = self.begin(&leader.0, Hold::Alone)?;
        let Some((sentence, rows)) = judge(&leader.0)? else {
            self.roll_back(&leader.0)?;
            return Ok(None);
        };
        let epoch = {
            let state = self.read_state();
            let mut entropy = self.entropy();
            let (keeper, now_ms) = (&*self.ground.keeper, self.clock.wall_ms());
            prepare(&state.tree, &state.root, keeper, (&sentence, &rows), &mut entropy, now_ms)?
        };
        self.commit(&leader.0, TURNED, stand, epoch.writes, (epoch.patch, Some(epoch.root)))?;
        self.settle_roots(leader)?;
        Ok(Some(epoch.number))
    }

    fn epoch_facts(&self, leader: &Leader<'_>, epoch: u64) -> Result<(u64, EpochRow), StoreError> {
        let rows = get(&leader.0, Table::Epochs, &[&epoch.to_be_bytes()])?;
        let (key, value) = rows.first().ok_or(Damaged(Table::Epochs))?;
        Ok(epoch_row(key, value)?)
    }

    /// Destroys the roots of finished epochs and every stray one, sees that they are gone, and makes that durable.
    ///
    /// INVARIANT: what is destroyed was listed while this session led, and is not the root that the tree hung from afterwards,
    /// as this session read it. So a leader that has lost its lock without knowing can't destroy a later leader's root, and
    /// one whose last commit has no known outcome can't destroy the root that it made true.
    pub(super) fn settle_roots(&self, leader: &Leader<'_>) -> Result<(), StoreError> {
        let keeper = &*self.ground.keeper;
        let deployment = *self.read_state().tree.deployment();
        let held = keeper.list()?;
        let (committed, open) = self.roots_in_use(leader)?;
        let mut writes = Vec::new();
        for (epoch, row) in open.into_iter().filter(|(_, row)| row.old_root != committed) {
            let finality = keeper.destroy(&row.old_root)?;
            let row = settled(row, finality, self.clock.wall_ms());
            writes.push(Write::put(Table::Epochs, &epoch.to_be_bytes(), row.encode()));
        }
        let ours: Vec<RootId> =
            held.into_iter().filter(|held| held.deployment == deployment).map(|held| held.id).collect();
        for stray in ours.iter().filter(|root| **root != committed) {
            keeper.destroy(stray)?;
        }
        let left = keeper.list()?.into_iter().map(|held| held.id);
        if let Some(stray) = left.into_iter().find(|root| *root != committed && ours.contains(root)) {
            return Err(StoreError::Lingers(stray));
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.steps.reached(SETTLED.0)?;
        leader.0.run(async |client| {
            client.batch_execute("BEGIN").await?;
            super::table::write(client, &writes, 0).await?;
            client.batch_execute("COMMIT").await
        })?;
        Ok(self.steps.reached(SETTLED.1)?)
    }

    /// The root that the stored tree hangs from, and the epochs whose old root may still exist.
    fn roots_in_use(&self, leader: &Leader<'_>) -> Result<(RootId, Vec<(u64, EpochRow)>), StoreError> {
        let top = get(&leader.0, Table::Meta, &[TopRow::KEY])?;
        let (_, top) = top.first().ok_or(Damaged(Table::Meta))?;
        let rows = leader.0.run(async |client| {
            // Epochs settle in order, so whatever is open is among the newest.
            let sql = "SELECT key, value FROM lethe_epochs ORDER BY key DESC LIMIT 64";
            query(client, sql, &[]).await?.iter().map(pair).collect::<Result<Vec<_>, _>>()
        })?;
        let rows = rows.iter().map(|(key, value)| epoch_row(key, value));
        let open = rows.filter(|row| row.as_ref().is_ok_and(|(_, row)| row.destroyed_at_ms.is_none()));
        Ok((TopRow::decode(top)?.root, open.collect::<Result<_, _>>()?))
    }
}
