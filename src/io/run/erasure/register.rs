//! What waits: holds that stand, and requests that are open, with their deadlines. The store has both; this knows how to ask.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::{Moment, Name};
use crate::erasure::{Finder, Hold, HoldPart, OpenRequest, Phase, Question, Request, State};
use crate::event::TenantId;
use crate::io::keystore::{self, Keystore, Note, Space, StoreError};
use crate::keys::{Identifier, IndexKey, KeyId};
use crate::protect::normalise;

/// More holds than a deployment has at a time.
const MOST_HOLDS: usize = 1_000_000;
/// How old what the metrics say may be.
const FRESH_MS: u64 = 5_000;

/// Looks identifiers up in a store. A store that fails finds nobody, and is asked what was wrong afterwards.
pub(super) struct Lookup<'a> {
    pub store: &'a dyn Keystore,
    pub index: &'a IndexKey,
    pub failed: RefCell<Option<StoreError>>,
}

impl Finder for Lookup<'_> {
    fn find(&self, tenant: &TenantId, kind: &str, value: &str) -> Vec<KeyId> {
        let value = normalise(kind, value);
        let identifier = Identifier { tenant: tenant.as_str(), kind, value: &value };
        keystore::subjects_of(self.store, self.index, identifier).unwrap_or_else(|error| {
            *self.failed.borrow_mut() = Some(error);
            Vec::new()
        })
    }
}

pub(super) struct Register {
    store: Arc<dyn Keystore>,
    holds: BTreeMap<Vec<u8>, Hold>,
    told_at_ms: u64,
}

impl Register {
    pub fn open(store: Arc<dyn Keystore>) -> Result<Self, StoreError> {
        let mut register = Self { store, holds: BTreeMap::new(), told_at_ms: 0 };
        register.reload()?;
        Ok(register)
    }

    /// Reads all holds again.
    pub fn reload(&mut self) -> Result<(), StoreError> {
        let notes = self.store.notes(Space::Holds, &[], None, MOST_HOLDS)?;
        let read = notes.into_iter().filter_map(|(key, value)| Some((key, Hold::from_bytes(&value)?)));
        self.holds = read.collect();
        Ok(())
    }

    pub fn hold(&self, tenant: Option<&TenantId>, reference: &Name) -> Option<&Hold> {
        self.holds.get(&Hold::key(tenant, reference))
    }

    /// Makes a hold, or its end, durable.
    pub fn keep(&mut self, hold: Hold) -> Result<(), StoreError> {
        let key = Hold::key(hold.tenant.as_ref(), &hold.reference);
        self.store.note(&[Note::put(Space::Holds, key.clone(), hold.to_bytes())])?;
        self.holds.insert(key, hold);
        Ok(())
    }

    /// A hold that stands against a request: the oldest of them.
    pub fn against(&self, request: &Request) -> Option<&Hold> {
        self.holds.values().filter(|hold| hold.against(request)).min_by_key(|hold| hold.placed_at)
    }

    pub fn standing(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter(|hold| hold.stands())
    }

    /// All requests that are not receipted yet.
    pub fn open_requests(&self) -> Result<Vec<State>, StoreError> {
        let requests = self.store.open_requests()?;
        Ok(requests.iter().filter_map(|(_, bytes)| State::from_bytes(bytes)).collect())
    }

    /// The answer to a question: requests and holds that it is about.
    pub fn about(&self, question: &Question) -> Result<(Vec<OpenRequest>, Vec<HoldPart>), StoreError> {
        let tenant = |of: Option<&TenantId>| question.tenant.is_none() || of == question.tenant.as_ref();
        let asked = |state: &&State| {
            let request = state.request();
            tenant(request.tenant.as_ref()) && question.about.as_ref().is_none_or(|about| *about == request.id)
        };
        let open = self.open_requests()?.iter().filter(asked).map(OpenRequest::of).collect();
        let holds = self.standing().filter(|hold| tenant(hold.tenant.as_ref())).map(HoldPart::of).collect();
        Ok((open, holds))
    }

    /// Tells the metrics, now and then: how many wait, since when the oldest, and how far the nearest deadline is.
    pub fn publish(&mut self, now: Moment, monotonic_ms: u64) -> Result<(), StoreError> {
        if self.told_at_ms > 0 && monotonic_ms.saturating_sub(self.told_at_ms) < FRESH_MS {
            return Ok(());
        }
        self.told_at_ms = monotonic_ms.max(1);
        let open = self.open_requests()?;
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let oldest = open.iter().map(|state| state.times().received.0).min();
        let nearest = open.iter().map(|state| OpenRequest::of(state).deadline.0).min();
        let held = open.iter().filter(|state| state.phase() == Phase::Held).count();
        metrics::gauge!("lethe_erasures_open").set(open.len() as f64);
        metrics::gauge!("lethe_erasures_held").set(held as f64);
        metrics::gauge!("lethe_legal_holds").set(self.standing().count() as f64);
        metrics::gauge!("lethe_erasure_oldest_open_seconds")
            .set(oldest.map_or(0.0, |at| seconds(now.0.saturating_sub(at))));
        // Without an open request there is no deadline: a month, the longest there is, raises no alarm.
        let month = 30 * 24 * 3_600 * 1_000;
        metrics::gauge!("lethe_erasure_nearest_deadline_seconds")
            .set(seconds(nearest.map_or(month, |at| at.saturating_sub(now.0))));
        Ok(())
    }
}
