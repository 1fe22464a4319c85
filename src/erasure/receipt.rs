//! The certificate of an erasure: what was done, when each step was durable, and what it does not cover.
//!
//! It "confirms that key-store operations completed; it does not prove that no copy of a key can still decrypt": whoever kept
//! a copy of a root elsewhere has not destroyed it. Codes, times, digests and names only; schema `erasure-receipt.schema.json`.

use serde::{Deserialize, Serialize};

use super::hold::{Hold, HoldReason};
use super::instruction::Found;
use super::machine::{Phase, Settings, State};
use super::request::{Ground, Rejected, Request, Scope, Target};
use crate::audit::{ErasureFact, Fact, Fingerprint, Moment, Name, Outcome, PipelineRef, ids};
use crate::event::{Position, TenantId};
use crate::keys::KeyId;

/// Name and version of the form of a receipt.
pub const SCHEMA: &str = "lethe-erasure-receipt/1";
/// More open requests than this are counted in an answer, and not listed.
const TOLD_MOST: usize = 500;

/// What the key store says that it did: the input from which a receipt is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destruction {
    /// The store's epoch after it.
    pub epoch: u64,
    /// Generations of the subject's key that were destroyed now; none where none was held.
    pub generations: Vec<u32>,
    /// Fingerprint of the page key that was destroyed with them.
    pub page: Option<Name>,
    /// Fingerprint of the key right under the root that was destroyed.
    pub root: Option<Name>,
    /// Who kept that root, and what their destroying means.
    pub keeper: RootKeeper,
    /// Attempts to open samples afterwards, where some were made.
    pub tried: Option<Tried>,
    /// What an earlier request had destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier: Option<Earlier>,
    /// Of how many subjects of a tenant a key was destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subjects: Option<u64>,
    /// How many buckets of a retention class were destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buckets: Option<u64>,
    /// How far raw input was purged when this was done.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub purged: Vec<Purged>,
}

/// What was destroyed before, for another request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// In which epoch.
    pub epoch: u64,
    /// Which generations.
    pub generations: Vec<u32>,
}

/// Raw input that the broker has deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// Topic.
    pub topic: Name,
    /// Partition.
    pub partition: i32,
    /// Records before this offset are deleted.
    pub before: i64,
}

/// Who kept the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootKeeper {
    /// `file`, `pkcs11`, `aws_kms`, `vault`.
    pub provider: Name,
    /// What the keeper says of its own destroying.
    #[serde(flatten)]
    pub irreversible: Irreversibility,
}

/// From when on a destroyed root can't come back, by its keeper's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "irreversible", rename_all = "snake_case")]
pub enum Irreversibility {
    /// The keeper holds it no more (an HSM's object, a Vault key).
    AtOnce,
    /// A file was overwritten and removed; a file system or disk that copies on write may keep old blocks.
    FileOverwritten,
    /// A waiting time runs until then, and until then it can be undone (AWS KMS: 7 to 30 days).
    Pending {
        /// Its end.
        until: Moment,
    },
}

/// Attempts to open what should be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// How many sealed samples were tried.
    pub attempts: u32,
    /// How many did not open.
    pub failed: u32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptOutcome {
    /// Keys were destroyed.
    Destroyed,
    /// No live key was there (never, or erased before); the fence stands.
    NothingHeld,
    /// Turned down: nothing was done.
    Refused,
    /// A legal hold stands: nothing was done yet, and it will be once the hold is lifted.
    Held,
    /// A legal hold was placed.
    HoldPlaced,
    /// A legal hold was lifted.
    HoldLifted,
    /// A question was answered.
    Told,
}

impl ReceiptOutcome {
    /// The code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Destroyed => "destroyed",
            Self::NothingHeld => "nothing_held",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::HoldPlaced => "hold_placed",
            Self::HoldLifted => "hold_lifted",
            Self::Told => "told",
        }
    }
}

/// What becomes of events younger than the fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewKeys {
    /// They get keys of a new generation, where the pipeline's policy says so.
    ByPolicy,
    /// They stay redacted for good.
    Never,
}

/// What a receipt does not speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCovered {
    /// Clear text that left before Lethe, or was restored and handed on.
    ExternalCopies,
    /// The raw input topic, until its own retention or purge.
    RawInputUntilRetention,
    /// Copies of the root that are kept elsewhere.
    RootBackups,
    /// What a model has learned.
    ModelTraining,
    /// Tokens, masks, hashes and surrogates already written: they stay where they are, and open nothing.
    PseudonymsInOutputs,
    /// The root, until its keeper's waiting time is over.
    PendingRoot,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestPart {
    /// Its id.
    pub id: Name,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Ground>,
    /// On which ground.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_ground: Option<Ground>,
    /// When, by the requester's word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_at: Option<Moment>,
    /// How identity was made sure of, by the requester's word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity_verification: Option<Name>,
    /// When it was received.
    pub received_at: Moment,
    /// One month later (GDPR Art. 12(3)).
    pub deadline: Moment,
}

/// A legal hold as receipts show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPart {
    /// Its reference.
    pub reference: Name,
    /// Whose customer.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// How much it covers.
    pub scope: Scope,
    /// Whom, where it is one person.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_subject")]
    pub subject: Option<KeyId>,
    /// Why.
    pub reason: HoldReason,
    /// On whose word.
    pub authority: Name,
    /// Who placed it.
    pub placed_by: Name,
    /// When.
    pub placed_at: Moment,
    /// When it was lifted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifted_at: Option<Moment>,
    /// Who lifted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifted_by: Option<Name>,
}

impl HoldPart {
    /// Of a hold.
    pub fn of(hold: &Hold) -> Self {
        Self {
            reference: hold.reference.clone(),
            tenant: hold.tenant.clone(),
            scope: hold.target.scope(),
            subject: subject(&hold.target),
            reason: hold.reason,
            authority: hold.authority.clone(),
            placed_by: hold.placed_by.clone(),
            placed_at: hold.placed_at,
            lifted_at: hold.lifted.as_ref().map(|lifted| lifted.at),
            lifted_by: hold.lifted.as_ref().map(|lifted| lifted.by.clone()),
        }
    }
}

/// A subject as answers show it: its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference(#[serde(with = "ids::subject")] pub KeyId);

/// An open request as answers show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// Its id.
    pub id: Name,
    /// Whose customer.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// How much it is about.
    pub scope: Scope,
    /// Whom, where it is one person.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_subject")]
    pub subject: Option<KeyId>,
    /// Where it stands.
    pub phase: Phase,
    /// The hold that keeps it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hold: Option<Name>,
    /// When it was received.
    pub received_at: Moment,
    /// By when it is due.
    pub deadline: Moment,
}

impl OpenRequest {
    /// Of a request's state.
    pub fn of(state: &State) -> Self {
        let request = state.request();
        Self {
            id: request.id.clone(),
            tenant: request.tenant.clone(),
            scope: request.target.scope(),
            subject: subject(&request.target),
            phase: state.phase(),
            hold: state.hold().cloned(),
            received_at: state.times().received,
            deadline: deadline(state.times().received),
        }
    }
}

fn subject(target: &Target) -> Option<KeyId> {
    match target {
        Target::Subject { key } => Some(*key),
        Target::Tenant { .. } | Target::RetentionClass { .. } => None,
    }
}

/// How it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// `crypto-erase` (NIST SP 800-88).
    pub technique: Name,
    /// What the data is sealed with.
    pub algorithm: Name,
    /// Its key length.
    pub key_bits: u32,
}

/// What was destroyed, and when each step was durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    /// When the request was accepted as the subject's.
    pub verified_at: Moment,
    /// When the fence stood.
    pub fenced_at: Moment,
    /// When the keys were gone.
    pub destroyed_at: Moment,
    /// When no cache could hold them any more.
    pub settled_at: Moment,
    /// The key store's epoch after it.
    pub epoch: u64,
    /// Generations destroyed.
    pub generations: Vec<u32>,
    /// Fingerprint of the page key destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page_fingerprint: Option<Name>,
    /// Fingerprint of the root destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root_fingerprint: Option<Name>,
    /// Who kept the root.
    pub root_keeper: RootKeeper,
    /// How long caches could hold, and how long was waited.
    pub caches: Caches,
    /// What stands against keys for old events.
    pub fence: FencedOff,
    /// Attempts to open samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verification: Option<Tried>,
    /// What an earlier request had destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier: Option<Earlier>,
    /// Of how many subjects of a tenant a key was destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subjects: Option<u64>,
    /// How many buckets of a retention class were destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buckets: Option<u64>,
    /// Raw input before these offsets was deleted when the keys were gone. It says nothing of later records.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub raw_input_purged: Vec<Purged>,
}

/// How long key caches were waited out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caches {
    /// The longest a cached key lives.
    pub lease_ms: u64,
    /// Waited on a monotonic clock after the destruction.
    pub waited_ms: u64,
}

/// The fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencedOff {
    /// Events up to this time get no key again.
    pub erased_through: Moment,
    /// The last generation destroyed; 0 where no key ever existed.
    pub generation: u32,
    /// What becomes of later events.
    pub new_keys: NewKeys,
}

/// The certificate. Its members are written in this order; absent ones are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: Name,
    /// Follows from tenant, request and subject: a replay gives the same.
    pub certificate: Name,
    /// How it ended.
    pub outcome: ReceiptOutcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Name>,
    /// Who answers for the data (GDPR Art. 4(7)), as configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub controller: Option<Name>,
    /// Whose customer.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// Who was forgotten, as a keyed digest.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_subject")]
    pub subject: Option<KeyId>,
    /// How much it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<Scope>,
    /// Which retention class.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_class: Option<Name>,
    /// What was asked.
    pub request: RequestPart,
    /// The legal hold that stands, was placed or was lifted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hold: Option<HoldPart>,
    /// How many requests a hold keeps waiting, or its end lets go.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<u64>,
    /// Requests that are open, by deadline: the answer to a question.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open: Option<Vec<OpenRequest>>,
    /// Who was found by an identifier: the answer to a question.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subjects: Option<Vec<Reference>>,
    /// Holds that stand: the answer to a question.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holds: Option<Vec<HoldPart>>,
    /// How it was done; absent where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<Method>,
    /// What was done; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destroyed: Option<Destroyed>,
    /// What this certificate does not speak for.
    pub not_covered: Vec<NotCovered>,
    /// SHA-256 of the public key that signs; set when it is signed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signer: Option<Fingerprint>,
}

impl Receipt {
    /// An answer that says nothing yet but what it answers.
    fn answer(outcome: ReceiptOutcome, id: &Name, tenant: Option<&TenantId>, at: Moment, settings: &Settings) -> Self {
        Self {
            schema: Name::fixed(SCHEMA),
            certificate: certificate(tenant, id, outcome.code()),
            outcome,
            code: None,
            controller: settings.controller.clone(),
            tenant: tenant.cloned(),
            subject: None,
            scope: None,
            retention_class: None,
            request: RequestPart {
                id: id.clone(),
                reason: None,
                legal_ground: None,
                requested_at: None,
                identity_verification: None,
                received_at: at,
                deadline: deadline(at),
            },
            hold: None,
            requests: None,
            open: None,
            subjects: None,
            holds: None,
            method: None,
            destroyed: None,
            not_covered: Vec::new(),
            signer: None,
        }
    }

    /// The certificate of a request that was turned down. It echoes nothing but a proper id and tenant.
    pub fn refusal(rejected: &Rejected, received_at: Moment, settings: &Settings) -> Self {
        let refused = ReceiptOutcome::Refused;
        let code = Some(Name::fixed(rejected.code.code()));
        Self { code, ..Self::answer(refused, &rejected.id, rejected.tenant.as_ref(), received_at, settings) }
    }

    /// The answer to a request that a hold keeps waiting: no certificate of an erasure.
    pub fn held(state: &State, hold: &Hold, settings: &Settings) -> Self {
        let answer = Self::about(ReceiptOutcome::Held, state, settings);
        let text = format!("held\n{}", hold.reference);
        let certificate = certificate(answer.tenant.as_ref(), &answer.request.id, &text);
        Self { certificate, hold: Some(HoldPart::of(hold)), ..answer }
    }

    /// The answer to whoever placed or lifted a hold; `requests` wait for it, or are let go by its end.
    pub fn hold(id: &Name, hold: &Hold, requests: u64, at: Moment, settings: &Settings) -> Self {
        let outcome = if hold.stands() { ReceiptOutcome::HoldPlaced } else { ReceiptOutcome::HoldLifted };
        Self {
            subject: subject(&hold.target),
            scope: Some(hold.target.scope()),
            hold: Some(HoldPart::of(hold)),
            requests: Some(requests),
            ..Self::answer(outcome, id, hold.tenant.as_ref(), at, settings)
        }
    }

    /// The answer to a question: `open` are all requests that it is about, of which the most pressing are told.
    pub fn told(
        id: &Name,
        tenant: Option<&TenantId>,
        mut open: Vec<OpenRequest>,
        holds: Vec<HoldPart>,
        at: Moment,
        settings: &Settings,
    ) -> Self {
        open.sort_by_key(|request| request.deadline);
        let requests = Some(open.len() as u64);
        open.truncate(TOLD_MOST);
        let answer = Self::answer(ReceiptOutcome::Told, id, tenant, at, settings);
        Self { requests, open: Some(open), holds: Some(holds), ..answer }
    }

    /// The answer to the question who was sealed under an identifier.
    pub fn found(found: &Found, at: Moment, settings: &Settings) -> Self {
        let subjects = found.subjects.iter().map(|id| Reference(*id)).collect();
        let answer = Self::answer(ReceiptOutcome::Told, &found.id, Some(&found.tenant), at, settings);
        Self { subjects: Some(subjects), ..answer }
    }

    /// An answer about a request that is known to be well-formed.
    fn about(outcome: ReceiptOutcome, state: &State, settings: &Settings) -> Self {
        let request: &Request = &state.request;
        let (tenant, received) = (request.tenant.as_ref(), state.times.received);
        let answer = Self::answer(outcome, &request.id, tenant, received, settings);
        Self {
            certificate: certificate(tenant, &request.id, &request.target.key().reference()),
            subject: subject(&request.target),
            scope: Some(request.target.scope()),
            retention_class: match &request.target {
                Target::RetentionClass { class, .. } => Some(class.clone()),
                Target::Subject { .. } | Target::Tenant { .. } => None,
            },
            request: RequestPart {
                reason: Some(request.reason),
                legal_ground: Some(request.legal_ground),
                requested_at: request.requested_at,
                identity_verification: request.identity_verification.clone(),
                ..answer.request
            },
            ..answer
        }
    }

    /// The certificate of a settled request; `None` before.
    pub(super) fn of(state: &State, waited_ms: u64, settings: &Settings) -> Option<Self> {
        let (destroyed, not_covered) = done(state, waited_ms, settings)?;
        let any = [destroyed.subjects, destroyed.buckets].into_iter().flatten().any(|count| count > 0);
        let outcome = match destroyed.generations.is_empty() && !any {
            true => ReceiptOutcome::NothingHeld,
            false => ReceiptOutcome::Destroyed,
        };
        Some(Self {
            method: Some(Method {
                technique: Name::fixed("crypto-erase"),
                algorithm: Name::fixed("AES-256-GCM"),
                key_bits: 256,
            }),
            destroyed: Some(destroyed),
            not_covered,
            ..Self::about(outcome, state, settings)
        })
    }

    /// The audit fact of a request whose record stands at this offset; `signed` are the receipt's bytes as they are written.
    pub fn fact(&self, signed: &[u8], position: &Position, at: Moment, pipeline: PipelineRef) -> Fact {
        let outcome = match self.outcome {
            ReceiptOutcome::Destroyed | ReceiptOutcome::NothingHeld => Outcome::Erased,
            ReceiptOutcome::Refused => Outcome::Refused,
            ReceiptOutcome::Held => Outcome::Held,
            ReceiptOutcome::HoldPlaced | ReceiptOutcome::HoldLifted | ReceiptOutcome::Told => Outcome::Answered,
        };
        Fact {
            code: self.code.clone(),
            tenant: self.tenant.clone(),
            subject: self.subject,
            erasure: Some(ErasureFact {
                request: self.request.id.clone(),
                result: Name::fixed(self.outcome.code()),
                certificate: self.certificate.clone(),
                receipt_sha256: Fingerprint::of(signed),
                epoch: self.destroyed.as_ref().map(|done| done.epoch),
                erased_through: self.destroyed.as_ref().map(|done| done.fence.erased_through),
            }),
            ..Fact::new(position.offset, outcome, at, pipeline)
        }
    }
}

fn done(state: &State, waited_ms: u64, settings: &Settings) -> Option<(Destroyed, Vec<NotCovered>)> {
    let (times, destruction, fence) = (&state.times, state.destruction.as_ref()?, state.fence?);
    let mut not_covered = settings.not_covered.clone();
    if matches!(destruction.keeper.irreversible, Irreversibility::Pending { .. }) {
        not_covered.push(NotCovered::PendingRoot);
    }
    let destroyed = Destroyed {
        verified_at: times.verified?,
        fenced_at: times.fenced?,
        destroyed_at: times.destroyed?,
        settled_at: times.settled?,
        epoch: destruction.epoch,
        generations: destruction.generations.clone(),
        page_fingerprint: destruction.page.clone(),
        root_fingerprint: destruction.root.clone(),
        root_keeper: destruction.keeper.clone(),
        caches: Caches { lease_ms: settings.lease_ms, waited_ms },
        fence: FencedOff {
            erased_through: fence.erased_through,
            generation: fence.generation,
            new_keys: settings.new_keys,
        },
        verification: destruction.tried,
        earlier: destruction.earlier.clone(),
        subjects: destruction.subjects,
        buckets: destruction.buckets,
        raw_input_purged: destruction.purged.clone(),
    };
    Some((destroyed, not_covered))
}

/// `cert_` and 32 hex digits. Parts are separated by a byte that none of them can hold.
fn certificate(tenant: Option<&TenantId>, request: &Name, about: &str) -> Name {
    let tenant = tenant.map(TenantId::as_str).unwrap_or_default();
    let digest = Fingerprint::of(format!("{SCHEMA}\n{tenant}\n{request}\n{about}").as_bytes()).to_string();
    Name::new(&format!("cert_{}", digest.get(..32).unwrap_or_default())).unwrap_or(Name::fixed("cert_"))
}

/// One month after receipt (GDPR Art. 12(3)).
pub fn deadline(received: Moment) -> Moment {
    use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
    let later = Timestamp::from_millisecond(received.0)
        .and_then(|at| at.to_zoned(TimeZone::UTC).checked_add(1.month()))
        .map(|at| at.timestamp().as_millisecond());
    Moment(later.unwrap_or(received.0))
}
