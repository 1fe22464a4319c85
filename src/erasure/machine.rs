//! The machine: which step is due, and what a step leads to.
//!
//! INVARIANT: fence before destroy before settle before receipt, whatever comes twice, late or out of order: an input that
//! doesn't fit the phase changes nothing, and the answer is what is due anyway. The receipt is written
//! into the state once, so it is the same bytes however often it is asked for.

use serde::{Deserialize, Serialize};

use super::receipt::{Destruction, Earlier, NewKeys, NotCovered, Receipt};
use super::request::{Refusal, Rejected, Request, Target};
use crate::audit::{Moment, Name, ids};
use crate::event::{Position, TenantId};
use crate::keys::{Fence, KeyId};

/// What a deployment says about its erasures.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The longest a cached key lives.
    pub lease_ms: u64,
    /// Waited on top: clocks that run apart, a commit on its way.
    pub margin_ms: u64,
    /// Whether whoever may write to the deletion topic has verified the subject: then no [`Input::Verified`] is awaited.
    pub publisher_verifies: bool,
    /// Who answers for the data.
    pub controller: Option<Name>,
    /// What becomes of events younger than the fence.
    pub new_keys: NewKeys,
    /// What receipts do not speak for.
    pub not_covered: Vec<NotCovered>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease_ms: 30_000,
            margin_ms: 2_000,
            publisher_verifies: true,
            controller: None,
            new_keys: NewKeys::ByPolicy,
            not_covered: vec![
                NotCovered::ExternalCopies,
                NotCovered::RawInputUntilRetention,
                NotCovered::RootBackups,
                NotCovered::ModelTraining,
                NotCovered::PseudonymsInOutputs,
            ],
        }
    }
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Read, not yet known to come from whom it should.
    Received,
    /// Known to.
    Verified,
    /// Kept back by a legal hold.
    Held,
    /// No key is given to old events any more.
    Fenced,
    /// The keys are gone from the store.
    Destroyed,
    /// The keys are gone from every cache.
    Settled,
    /// The receipt is committed.
    Receipted,
}

/// When each step was durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Read.
    pub received: Moment,
    /// Accepted.
    pub verified: Option<Moment>,
    /// Fenced.
    pub fenced: Option<Moment>,
    /// Destroyed.
    pub destroyed: Option<Moment>,
    /// Out of all caches.
    pub settled: Option<Moment>,
}

/// The fence as it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FenceSet {
    pub erased_through: Moment,
    pub generation: u32,
}

/// All that is remembered of a request: no subject id, only its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    v: u8,
    pub(super) phase: Phase,
    pub(super) request: Request,
    pub(super) times: Times,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    hold: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) fence: Option<FenceSet>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) destruction: Option<Destruction>,
    /// The record with whose offset the receipt is committed: its own, or the one that lifted the last hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    origin: Option<Origin>,
    /// The store's epoch before anything was done for this request: what went in an earlier one went for somebody else's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    began_epoch: Option<u64>,
    /// How far a tenant's subjects are destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    swept: Option<Swept>,
    /// Written down when it is settled: a setting that changes later does not change a certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    receipt: Option<Box<Receipt>>,
}

const STATE_VERSION: u8 = 2;

/// A record of the deletion topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Topic.
    pub topic: Name,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl Origin {
    /// Of a record's position.
    pub fn of(position: &Position) -> Option<Self> {
        Some(Self { topic: Name::new(&position.topic)?, partition: position.partition, offset: position.offset })
    }

    /// Whether it is that record.
    pub fn is(&self, position: &Position) -> bool {
        self.topic.as_str() == &*position.topic
            && (self.partition, self.offset) == (position.partition, position.offset)
    }
}

/// How far a tenant's subjects are destroyed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Subjects that were looked at.
    pub subjects: u64,
    /// Of which a key was destroyed now.
    pub destroyed: u64,
    /// Where to go on.
    #[serde(with = "ids::maybe_subject", skip_serializing_if = "Option::is_none", default)]
    pub after: Option<KeyId>,
    /// What the last epoch of it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<Destruction>,
}

/// What a driver reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The subject's identity was made sure of, by this method.
    Verified {
        /// Name of the method.
        method: Name,
    },
    /// A legal hold was placed, under this reference.
    Hold {
        /// Its reference.
        reference: Name,
    },
    /// The legal hold was lifted, and no other stands. The receipt goes out with the record that lifted it.
    Release {
        /// That record.
        origin: Option<Origin>,
    },
    /// The store's epoch, read before the fence.
    Began {
        /// The epoch.
        epoch: u64,
    },
    /// More of a tenant's subjects are destroyed.
    Swept(Swept),
    /// The fence is durable. It may reach further than was asked: an earlier erasure's never shrinks.
    Fenced(Fence),
    /// The keys are gone, durably.
    Destroyed(Destruction),
    /// So long was waited, on a monotonic clock, since the destruction was reported to this process (or since it started).
    /// Less than is due changes nothing.
    Waited {
        /// Milliseconds, in all.
        waited_ms: u64,
    },
    /// Receipt, fact and offset are committed.
    Committed,
}

/// What a driver is to do. Each may be done again without harm.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make sure of the subject's identity, then [`Input::Verified`].
    Verify,
    /// Set the fence, durably, then [`Input::Fenced`].
    Fence {
        /// What it is for.
        target: Target,
        /// Events up to this time (milliseconds since the Unix epoch, inclusive) get no key again.
        through_ms: i64,
    },
    /// Destroy the keys, durably, then [`Input::Destroyed`].
    Destroy {
        /// Of what.
        target: Target,
    },
    /// Let the lease pass, then [`Input::Waited`].
    Wait {
        /// So long, on a monotonic clock.
        for_ms: u64,
        /// When that is over by the wall clock, for show: nothing is decided by it.
        until: Moment,
    },
    /// Sign the receipt and commit it with its fact and the source offset, then [`Input::Committed`].
    Receipt(Box<Receipt>),
}

/// The result of a step: persist the state first, then do what is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The state to persist.
    pub state: State,
    /// What is due; nothing for a request that is held or already receipted.
    pub effect: Option<Effect>,
}

/// Pure: all it knows is its settings.
#[derive(Clone, Debug)]
pub struct Machine {
    settings: Settings,
}

impl Machine {
    /// A machine of a deployment.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The deployment's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes up a request from the deletion topic. `known` is the state under its [`State::key`], if there is one: a duplicate
    /// joins it, and a receipted one is asked for its receipt again. An id that was used for another subject is refused.
    pub fn receive(&self, known: Option<State>, request: Request, now: Moment) -> Result<Step, Rejected> {
        let Some(state) = known else {
            return Ok(self.answer(self.begin(request, now)));
        };
        if state.request.target != request.target || state.request.tenant != request.tenant {
            return Err(Rejected { code: Refusal::RequestIdReused, id: request.id, tenant: request.tenant });
        }
        if state.phase == Phase::Receipted {
            // The new record needs an outcome of its own: the receipt that there is.
            let effect = state.receipt.clone().map(Effect::Receipt);
            return Ok(Step { state, effect });
        }
        Ok(self.answer(state))
    }

    /// One step. An input that doesn't fit changes nothing.
    pub fn step(&self, state: State, input: Input, now: Moment) -> Step {
        let mut state = state;
        // Wall clocks step back; what is written in a receipt does not.
        let now = now.max(state.latest());
        match (state.phase, input) {
            (Phase::Received, Input::Verified { method }) => {
                state.request.identity_verification = Some(method);
                state.verified(now);
            }
            // Held already: another hold stands as well, or stays when the first is lifted.
            (Phase::Received | Phase::Verified | Phase::Held, Input::Hold { reference }) => {
                state.hold = Some(reference);
                state.phase = Phase::Held;
            }
            (Phase::Held, Input::Release { origin }) => {
                state.hold = None;
                state.origin = origin.or(state.origin);
                state.phase = if state.times.verified.is_some() { Phase::Verified } else { Phase::Received };
            }
            (Phase::Verified, Input::Fenced(fence)) if fence.erased_through_ms >= state.through().0 => {
                let erased_through = Moment(fence.erased_through_ms);
                state.fence = Some(FenceSet { erased_through, generation: fence.generation });
                state.times.fenced = Some(now);
                state.phase = Phase::Fenced;
            }
            (Phase::Verified, Input::Began { epoch }) => {
                state.began_epoch.get_or_insert(epoch);
            }
            (Phase::Fenced, Input::Swept(swept)) => state.swept = Some(swept),
            (Phase::Fenced, Input::Destroyed(destruction)) => state.destroyed(destruction, now),
            (Phase::Destroyed, Input::Waited { waited_ms }) if waited_ms >= self.settle_ms() => {
                state.times.settled = Some(now);
                state.phase = Phase::Settled;
                state.receipt = Receipt::of(&state, waited_ms, &self.settings).map(Box::new);
            }
            (Phase::Settled, Input::Committed) => state.phase = Phase::Receipted,
            (_, _) => {}
        }
        self.answer(state)
    }

    /// What is due in a state: what to do after a crash.
    pub fn due(&self, state: &State) -> Option<Effect> {
        let target = || state.request.target.clone();
        match state.phase {
            Phase::Received => Some(Effect::Verify),
            Phase::Verified => Some(Effect::Fence { target: target(), through_ms: state.through().0 }),
            Phase::Fenced => Some(Effect::Destroy { target: target() }),
            Phase::Destroyed => {
                let for_ms = self.settle_ms();
                let until = Moment(state.latest().0.saturating_add_unsigned(for_ms));
                Some(Effect::Wait { for_ms, until })
            }
            Phase::Settled => state.receipt.clone().map(Effect::Receipt),
            Phase::Held | Phase::Receipted => None,
        }
    }

    /// How long the longest lease is waited out.
    pub fn settle_ms(&self) -> u64 {
        self.settings.lease_ms.saturating_add(self.settings.margin_ms)
    }

    fn begin(&self, request: Request, now: Moment) -> State {
        let mut state = State {
            v: STATE_VERSION,
            phase: Phase::Received,
            request,
            times: Times { received: now, verified: None, fenced: None, destroyed: None, settled: None },
            hold: None,
            fence: None,
            destruction: None,
            origin: None,
            began_epoch: None,
            swept: None,
            receipt: None,
        };
        if self.settings.publisher_verifies {
            state.verified(now);
        }
        state
    }

    fn answer(&self, state: State) -> Step {
        let effect = self.due(&state);
        Step { state, effect }
    }
}

impl State {
    /// Under what a state is kept: ids are unique within a tenant only.
    pub fn key(tenant: Option<&TenantId>, request: &Name) -> String {
        format!("{}\n{request}", tenant.map(TenantId::as_str).unwrap_or_default())
    }

    /// Says which record it came with.
    #[must_use]
    pub fn from_record(mut self, position: &Position) -> Self {
        self.origin = Origin::of(position);
        self
    }

    /// The record with whose offset its receipt is committed.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The store's epoch before anything was done for this request.
    pub fn began_epoch(&self) -> u64 {
        self.began_epoch.unwrap_or(0)
    }

    /// How far a tenant's subjects are destroyed.
    pub fn swept(&self) -> Swept {
        self.swept.clone().unwrap_or_default()
    }

    /// The last generation that the fence condemns.
    pub fn condemned_generation(&self) -> u32 {
        self.fence.map_or(0, |fence| fence.generation)
    }

    /// Through when events get no key again.
    pub fn erased_through(&self) -> Moment {
        self.fence.map_or_else(|| self.through(), |fence| fence.erased_through)
    }

    /// Where the request stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// When each step was durable.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// The legal hold's reference, while there is one.
    pub fn hold(&self) -> Option<&Name> {
        self.hold.as_ref()
    }

    /// The form in which a store keeps it: JSON with a version.
    pub fn to_bytes(&self) -> Vec<u8> {
        #[expect(clippy::expect_used, reason = "no map keys and no fallible serializer: a test writes every member")]
        serde_json::to_vec(self).expect("a state is plain data")
    }

    /// Reads [`State::to_bytes`] back; `None` for another version or anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|state| state.v == STATE_VERSION)
    }

    /// Through when is to be forgotten.
    fn through(&self) -> Moment {
        self.request.erase_through.unwrap_or(self.times.received)
    }

    fn latest(&self) -> Moment {
        let Times { received, verified, fenced, destroyed, settled } = self.times;
        [verified, fenced, destroyed, settled].into_iter().flatten().fold(received, Moment::max)
    }

    fn verified(&mut self, now: Moment) {
        self.times.verified = Some(now);
        self.phase = Phase::Verified;
    }

    fn destroyed(&mut self, mut destruction: Destruction, now: Moment) {
        // The fence knew the generations so far; the destruction knows the last.
        if let (Some(fence), Some(last)) = (&mut self.fence, destruction.generations.iter().max()) {
            fence.generation = fence.generation.max(*last);
        }
        // Another request was first: its receipt says what was destroyed, this one says that nothing was left.
        if self.began_epoch.is_some_and(|began| destruction.epoch <= began) && !destruction.generations.is_empty() {
            let generations = std::mem::take(&mut destruction.generations);
            destruction.earlier = Some(Earlier { epoch: destruction.epoch, generations });
        }
        self.destruction = Some(destruction);
        self.times.destroyed = Some(now);
        self.phase = Phase::Destroyed;
    }
}
