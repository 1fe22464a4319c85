//! Carries a decision out on text with keys (token, mask, hash, redact, surrogate, seal), and undoes it. It picks no keys.
//!
//! [`protect`] turns what must happen to an event into edits and a sidecar: each reversible replacement stands in the text, and
//! what it stands for rides along, sealed. [`restore`] undoes it for those who may. Both are functions of their arguments, so
//! a replay gives the same bytes. Without keys nothing reversible is made: what should be a token is redacted.

mod normal;
mod restore;
mod sidecar;
mod surrogate;
mod token;
mod treat;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use crate::event::{Edit, TenantId};
use crate::keys::{BucketId, DigestKey, KeyId, SealingKeys};

pub use normal::normalise;
pub use restore::{Reader, Reason, Restored, restore, unresolved};
pub use sidecar::{MAX_AUDIENCES, Sidecar, SidecarProblem};
pub use token::{MAX_KIND_BYTES, MAX_TOKEN_BYTES, Scope};
pub use treat::protect;

/// What to do with one piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `[EMAIL_7K3QF2]`, the original sealed in the sidecar.
    Token,
    /// `[EMAIL]`, for good.
    Redact,
    /// Stars and the last characters, for good.
    Mask {
        /// How many characters stay; none do where the text has no more than twice as many.
        keep_last: u8,
    },
    /// `[EMAIL#0a1b2c3d4e5f6071]`, equal for equal values of a tenant, for good.
    Hash,
    /// Something of the same kind that belongs to nobody, the original sealed in the sidecar.
    Surrogate,
    /// This text (a subject reference), the original sealed in the sidecar where there are keys.
    Reference(Arc<str>),
}

/// One piece of an event's text and what to do with it.
#[derive(Clone, Debug)]
pub struct Work<'w> {
    /// Index into the event's slots.
    pub slot: usize,
    /// Bytes of the slot's decoded text, on character borders; no two works overlap. Of a number, all is taken.
    pub range: Range<usize>,
    /// The kind's name: upper snake case, at most [`MAX_KIND_BYTES`].
    pub kind: &'w str,
    /// What to do.
    pub action: Action,
    /// Who may restore it: bit *n* is audience *n* of the sealer.
    pub audiences: u8,
}

/// With what an event's values are sealed and digested.
#[derive(Clone, Copy)]
pub struct Sealer<'k> {
    /// The subject's keys in this event's retention bucket; without them nothing reversible is made.
    pub keys: Option<&'k SealingKeys>,
    /// The tenant's own keys, from which tokens of [`Scope::Tenant`] are taken.
    pub tenant_keys: Option<&'k SealingKeys>,
    /// For hashes.
    pub digest_key: &'k DigestKey,
    /// Whose customer; without one nothing reversible is made.
    pub tenant: Option<&'k TenantId>,
    /// Whose data; without one nothing reversible is made.
    pub subject: Option<KeyId>,
    /// The retention bucket that `keys` belong to.
    pub bucket: &'k BucketId,
    /// Within what equal values get equal tokens.
    pub scope: Scope,
    /// Which conversation or event the scope is; not looked at for the wider scopes.
    pub scope_id: &'k [u8],
    /// Names of those who may restore, at most [`MAX_AUDIENCES`].
    pub audiences: &'k [Arc<str>],
}

/// How many pieces of text were treated how: as it was done, not as it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens.
    pub token: u32,
    /// Redactions, those included that were to be tokens and could not be.
    pub redact: u32,
    /// Masks.
    pub mask: u32,
    /// Hashes.
    pub hash: u32,
    /// Surrogates.
    pub surrogate: u32,
    /// References.
    pub reference: u32,
}

/// An event's treatment.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// For [`crate::event::Event::encode`].
    pub edits: Vec<Edit>,
    /// For the header `lethe-sealed`; `None` where nothing was sealed.
    pub sidecar: Option<String>,
    /// What was done.
    pub counts: Counts,
}
