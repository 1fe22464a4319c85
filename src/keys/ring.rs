//! What a plan asks of the key store, and what it gets back.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{KeyId, SealingKeys};

/// A retention bucket: events of one retention class and one span of time share its secret, and die with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId {
    /// Retention class, as policy names it.
    pub class: Arc<str>,
    /// `floor(event time / bucket width)`.
    pub index: u32,
}

/// What the store may do where there is no live key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Nothing: opening what was sealed.
    Open,
    /// Create a key for a subject that was never erased.
    Create,
    /// Create also for an erased subject, in a new generation, if the event is younger than its fence.
    Renew,
}

/// One key that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// Whose key.
    pub id: KeyId,
    /// In which retention bucket.
    pub bucket: BucketId,
    /// Time of the event, milliseconds since the Unix epoch: compared with the fence.
    pub at_ms: i64,
    /// What may be created.
    pub grant: Grant,
}

/// A batch has thousands of requests, each hashed several times: the id is a keyed digest, so half of it and the time tell them
/// apart. What is equal has equal hashes; buckets and grants are left to the comparison.
impl Hash for KeyRequest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (half, _) = self.id.0.split_at(8);
        state.write(half);
        state.write_i64(self.at_ms);
    }
}

/// Set by an erasure before anything else, and never removed by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Events up to this time (milliseconds since the Unix epoch, inclusive) get no key again.
    pub erased_through_ms: i64,
    /// The last generation that was destroyed; 0 where no key ever existed.
    pub generation: u32,
}

/// What became of a [`KeyRequest`].
#[derive(Clone, Debug)]
pub enum KeyState {
    /// Keys to seal and open with.
    Live(Arc<SealingKeys>),
    /// The subject was erased through a time that covers the event (or policy does not renew).
    Erased(Fence),
    /// The retention bucket has passed and its secret is destroyed.
    Expired,
    /// Nothing there, and nothing was to be created.
    Unknown,
}

/// The keys of one batch. Good until its lease ends or the store's epoch moves: the store says so just before commit.
#[derive(Debug, Default)]
pub struct KeyRing {
    states: HashMap<KeyRequest, KeyState>,
    /// The store's epoch when the ring was filled: each erasure moves it.
    pub epoch: u64,
    /// Monotonic time in milliseconds at which the first of these keys was read from the store.
    pub leased_at_ms: u64,
}

impl KeyRing {
    /// An empty ring of an epoch.
    pub fn new(epoch: u64, leased_at_ms: u64) -> Self {
        Self { states: HashMap::new(), epoch, leased_at_ms }
    }

    /// An empty ring of an epoch, with room for so many requests.
    pub fn with_room(epoch: u64, leased_at_ms: u64, requests: usize) -> Self {
        Self { states: HashMap::with_capacity(requests), epoch, leased_at_ms }
    }

    /// Adds what became of a request.
    pub fn insert(&mut self, request: KeyRequest, state: KeyState) {
        self.states.insert(request, state);
    }

    /// What became of a request; a request that was never made is [`KeyState::Unknown`].
    pub fn state(&self, request: &KeyRequest) -> &KeyState {
        self.states.get(request).unwrap_or(&KeyState::Unknown)
    }
}
