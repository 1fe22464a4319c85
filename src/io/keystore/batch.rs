//! What a batch of requests finds in a store, and what it still needs: the same for every store. Who may have a key is decided
//! in [`crate::keys`]; here the outcome is put into the ring and the cache.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::StoreError;
use super::cache::{Cached, KeyCache};
use crate::keys::rows::{SubjectRow, Table};
use crate::keys::{
    Access, BucketId, Damaged, Fence, KeyId, KeyRequest, KeyRing, KeyState, Newcomer, SealingKeys, Secret, Standing,
    Tree, access,
};

/// What stands in the store for one subject.
#[derive(Clone, Default)]
pub(super) struct Held {
    pub row: Option<SubjectRow>,
    pub fence: Option<Fence>,
    /// Opened once for all buckets that a batch needs.
    pub secret: Option<Secret>,
}

impl Held {
    pub fn access(&self, request: &KeyRequest, bucket: Standing) -> Access {
        access(request.grant, request.at_ms, self.fence, self.row.map(|row| row.generation), bucket)
    }
}

/// What stands for the subjects of a batch.
pub(super) type HeldRows = HashMap<KeyId, Held>;

/// Puts what is cached into the ring; the rest comes back.
pub(super) fn take_cached<'r>(cache: &KeyCache, requests: &'r [KeyRequest], ring: &mut KeyRing) -> Vec<&'r KeyRequest> {
    let now_ms = ring.leased_at_ms;
    let mut missing = Vec::new();
    for request in requests {
        let Some(entry) = cache.get(&request.id, &request.bucket, ring.epoch, now_ms) else {
            missing.push(request);
            continue;
        };
        let generation = entry.keys.generation();
        let state = match access(request.grant, request.at_ms, entry.fence, Some(generation), Standing::Live) {
            Access::Use(_) => KeyState::Live(entry.keys),
            Access::Erased(fence) => KeyState::Erased(fence),
            Access::Expired | Access::Unknown | Access::Make(_) => {
                missing.push(request);
                continue;
            }
        };
        ring.leased_at_ms = ring.leased_at_ms.min(entry.read_at_ms);
        ring.insert(request.clone(), state);
    }
    missing
}

/// What is to be made before a batch can go on.
#[derive(Default)]
pub(super) struct Needs {
    /// In order of their ids, no id twice.
    pub newcomers: Vec<Newcomer>,
    pub buckets: Vec<BucketId>,
}

/// Says what is to be made, as things stand.
pub(super) fn needs(tree: &Tree, requests: &[&KeyRequest], held: &HeldRows) -> Needs {
    let nobody = Held::default();
    let mut newcomers: BTreeMap<KeyId, Newcomer> = BTreeMap::new();
    let mut buckets: Vec<BucketId> = Vec::new();
    for request in requests {
        let held = held.get(&request.id).unwrap_or(&nobody);
        let (standing, _) = tree.bucket(&request.bucket);
        if let Access::Make(generation) = held.access(request, standing) {
            if held.row.is_none_or(|row| row.generation != generation) {
                let replaces = held.row.is_some();
                newcomers.insert(request.id, Newcomer { id: request.id, generation, replaces });
            }
            if standing == Standing::Absent && !buckets.contains(&request.bucket) {
                buckets.push(request.bucket.clone());
            }
        }
    }
    Needs { newcomers: newcomers.into_values().collect(), buckets }
}

/// Notes keys that are durable now among what stands.
pub(super) fn hold(held: &mut HeldRows, grown: Vec<(Newcomer, Secret)>) {
    for (new, secret) in grown {
        let held = held.entry(new.id).or_default();
        // Its sealed bytes are in the store; here the opened key serves.
        held.row = Some(SubjectRow { generation: new.generation, sealed: [0; 60] });
        held.secret = Some(secret);
    }
}

/// Where the outcomes of a batch go.
pub(super) struct Settling<'a> {
    pub tree: &'a Tree,
    pub cache: &'a KeyCache,
    /// When the store was read, monotonic.
    pub read_at_ms: u64,
}

impl Settling<'_> {
    /// Puts a request's outcome into the ring, and its keys into the cache.
    pub fn settle(
        &self,
        request: &KeyRequest,
        found: Access,
        held: &mut Held,
        ring: &mut KeyRing,
    ) -> Result<(), StoreError> {
        let outcome = match found {
            Access::Use(generation) => {
                let secret = match (&held.secret, &held.row) {
                    (Some(secret), _) => secret.clone(),
                    (None, Some(row)) => self.tree.open_subject(&request.id, row)?,
                    (None, None) => return Err(Damaged(Table::Subjects).into()),
                };
                let (_, bucket) = self.tree.bucket(&request.bucket);
                let bucket = bucket.ok_or(Damaged(Table::Buckets))?;
                let keys = Arc::new(SealingKeys::derive(&secret, generation, bucket));
                held.secret = Some(secret);
                let (epoch, read_at_ms) = (ring.epoch, self.read_at_ms);
                let entry = Cached { keys: keys.clone(), fence: held.fence, epoch, read_at_ms };
                self.cache.insert(request.id, request.bucket.clone(), entry);
                KeyState::Live(keys)
            }
            Access::Erased(fence) => KeyState::Erased(fence),
            Access::Expired => KeyState::Expired,
            Access::Make(_) | Access::Unknown => KeyState::Unknown,
        };
        ring.insert(request.clone(), outcome);
        Ok(())
    }

    /// Settles what stands; what is to be made comes back.
    pub fn settle_found<'r>(
        &self,
        requests: &[&'r KeyRequest],
        held: &mut HeldRows,
        ring: &mut KeyRing,
    ) -> Result<Vec<&'r KeyRequest>, StoreError> {
        let mut unmade = Vec::new();
        for request in requests.iter().copied() {
            let held = held.entry(request.id).or_default();
            let (standing, _) = self.tree.bucket(&request.bucket);
            match held.access(request, standing) {
                Access::Make(_) => unmade.push(request),
                found => self.settle(request, found, held, ring)?,
            }
        }
        Ok(unmade)
    }

    /// Settles requests of which everything was made.
    pub fn settle_made(
        &self,
        requests: &[&KeyRequest],
        held: &mut HeldRows,
        ring: &mut KeyRing,
    ) -> Result<(), StoreError> {
        for request in requests {
            let held = held.entry(request.id).or_default();
            let (standing, _) = self.tree.bucket(&request.bucket);
            let found = held.access(request, standing);
            self.settle(request, found, held, ring)?;
        }
        Ok(())
    }
}
