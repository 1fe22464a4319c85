//! The store for several processes: keys in PostgreSQL. Every process holds the opened tree in memory and follows what the
//! others change; rows are sealed before they leave it, as in every store.
//!
//! What must be true of the server: one primary that takes writes; commits durable, and replicated synchronously where a
//! standby may take over; connections that keep their session (advisory locks: no pooler that shares one between transactions).

mod fetch;
mod forget;
mod link;
mod notes;
mod raw;
mod schema;
mod state;
mod table;
mod tls;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use deadpool_postgres::Object;
pub use link::Connecting;
use link::{Link, Session};
pub(super) use raw::RawDatabase;
use state::State;
use table::{execute, pair, query};
use tokio_postgres::Error;

use super::cache::KeyCache;
use super::epoch::{epoch_row, found, refuse_orphans};
use super::migrate::refuse_moved;
use super::{Destroyed, Expired, Keystore, Note, Noted, Renewal, Rotated, Space, Status, StoreError};
use crate::io::clock::Clock;
use crate::io::entropy::Entropy;
use crate::io::kms::RootKeeper;
use crate::io::steps::Steps;
use crate::keys::rows::{EpochRow, Signer, Table, Tally, TopRow};
use crate::keys::{BucketId, Damaged, DeploymentId, DigestKey, Fence, KeyId, KeyRequest, KeyRing, SigningKey};

const REMEMBER: &str = "INSERT INTO lethe_requests VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET progress = excluded.progress, settled = excluded.settled";

/// The first part of the lock of whoever begins epochs without being asked.
const STEWARD: i32 = 0x6c74_6803;

/// How a PostgreSQL store is opened.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The server.
    pub connecting: Connecting,
    /// How long a key read from the store may be used.
    pub key_lease_ms: u64,
    /// How many derived keys stay in memory, at about 1.3 KB each.
    pub cached_keys: usize,
    /// Where a test stops it.
    pub steps: Steps,
}

impl PostgresOptions {
    /// A lease of 30 s, 65,536 cached keys.
    pub fn new(connecting: Connecting) -> Self {
        Self { connecting, key_lease_ms: 30_000, cached_keys: 65_536, steps: Steps::default() }
    }
}

/// What a store stands on before it knows its tree.
struct Ground {
    link: Link,
    keeper: Arc<dyn RootKeeper>,
}

/// Keys in a database, for several processes.
pub struct PostgresStore {
    ground: Ground,
    clock: Arc<dyn Clock>,
    cache: KeyCache,
    lease_ms: u64,
    steps: Steps,
    state: RwLock<State>,
    /// Held by whoever reads what others have changed.
    catching: Mutex<()>,
    epoch: AtomicU64,
    entropy: Mutex<Entropy>,
    /// The session that makes this process the one that begins epochs on its own account.
    steward: Mutex<Option<Object>>,
    /// The second part of this store's advisory locks.
    lock: i32,
    /// Where this process counts the subjects that it makes.
    slot: i32,
}

impl PostgresStore {
    /// Opens the store, or makes it where the database holds none. Then settles what a crash may have left, unless another
    /// process is at that.
    pub fn open(
        options: PostgresOptions,
        keeper: Arc<dyn RootKeeper>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let ground = Ground { link: Link::new(&options.connecting)?, keeper };
        let mut entropy = Entropy::new();
        schema::ensure(&ground.link)?;
        let lock = lock_number(&ground.link)?;
        plant(&ground, lock, &mut entropy, &options.steps)?;
        let state = State::load(&ground)?;
        let slot = entropy.id().first().copied().map_or(0, |byte| i32::from(byte) % schema::SLOTS.cast_signed());
        let store = Self {
            cache: KeyCache::new(options.cached_keys, options.key_lease_ms),
            lease_ms: options.key_lease_ms,
            steps: options.steps,
            epoch: AtomicU64::new(state.tree.tally().epoch),
            state: RwLock::new(state),
            catching: Mutex::new(()),
            entropy: Mutex::new(entropy),
            steward: Mutex::new(None),
            ground,
            clock,
            lock,
            slot,
        };
        let leader = store.lead()?;
        store.settle_roots(&leader)?;
        store.resign(leader)?;
        Ok(store)
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn entropy(&self) -> MutexGuard<'_, Entropy> {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn requests(&self, sql: &'static str, name: Option<&str>) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let session = self.ground.link.session()?;
        let rows = session.run(async |client| {
            let rows = match &name {
                Some(name) => query(client, sql, &[name]).await?,
                None => query(client, sql, &[]).await?,
            };
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, Error>>()
        })?;
        session.done();
        Ok(rows)
    }
}

/// A number for this store's advisory locks, different for each schema of a database.
fn lock_number(link: &Link) -> Result<i32, StoreError> {
    let session = link.session()?;
    let number = session.run(async |client| {
        let sql = "SELECT ('lethe_state'::regclass::oid::bigint & 2147483647)::integer";
        client.query_one(sql, &[]).await?.try_get(0)
    })?;
    session.done();
    Ok(number)
}

/// Founds a deployment in empty tables. The deployment's id is durable before its first root is made, so that a crash in
/// between leaves no root without an owner.
fn plant(ground: &Ground, lock: i32, entropy: &mut Entropy, steps: &Steps) -> Result<(), StoreError> {
    let session = ground.link.session()?;
    let meta = |key: &[u8]| Ok(table::get(&session, Table::Meta, &[key])?.into_iter().next().map(|(_, value)| value));
    refuse_moved(ground.link.server(), meta)?;
    let planted =
        |session: &Session<'_>| Ok::<_, StoreError>(!table::get(session, Table::Meta, &[TopRow::KEY])?.is_empty());
    if planted(&session)? {
        session.done();
        return Ok(());
    }
    // Held by the session: another process that starts at the same time waits, and then finds the tree.
    session.run(async |client| execute(client, "SELECT pg_advisory_lock($1, $2)", &[&fetch::TREE, &lock]).await)?;
    if !planted(&session)? {
        let deployment = birth(&session, entropy, steps)?;
        refuse_orphans(&*ground.keeper, &deployment, ground.link.server())?;
        ground.keeper.reconcile(&deployment, None)?;
        let writes = found(deployment, &*ground.keeper, entropy)?;
        let tally = writes.iter().find(|write| write.table == Table::Meta && write.key == Tally::KEY);
        let tally = tally.and_then(|write| write.value.as_deref()).ok_or(Damaged(Table::Meta))?;
        let tally = Tally::decode(tally)?;
        let (epoch, next_id) = (tally.epoch.cast_signed(), tally.next_id.cast_signed());
        steps.reached("tree not yet planted")?;
        session.run(async |client| {
            client.batch_execute("BEGIN").await?;
            table::write(client, &writes, 1).await?;
            let sql = "UPDATE lethe_state SET version = 1, epoch = $1, next_id = $2";
            execute(client, sql, &[&epoch, &next_id]).await?;
            client.batch_execute("COMMIT").await
        })?;
        steps.reached("tree planted")?;
    }
    session.run(async |client| execute(client, "SELECT pg_advisory_unlock($1, $2)", &[&fetch::TREE, &lock]).await)?;
    session.done();
    Ok(())
}

fn birth(session: &Session<'_>, entropy: &mut Entropy, steps: &Steps) -> Result<DeploymentId, StoreError> {
    let known = session.run(async |client| {
        let row = client.query_opt("SELECT deployment FROM lethe_state", &[]).await?;
        row.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()
    })?;
    if let Some(known) = known {
        return Ok(DeploymentId(known.as_slice().try_into().map_err(|_| Damaged(Table::Meta))?));
    }
    let deployment = DeploymentId(entropy.id());
    steps.reached("birth not yet durable")?;
    let bytes = deployment.0.as_slice();
    session.run(async |client| {
        let sql = "INSERT INTO lethe_state (deployment, version, epoch, next_id) VALUES ($1, 0, 0, 0)";
        execute(client, sql, &[&bytes]).await
    })?;
    steps.reached("birth durable")?;
    Ok(deployment)
}

impl Keystore for PostgresStore {
    fn ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        self.fill_ring(requests)
    }

    /// Asks the server for its epoch: fences and epochs of other processes count. Where it does not answer, no ring is valid.
    fn still_valid(&self, ring: &KeyRing) -> bool {
        let young = || self.clock.monotonic_ms().saturating_sub(ring.leased_at_ms) < self.lease_ms;
        let epoch = || {
            let session = self.ground.link.session()?;
            let stand = self.stand(&session)?;
            session.done();
            Ok::<_, StoreError>(stand.epoch)
        };
        // The lease is asked again after the answer, which may have taken its time.
        young() && ring.epoch == self.epoch() && epoch().is_ok_and(|epoch| epoch == ring.epoch) && young()
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

    fn signers(&self) -> Result<Vec<Signer>, StoreError> {
        self.catch_up()?;
        Ok(self.read_state().tree.signers().0)
    }

    /// Whoever asks first, and keeps answering, keeps it: the lock is its session's.
    fn leads(&self) -> Result<bool, StoreError> {
        let mut steward = self.steward.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = steward.take() {
            let session = self.ground.link.again(kept);
            // A session that is gone has lost the lock; then it is asked for anew.
            if session.run(async |client| query(client, "SELECT", &[]).await).is_ok() {
                *steward = session.keep();
                return Ok(true);
            }
        }
        let session = self.ground.link.session()?;
        let (class, key) = (STEWARD, self.lock);
        let got = session.run(async |client| {
            client.query_one("SELECT pg_try_advisory_lock($1, $2)", &[&class, &key]).await?.try_get::<_, bool>(0)
        })?;
        if got {
            *steward = session.keep();
        } else {
            session.done();
        }
        Ok(got)
    }

    fn remember(&self, request: &str, progress: &[u8], settled: bool) -> Result<(), StoreError> {
        self.steps.reached("request not yet remembered")?;
        let session = self.ground.link.session()?;
        session.run(async |client| execute(client, REMEMBER, &[&request, &progress, &settled]).await)?;
        session.done();
        Ok(self.steps.reached("request remembered")?)
    }

    fn note(&self, notes: &[Note]) -> Result<(), StoreError> {
        if notes.is_empty() {
            return Ok(());
        }
        self.steps.reached("notes not yet durable")?;
        let session = self.ground.link.session()?;
        session.run(async |client| notes::put(client, notes).await)?;
        session.done();
        Ok(self.steps.reached("notes durable")?)
    }

    fn noted(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let session = self.ground.link.session()?;
        let note = session.run(async |client| notes::get(client, space, key).await)?;
        session.done();
        Ok(note)
    }

    fn notes(&self, space: Space, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Noted>, StoreError> {
        let session = self.ground.link.session()?;
        let found = session.run(async |client| notes::list(client, space, (prefix, after), limit).await)?;
        session.done();
        Ok(found)
    }

    fn recall(&self, request: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.requests("SELECT name, progress FROM lethe_requests WHERE name = $1", Some(request))?;
        Ok(found.into_iter().next().map(|(_, progress)| progress))
    }

    fn open_requests(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.requests("SELECT name, progress FROM lethe_requests WHERE NOT settled ORDER BY name", None)
    }

    fn digest_key(&self) -> Result<DigestKey, StoreError> {
        Ok(DigestKey::new(&self.read_state().tree.crown().digest))
    }

    fn signing_key(&self) -> Result<SigningKey, StoreError> {
        Ok(SigningKey::new(&self.read_state().tree.crown().signing))
    }

    fn buckets(&self) -> Result<Vec<(BucketId, bool)>, StoreError> {
        self.catch_up()?;
        Ok(self.read_state().tree.buckets())
    }

    fn status(&self) -> Result<Status, StoreError> {
        self.catch_up()?;
        let session = self.ground.link.session()?;
        let (subjects, newest) = session.run(async |client| {
            let subjects = "SELECT sum(subjects)::bigint FROM lethe_counted";
            let subjects = state::unsigned(&client.query_one(subjects, &[]).await?, 0)?;
            let newest = query(client, "SELECT key, value FROM lethe_epochs ORDER BY key DESC LIMIT 1", &[]).await?;
            Ok((subjects, newest.first().map(pair).transpose()?))
        })?;
        session.done();
        let state = self.read_state();
        let (mids, pages) = state.tree.sizes();
        let buckets = state.tree.buckets();
        let live_buckets = buckets.iter().filter(|(_, live)| *live).count();
        Ok(Status {
            deployment: *state.tree.deployment(),
            root: state.root.clone(),
            epoch: state.tree.tally().epoch,
            subjects,
            mids,
            pages,
            live_buckets,
            expired_buckets: buckets.len() - live_buckets,
            last_epoch: newest.map(|(key, value)| epoch_row(&key, &value)).transpose()?,
        })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStore({}, epoch {})", self.ground.link.server(), self.epoch())
    }
}
