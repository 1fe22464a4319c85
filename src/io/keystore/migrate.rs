//! From one kind of store to another: every row as it is sealed, under the same root. No key is opened on the way.
//!
//! ```text
//! mark in the target → mids, pages, buckets, epochs, fences, subjects, requests → top and tally, the mark gone → mark in the source
//! ```
//!
//! Until its last step the target opens for nobody; from that step on the source doesn't. Interrupted, it goes on behind the
//! last row that arrived, as long as the source has not changed.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use super::epoch::{key_id, open_top};
use super::shelf::Shelf;
use super::{Note, Noted, Progress, Space, StoreError};
use crate::io::kms::RootKeeper;
use crate::io::steps::Steps;
use crate::keys::rows::{PageRow, Table, Tally, TopRow, Write, encode_counts};
use crate::keys::{Damaged, DeploymentId, KeyId};

/// Stands in a target while rows arrive: a digest of the source's top and tally.
pub(super) const MIGRATING: &[u8] = b"migrating";
/// Stands in a source that was migrated: where to.
pub(super) const MOVED: &[u8] = b"moved";

/// Rows that each store writes for itself.
const OWN_ROWS: [&[u8]; 5] = [MIGRATING, MOVED, super::embedded::BIRTH, Tally::KEY, Tally::COUNTS_KEY];
const ROWS: usize = 5_000;
const TABLES: [Table; 6] = [Table::Mids, Table::Pages, Table::Buckets, Table::Epochs, Table::Fences, Table::Subjects];

/// A row: key and value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A request: its name, its progress, whether it is settled.
pub(super) type RequestRow = (String, Vec<u8>, bool);

/// Something that is let go when it is dropped.
pub(super) type Held<'a> = Box<dyn Hold + 'a>;

/// What [`Held`] is about: that it ends.
pub(super) trait Hold {}

impl Hold for () {}

/// A store's rows without the keys to them. Whoever has one has the store to himself.
pub(super) trait RawStore {
    /// For people.
    fn name(&self) -> &str;
    /// Keeps everybody else from changing anything until what it gives is dropped; refused while another process works on it.
    fn hold(&self) -> Result<Held<'_>, StoreError>;
    /// One row of [`Table::Meta`]; the tally is composed where it stands elsewhere.
    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// The next rows behind a key, in order.
    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError>;
    /// The last key of a table.
    fn last(&self, table: Table) -> Result<Option<Vec<u8>>, StoreError>;
    /// All requests.
    fn requests(&self) -> Result<Vec<RequestRow>, StoreError>;
    /// Stores rows, durable as a whole.
    fn put(&self, writes: Vec<Write>) -> Result<(), StoreError>;
    /// The next notes of a space behind a key, in order.
    fn notes(&self, space: Space, after: Option<&[u8]>) -> Result<Vec<Noted>, StoreError>;
    /// Stores notes.
    fn put_notes(&self, notes: &[Note]) -> Result<(), StoreError>;
    /// Stores requests.
    fn put_requests(&self, requests: &[RequestRow]) -> Result<(), StoreError>;
    /// The last step: these rows and counters, and no mark, durable as a whole.
    fn finish(&self, deployment: DeploymentId, tally: Tally, writes: Vec<Write>) -> Result<(), StoreError>;
}

/// What a migration has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Rows that arrived now.
    pub rows: u64,
    /// Rows that had arrived before.
    pub before: u64,
}

/// Copies everything. `keeper` is the target's: it must hold the root that the source hangs from. `told` hears of each table
/// how many rows have arrived.
pub(super) fn migrate(
    from: &dyn RawStore,
    to: &dyn RawStore,
    keeper: &dyn RootKeeper,
    told: &mut dyn FnMut(Table, u64),
) -> Result<Migrated, StoreError> {
    if let Some(place) = from.meta(MOVED)? {
        let to = String::from_utf8_lossy(&place).into_owned();
        return Err(StoreError::Moved { store: from.name().to_owned(), to });
    }
    let top = from.meta(TopRow::KEY)?.ok_or_else(|| StoreError::Empty(from.name().to_owned()))?;
    let tally = from.meta(Tally::KEY)?.ok_or(Damaged(Table::Meta))?;
    let row = TopRow::decode(&top)?;
    open_top(keeper, &row)?;
    let print = digest(&SHA256, &[top.as_slice(), tally.as_slice()].concat());
    admit(to, print.as_ref())?;
    let mut done = Migrated::default();
    let mut counts = Counts::default();
    for table in TABLES {
        let mut last = to.last(table)?.unwrap_or_default();
        done.before += u64::from(!last.is_empty());
        let mut arrived = 0;
        loop {
            let rows = from.rows(table, &last, ROWS)?;
            let Some((key, _)) = rows.last() else { break };
            last.clone_from(key);
            counts.see(table, &rows)?;
            arrived += rows.len() as u64;
            to.put(rows.into_iter().map(|(key, value)| Write::put(table, &key, value)).collect())?;
            told(table, arrived);
        }
        done.rows += arrived;
    }
    to.put_requests(&from.requests()?)?;
    copy_notes(from, to)?;
    let mut writes: Vec<Write> = from
        .rows(Table::Meta, &[], ROWS)?
        .into_iter()
        .filter(|(key, _)| !OWN_ROWS.contains(&key.as_slice()))
        .map(|(key, value)| Write::put(Table::Meta, &key, value))
        .collect();
    writes.push(Write::put(Table::Meta, Tally::COUNTS_KEY, encode_counts(counts.by_page())));
    to.finish(row.deployment, Tally::decode(&tally)?, writes)?;
    from.put(vec![Write::put(Table::Meta, MOVED, to.name().as_bytes().to_vec())])?;
    Ok(done)
}

/// Holds, members, limits, index and purges: a store that lost a hold would erase what it stands for.
fn copy_notes(from: &dyn RawStore, to: &dyn RawStore) -> Result<(), StoreError> {
    for space in Space::ALL {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let notes = from.notes(*space, last.as_deref())?;
            let Some((key, _)) = notes.last() else { break };
            last = Some(key.clone());
            let notes: Vec<Note> = notes.into_iter().map(|(key, value)| Note::put(*space, key, value)).collect();
            to.put_notes(&notes)?;
        }
    }
    Ok(())
}

/// Sees that the target is empty, or holds the beginning of this very migration.
fn admit(to: &dyn RawStore, print: &[u8]) -> Result<(), StoreError> {
    match to.meta(MIGRATING)? {
        Some(mark) if mark == print => Ok(()),
        Some(_) => Err(StoreError::Changed(to.name().to_owned())),
        None => {
            let mut empty = to.meta(TopRow::KEY)?.is_none() && to.meta(MOVED)?.is_none();
            for table in TABLES {
                empty = empty && to.last(table)?.is_none();
            }
            if !empty {
                return Err(StoreError::Filled(to.name().to_owned()));
            }
            to.put(vec![Write::put(Table::Meta, MIGRATING, print.to_vec())])
        }
    }
}

/// How many subjects stand on each page, as they go by. Hints: after an interruption the earlier ones are not counted again.
#[derive(Default)]
struct Counts(BTreeMap<KeyId, (u64, usize)>);

impl Counts {
    fn see(&mut self, table: Table, rows: &[Pair]) -> Result<(), Damaged> {
        for (key, value) in rows {
            match table {
                Table::Pages => drop(self.0.insert(key_id(key, table)?, (PageRow::decode(value)?.id, 0))),
                Table::Subjects => {
                    if let Some((_, (_, count))) = self.0.range_mut(..=key_id(key, table)?).next_back() {
                        *count += 1;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn by_page(&self) -> impl Iterator<Item = (u64, usize)> {
        self.0.values().copied()
    }
}

/// An embedded store's rows.
pub(super) struct RawFolder {
    shelf: Shelf,
    name: String,
}

impl RawFolder {
    /// Takes the folder; refused while a process has it open. `made`: whether it is made where it isn't there.
    pub fn open(folder: &std::path::Path, made: bool) -> Result<Self, StoreError> {
        let name = folder.display().to_string();
        if !made && !folder.join("keyspaces").is_dir() {
            return Err(StoreError::Empty(name));
        }
        Ok(Self { shelf: Shelf::open(folder, 64 << 20, Steps::default())?, name })
    }
}

impl RawStore for RawFolder {
    fn name(&self) -> &str {
        &self.name
    }

    fn hold(&self) -> Result<Held<'_>, StoreError> {
        // The engine's lock on the folder does it.
        Ok(Box::new(()))
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shelf.get(Table::Meta, key)?.map(|value| value.to_vec()))
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.shelf.behind(table, after, limit)
    }

    fn last(&self, table: Table) -> Result<Option<Vec<u8>>, StoreError> {
        let mut rows = 0;
        let newest = self.shelf.newest(table, |_| {
            rows += 1;
            rows == 1
        })?;
        Ok(newest.first().map(|(key, _)| key.to_vec()))
    }

    fn requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        let named = |settled| {
            move |(key, value): (fjall::Slice, fjall::Slice)| {
                (String::from_utf8_lossy(&key).into_owned(), value.to_vec(), settled)
            }
        };
        let open = self.shelf.open_requests()?.into_iter().map(named(false));
        Ok(open.chain(self.shelf.settled_requests()?.into_iter().map(named(true))).collect())
    }

    fn put(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.shelf.commit(("rows not yet migrated", "rows migrated"), writes)
    }

    fn put_requests(&self, requests: &[RequestRow]) -> Result<(), StoreError> {
        let progress = |(request, bytes, settled): &RequestRow| Progress {
            request: request.clone(),
            bytes: bytes.clone(),
            settled: *settled,
        };
        self.shelf.remember(&requests.iter().map(progress).collect::<Vec<_>>())
    }

    fn notes(&self, space: Space, after: Option<&[u8]>) -> Result<Vec<Noted>, StoreError> {
        self.shelf.notes(space, &[], after, ROWS)
    }

    fn put_notes(&self, notes: &[Note]) -> Result<(), StoreError> {
        self.shelf.note(notes)
    }

    fn finish(&self, deployment: DeploymentId, tally: Tally, mut writes: Vec<Write>) -> Result<(), StoreError> {
        writes.push(Write::put(Table::Meta, super::embedded::BIRTH, deployment.0.to_vec()));
        writes.push(tally.write());
        writes.push(Write::remove(Table::Meta, MIGRATING));
        self.shelf.commit(("migration not yet finished", "migration finished"), writes)?;
        self.shelf.settle()
    }
}

/// Refuses a store that was migrated away, or into which a migration was begun.
pub(super) fn refuse_moved(
    name: &str,
    meta: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<(), StoreError> {
    if let Some(place) = meta(MOVED)? {
        return Err(StoreError::Moved { store: name.to_owned(), to: String::from_utf8_lossy(&place).into_owned() });
    }
    match meta(MIGRATING)? {
        Some(_) => Err(StoreError::HalfMigrated(name.to_owned())),
        None => Ok(()),
    }
}
