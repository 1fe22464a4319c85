//! A deletion request as the deletion topic carries it:
//!
//! ```json
//! {"tenant": "acme", "subject": "user-17", "reason": "gdpr_17_1_b", "legal_ground": "gdpr_17_1_b", "request_id": "r-1",
//!  "requested_at": "2026-11-21T05:31:42Z", "erase_through": "2026-11-21T05:31:42Z", "identity_verification": "email_link"}
//! ```
//!
//! Only `subject` must be there (and `tenant`, where the deployment has no default). `scope` widens it: `tenant` (all of a
//! tenant's subjects) and `retention_class` (everything kept under a class). Members that are not listed here are ignored.
//! The subject id is digested while it is read: nothing behind this file ever holds it in clear.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hold::{Hold, HoldReason};
use super::instruction::{Found, Instruction, Lift, Question};
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

/// What is to be forgotten. Each has a key id, under which its fence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Target {
    /// One person.
    Subject {
        /// Their key.
        #[serde(with = "ids::subject")]
        key: KeyId,
    },
    /// All subjects of a tenant, and those of whom the first event has not come yet.
    Tenant {
        /// The tenant's key.
        #[serde(with = "ids::subject")]
        key: KeyId,
    },
    /// Everything that is kept under a retention class, whosoever it is.
    RetentionClass {
        /// The class's name.
        class: Name,
        /// A key under which nothing is sealed: its fence moves the epoch.
        #[serde(with = "ids::subject")]
        key: KeyId,
    },
}

impl Target {
    /// Under which its fence stands.
    pub fn key(&self) -> KeyId {
        match self {
            Self::Subject { key } | Self::Tenant { key } | Self::RetentionClass { key, .. } => *key,
        }
    }

    /// Its kind on the wire.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Subject { .. } => Scope::Subject,
            Self::Tenant { .. } => Scope::Tenant,
            Self::RetentionClass { .. } => Scope::RetentionClass,
        }
    }
}

/// How much a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One person.
    Subject,
    /// All subjects of a tenant.
    Tenant,
    /// A retention class.
    RetentionClass,
}

impl Scope {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Tenant => "tenant",
            Self::RetentionClass => "retention_class",
        }
    }
}

/// Which of a batch go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others: a person in danger, a deadline that has come.
    Urgent,
    /// As they come.
    #[default]
    Normal,
    /// After all others.
    Low,
}

/// Who may ask for what on a deletion topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The tenant of requests that name none.
    pub default_tenant: Option<TenantId>,
    /// Scopes that are allowed.
    pub scopes: Vec<Scope>,
}

impl Default for Admission {
    fn default() -> Self {
        Self { default_tenant: None, scopes: vec![Scope::Subject] }
    }
}

/// Looks identifiers up in the blind index.
pub trait Finder {
    /// The subjects under whom it was sealed. The value is as it was written, not normalised.
    fn find(&self, tenant: &TenantId, kind: &str, value: &str) -> Vec<KeyId>;
}

/// No index: nobody is found.
pub struct Unindexed;

impl Finder for Unindexed {
    fn find(&self, _: &TenantId, _: &str, _: &str) -> Vec<KeyId> {
        Vec::new()
    }
}

/// A well-formed request. It knows the subject by its digest only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The requester's id, or the position of the record (`lethe-id`). Unique within a tenant.
    pub id: Name,
    /// Whose customer; none for a retention class, which is every tenant's.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// What is to be forgotten.
    pub target: Target,
    /// Which of a batch go first.
    #[serde(default)]
    pub priority: Priority,
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
    /// `action` is none of `erase`, `hold`, `lift`, `status`.
    RequestUnknownAction,
    /// `scope` is none of [`Scope`].
    RequestUnknownScope,
    /// The pipeline does not allow this scope.
    RequestScopeNotAllowed,
    /// What is named beside the scope does not belong to it, or its own name is missing.
    RequestBadScope,
    /// `retention_class` is no class of any pipeline.
    RequestUnknownClass,
    /// `priority` is none of [`Priority`].
    RequestUnknownPriority,
    /// A hold without a proper `hold`, `reason`, `authority` or `by`.
    RequestBadHold,
    /// The hold's reference stands for another hold already.
    RequestHoldReused,
    /// No such hold stands.
    RequestHoldUnknown,
    /// `identifier` is not of its form, or stands beside a `subject`.
    RequestBadIdentifier,
    /// Nobody was sealed under the identifier, as far as the index knows.
    RequestIdentifierUnknown,
    /// Several were.
    RequestIdentifierAmbiguous,
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
            Self::RequestUnknownAction => "request_unknown_action",
            Self::RequestUnknownScope => "request_unknown_scope",
            Self::RequestScopeNotAllowed => "request_scope_not_allowed",
            Self::RequestBadScope => "request_bad_scope",
            Self::RequestUnknownClass => "request_unknown_class",
            Self::RequestUnknownPriority => "request_unknown_priority",
            Self::RequestBadHold => "request_bad_hold",
            Self::RequestHoldReused => "request_hold_reused",
            Self::RequestHoldUnknown => "request_hold_unknown",
            Self::RequestBadIdentifier => "request_bad_identifier",
            Self::RequestIdentifierUnknown => "request_identifier_unknown",
            Self::RequestIdentifierAmbiguous => "request_identifier_ambiguous",
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

/// What every instruction has, once it is known to be well-formed.
struct Head<'a> {
    reader: Reader<'a>,
    id: Name,
    tenant: Option<TenantId>,
    subject: Option<Subject>,
    identifier: Option<Named>,
    now: Moment,
}

impl Instruction {
    /// Reads the value of a record of the deletion topic. `now` is the time of processing.
    pub fn parse(
        value: Option<&[u8]>,
        position: &Position,
        now: Moment,
        digests: &DigestKey,
        admission: &Admission,
        index: &dyn Finder,
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
        let subject = members.remove("subject").filter(|value| !value.is_null()).map(Subject::of);
        let identifier = members.remove("identifier").filter(|value| !value.is_null()).map(Named::of);
        let reader = Reader { members: &members };
        let id = reader.id().map_err(reject)?.unwrap_or_else(|| own_id.clone());
        let tenant = reader.tenant().map_err(|code| Rejected { id: id.clone(), ..reject(code) })?;
        let tenant = tenant.or_else(|| admission.default_tenant.clone());
        let rejected = Rejected { code: Refusal::RequestNotJson, id: id.clone(), tenant: tenant.clone() };
        let head = Head { reader, id, tenant, subject, identifier, now };
        head.instruction(digests, admission, index).map_err(|code| Rejected { code, ..rejected })
    }
}

impl Head<'_> {
    fn instruction(
        self,
        digests: &DigestKey,
        admission: &Admission,
        index: &dyn Finder,
    ) -> Result<Instruction, Refusal> {
        match self.reader.text("action") {
            None | Some("erase") => self.erase(digests, admission, index).map(Instruction::Erase),
            Some("hold") => self.hold(digests, admission, index).map(Instruction::Hold),
            Some("lift") => {
                let (hold, by) = (self.reader.name("hold", 128)?, self.reader.name("by", 128)?);
                Ok(Instruction::Lift(Lift { id: self.id, tenant: self.tenant, hold, by }))
            }
            Some("find") => {
                let tenant = self.tenant.clone().ok_or(Refusal::RequestMissingTenant)?;
                let identifier = self.identifier.as_ref().ok_or(Refusal::RequestBadIdentifier)?;
                let found = identifier.find(&tenant, index).ok_or(Refusal::RequestBadIdentifier)?;
                Ok(Instruction::Find(Found { id: self.id, tenant, subjects: found }))
            }
            Some("status") => {
                let about = self.reader.member("about").map(|_| self.reader.name("about", 320)).transpose();
                let about = about.map_err(|_| Refusal::RequestBadId)?;
                Ok(Instruction::Status(Question { id: self.id, tenant: self.tenant, about }))
            }
            Some(_) => Err(Refusal::RequestUnknownAction),
        }
    }

    /// What it is about; which scopes a publisher may name, the pipeline says.
    fn target(&self, digests: &DigestKey, admission: &Admission, index: &dyn Finder) -> Result<Target, Refusal> {
        let class = self.reader.member("retention_class");
        let scope = match self.reader.member("scope") {
            None => Scope::Subject,
            Some(value) => Scope::deserialize(value).map_err(|_| Refusal::RequestUnknownScope)?,
        };
        if !admission.scopes.contains(&scope) {
            return Err(Refusal::RequestScopeNotAllowed);
        }
        let belongs = match scope {
            Scope::Subject => class.is_none(),
            Scope::Tenant => class.is_none() && self.subject.is_none(),
            // A class is every tenant's: whoever names one of them means something else.
            Scope::RetentionClass => self.subject.is_none() && self.reader.member("tenant").is_none(),
        };
        if !belongs {
            return Err(Refusal::RequestBadScope);
        }
        if scope == Scope::RetentionClass {
            let class = class.and_then(Value::as_str).and_then(Name::new).ok_or(Refusal::RequestBadScope)?;
            let key = digests.class_key_id(class.as_str());
            return Ok(Target::RetentionClass { class, key });
        }
        let tenant = self.tenant.as_ref().ok_or(Refusal::RequestMissingTenant)?;
        if self.identifier.is_some() && (scope != Scope::Subject || self.subject.is_some()) {
            return Err(Refusal::RequestBadIdentifier);
        }
        if scope == Scope::Tenant {
            return Ok(Target::Tenant { key: digests.tenant_key_id(tenant) });
        }
        if let Some(identifier) = &self.identifier {
            let found = identifier.find(tenant, index).ok_or(Refusal::RequestBadIdentifier)?;
            // Whoever else wrote it into an event is found too: where there are several, a person must choose.
            return match found.as_slice() {
                [] => Err(Refusal::RequestIdentifierUnknown),
                [key] => Ok(Target::Subject { key: *key }),
                _ => Err(Refusal::RequestIdentifierAmbiguous),
            };
        }
        let subject = self.subject.as_ref().ok_or(Refusal::RequestMissingSubject)?;
        let key = subject.digest(digests, tenant).ok_or(Refusal::RequestBadSubject)?;
        Ok(Target::Subject { key })
    }

    fn erase(self, digests: &DigestKey, admission: &Admission, index: &dyn Finder) -> Result<Request, Refusal> {
        let target = self.target(digests, admission, index)?;
        let reader = &self.reader;
        let reason = reader.ground("reason")?;
        let legal_ground = reader.ground("legal_ground")?.or(reason);
        let erase_through = reader.time("erase_through")?;
        if erase_through.is_some_and(|through| through > self.now) {
            return Err(Refusal::RequestFutureFence);
        }
        let priority = reader.member("priority").map(Priority::deserialize).transpose();
        Ok(Request {
            priority: priority.map_err(|_| Refusal::RequestUnknownPriority)?.unwrap_or_default(),
            reason: reason.unwrap_or(Ground::Unspecified),
            legal_ground: legal_ground.unwrap_or(Ground::Unspecified),
            requested_at: reader.time("requested_at")?,
            erase_through,
            identity_verification: reader.verification()?,
            tenant: self.tenant.filter(|_| target.scope() != Scope::RetentionClass),
            target,
            id: self.id,
        })
    }

    fn hold(self, digests: &DigestKey, admission: &Admission, index: &dyn Finder) -> Result<Hold, Refusal> {
        // Who may hold is who may ask to erase: a hold of a scope that can't be erased would promise nothing.
        let target = self.target(digests, admission, index)?;
        let reason = self.reader.member("reason").map(HoldReason::deserialize);
        Ok(Hold {
            reference: self.reader.name("hold", 128)?,
            tenant: self.tenant.clone().filter(|_| target.scope() != Scope::RetentionClass),
            target,
            reason: reason.and_then(Result::ok).ok_or(Refusal::RequestBadHold)?,
            authority: self.reader.name("authority", 128)?,
            placed_by: self.reader.name("by", 128)?,
            placed_at: self.now,
            request: self.id,
            lifted: None,
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

/// The identifier member: its value is wiped too.
struct Named(Option<(String, Sensitive)>);

impl Named {
    fn of(value: Value) -> Self {
        let Value::Object(mut members) = value else { return Self(None) };
        let kind = members.remove("kind").and_then(|kind| kind.as_str().map(str::to_owned));
        let value = match members.remove("value") {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= SUBJECT_LIMIT_BYTES => {
                Some(Sensitive::new(text.into_bytes()))
            }
            _ => None,
        };
        let known = |kind: &String| Name::new(kind).is_some() && kind.len() <= 64;
        Self(kind.filter(known).zip(value))
    }

    fn find(&self, tenant: &TenantId, index: &dyn Finder) -> Option<Vec<KeyId>> {
        let (kind, value) = self.0.as_ref()?;
        Some(index.find(tenant, kind, str::from_utf8(value.reveal()).ok()?))
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

    fn text(&self, name: &str) -> Option<&str> {
        self.member(name).map(|value| value.as_str().unwrap_or_default())
    }

    /// A member of a hold: a name, never prose.
    fn name(&self, name: &str, limit: usize) -> Result<Name, Refusal> {
        let text = self.text(name).filter(|text| text.len() <= limit);
        text.and_then(Name::new).ok_or(Refusal::RequestBadHold)
    }

    fn tenant(&self) -> Result<Option<TenantId>, Refusal> {
        let Some(value) = self.member("tenant") else { return Ok(None) };
        value.as_str().and_then(TenantId::new).map(Some).ok_or(Refusal::RequestBadTenant)
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
