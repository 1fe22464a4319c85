//! Fetch or create, for a store that several processes share.
//!
//! What stands is read in one statement, with the version of the tree that it belongs to. New keys go onto their pages under
//! the shared tree lock, many processes at once: a page can't be re-keyed or split meanwhile, and where two make a key for the
//! same subject the first commit counts; the other one reads what stands in a second statement. Splitting a page or making a
//! bucket takes the tree lock alone.

use std::collections::HashMap;

use tokio_postgres::Error;

use super::PostgresStore;
use super::link::Session;
use super::state::{Stand, unsigned};
use super::table::{execute, page_rows, query, ranges};
use crate::io::keystore::StoreError;
use crate::io::keystore::batch::{HeldRows, Needs, Settling, hold, needs, take_cached};
use crate::io::keystore::epoch::key_id;
use crate::io::steps::Around;
use crate::keys::rows::{FenceRow, SubjectRow, Table, Write};
use crate::keys::{Damaged, KeyId, KeyRequest, KeyRing, Newcomer, PageRows, Patch, RootId, grow, overfull};

const MADE: Around = ("new keys not yet durable", "new keys durable");
/// A page is counted exactly after this process alone has put so many subjects on it.
const COUNT_AFTER: usize = 64;

/// Something moved while the ring was being filled: look again.
pub(super) struct Moved;

/// A ring that lacks what is still to be made.
struct Unmade<'r> {
    requests: Vec<&'r KeyRequest>,
    held: HeldRows,
}

impl PostgresStore {
    pub(super) fn fill_ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        loop {
            let read_at_ms = self.clock.monotonic_ms();
            let mut ring = KeyRing::new(self.epoch(), read_at_ms);
            let missing = take_cached(&self.cache, requests, &mut ring);
            let session = self.ground.link.session()?;
            if missing.is_empty() {
                let epoch = self.stand(&session)?.epoch;
                session.done();
                if epoch == ring.epoch {
                    return Ok(ring);
                }
                self.catch_up()?;
                continue;
            }
            let (stand, mut held) = self.look_up(&session, &missing)?;
            if !self.knows(stand, ring.epoch) {
                session.done();
                self.catch_up()?;
                continue;
            }
            let Some(requests) = self.take_stored(&missing, &mut held, (stand, read_at_ms), &mut ring)? else {
                session.done();
                continue;
            };
            let made = requests.is_empty() || self.make(&session, Unmade { requests, held }, &mut ring)?.is_ok();
            session.done();
            if made {
                return Ok(ring);
            }
        }
    }

    /// Puts what is stored into the ring; what is to be made comes back. `None` where the tree has moved meanwhile.
    fn take_stored<'r>(
        &self,
        missing: &[&'r KeyRequest],
        held: &mut HeldRows,
        (stand, read_at_ms): (Stand, u64),
        ring: &mut KeyRing,
    ) -> Result<Option<Vec<&'r KeyRequest>>, StoreError> {
        let state = self.read_state();
        if state.version != stand.version {
            return Ok(None);
        }
        let settling = Settling { tree: &state.tree, cache: &self.cache, read_at_ms };
        settling.settle_found(missing, held, ring).map(Some)
    }

    fn knows(&self, stand: Stand, epoch: u64) -> bool {
        stand.epoch == epoch && self.read_state().version == stand.version
    }

    /// What stands for these subjects, and where the store stands, in one statement: of one moment.
    fn look_up(&self, session: &Session<'_>, requests: &[&KeyRequest]) -> Result<(Stand, HeldRows), StoreError> {
        let mut keys: Vec<&[u8]> = requests.iter().map(|request| request.id.0.as_slice()).collect();
        keys.sort_unstable();
        keys.dedup();
        let rows = session.run(async |client| {
            let sql = "SELECT 0::smallint, NULL::bytea, NULL::bytea, version, epoch FROM lethe_state
                       UNION ALL SELECT 1::smallint, key, value, 0, 0 FROM lethe_subjects WHERE key = ANY($1)
                       UNION ALL SELECT 2::smallint, key, value, 0, 0 FROM lethe_fences WHERE key = ANY($1)";
            query(client, sql, &[&keys]).await
        })?;
        let mut stand = None;
        let mut held: HeldRows = HashMap::with_capacity(keys.len());
        for row in &rows {
            let damaged = |_: Error| Damaged(Table::Subjects);
            let bytes = |column| row.try_get::<_, &[u8]>(column).map_err(damaged);
            match row.try_get::<_, i16>(0).map_err(damaged)? {
                0 => {
                    let number = |column| unsigned(row, column).map_err(|_| Damaged(Table::Meta));
                    stand = Some(Stand { version: number(3)?, epoch: number(4)? });
                }
                1 => {
                    let id = key_id(bytes(1)?, Table::Subjects)?;
                    held.entry(id).or_default().row = Some(SubjectRow::decode(bytes(2)?)?);
                }
                _ => {
                    let id = key_id(bytes(1)?, Table::Fences)?;
                    held.entry(id).or_default().fence = Some(FenceRow::decode(bytes(2)?)?.fence);
                }
            }
        }
        Ok((stand.ok_or(Damaged(Table::Meta))?, held))
    }

    /// Makes keys and buckets, durable before this returns.
    fn make(
        &self,
        session: &Session<'_>,
        Unmade { requests, mut held }: Unmade<'_>,
        ring: &mut KeyRing,
    ) -> Result<Result<(), Moved>, StoreError> {
        let read_at_ms = self.clock.monotonic_ms();
        let needs = self.needs(&requests, &held)?;
        let made = match self.add(session, &needs, ring.epoch, &mut held)? {
            Added::Done => Ok(()),
            Added::Moved => Err(Moved),
            Added::Crowded => self.restructure(session, &requests, ring.epoch, &mut held)?,
        };
        if made.is_ok() {
            let state = self.read_state();
            // Whoever has moved the tree since has moved the epoch or split pages: opened keys stay what they are.
            let settling = Settling { tree: &state.tree, cache: &self.cache, read_at_ms };
            if state.tree.tally().epoch != ring.epoch {
                return Ok(Err(Moved));
            }
            settling.settle_made(&requests, &mut held, ring)?;
        }
        Ok(made)
    }

    fn needs(&self, requests: &[&KeyRequest], held: &HeldRows) -> Result<Needs, StoreError> {
        Ok(needs(&self.read_state().tree, requests, held))
    }

    /// Whether these can't be made on the pages and buckets as they are.
    fn crowded(&self, needs: &Needs) -> Result<bool, StoreError> {
        Ok(!needs.buckets.is_empty() || !overfull(&self.read_state().tree, &needs.newcomers)?.is_empty())
    }

    /// Puts new keys on pages as they are, beside others who do the same.
    fn add(&self, session: &Session<'_>, needs: &Needs, epoch: u64, held: &mut HeldRows) -> Result<Added, StoreError> {
        if self.crowded(needs)? {
            return Ok(Added::Crowded);
        }
        let stand = self.begin(session, Hold::Shared)?;
        if stand.epoch != epoch || self.crowded(needs)? {
            self.roll_back(session)?;
            return Ok(if stand.epoch == epoch { Added::Crowded } else { Added::Moved });
        }
        let grown = {
            let state = self.read_state();
            let mut entropy = self.entropy();
            grow(&state.tree, &needs.newcomers, &PageRows::new(), &mut || entropy.secret())?
        };
        let mut new: Vec<(&[u8], &[u8])> = Vec::with_capacity(needs.newcomers.len());
        for Write { table, key, value } in &grown.writes {
            if let (Table::Subjects, Some(value)) = (table, value) {
                new.push((key, value));
            }
        }
        // Always in this order: two batches with the same subjects wait for each other and never in a circle.
        new.sort_unstable();
        let (keys, values): (Vec<&[u8]>, Vec<&[u8]>) = new.into_iter().unzip();
        self.steps.reached(MADE.0)?;
        let (added, ()) = session.run(async |client| {
            let insert = "WITH made AS (
                           INSERT INTO lethe_subjects AS held SELECT * FROM unnest($1::bytea[], $2::bytea[])
                           ON CONFLICT (key) DO UPDATE SET value = excluded.value
                               WHERE substr(held.value, 1, 4) < substr(excluded.value, 1, 4)
                           RETURNING held.xmax = 0 AS fresh
                       ), counted AS (
                           UPDATE lethe_counted SET subjects = subjects + (SELECT count(*) FROM made WHERE fresh) WHERE slot = $3
                       ) SELECT count(*) FROM made";
            let insert = client.prepare_cached(insert).await?;
            let insert = async {
                let rows = client.query(&insert, &[&keys, &values, &self.slot]).await?;
                rows.first().map_or(Ok(0), |row| unsigned(row, 0))
            };
            // Sent together; where the first fails, the second rolls back.
            futures_util::future::try_join(insert, client.batch_execute("COMMIT")).await
        })?;
        self.steps.reached(MADE.1)?;
        if added < keys.len() as u64 {
            // Somebody else was first with some of them: what stands is read again, in a second statement.
            return Ok(Added::Moved);
        }
        hold(held, grown.secrets);
        self.count(session, &needs.newcomers)?;
        Ok(Added::Done)
    }

    /// Makes buckets, or splits the pages that would become too full, while nobody else writes.
    fn restructure(
        &self,
        session: &Session<'_>,
        requests: &[&KeyRequest],
        epoch: u64,
        held: &mut HeldRows,
    ) -> Result<Result<(), Moved>, StoreError> {
        let stand = self.begin(session, Hold::Alone)?;
        if stand.epoch != epoch {
            self.roll_back(session)?;
            return Ok(Err(Moved));
        }
        // Others may have made some of them meanwhile.
        *held = self.look_up(session, requests)?.1;
        let needs = self.needs(requests, held)?;
        let (writes, patch, secrets) = {
            let state = self.read_state();
            let full = if needs.newcomers.is_empty() { Vec::new() } else { overfull(&state.tree, &needs.newcomers)? };
            let rows = page_rows(session, &state.tree, &full)?;
            let mut entropy = self.entropy();
            let (mut writes, patch) = state.tree.make_buckets(&needs.buckets, &mut || entropy.secret());
            if needs.newcomers.is_empty() {
                (writes, patch, Vec::new())
            } else {
                let grown = grow(&state.tree, &needs.newcomers, &rows, &mut || entropy.secret())?;
                writes.extend(grown.writes);
                (writes, grown.patch.and(patch), grown.secrets)
            }
        };
        if writes.is_empty() {
            self.roll_back(session)?;
            return Ok(Ok(()));
        }
        self.commit(session, MADE, stand, writes, (patch, None))?;
        hold(held, secrets);
        Ok(Ok(()))
    }

    /// Counts pages exactly that this process alone has put many subjects on: others may have done the same.
    fn count(&self, session: &Session<'_>, newcomers: &[Newcomer]) -> Result<(), StoreError> {
        let due: Vec<(KeyId, u64)> = {
            let mut state = self.write_state();
            let state = &mut *state;
            let mut more: HashMap<KeyId, (u64, usize, usize)> = HashMap::new();
            for newcomer in newcomers.iter().filter(|newcomer| !newcomer.replaces) {
                let (start, page) = state.tree.page_of(&newcomer.id)?;
                more.entry(start).or_insert((page.id, page.count, 0)).2 += 1;
            }
            state.tree.recount(more.iter().map(|(start, (id, count, more))| (*start, *id, count + more)));
            let mut due = Vec::new();
            for (start, (id, _, more)) in more {
                let added = state.added.entry(start).or_default();
                *added += more;
                if *added >= COUNT_AFTER {
                    *added = 0;
                    due.push((start, id));
                }
            }
            due
        };
        if due.is_empty() {
            return Ok(());
        }
        let starts: Vec<KeyId> = due.iter().map(|(start, _)| *start).collect();
        let (from, to) = {
            let state = self.read_state();
            let (from, to) = ranges(&state.tree, &starts);
            (from.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), to)
        };
        let counts = session.run(async |client| {
            let sql = "SELECT (SELECT count(*) FROM lethe_subjects WHERE key >= page.start AND key < page.stop)
                       FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS page (start, stop, place) ORDER BY place";
            query(client, sql, &[&from, &to]).await?.iter().map(|row| unsigned(row, 0)).collect::<Result<Vec<_>, _>>()
        })?;
        let counts = due.into_iter().zip(counts);
        let counts = counts.map(|((start, id), count)| (start, id, usize::try_from(count).unwrap_or(usize::MAX)));
        self.write_state().tree.recount(counts);
        Ok(())
    }

    /// Begins a transaction that holds the tree lock: until it ends, the tree in memory is the stored one.
    pub(super) fn begin(&self, session: &Session<'_>, hold: Hold) -> Result<Stand, StoreError> {
        let (class, key) = (TREE, self.lock);
        let row = session.run(async |client| {
            let (lock, read) = match hold {
                Hold::Shared => {
                    ("SELECT pg_advisory_xact_lock_shared($1, $2)", "SELECT version, epoch, 0::bigint FROM lethe_state")
                }
                Hold::Alone => (
                    "SELECT pg_advisory_xact_lock($1, $2)",
                    "SELECT version, epoch, (SELECT sum(subjects)::bigint FROM lethe_counted) FROM lethe_state",
                ),
            };
            // Prepared before, so that all three go out in this order. Each statement sees what was committed when it began:
            // the last one begins under the lock.
            let (lock, read) = (client.prepare_cached(lock).await?, client.prepare_cached(read).await?);
            let locked = async { client.execute(&lock, &[&class, &key]).await };
            let read = async { client.query_one(&read, &[]).await };
            let (_, _, row) = futures_util::future::try_join3(client.batch_execute("BEGIN"), locked, read).await?;
            Ok((unsigned(&row, 0)?, unsigned(&row, 1)?, unsigned(&row, 2)?))
        })?;
        let (version, epoch, subjects) = row;
        let stand = Stand { version, epoch };
        self.catch_up_inside(session, stand)?;
        if let Hold::Alone = hold {
            self.write_state().tree.set_subjects(subjects);
        }
        Ok(stand)
    }

    pub(super) fn roll_back(&self, session: &Session<'_>) -> Result<(), StoreError> {
        session.run(async |client| client.batch_execute("ROLLBACK").await)
    }

    /// One durable change of the tree, inside the lock that is held alone: stored first, then true in memory.
    pub(super) fn commit(
        &self,
        session: &Session<'_>,
        around: Around,
        stand: Stand,
        writes: Vec<Write>,
        (patch, root): (Patch, Option<RootId>),
    ) -> Result<(), StoreError> {
        let version = stand.version + 1;
        let (before, after) = {
            let state = self.read_state();
            (state.tree.tally(), patch.tally().unwrap_or(state.tree.tally()))
        };
        let more = after.subjects.cast_signed() - before.subjects.cast_signed();
        let (epoch, next_id) = (after.epoch.cast_signed(), after.next_id.cast_signed());
        self.steps.reached(around.0)?;
        session.run(async |client| {
            super::table::write(client, &writes, version.cast_signed()).await?;
            let sql = "UPDATE lethe_state SET version = $1, epoch = $2, next_id = $3";
            execute(client, sql, &[&version.cast_signed(), &epoch, &next_id]).await?;
            let sql = "UPDATE lethe_counted SET subjects = subjects + $1 WHERE slot = $2";
            execute(client, sql, &[&more, &self.slot]).await?;
            client.batch_execute("COMMIT").await
        })?;
        self.steps.reached(around.1)?;
        let mut state = self.write_state();
        if state.version == stand.version {
            state.tree.apply(patch);
            if let Some(root) = root {
                state.root = root;
            }
            self.moved_to(&mut state, version);
        }
        Ok(())
    }
}

/// How the tree lock is held.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    /// Beside others who add keys.
    Shared,
    /// By one who changes the tree.
    Alone,
}

/// The first part of an advisory lock's key; the second is the number of the state table, so that schemas of one database don't
/// get in each other's way.
pub(super) const TREE: i32 = 0x6c74_6801;

/// What became of new keys.
enum Added {
    Done,
    /// Somebody else was first, or the epoch has moved.
    Moved,
    /// A page would become too full, or a bucket is missing.
    Crowded,
}
