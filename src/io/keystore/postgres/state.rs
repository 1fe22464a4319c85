//! The tree as this process knows it, and how it keeps up with what others change.
//!
//! Whoever changes the tree (splits a page, makes a bucket, fences, turns an epoch) holds the tree lock alone and counts the
//! store's `version` up; whoever adds keys to pages as they are shares it. So inside either, what was read stays true.

use std::cmp::Ordering;
use std::collections::HashMap;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error, Row};

use super::PostgresStore;
use super::link::Session;
use super::table::{pair, query};
use crate::io::keystore::StoreError;
use crate::io::keystore::epoch::{key_id, open_top};
use crate::keys::rows::{BucketRow, MidRow, PageRow, SignersRow, Table, Tally, TopRow, bucket_of_key};
use crate::keys::{Damaged, DeploymentId, KeyId, RootId, Stored, Tree};

/// What one process knows of the tree.
pub(super) struct State {
    pub tree: Tree,
    pub root: RootId,
    /// The change that it has seen last.
    pub version: u64,
    /// Subjects that this process has put on a page since they were last counted, by the page's first key id.
    pub added: HashMap<KeyId, usize>,
}

/// Where the store stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    pub version: u64,
    pub epoch: u64,
}

/// Everything that is newer than some version.
struct News {
    deployment: DeploymentId,
    version: u64,
    tally: Tally,
    top: Option<TopRow>,
    changed: Stored,
}

/// What became of news.
enum Taken {
    /// The tree in memory holds them.
    Known,
    /// A commit of this process was noted while they were being opened: they are to be read again.
    Overtaken,
}

/// How often a tree is read again whose root was destroyed while it was being read.
const READ_AGAIN: usize = 3;

pub(super) fn unsigned(row: &Row, column: usize) -> Result<u64, Error> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

async fn rows_since(client: &ClientWrapper, table: &str, version: i64) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
    let sql = format!("SELECT key, value FROM {table} WHERE version > $1 ORDER BY key");
    query(client, &sql, &[&version]).await?.iter().map(pair).collect()
}

/// Reads what is newer than `version`, all of one moment: inside a lock that holds changes off, or in a snapshot.
fn news(session: &Session<'_>, version: u64) -> Result<News, StoreError> {
    let since = version.cast_signed();
    let (state, meta, mids, pages, buckets) = session.run(async |client| {
        let state = "SELECT deployment, version, epoch, next_id,
                     (SELECT coalesce(sum(subjects), 0)::bigint FROM lethe_counted) FROM lethe_state";
        let (state, meta, mids, pages, buckets) = futures_util::future::try_join5(
            query(client, state, &[]),
            query(client, "SELECT key, value FROM lethe_meta", &[]),
            rows_since(client, "lethe_mids", since),
            rows_since(client, "lethe_pages", since),
            rows_since(client, "lethe_buckets", since),
        )
        .await?;
        let state = state.first().map(|row| {
            Ok::<_, Error>((
                row.try_get::<_, Vec<u8>>(0)?,
                unsigned(row, 1)?,
                unsigned(row, 2)?,
                unsigned(row, 3)?,
                unsigned(row, 4)?,
            ))
        });
        let meta = meta.iter().map(pair).collect::<Result<HashMap<_, _>, _>>()?;
        Ok((state.transpose()?, meta, mids, pages, buckets))
    })?;
    let (deployment, version, epoch, next_id, subjects) = state.ok_or(Damaged(Table::Meta))?;
    let deployment = DeploymentId(deployment.as_slice().try_into().map_err(|_| Damaged(Table::Meta))?);
    let mut changed = Stored::default();
    for (key, value) in &mids {
        changed.mids.push((key_id(key, Table::Mids)?, MidRow::decode(value)?));
    }
    for (key, value) in &pages {
        changed.pages.push((key_id(key, Table::Pages)?, PageRow::decode(value)?));
    }
    for (key, value) in &buckets {
        changed.buckets.push((bucket_of_key(key)?, BucketRow::decode(value)?));
    }
    let top = meta.get(TopRow::KEY).map(|row| TopRow::decode(row)).transpose()?;
    changed.signers = meta.get(SignersRow::KEY).map(|row| SignersRow::decode(row)).transpose()?;
    Ok(News { deployment, version, tally: Tally { epoch, next_id, subjects }, top, changed })
}

/// The same from a snapshot of one's own, which no change holds up.
fn news_in_snapshot(session: &Session<'_>, version: u64) -> Result<News, StoreError> {
    session.run(async |client| client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await)?;
    let news = news(session, version)?;
    session.run(async |client| client.batch_execute("COMMIT").await)?;
    Ok(news)
}

impl State {
    /// Reads the whole tree.
    pub fn load(store: &super::Ground) -> Result<Self, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let session = store.link.session()?;
            let news = news_in_snapshot(&session, 0)?;
            session.done();
            let row = news.top.ok_or(Damaged(Table::Meta))?;
            let top = match open_top(&*store.keeper, &row) {
                // An epoch may have replaced the root since the rows were read.
                Err(StoreError::OldCopy { .. }) if tries < READ_AGAIN => continue,
                opened => opened?,
            };
            let tree = Tree::open(&row, top, news.tally, news.changed)?;
            return Ok(Self { tree, root: row.root, version: news.version, added: HashMap::new() });
        }
    }
}

impl PostgresStore {
    /// Where the store stands, as one statement reads it.
    pub(super) fn stand(&self, session: &Session<'_>) -> Result<Stand, StoreError> {
        let row = session.run(async |client| {
            let rows = query(client, "SELECT version, epoch FROM lethe_state", &[]).await?;
            rows.first().map(|row| Ok(Stand { version: unsigned(row, 0)?, epoch: unsigned(row, 1)? })).transpose()
        })?;
        row.ok_or(Damaged(Table::Meta).into())
    }

    /// Reads what others have changed, where they have: afterwards the tree in memory is no older than this call.
    pub(super) fn catch_up(&self) -> Result<(), StoreError> {
        let _one = self.catching.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut destroyed = 0;
        loop {
            let known = self.read_state().version;
            let session = self.ground.link.session()?;
            let news = news_in_snapshot(&session, known)?;
            session.done();
            self.steps.reached("changes read")?;
            match self.take(news, known) {
                Ok(Taken::Known) => return Ok(()),
                Ok(Taken::Overtaken) => {}
                Err(StoreError::OldCopy { .. }) if destroyed + 1 < READ_AGAIN => destroyed += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The same inside a transaction that holds the tree lock: afterwards the tree in memory is the stored one until it ends.
    pub(super) fn catch_up_inside(&self, session: &Session<'_>, stand: Stand) -> Result<(), StoreError> {
        let _one = self.catching.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            let known = self.read_state().version;
            match known.cmp(&stand.version) {
                Ordering::Equal => return Ok(()),
                Ordering::Greater => return Err(self.went_back(stand.version, known)),
                Ordering::Less => _ = self.take(news(session, known)?, known)?,
            }
        }
    }

    fn went_back(&self, found: u64, seen: u64) -> StoreError {
        StoreError::WentBack { server: self.ground.link.server().to_owned(), found, seen }
    }

    /// Makes the tree in memory that of these news, which were asked for when it stood at `known`. A commit of this process may
    /// have moved it on since; only news from before `known` tell of a store that has gone back.
    fn take(&self, news: News, known: u64) -> Result<Taken, StoreError> {
        let News { deployment, version, tally, top, changed } = news;
        let (seen, patch, root) = {
            let state = self.read_state();
            if deployment != *state.tree.deployment() {
                return Err(StoreError::OtherDeployment {
                    server: self.ground.link.server().to_owned(),
                    found: deployment.to_string(),
                    ours: state.tree.deployment().to_string(),
                });
            }
            if version < known {
                return Err(self.went_back(version, known));
            }
            if version <= state.version {
                return Ok(Taken::Known);
            }
            let row = top.ok_or(Damaged(Table::Meta))?;
            let moved = row.root != state.root;
            let top = if moved { Some((&row, open_top(&*self.ground.keeper, &row)?)) } else { None };
            (state.version, state.tree.follow(top, tally, &changed)?, row.root.clone())
        };
        let mut state = self.write_state();
        if state.version != seen {
            return Ok(Taken::Overtaken);
        }
        state.tree.apply(patch);
        state.root = root;
        self.moved_to(&mut state, version);
        Ok(Taken::Known)
    }

    /// Takes note that the tree in memory is that of a version now; caches of an older epoch are void.
    pub(super) fn moved_to(&self, state: &mut State, version: u64) {
        state.version = version;
        let epoch = state.tree.tally().epoch;
        if self.epoch.swap(epoch, std::sync::atomic::Ordering::SeqCst) != epoch {
            self.cache.clear();
        }
    }
}
