//! The embedded store's files: fjall 3, one keyspace for each table, one durable batch a change. It knows bytes, not keys.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::config::CompressionPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Slice};

use super::StoreError;
use super::migrate::Pair;
use crate::io::steps::{Around, Steps};
use crate::keys::rows::{Table, Write};

/// Memory for rows that are not yet in sorted files, a table: subjects are written most by far.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;
const SUBJECTS_MEMTABLE_BYTES: u64 = 32 * 1024 * 1024;
/// Rows a commit while a store is copied.
const COPY_ROWS: usize = 10_000;
/// Stands in a copy while it is being made.
const COPYING: &[u8] = b"copying";
const COPIED: Around = ("rows not yet copied", "rows copied");
const JOURNAL_BYTES: u64 = 128 * 1024 * 1024;

pub(super) struct Shelf {
    folder: PathBuf,
    db: Database,
    tables: Tables,
    open_requests: Keyspace,
    settled_requests: Keyspace,
    steps: Steps,
    /// A commit failed: what is on disk and what is in memory may differ, so nothing goes on, and above all no root is
    /// destroyed, before the store is opened anew.
    broken: AtomicBool,
}

struct Tables {
    meta: Keyspace,
    mids: Keyspace,
    pages: Keyspace,
    subjects: Keyspace,
    fences: Keyspace,
    buckets: Keyspace,
    epochs: Keyspace,
}

impl Tables {
    fn all(&self) -> [&Keyspace; 7] {
        [&self.meta, &self.mids, &self.pages, &self.subjects, &self.fences, &self.buckets, &self.epochs]
    }
}

/// Sees that nothing is missing from a copied folder. The engine would open one without its journal, or with a keyspace
/// whose `current` file is gone, as if nothing had ever been there; so this looks first, and changes nothing.
fn check_whole(folder: &Path) -> Result<(), StoreError> {
    let incomplete = |what| StoreError::Incomplete { folder: folder.to_owned(), what };
    let names = names(folder, folder)?;
    if names.is_empty() {
        return Ok(());
    }
    if !names.iter().any(|name| name.ends_with(".jnl")) {
        return Err(incomplete("it has no journal".to_owned()));
    }
    let keyspaces = folder.join("keyspaces");
    let made = if keyspaces.exists() { self::names(&keyspaces, folder)?.len() } else { 0 };
    // Keyspaces are numbered from 0, and none is ever dropped.
    for number in 0..made {
        if !keyspaces.join(number.to_string()).join("current").exists() {
            return Err(incomplete(format!("keyspace {number} is not whole")));
        }
    }
    Ok(())
}

fn names(inside: &Path, store: &Path) -> Result<Vec<String>, StoreError> {
    let entries = std::fs::read_dir(inside).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(fjall::Error::Io).map_err(StoreError::from_engine(store))?;
    Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// A row as it stands in a table: key and value.
pub(super) type Row = (Slice, Slice);

impl Shelf {
    pub fn open(folder: &Path, cache_bytes: u64, steps: Steps) -> Result<Self, StoreError> {
        let failed = StoreError::from_engine(folder);
        std::fs::create_dir_all(folder).map_err(fjall::Error::Io).map_err(&failed)?;
        check_whole(folder)?;
        let builder = Database::builder(folder).cache_size(cache_bytes).max_journaling_size(JOURNAL_BYTES);
        let db = builder.worker_threads(2).open().map_err(&failed)?;
        // Sealed rows don't compress.
        let options = |bytes| {
            let plain = CompressionPolicy::disabled();
            KeyspaceCreateOptions::default().max_memtable_size(bytes).data_block_compression_policy(plain)
        };
        let table = |name: &str| db.keyspace(name, || options(MEMTABLE_BYTES)).map_err(&failed);
        let subjects = db.keyspace("subjects", || options(SUBJECTS_MEMTABLE_BYTES)).map_err(&failed)?;
        let tables = Tables {
            meta: table("meta")?,
            mids: table("mids")?,
            pages: table("pages")?,
            subjects,
            fences: table("fences")?,
            buckets: table("buckets")?,
            epochs: table("epochs")?,
        };
        let (open_requests, settled_requests) = (table("requests_open")?, table("requests_settled")?);
        let broken = AtomicBool::new(false);
        Ok(Self { folder: folder.to_owned(), db, tables, open_requests, settled_requests, steps, broken })
    }

    fn table(&self, table: Table) -> &Keyspace {
        match table {
            Table::Meta => &self.tables.meta,
            Table::Mids => &self.tables.mids,
            Table::Pages => &self.tables.pages,
            Table::Subjects => &self.tables.subjects,
            Table::Fences => &self.tables.fences,
            Table::Buckets => &self.tables.buckets,
            Table::Epochs => &self.tables.epochs,
        }
    }

    fn failed(&self) -> impl Fn(fjall::Error) -> StoreError + '_ {
        StoreError::from_engine(&self.folder)
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.table(table).get(key).map_err(self.failed())
    }

    /// Rows from `from` (inclusive) to `to` (exclusive), in order.
    pub fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>) -> Result<Vec<Row>, StoreError> {
        let keyspace = self.table(table);
        let rows = match to {
            Some(to) => keyspace.range(from..to),
            None => keyspace.range(from..),
        };
        rows.map(|row| row.into_inner().map_err(self.failed())).collect()
    }

    /// The newest rows of a table, as long as `wanted` says so.
    pub fn newest(&self, table: Table, mut wanted: impl FnMut(&Row) -> bool) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for row in self.table(table).iter().rev() {
            let row = row.into_inner().map_err(self.failed())?;
            if !wanted(&row) {
                break;
            }
            found.push(row);
        }
        Ok(found)
    }

    /// The next rows behind a key, in order.
    pub fn behind(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let rows = self.table(table).range::<&[u8], _>(behind).take(limit);
        rows.map(|row| row.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(self.failed()))
            .collect()
    }

    /// Whether any table but the first holds a row.
    pub fn holds_keys(&self) -> Result<bool, StoreError> {
        for table in [Table::Mids, Table::Pages, Table::Subjects, Table::Fences, Table::Buckets] {
            if self.table(table).first_key_value().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) { Err(StoreError::Broken) } else { Ok(()) }
    }

    /// Makes all writes durable (fsync), or none of them.
    pub fn commit(&self, around: Around, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut batch = self.batch(writes.len());
        for Write { table, key, value } in writes {
            match value {
                Some(value) => batch.insert(self.table(table), key, value),
                None => batch.remove(self.table(table), key),
            }
        }
        self.commit_batch(around, batch)
    }

    fn batch(&self, capacity: usize) -> fjall::OwnedWriteBatch {
        fjall::OwnedWriteBatch::with_capacity(self.db.clone(), capacity).durability(Some(PersistMode::SyncAll))
    }

    fn commit_batch(&self, (before, after): Around, batch: fjall::OwnedWriteBatch) -> Result<(), StoreError> {
        self.check()?;
        let committed = self.steps.reached(before).map_err(StoreError::from);
        let committed = committed.and_then(|()| batch.commit().map_err(self.failed()));
        let committed = committed.and_then(|()| self.steps.reached(after).map_err(StoreError::from));
        // Whatever failed, it is not known here what the disk holds.
        committed.inspect_err(|_| self.broken.store(true, Ordering::SeqCst))
    }

    /// Moves everything from the journal into sorted files that are fsynced on their own. After a commit whose fsync failed,
    /// the page cache may show rows that the disk does not have: what must not be lost is settled this way first.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.tables.all().into_iter().try_for_each(|table| table.rotate_memtable_and_wait()).map_err(self.failed())
    }

    /// Whether a copy into this folder was begun and not finished.
    pub fn half_copied(&self) -> Result<bool, StoreError> {
        Ok(self.get(Table::Meta, COPYING)?.is_some())
    }

    /// The steps that tests stop it by.
    pub fn steps(&self) -> Steps {
        self.steps.clone()
    }

    /// Keys of a table, in order.
    pub fn each_key(
        &self,
        table: Table,
        mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.table(table).iter().try_for_each(|row| each(&row.key().map_err(self.failed())?))
    }

    /// Makes another folder hold the rows of this one, as they stand at one moment; commits meanwhile are not held up. Only
    /// what differs is written. How many rows that were.
    ///
    /// The copy bears a mark until it is whole: the batch that brings the top row takes the mark away.
    pub fn copy_to(&self, copy: &Self) -> Result<u64, StoreError> {
        let moment = self.db.snapshot();
        let mark = Write::put(Table::Meta, COPYING, vec![1]);
        copy.commit(("copy not yet marked", "copy marked"), vec![mark])?;
        let [meta, rows @ ..] = self.tables.all();
        let [their_meta, their_rows @ ..] = copy.tables.all();
        let from = rows.into_iter().chain([&self.open_requests, &self.settled_requests, meta]);
        let into = their_rows.into_iter().chain([&copy.open_requests, &copy.settled_requests, their_meta]);
        let mut copied = 0;
        for (from, into) in from.zip(into) {
            copied += self.copy_table(&moment, from, copy, into)?;
        }
        copy.settle()?;
        Ok(copied)
    }

    fn copy_table(
        &self,
        moment: &fjall::Snapshot,
        from: &Keyspace,
        copy: &Self,
        into: &Keyspace,
    ) -> Result<u64, StoreError> {
        let row = |row: fjall::Guard| row.into_inner().map_err(self.failed());
        let (mut ours, mut theirs) = (moment.iter(from).map(row), into.iter().map(row));
        let (mut our, mut their) = (ours.next().transpose()?, theirs.next().transpose()?);
        let mut batch = copy.batch(COPY_ROWS);
        let mut copied = 0;
        loop {
            let order = match (&our, &their) {
                (Some((ours, _)), Some((theirs, _))) => ours.cmp(theirs),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            if order.is_le() && (order.is_lt() || our != their) {
                let (key, value) = our.clone().unwrap_or_default();
                batch.insert(into, key, value);
                copied += 1;
            } else if order.is_gt() {
                batch.remove(into, their.clone().unwrap_or_default().0);
                copied += 1;
            }
            if order.is_le() {
                our = ours.next().transpose()?;
            }
            if order.is_ge() {
                their = theirs.next().transpose()?;
            }
            if batch.len() == COPY_ROWS {
                let full = std::mem::replace(&mut batch, copy.batch(COPY_ROWS));
                copy.commit_batch(COPIED, full)?;
            }
        }
        copy.commit_batch(COPIED, batch)?;
        Ok(copied)
    }

    pub fn remember(&self, request: &str, progress: &[u8], settled: bool) -> Result<(), StoreError> {
        let mut batch = self.batch(2);
        if settled {
            batch.remove(&self.open_requests, request);
            batch.insert(&self.settled_requests, request, progress);
        } else {
            batch.insert(&self.open_requests, request, progress);
        }
        self.commit_batch(("request not yet remembered", "request remembered"), batch)
    }

    pub fn recall(&self, request: &str) -> Result<Option<Slice>, StoreError> {
        match self.open_requests.get(request).map_err(self.failed())? {
            Some(open) => Ok(Some(open)),
            None => self.settled_requests.get(request).map_err(self.failed()),
        }
    }

    pub fn settled_requests(&self) -> Result<Vec<Row>, StoreError> {
        self.settled_requests.iter().map(|row| row.into_inner().map_err(self.failed())).collect()
    }

    pub fn open_requests(&self) -> Result<Vec<Row>, StoreError> {
        self.open_requests.iter().map(|row| row.into_inner().map_err(self.failed())).collect()
    }
}
