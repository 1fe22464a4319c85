//! Where keys are kept: batched fetch-or-create, fences, destruction, behind one seam.
//!
//! [`EmbeddedStore`] serves one process from a folder, `PostgresStore` (feature `postgres`) several from a database. What a
//! key is, who may have one and what an epoch rewrites is decided in [`crate::keys`]: a store reads, asks, and writes one
//! durable batch.

mod backup;
mod batch;
mod cache;
mod embedded;
mod epoch;
mod error;
mod fetch;
mod forget;
mod migrate;
#[cfg(feature = "postgres")]
mod postgres;
mod shelf;

pub use backup::{CopyFacts, StoreCopy};
pub use embedded::{EmbeddedStore, Options};
pub use error::StoreError;
pub use migrate::Migrated;
#[cfg(feature = "postgres")]
pub use postgres::{Connecting, PostgresOptions, PostgresStore};

use std::path::Path;

use crate::io::kms::RootKeeper;
use crate::keys::rows::{EpochRow, Signer, SignersRow, Table};
use crate::keys::{
    BucketId, DeploymentId, DigestKey, Fence, Fingerprint, KeyId, KeyRequest, KeyRing, RootId, Sentence, SigningKey,
};

/// One end of a migration.
pub enum End {
    /// An embedded store's folder.
    Folder(std::path::PathBuf),
    /// A database.
    #[cfg(feature = "postgres")]
    Database(Connecting),
}

/// Copies a store into an empty one, all rows as they are sealed. `keeper` must hold the root that the store hangs from. Both
/// must be at rest. Repeated after an interruption, it goes on. Afterwards only the new one opens.
pub fn migrate(
    (from, to): (&End, &End),
    keeper: &dyn RootKeeper,
    told: &mut dyn FnMut(Table, u64),
) -> Result<Migrated, StoreError> {
    let (from, to) = (from.open(false)?, to.open(true)?);
    let _held = (from.hold()?, to.hold()?);
    migrate::migrate(&*from, &*to, keeper, told)
}

impl End {
    fn open(&self, made: bool) -> Result<Box<dyn migrate::RawStore>, StoreError> {
        Ok(match self {
            Self::Folder(folder) => Box::new(migrate::RawFolder::open(folder, made)?),
            #[cfg(feature = "postgres")]
            Self::Database(connecting) => Box::new(postgres::RawDatabase::open(connecting, made)?),
        })
    }
}

/// Keeps keys. Calls block until what they promise is durable.
pub trait Keystore: Send + Sync {
    /// The keys that a batch needs, in one round: what may be created is created, and durable before this returns.
    fn ring(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError>;

    /// Whether a ring may still be acted upon: its lease runs, and nothing was fenced or destroyed since. Ask right before
    /// committing what was made with it.
    fn still_valid(&self, ring: &KeyRing) -> bool;

    /// The first step of an erasure: from now on events up to that time (milliseconds since the Unix epoch) get no key, and
    /// the generation that stands there is condemned. A fence never falls. Rings filled before are void.
    fn fence(&self, through: &[(KeyId, i64)]) -> Result<Vec<Fence>, StoreError>;

    /// Destroys what the fences of these subjects condemn, in one epoch: when this returns, no root exists from which a copy
    /// of their keys hangs. Repeated calls report the same. Up to some hundred ids a call.
    fn destroy(&self, ids: &[KeyId]) -> Result<Destroyed, StoreError>;

    /// Destroys the secrets of retention buckets in the same way. A bucket is never made again.
    fn expire(&self, buckets: &[BucketId]) -> Result<Expired, StoreError>;

    /// Gives the next pages, the mids above them and the root new keys, without destroying anything that lives: `pages` of
    /// them, beginning after the page that the last call ended with.
    fn rotate(&self, from: Option<KeyId>, pages: usize) -> Result<Rotated, StoreError>;

    /// Makes keys anew that hang right under the root, in an epoch of its own. Nothing that was sealed stops opening.
    fn renew(&self, what: Renewal) -> Result<(u64, EpochRow), StoreError> {
        let what = match what {
            Renewal::Root => "a root rotation of its own",
            Renewal::Buckets => "a rotation of the bucket page",
            Renewal::Signing => "a rotation of the signing key",
        };
        Err(StoreError::Unsupported { what, help: "rotate its pages instead: that makes a new root, too" })
    }

    /// Copies the store as it stands at this moment into a folder, or brings an earlier copy there up to date; how many rows
    /// were written. No root goes along.
    fn backup(&self, _to: &Path) -> Result<u64, StoreError> {
        let help = "use the database's own backups and replicas";
        Err(StoreError::Unsupported { what: "backup of its own", help })
    }

    /// The public halves of all keys that ever signed receipts, oldest first; the last one signs now.
    fn signers(&self) -> Result<Vec<Signer>, StoreError> {
        Ok(SignersRow::first(self.signing_key()?.public_key()).0)
    }

    /// Whether this process may begin epochs on its own account (retention, rotation): of several on one store, one does.
    fn leads(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Remembers how far an erasure request has come. What is settled stays to be recalled, and is no longer listed.
    fn remember(&self, request: &str, progress: &[u8], settled: bool) -> Result<(), StoreError>;

    /// How far a request had come.
    fn recall(&self, request: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All requests that aren't settled.
    fn open_requests(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// The deployment's key for digests of subject ids.
    fn digest_key(&self) -> Result<DigestKey, StoreError>;

    /// The deployment's key for receipts.
    fn signing_key(&self) -> Result<SigningKey, StoreError>;

    /// All retention buckets ever made, in order, and whether each is live.
    fn buckets(&self) -> Result<Vec<(BucketId, bool)>, StoreError>;

    /// What stands in the store.
    fn status(&self) -> Result<Status, StoreError>;
}

/// What [`Keystore::destroy`] has done, now or in an earlier call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// One for each id asked for, in that order.
    pub subjects: Vec<Destruction>,
    /// The epochs that did it, with what became of their roots.
    pub epochs: Vec<(u64, EpochRow)>,
}

/// What became of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destruction {
    /// Whose.
    pub id: KeyId,
    /// The fence, with the last generation that was destroyed.
    pub fence: Fence,
    /// How.
    pub outcome: Outcome,
}

/// How a subject's keys ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Re-keyed away from under them.
    Destroyed {
        /// In which epoch.
        epoch: u64,
        /// The page on which they stood.
        page: u64,
        /// The page's key before.
        before: Fingerprint,
        /// The page's key since.
        after: Fingerprint,
    },
    /// There was never a key.
    NoneHeld,
}

/// What [`Keystore::expire`] has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Buckets that were not expired before.
    pub buckets: Vec<BucketId>,
    /// The epoch that did it; `None` where no secret had to be destroyed.
    pub epoch: Option<(u64, EpochRow)>,
}

/// What [`Keystore::rotate`] has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The epoch that did it.
    pub epoch: (u64, EpochRow),
    /// Pages re-keyed.
    pub pages: usize,
    /// Where to go on; `None` when every page has had its turn.
    pub next: Option<KeyId>,
}

/// What [`Keystore::renew`] makes anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The root and the key right under it.
    Root,
    /// These, and the key under which all bucket secrets are sealed. The secrets stay: what they sealed must open.
    Buckets,
    /// The root, the key right under it, and the key that signs receipts.
    Signing,
}

impl Renewal {
    /// What a turn of the tree is asked for.
    fn sentence(self, now_ms: i64) -> Sentence {
        Sentence {
            renew_buckets: self == Self::Buckets,
            renew_signing: (self == Self::Signing).then_some(now_ms),
            ..Sentence::default()
        }
    }
}

/// What stands in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose store it is.
    pub deployment: DeploymentId,
    /// The root that everything hangs from.
    pub root: RootId,
    /// Moved by each fence, re-keying and expiry.
    pub epoch: u64,
    /// Subjects with a live key.
    pub subjects: u64,
    /// Inner nodes: mids.
    pub mids: usize,
    /// Inner nodes: pages.
    pub pages: usize,
    /// Retention buckets with a secret.
    pub live_buckets: usize,
    /// Retention buckets whose secret is destroyed.
    pub expired_buckets: usize,
    /// The newest epoch that changed the root.
    pub last_epoch: Option<(u64, EpochRow)>,
}
