//! What each batch must know beside its keys: who was erased as a whole, and which subject belongs to which tenant.
//!
//! A subject is enrolled, durably, before anything that its new key sealed is produced. So an erasure of the tenant, which first
//! moves the store's epoch and then reads who belongs to it, finds every key that ever sealed something: whoever enrolled
//! later has seen the epoch move, and produces nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;

use super::setback::Setback;
use crate::io::keystore::{self, Keystore, Note, Space, StoreError};
use crate::keys::{IndexEntry, KeyId, KeyRequest, KeyRing, Label, Limits};
use crate::pipeline::Plan;

/// Subjects that are known to be enrolled, in memory: 16 bytes each and what the cache adds.
const KNOWN: usize = 262_144;

/// How often a ring is confirmed anew before its batch is given up.
const CONFIRMATIONS: usize = 3;

/// Shared by all workers of a process.
pub struct Wards {
    /// Limits as of an epoch.
    limits: Mutex<(u64, Arc<Limits>)>,
    enrolled: Cache<KeyId, ()>,
    indexed: Cache<Label, ()>,
}

impl Default for Wards {
    fn default() -> Self {
        // Epochs begin with 1.
        Self { limits: Mutex::new((0, Arc::default())), enrolled: Cache::new(KNOWN), indexed: Cache::new(KNOWN) }
    }
}

impl Wards {
    /// Gives a ring the limits of its epoch. They are read after it: a limit is durable before its epoch is.
    pub fn attach(&self, store: &dyn Keystore, ring: &mut KeyRing) -> Result<(), StoreError> {
        let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != ring.epoch {
            *known = (ring.epoch, Arc::new(keystore::limits(store)?));
        }
        ring.limits = Arc::clone(&known.1);
        Ok(())
    }

    /// Sees that a ring may be acted upon. Most epochs concern other people: where the store says the same of every key now as it
    /// did then, the ring goes on as of now, and the batch need not be done again.
    pub fn confirm(&self, store: &dyn Keystore, ring: &mut KeyRing) -> Result<(), Setback> {
        for _ in 0..CONFIRMATIONS {
            if store.still_valid(ring) {
                return Ok(());
            }
            let requests: Vec<KeyRequest> = ring.requests().cloned().collect();
            let mut now = store.ring(&requests)?;
            self.attach(store, &mut now)?;
            if !ring.confirmed_by(&now) {
                break;
            }
            *ring = now;
        }
        if store.still_valid(ring) { Ok(()) } else { Err(Setback::StaleKeys) }
    }

    /// Enrols the subjects of these plans, and enters their identifiers into the blind index, where nobody has yet; `true` where
    /// there were any: then the ring must be looked at again before anything is produced.
    pub fn enrol(&self, store: &dyn Keystore, ring: &KeyRing, plans: &[Plan<'_>]) -> Result<bool, StoreError> {
        let known = |id: &KeyId| self.enrolled.get(id).is_some();
        let new: BTreeSet<(KeyId, KeyId)> = plans.iter().filter_map(|plan| plan.member(known)).collect();
        let mut entries: Vec<IndexEntry> = Vec::new();
        for plan in plans {
            plan.identifiers(ring, |pair| self.indexed.get(pair).is_some(), &mut entries);
        }
        entries.sort_unstable();
        entries.dedup();
        if new.is_empty() && entries.is_empty() {
            return Ok(false);
        }
        let note =
            |(tenant, subject): &(KeyId, KeyId)| Note::put(Space::Members, [tenant.0, subject.0].concat(), Vec::new());
        let mut notes: Vec<Note> = new.iter().map(note).collect();
        notes.extend(keystore::index_notes(&entries));
        store.note(&notes)?;
        for entry in entries {
            self.indexed.insert(entry.pair, ());
        }
        for (_, subject) in new {
            self.enrolled.insert(subject, ());
        }
        Ok(true)
    }
}
