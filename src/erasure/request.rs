//! A deletion request as the deletion topic carries it:
//!
//! ```json
//! {"tenant": "acme", "subject": "user-17", "reason": "gdpr_17_1_b", "legal_ground": "gdpr_17_1_b", "request_id": "r-1",
//!  "requested_at": "2026-11-21T05:31:42Z", "erase_through": "2026-11-21T05:31:42Z", "identity_verification": "email_link"}
//! ```
//!
//! Only `subject` must be there (and `tenant`, where the deployment has no default). Members that are not listed here are
//! ignored. The subject id is digested while it is read: nothing behind this file ever holds it in clear.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::audit::{Moment, Name, ids};
use crate::event::{Position, TenantId};
use crate::keys::{DigestKey, KeyId};
use crate::sensitive::Sensitive;

/// A request longer than this is none.
pub const REQUEST_LIMIT_BYTES: usize = 64 * 1024;
/// A subject id longer than this is none.
const SUBJECT_LIMIT_BYTES: usize = 1024;

/// Why somebody is to be forgotten. An enum, because a reason in prose would be personal data in the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// GDPR Art. 17(1)(a): no longer necessary.
    #[serde(rename = "gdpr_17_1_a")]
    NoLongerNecessary,
    /// GDPR Art. 17(1)(b): consent withdrawn.
    #[serde(rename = "gdpr_17_1_b")]
    ConsentWithdrawn,
    /// GDPR Art. 17(1)(c): objection.
    #[serde(rename = "gdpr_17_1_c")]
    Objection,
    /// GDPR Art. 17(1)(d): unlawful processing.
    #[serde(rename = "gdpr_17_1_d")]
    Unlawful,
    /// GDPR Art. 17(1)(e): a legal obligation to erase.
    #[serde(rename = "gdpr_17_1_e")]
    LegalObligation,
    /// GDPR Art. 17(1)(f): a child's data of an information society service.
    #[serde(rename = "gdpr_17_1_f")]
    ChildsData,
    /// CCPA, California Civil Code § 1798.105.
    Ccpa,
    /// The subject asked; no ground was named.
    UserRequest,
    /// A retention period has ended.
    Retention,
    /// A contract has ended.
    ContractEnd,
    /// Nothing was said.
    Unspecified,
}

/// A well-formed request. It knows the subject by its digest only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The requester's id, or the position of the record (`lethe-id`). Unique within a tenant.
    pub id: Name,
    /// Whose customer.
    #[serde(with = "ids::tenant")]
    pub tenant: TenantId,
    /// Who is to be forgotten.
    #[serde(with = "ids::subject")]
    pub subject: KeyId,
    /// Why.
    pub reason: Ground,
    /// On which legal ground; the reason where none was named.
    pub legal_ground: Ground,
    /// When it was asked for, by the requester's word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_at: Option<Moment>,
    /// Events up to this time get no key again; up to the time of receipt where none was named. The keys that there are go
    /// whole: what they sealed after this time is gone too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub erase_through: Option<Moment>,
    /// How the requester made sure of the subject's identity, by their word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity_verification: Option<Name>,
}

/// Why a request is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A tombstone or an empty value.
    RequestEmpty,
    /// Longer than [`REQUEST_LIMIT_BYTES`].
    RequestTooLarge,
    /// Not a JSON object.
    RequestNotJson,
    /// `request_id` is not 1 to 128 characters of `[A-Za-z0-9._:-]`.
    RequestBadId,
    /// No `tenant`, and the deployment has no default.
    RequestMissingTenant,
    /// `tenant` is not a tenant id.
    RequestBadTenant,
    /// No `subject`.
    RequestMissingSubject,
    /// `subject` is no string, empty, or too long.
    RequestBadSubject,
    /// `reason` or `legal_ground` is not one of [`Ground`].
    RequestUnknownReason,
    /// `requested_at` or `erase_through` is no RFC 3339 time.
    RequestBadTime,
    /// `erase_through` lies in the future: it would fence off data of a later consent.
    RequestFutureFence,
    /// `identity_verification` is not a short name.
    RequestBadVerification,
    /// The id was used before, for another subject.
    RequestIdReused,
}

impl Refusal {
    /// The code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::RequestEmpty => "request_empty",
            Self::RequestTooLarge => "request_too_large",
            Self::RequestNotJson => "request_not_json",
            Self::RequestBadId => "request_bad_id",
            Self::RequestMissingTenant => "request_missing_tenant",
            Self::RequestBadTenant => "request_bad_tenant",
            Self::RequestMissingSubject => "request_missing_subject",
            Self::RequestBadSubject => "request_bad_subject",
            Self::RequestUnknownReason => "request_unknown_reason",
            Self::RequestBadTime => "request_bad_time",
            Self::RequestFutureFence => "request_future_fence",
            Self::RequestBadVerification => "request_bad_verification",
            Self::RequestIdReused => "request_id_reused",
        }
    }
}

/// What is known of a request that was turned down: enough for a receipt, and no word of what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// Why.
    pub code: Refusal,
    /// Its id, or its position where it has no proper one.
    pub id: Name,
    /// Its tenant, where it has a proper one.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
}

/// The members of a request but its subject.
struct Reader<'a> {
    members: &'a Map<String, Value>,
}

impl Request {
    /// Reads the value of a record of the deletion topic. `now` is the time of processing; a `default_tenant` serves
    /// deployments with one tenant.
    pub fn parse(
        value: Option<&[u8]>,
        position: &Position,
        now: Moment,
        digests: &DigestKey,
        default_tenant: Option<&TenantId>,
    ) -> Result<Self, Rejected> {
        // Brokers allow a topic no other characters than a name's.
        let own_id = Name::new(&position.to_string()).unwrap_or(Name::fixed("unnamed"));
        let reject = |code| Rejected { code, id: own_id.clone(), tenant: None };
        let bytes = value.filter(|bytes| !bytes.is_empty()).ok_or_else(|| reject(Refusal::RequestEmpty))?;
        if bytes.len() > REQUEST_LIMIT_BYTES {
            return Err(reject(Refusal::RequestTooLarge));
        }
        let mut members: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|_| reject(Refusal::RequestNotJson))?;
        // Taken out first, and wiped when this function ends, however it ends.
        let subject = members.remove("subject").map(Subject::of);
        let reader = Reader { members: &members };
        let id = reader.id().map_err(reject)?.unwrap_or_else(|| own_id.clone());
        let tenant = reader.tenant(default_tenant).map_err(|code| Rejected { id: id.clone(), ..reject(code) })?;
        let reject = |code| Rejected { code, id: id.clone(), tenant: Some(tenant.clone()) };
        let subject = subject.ok_or_else(|| reject(Refusal::RequestMissingSubject))?;
        let subject = subject.digest(digests, &tenant).ok_or_else(|| reject(Refusal::RequestBadSubject))?;
        let reason = reader.ground("reason").map_err(reject)?;
        let legal_ground = reader.ground("legal_ground").map_err(reject)?.or(reason);
        let erase_through = reader.time("erase_through").map_err(reject)?;
        if erase_through.is_some_and(|through| through > now) {
            return Err(reject(Refusal::RequestFutureFence));
        }
        let requested_at = reader.time("requested_at").map_err(reject)?;
        let identity_verification = reader.verification().map_err(reject)?;
        Ok(Self {
            subject,
            reason: reason.unwrap_or(Ground::Unspecified),
            legal_ground: legal_ground.unwrap_or(Ground::Unspecified),
            requested_at,
            erase_through,
            identity_verification,
            id,
            tenant,
        })
    }
}

/// The subject member: bytes that are wiped, or `None` where it was no text.
struct Subject(Option<Sensitive>);

impl Subject {
    fn of(value: Value) -> Self {
        Self(match value {
            Value::String(text) => Some(Sensitive::new(text.into_bytes())),
            _ => None,
        })
    }

    /// A reference names its key itself; anything else is an id.
    fn digest(&self, digests: &DigestKey, tenant: &TenantId) -> Option<KeyId> {
        let bytes = self.0.as_ref()?.reveal();
        if bytes.is_empty() || bytes.len() > SUBJECT_LIMIT_BYTES {
            return None;
        }
        let reference = str::from_utf8(bytes).ok().and_then(KeyId::from_reference);
        Some(reference.unwrap_or_else(|| digests.key_id(tenant, bytes)))
    }
}

impl Reader<'_> {
    /// A member; `null` counts as absent.
    fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn id(&self) -> Result<Option<Name>, Refusal> {
        let Some(value) = self.member("request_id") else { return Ok(None) };
        // The form of a tenant id is the form of any id that is safe to show.
        let id = value.as_str().filter(|text| TenantId::new(text).is_some()).and_then(Name::new);
        id.map(Some).ok_or(Refusal::RequestBadId)
    }

    fn tenant(&self, default: Option<&TenantId>) -> Result<TenantId, Refusal> {
        match self.member("tenant") {
            Some(value) => value.as_str().and_then(TenantId::new).ok_or(Refusal::RequestBadTenant),
            None => default.cloned().ok_or(Refusal::RequestMissingTenant),
        }
    }

    fn ground(&self, name: &str) -> Result<Option<Ground>, Refusal> {
        let ground = self.member(name).map(Ground::deserialize).transpose();
        ground.map_err(|_| Refusal::RequestUnknownReason)
    }

    fn time(&self, name: &str) -> Result<Option<Moment>, Refusal> {
        let Some(value) = self.member(name) else { return Ok(None) };
        value.as_str().and_then(Moment::parse).map(Some).ok_or(Refusal::RequestBadTime)
    }

    fn verification(&self) -> Result<Option<Name>, Refusal> {
        let Some(value) = self.member("identity_verification") else { return Ok(None) };
        let name = value.as_str().filter(|text| text.len() <= 64).and_then(Name::new);
        name.map(Some).ok_or(Refusal::RequestBadVerification)
    }
}
