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

/// What was erased as a whole. Few, so they are all at hand with each batch, and an event is held against them before any key
/// of it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// By the key id of a tenant: events up to this time get no key, whosoever they are.
    pub tenants: HashMap<KeyId, i64>,
    /// By retention class: buckets up to this one get no key.
    pub classes: HashMap<Arc<str>, u32>,
}

impl Limits {
    /// Whether nothing was ever erased as a whole: then nobody needs to look further.
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.classes.is_empty()
    }

    /// Whether an event of a tenant gets no key. As with a subject's own fence: old events never, later ones by policy.
    pub fn tenant_erased(&self, tenant: &KeyId, at_ms: i64, grant: Grant) -> bool {
        self.tenants.get(tenant).is_some_and(|through| at_ms <= *through || grant == Grant::Create)
    }

    /// Whether a bucket belongs to what was erased of its class.
    pub fn class_erased(&self, bucket: &BucketId) -> bool {
        self.classes.get(&bucket.class).is_some_and(|through| bucket.index <= *through)
    }
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
    /// What was erased as a whole, as of that epoch.
    pub limits: Arc<Limits>,
    /// Monotonic time in milliseconds at which the first of these keys was read from the store.
    pub leased_at_ms: u64,
}

impl KeyRing {
    /// An empty ring of an epoch.
    pub fn new(epoch: u64, leased_at_ms: u64) -> Self {
        Self { states: HashMap::new(), epoch, limits: Arc::default(), leased_at_ms }
    }

    /// An empty ring of an epoch, with room for so many requests.
    pub fn with_room(epoch: u64, leased_at_ms: u64, requests: usize) -> Self {
        Self { states: HashMap::with_capacity(requests), ..Self::new(epoch, leased_at_ms) }
    }

    /// Adds what became of a request.
    pub fn insert(&mut self, request: KeyRequest, state: KeyState) {
        self.states.insert(request, state);
    }

    /// Whether a ring that was filled later for the same requests says the same: then what was made with this one may be
    /// committed on that one's word. Keys of one commitment are the same keys, whatever epoch they were read in.
    pub fn confirmed_by(&self, later: &Self) -> bool {
        let same = |(request, state): (&KeyRequest, &KeyState)| match (state, later.state(request)) {
            (KeyState::Live(a), KeyState::Live(b)) => {
                a.generation() == b.generation() && a.commitment() == b.commitment()
            }
            (KeyState::Erased(_), KeyState::Erased(_)) => true,
            (KeyState::Expired, KeyState::Expired) | (KeyState::Unknown, KeyState::Unknown) => true,
            _ => false,
        };
        self.limits == later.limits && self.states.iter().all(same)
    }

    /// The requests that were made.
    pub fn requests(&self) -> impl Iterator<Item = &KeyRequest> {
        self.states.keys()
    }

    /// What became of a request; a request that was never made is [`KeyState::Unknown`].
    pub fn state(&self, request: &KeyRequest) -> &KeyState {
        self.states.get(request).unwrap_or(&KeyState::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn a_ring_is_confirmed_by_one_that_says_otherwise() {
        let request = KeyRequest {
            id: KeyId([1; 16]),
            bucket: BucketId { class: "chat".into(), index: 1 },
            at_ms: 5,
            grant: Grant::Create,
        };
        let keys = |seed: u8, generation| {
            let secret = Zeroizing::new([seed; 32]);
            KeyState::Live(Arc::new(SealingKeys::derive(&secret, generation, &secret)))
        };
        let fence = Fence { erased_through_ms: 9, generation: 1 };
        let ring = |state: Option<KeyState>, epoch| {
            let mut ring = KeyRing::new(epoch, 0);
            if let Some(state) = state {
                ring.insert(request.clone(), state);
            }
            ring
        };
        let states =
            [keys(1, 1), keys(2, 1), keys(1, 2), KeyState::Erased(fence), KeyState::Expired, KeyState::Unknown];
        for (a, first) in states.iter().enumerate() {
            for (b, second) in states.iter().enumerate() {
                let confirmed = ring(Some(first.clone()), 1).confirmed_by(&ring(Some(second.clone()), 2));
                assert_eq!(confirmed, a == b, "{first:?} and {second:?}");
            }
        }
        assert!(!ring(Some(keys(1, 1)), 1).confirmed_by(&ring(None, 2)));
        let mut limited = ring(Some(keys(1, 1)), 2);
        limited.limits = Arc::new(Limits { classes: [("chat".into(), 1)].into(), ..Limits::default() });
        assert!(!ring(Some(keys(1, 1)), 1).confirmed_by(&limited), "a limit set meanwhile goes unnoticed");
    }
}
