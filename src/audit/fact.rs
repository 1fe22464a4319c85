//! What happened to one record, without a word of what was in it.
//!
//! Everything textual is an enum, a [`Name`], a validated id or a digest. `v`, `seq`, `prev` and `lethe_id` are not here:
//! the chain writes them, so that no caller can get them wrong.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Moment, Name, ids};
use crate::detect::Category;
use crate::event::TenantId;
use crate::keys::KeyId;

/// Version of the form of a fact, `v`.
pub const FACT_VERSION: u8 = 1;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Written to its destination with treatments carried out.
    Sanitized,
    /// Written with originals put back.
    Restored,
    /// Not safe to handle: a descriptor went to quarantine.
    Quarantined,
    /// Policy or firewall kept it back; nothing was written but this fact.
    Blocked,
    /// A deletion request was carried out.
    Erased,
    /// A request (to erase, to restore) was turned down.
    Refused,
    /// No record: the chain was taken up again after its committed head was lost, at this offset.
    Resumed,
}

impl Outcome {
    /// Whether this is the one outcome of an input record.
    pub fn settles_an_input(self) -> bool {
        self != Self::Resumed
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sanitized => "sanitized",
            Self::Restored => "restored",
            Self::Quarantined => "quarantined",
            Self::Blocked => "blocked",
            Self::Erased => "erased",
            Self::Refused => "refused",
            Self::Resumed => "resumed",
        }
    }
}

/// One fact. Its members are written in this order; absent ones are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// When it was processed: differs between a run and its replay, as nothing else here does.
    pub at: Moment,
    /// Offset of the record in its source partition.
    pub offset: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where the outcome has a code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Name>,
    /// Which rules decided.
    pub pipeline: PipelineRef,
    /// Whose customer.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// Whose data, as a keyed digest: still personal data (GDPR Art. 4(5)), but says nothing without the digest key.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_subject")]
    pub subject: Option<KeyId>,
    /// When the event happened, by its own word or the record's timestamp.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_at: Option<Moment>,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub class: Option<Classified>,
    /// Where it may live.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<Name>,
    /// Legal basis of a transfer between regions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<Name>,
    /// How long it may live.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention: Option<Kept>,
    /// Topic it was written to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destination: Option<Name>,
    /// What was found and what was done with it, summed by kind and treatment.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Found>,
    /// Fixed codes of what else happened on the way, such as `erased_subject` or `header_dropped`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Name>,
    /// What the firewall said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub firewall: Option<Judged>,
    /// Which keys sealed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keys: Option<KeysUsed>,
    /// What was put back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restore: Option<RestoreFact>,
    /// What was destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub erasure: Option<ErasureFact>,
    /// Digest of the value that was written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output_sha256: Option<Fingerprint>,
}

impl Fact {
    /// A fact that says no more than what happened, when, by which rules.
    pub fn new(offset: i64, outcome: Outcome, at: Moment, pipeline: PipelineRef) -> Self {
        Self {
            at,
            offset,
            outcome,
            code: None,
            pipeline,
            tenant: None,
            subject: None,
            event_at: None,
            class: None,
            region: None,
            basis: None,
            retention: None,
            destination: None,
            findings: Vec::new(),
            notes: Vec::new(),
            firewall: None,
            keys: None,
            restore: None,
            erasure: None,
            output_sha256: None,
        }
    }
}

/// Which rules decided: a pipeline and the digest of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRef {
    /// Its name.
    pub name: Name,
    /// Its digest, as the `lethe-policy` header shows it.
    pub digest: Name,
    /// Digest of the model that it finds names with, where it looks for names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub names: Option<Name>,
}

/// A class: a level and the duties that come with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classified {
    /// `public`, `internal`, `confidential` or `restricted`.
    pub level: Name,
    /// Duties.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub categories: Vec<Category>,
}

/// How long a record may live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Retention class.
    pub class: Name,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Moment>,
}

/// Findings of one kind that were treated alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Kind.
    pub kind: Name,
    /// Treatment.
    pub treatment: Name,
    /// How many.
    pub count: u32,
    /// The weakest belief among them, percent.
    pub confidence: u8,
}

/// What the firewall said and what policy made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// 0 to 100.
    pub score: u8,
    /// What policy did.
    pub action: Name,
    /// Codes of what was seen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reasons: Vec<Name>,
}

/// Which keys sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysUsed {
    /// Generation of the subject's key.
    pub generation: u32,
    /// Index of the retention bucket.
    pub bucket: u32,
}

/// What was put back, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFact {
    /// For whom.
    pub audience: Name,
    /// Tokens replaced by their originals.
    pub restored: u32,
    /// Tokens that policy keeps from this audience.
    pub refused: u32,
    /// Tokens that nothing could open: erased, expired, forged, foreign.
    pub unresolved: u32,
}

/// What a deletion request led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureFact {
    /// The request.
    pub request: Name,
    /// `destroyed`, `nothing_held` or `refused`.
    pub result: Name,
    /// The certificate that says so.
    pub certificate: Name,
    /// SHA-256 of the certificate's bytes, signature included.
    pub receipt_sha256: Fingerprint,
    /// The key store's epoch in which keys were destroyed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// Events up to this time get no key again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub erased_through: Option<Moment>,
}
