//! A legal hold: while it stands, what it covers is not erased (GDPR Art. 17(3), a court, a regulator). It keeps requests
//! waiting and loses none: they are carried out once it is lifted. What is fenced already can't be held any more.

use serde::{Deserialize, Serialize};

use super::request::{Request, Target};
use crate::audit::{Moment, Name, ids};
use crate::event::TenantId;

/// Why something must be kept. An enum, because prose would be personal data in the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// GDPR Art. 17(3)(a): freedom of expression and information.
    #[serde(rename = "gdpr_17_3_a")]
    Expression,
    /// GDPR Art. 17(3)(b): a legal obligation to keep.
    #[serde(rename = "gdpr_17_3_b")]
    LegalObligation,
    /// GDPR Art. 17(3)(c): public health.
    #[serde(rename = "gdpr_17_3_c")]
    PublicHealth,
    /// GDPR Art. 17(3)(d): archiving, research, statistics.
    #[serde(rename = "gdpr_17_3_d")]
    Archiving,
    /// GDPR Art. 17(3)(e): legal claims.
    #[serde(rename = "gdpr_17_3_e")]
    LegalClaims,
    /// A court case.
    Litigation,
    /// An authority investigates.
    Investigation,
    /// A regulator has asked.
    Regulator,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: Name,
    /// The instruction that lifted it.
    pub request: Name,
}

/// A hold, standing or lifted. It is kept for good: it says why a request was late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its reference, unique within a tenant: a case number.
    pub reference: Name,
    /// Whose customer; none for a retention class.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "ids::maybe_tenant")]
    pub tenant: Option<TenantId>,
    /// What is held.
    pub target: Target,
    /// Why.
    pub reason: HoldReason,
    /// On whose word: a court, a regulator, the legal department.
    pub authority: Name,
    /// Who placed it.
    pub placed_by: Name,
    /// When.
    pub placed_at: Moment,
    /// The instruction that placed it.
    pub request: Name,
    /// Its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lifted: Option<Lifted>,
}

impl Hold {
    /// Under what a hold is kept.
    pub fn key(tenant: Option<&TenantId>, reference: &Name) -> Vec<u8> {
        format!("{}\n{reference}", tenant.map(TenantId::as_str).unwrap_or_default()).into_bytes()
    }

    /// Whether it stands.
    pub fn stands(&self) -> bool {
        self.lifted.is_none()
    }

    /// Whether it stands against a request: against all that would destroy something of what it covers. A subject's hold
    /// stands against the whole tenant's erasure, and any hold against a retention class, which is everybody's.
    pub fn against(&self, request: &Request) -> bool {
        let covered = match (&self.target, &request.target) {
            (Target::RetentionClass { class, .. }, Target::RetentionClass { class: asked, .. }) => class == asked,
            (Target::RetentionClass { .. }, _) => false,
            (_, Target::RetentionClass { .. }) => true,
            (Target::Subject { key }, Target::Subject { key: asked }) => key == asked,
            (Target::Subject { .. } | Target::Tenant { .. }, _) => self.tenant == request.tenant,
        };
        self.stands() && covered
    }

    /// Whether another instruction means the same hold.
    pub fn same(&self, other: &Self) -> bool {
        (&self.target, &self.tenant, self.reason) == (&other.target, &other.tenant, other.reason)
    }

    /// The form in which a store keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        #[expect(clippy::expect_used, reason = "no map keys and no fallible serializer")]
        serde_json::to_vec(self).expect("a hold is plain data")
    }

    /// Reads [`Hold::to_bytes`] back.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
