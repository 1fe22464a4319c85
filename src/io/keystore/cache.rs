//! Derived keys in memory, shared by all workers: bounded, leased, and void as soon as the store's epoch moves.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::keys::{BucketId, Fence, KeyId, SealingKeys};

/// One subject's keys in one bucket, as they were read.
#[derive(Clone)]
pub(super) struct Cached {
    pub keys: Arc<SealingKeys>,
    /// The subject's fence: an old event gets no key even where a renewed one lives.
    pub fence: Option<Fence>,
    /// The epoch in which it was read.
    pub epoch: u64,
    /// Monotonic time at which it was read.
    pub read_at_ms: u64,
}

#[derive(Clone, PartialEq, Eq)]
struct Name {
    id: KeyId,
    bucket: BucketId,
}

/// A [`Name`] that borrows: a look-up clones nothing.
#[derive(PartialEq, Eq)]
struct NameRef<'a> {
    id: &'a KeyId,
    bucket: &'a BucketId,
}

// The key id is a keyed digest, so nobody can choose ids that collide; class and index only tell few buckets apart.
fn hash_name<H: Hasher>(id: &KeyId, bucket: &BucketId, state: &mut H) {
    id.0.hash(state);
    bucket.index.hash(state);
    bucket.class.len().hash(state);
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(&self.id, &self.bucket, state);
    }
}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(self.id, self.bucket, state);
    }
}

impl Equivalent<Name> for NameRef<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        *self.id == name.id && *self.bucket == name.bucket
    }
}

/// The cache.
pub(super) struct KeyCache {
    entries: Cache<Name, Cached>,
    serve_ms: u64,
}

impl KeyCache {
    /// Holds up to `capacity` entries. An entry is served for half a lease, so that every ring has the other half to go.
    pub fn new(capacity: usize, lease_ms: u64) -> Self {
        Self { entries: Cache::new(capacity.max(16)), serve_ms: lease_ms / 2 }
    }

    /// An entry of this epoch whose lease has not run far.
    pub fn get(&self, id: &KeyId, bucket: &BucketId, epoch: u64, now_ms: u64) -> Option<Cached> {
        let entry = self.entries.get(&NameRef { id, bucket })?;
        (entry.epoch == epoch && now_ms.saturating_sub(entry.read_at_ms) < self.serve_ms).then_some(entry)
    }

    pub fn insert(&self, id: KeyId, bucket: BucketId, entry: Cached) {
        self.entries.insert(Name { id, bucket }, entry);
    }

    /// Forgets everything: the epoch has moved.
    pub fn clear(&self) {
        self.entries.clear();
    }
}
