//! Where keys are kept: batched fetch-or-create, fences, destruction, behind one seam.
//!
//! [`EmbeddedStore`] serves one process from a folder; a store that serves several comes behind the same [`Keystore`]. What a
//! key is, who may have one and what an epoch rewrites is decided in [`crate::keys`]: a store reads, asks, and writes one
//! durable batch.

mod cache;
mod embedded;
mod error;
mod fetch;
mod forget;
mod index;
mod limits;
mod notes;
mod shelf;

pub use embedded::{EmbeddedStore, Options};
pub use error::StoreError;
pub use index::{MOST_SUBJECTS, forget_index, index_notes, subjects_of};
pub use limits::{class_limit, limits, tenant_limit};
pub use notes::{Note, Noted, Progress, Space, purged_note, purged_of};

use crate::keys::rows::EpochRow;
use crate::keys::{
    BucketId, DeploymentId, DigestKey, Fence, Fingerprint, KeyId, KeyRequest, KeyRing, RootId, SigningKey,
};

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

    /// Remembers how far an erasure request has come. What is settled stays to be recalled, and is no longer listed.
    fn remember(&self, request: &str, progress: &[u8], settled: bool) -> Result<(), StoreError>;

    /// [`Keystore::remember`] for many: all of them, or none.
    fn remember_all(&self, requests: &[Progress]) -> Result<(), StoreError> {
        requests.iter().try_for_each(|one| self.remember(&one.request, &one.bytes, one.settled))
    }

    /// Writes and removes notes: small rows beside the keys, in which nothing is secret. All of them, durably, or none.
    fn note(&self, notes: &[Note]) -> Result<(), StoreError>;

    /// One note.
    fn noted(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` notes whose keys begin with `prefix`, in order of their keys, those behind `after` only.
    fn notes(&self, space: Space, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Noted>, StoreError>;

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
