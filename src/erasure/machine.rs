//! The machine: which step is due, and what a step leads to.
//!
//! INVARIANT: fence before destroy before settle before receipt, whatever comes twice, late or out of order: an input that
//! doesn't fit the phase changes nothing, and the answer is what is due anyway. The receipt is written
//! into the state once, so it is the same bytes however often it is asked for.

use serde::{Deserialize, Serialize};

use super::receipt::{Destruction, NewKeys, NotCovered, Receipt};
use super::request::{Refusal, Rejected, Request};
use crate::audit::{Moment, Name};
use crate::event::TenantId;
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
    /// Written down when it is settled: a setting that changes later does not change a certificate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    receipt: Option<Box<Receipt>>,
}

const STATE_VERSION: u8 = 1;

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
    /// The legal hold was lifted.
    Release,
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
        /// Whose key.
        key: KeyId,
        /// Events up to this time (milliseconds since the Unix epoch, inclusive) get no key again.
        through_ms: i64,
    },
    /// Destroy the keys, durably, then [`Input::Destroyed`].
    Destroy {
        /// Whose key.
        key: KeyId,
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
        if state.request.subject != request.subject || state.request.tenant != request.tenant {
            return Err(Rejected { code: Refusal::RequestIdReused, id: request.id, tenant: Some(request.tenant) });
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
            (Phase::Received | Phase::Verified, Input::Hold { reference }) => {
                state.hold = Some(reference);
                state.phase = Phase::Held;
            }
            (Phase::Held, Input::Release) => {
                state.hold = None;
                state.phase = if state.times.verified.is_some() { Phase::Verified } else { Phase::Received };
            }
            (Phase::Verified, Input::Fenced(fence)) if fence.erased_through_ms >= state.through().0 => {
                let erased_through = Moment(fence.erased_through_ms);
                state.fence = Some(FenceSet { erased_through, generation: fence.generation });
                state.times.fenced = Some(now);
                state.phase = Phase::Fenced;
            }
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
        let key = state.request.subject;
        match state.phase {
            Phase::Received => Some(Effect::Verify),
            Phase::Verified => Some(Effect::Fence { key, through_ms: state.through().0 }),
            Phase::Fenced => Some(Effect::Destroy { key }),
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
    pub fn key(tenant: &TenantId, request: &Name) -> String {
        format!("{tenant}\n{request}")
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

    fn destroyed(&mut self, destruction: Destruction, now: Moment) {
        // The fence knew the generations so far; the destruction knows the last.
        if let (Some(fence), Some(last)) = (&mut self.fence, destruction.generations.iter().max()) {
            fence.generation = fence.generation.max(*last);
        }
        self.destruction = Some(destruction);
        self.times.destroyed = Some(now);
        self.phase = Phase::Destroyed;
    }
}
