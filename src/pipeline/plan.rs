//! The front door: [`Pipeline::plan`] decides what must happen to a record, [`Plan::apply`] carries it out with keys.

use std::sync::{Arc, OnceLock};

use super::quarantine::Quarantine;
use super::restore::{Restorer, Restoring};
use super::sanitize::{Sanitizer, Sanitizing};
use super::{Effects, OutRecord};
use crate::audit::{self, Moment, Name, PipelineRef};
use crate::event::{RawRecord, Shape, decode};
use crate::keys::{DigestKey, IndexEntry, IndexKey, KeyId, KeyRequest, KeyRing, Label};
use crate::policy::Code;

/// A checked pipeline, ready to plan. Shared by all workers.
pub struct Pipeline {
    pub(super) identity: Identity,
    pub(super) shape: Shape,
    pub(super) role: Role,
}

/// What every outcome of a pipeline carries.
pub(super) struct Identity {
    /// Name and digest for facts.
    pub(super) reference: PipelineRef,
    /// `lethe-policy`: name and digest.
    pub(super) policy_header: String,
    /// Where records go that can't be handled.
    pub(super) quarantine: Arc<str>,
    /// Larger outputs are known before they are produced, and quarantined.
    pub(super) max_output_bytes: usize,
    /// Turns subject ids into key ids.
    pub(super) digest_key: DigestKey,
    /// Labels identifiers, made on first use.
    pub(super) index_key: OnceLock<IndexKey>,
}

pub(super) enum Role {
    Sanitize(Box<Sanitizer>),
    Restore(Box<Restorer>),
}

/// What must happen to one record, and which keys that needs. Holds raw text by reference until [`Plan::apply`].
pub struct Plan<'a> {
    record: &'a RawRecord,
    pipeline: &'a Pipeline,
    step: Step<'a>,
    keys: Vec<KeyRequest>,
}

pub(super) enum Step<'a> {
    Quarantine(Code),
    Sanitize(Box<Sanitizing<'a>>),
    Restore(Box<Restoring<'a>>),
}

impl Pipeline {
    /// The pipeline's name.
    pub fn name(&self) -> &str {
        self.identity.reference.name.as_str()
    }

    /// Decides what must happen to a record. Never fails: what can't be read is a plan too.
    pub fn plan<'a>(&'a self, record: &'a RawRecord) -> Plan<'a> {
        let mut keys = Vec::new();
        let step = match decode(record, &self.shape) {
            Err(unreadable) => Step::Quarantine(Code::from(&unreadable)),
            Ok(event) => match &self.role {
                Role::Sanitize(sanitizer) => sanitizer.plan(&self.identity, record, event, &mut keys),
                Role::Restore(restorer) => restorer.plan(&self.identity, record, event, &mut keys),
            },
        };
        Plan { record, pipeline: self, step, keys }
    }

    /// The fact that a chain was taken up again at `offset` after its committed head was lost.
    pub fn resumed(&self, offset: i64, now_ms: i64) -> audit::Fact {
        let reference = self.identity.reference.clone();
        audit::Fact::new(offset, audit::Outcome::Resumed, Moment(now_ms), reference)
    }

    /// The plan for a record on which the core broke an invariant: it must not stop its partition.
    pub fn broken<'a>(&'a self, record: &'a RawRecord) -> Plan<'a> {
        Plan { record, pipeline: self, step: Step::Quarantine(Code::InternalError), keys: Vec::new() }
    }
}

impl<'a> Plan<'a> {
    /// The keys that [`Plan::apply`] needs.
    pub fn keys(&self) -> &[KeyRequest] {
        &self.keys
    }

    /// Tenant and subject of a key that may be made for this, unless the subject is `known`: whoever erases the tenant must
    /// find it.
    pub fn member(&self, known: impl FnOnce(&KeyId) -> bool) -> Option<(KeyId, KeyId)> {
        match &self.step {
            Step::Sanitize(step) => step.member(&self.pipeline.identity, known),
            Step::Quarantine(_) | Step::Restore(_) => None,
        }
    }

    /// Adds the entries of the blind index that this event makes, but those that are `known` by their pair.
    pub fn identifiers(&self, ring: &KeyRing, known: impl Fn(&Label) -> bool, entries: &mut Vec<IndexEntry>) {
        if let Step::Sanitize(step) = &self.step {
            step.identifiers(&self.pipeline.identity, ring, known, entries);
        }
    }

    /// Carries the plan out. The same record and keys give the same records, byte for byte; `now_ms` (Unix milliseconds)
    /// stands in the fact alone.
    pub fn apply(self, ring: &KeyRing, now_ms: i64) -> Effects {
        let identity = &self.pipeline.identity;
        let effects = match self.step {
            Step::Quarantine(code) => Quarantine::of(self.record, code).effects(identity, now_ms),
            Step::Sanitize(step) => step.apply(identity, self.record, ring, now_ms),
            Step::Restore(step) => step.apply(identity, self.record, ring, now_ms),
        };
        let too_large = |record: &OutRecord| record.weight_bytes() > identity.max_output_bytes;
        if effects.records.iter().any(too_large) {
            return Quarantine::of(self.record, Code::OutputTooLarge).effects(identity, now_ms);
        }
        effects
    }
}

impl Identity {
    /// The key of the blind index.
    pub(super) fn index_key(&self) -> &IndexKey {
        self.index_key.get_or_init(|| self.digest_key.index_key())
    }

    /// A fact about `record`, to be filled in.
    pub(super) fn fact(&self, record: &RawRecord, outcome: audit::Outcome, now_ms: i64) -> audit::Fact {
        audit::Fact::new(record.position.offset, outcome, Moment(now_ms), self.reference.clone())
    }
}

/// A name for a fact; what isn't one (a configuration that was never checked) is left out rather than written as prose.
pub(super) fn name(text: &str) -> Option<Name> {
    Name::new(text)
}
