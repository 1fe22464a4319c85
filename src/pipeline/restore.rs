//! Sanitised responses in, restored out: tokens whose sealed originals ride in the echoed sidecar come back for one audience.
//!
//! Nothing is restored that this event's own sidecars do not hold, that was sealed for another tenant or subject, or whose
//! keys are gone. What is refused stays a token, and the fact counts it.

use std::sync::Arc;

use super::outgoing::{Outgoing, reserved, sealed_headers};
use super::plan::{Identity, Step, name};
use super::quarantine::Quarantine;
use super::sanitize::event_time_ms;
use super::{Effects, OutRecord};
use crate::audit::{self, Moment, Name};
use crate::event::{Event, RawRecord, TenantId};
use crate::keys::{Grant, KeyId, KeyRequest, KeyRing, KeyState};
use crate::policy::{Categories, Class, Level, Residency, Route};
use crate::protect::{self, Reader, Reason, Restored, Sidecar};

/// What a restoring pipeline knows.
pub(super) struct Restorer {
    /// For whom.
    pub(super) audience: Arc<str>,
    /// Whose events it restores, and where they may go.
    pub(super) bounds: Bounds,
}

/// Whose events are restored, and where they may go.
pub(super) enum Bounds {
    /// A pipeline's: residency holds here as it does on the way in.
    Pipeline {
        /// Where restored events may go.
        residency: Residency,
        /// The tenant of events that name none.
        default_tenant: Option<TenantId>,
        /// Whether an event without a subject of its own is refused. With one, it must be the subject who was sealed.
        require_subject: bool,
    },
    /// An operator's, who looks at one record: the sidecar says whose it is.
    Operator,
}

/// A restoring plan.
pub(super) struct Restoring<'a> {
    restorer: &'a Restorer,
    event: Event<'a>,
    tenant: Option<TenantId>,
    route: Route,
    at_ms: i64,
    sidecars: Vec<(Sidecar, KeyRequest)>,
    refused: u32,
    notes: Vec<&'static str>,
}

impl Restorer {
    pub(super) fn plan<'a>(
        &'a self,
        identity: &Identity,
        record: &'a RawRecord,
        event: Event<'a>,
        keys: &mut Vec<KeyRequest>,
    ) -> Step<'a> {
        let Some(at_ms) = event_time_ms(record, &event) else { return Step::Quarantine("missing_time") };
        let (tenant, route) = match &self.bounds {
            Bounds::Pipeline { require_subject: true, .. } if event.subject().is_none() => {
                return Step::Quarantine("missing_subject");
            }
            Bounds::Pipeline { residency, default_tenant, .. } => {
                let Some(tenant) = event.tenant().or(default_tenant.as_ref()) else {
                    return Step::Quarantine("missing_tenant");
                };
                // What comes back may be anything that was taken out: it goes only where the most sensitive may.
                let class = Class { level: Level::Restricted, categories: Categories::NONE };
                let route = match residency.journey(Some(tenant.as_str()), event.region(), class) {
                    Ok((topic, region, basis)) => Route::Deliver { topic, region, basis },
                    Err(code) => Route::Quarantine(code),
                };
                (Some(tenant.clone()), route)
            }
            Bounds::Operator => {
                let route = Route::Deliver { topic: "restored".into(), region: "here".into(), basis: None };
                (event.tenant().cloned(), route)
            }
        };
        let subject = event.subject().zip(tenant.as_ref()).map(|(subject, tenant)| {
            KeyId::from_reference(subject.reveal())
                .unwrap_or_else(|| identity.digest_key.key_id(tenant, subject.reveal().as_bytes()))
        });
        let (mut sidecars, mut refused, mut notes) = (Vec::new(), 0, Vec::new());
        for text in sealed_headers(record) {
            match Sidecar::parse(text).map_err(|_| "sealed_broken").and_then(|s| self.admit(s, tenant.as_ref(), subject)) {
                Ok(sidecar) => {
                    let (id, bucket) = (sidecar.key_id(), sidecar.bucket().clone());
                    // A sealed value may be opened as long as its keys live: the event's age is no matter here.
                    let request = KeyRequest { id, bucket, at_ms: i64::MAX, grant: Grant::Open };
                    keys.push(request.clone());
                    sidecars.push((sidecar, request));
                }
                Err(note) => {
                    refused += 1;
                    notes.push(note);
                }
            }
        }
        Step::Restore(Box::new(Restoring { restorer: self, event, tenant, route, at_ms, sidecars, refused, notes }))
    }

    fn admit(
        &self,
        sidecar: Sidecar,
        tenant: Option<&TenantId>,
        subject: Option<KeyId>,
    ) -> Result<Sidecar, &'static str> {
        let Bounds::Pipeline { require_subject, .. } = &self.bounds else { return Ok(sidecar) };
        if Some(sidecar.tenant()) != tenant {
            return Err("sealed_broken");
        }
        match subject {
            Some(id) if id != sidecar.key_id() => Err("sealed_broken"),
            None if *require_subject => Err("missing_subject"),
            _ => Ok(sidecar),
        }
    }
}

impl Restoring<'_> {
    pub(super) fn apply(mut self, identity: &Identity, record: &RawRecord, ring: &KeyRing, now_ms: i64) -> Effects {
        let (topic, region) = match &self.route {
            Route::Deliver { topic, region, .. } => (Arc::clone(topic), Arc::clone(region)),
            Route::Quarantine(code) | Route::Block(code) => {
                let effects = Quarantine::of(record, code.as_str()).effects(identity, now_ms);
                return effects;
            }
        };
        let mut open = Vec::with_capacity(self.sidecars.len());
        for (sidecar, request) in &self.sidecars {
            match ring.state(request) {
                KeyState::Live(keys) => open.push((sidecar, &**keys)),
                state => {
                    self.refused += sidecar.entry_count() as u32;
                    self.notes.push(match state {
                        KeyState::Erased(_) => "erased_subject",
                        KeyState::Expired => "expired_retention",
                        _ => "sealed_broken",
                    });
                }
            }
        }
        let restored = match open.first() {
            Some((first, _)) => {
                // `admit` has held every sidecar against the event's own tenant and subject, where it names them.
                let reader = Reader {
                    tenant: first.tenant(),
                    subject: first.key_id(),
                    audience: &self.restorer.audience,
                };
                protect::restore(&self.event, &open, &reader)
            }
            None => Restored { unresolved: protect::unresolved(&self.event), ..Restored::default() },
        };
        if restored.unresolved > 0 && self.sidecars.is_empty() && self.refused == 0 {
            self.notes.push("sealed_missing");
        }
        let mut encoded = self.event.encode(&restored.edits);
        encoded.headers.retain(|(name, _)| !reserved(name));
        let mut headers = Outgoing::new(encoded.headers);
        let position = record.position.to_string();
        headers.set("lethe-id", &position);
        headers.set("lethe-policy", &identity.policy_header);

        let refused = self.refused + restored.refused.len() as u32;
        for (_, reason) in &restored.refused {
            if !self.notes.contains(&note_of(*reason)) {
                self.notes.push(note_of(*reason));
            }
        }
        let outcome =
            if restored.restored == 0 && refused > 0 { audit::Outcome::Refused } else { audit::Outcome::Restored };
        let mut fact = identity.fact(record, outcome, now_ms);
        fact.tenant = self.tenant;
        fact.subject = self.sidecars.first().map(|(sidecar, _)| sidecar.key_id());
        fact.event_at = Some(Moment(self.at_ms));
        fact.region = name(&region);
        fact.destination = name(&topic);
        fact.notes = self.notes.iter().map(|note| Name::fixed(note)).collect();
        fact.restore = name(&self.restorer.audience).map(|audience| audit::RestoreFact {
            audience,
            restored: restored.restored,
            refused,
            unresolved: restored.unresolved,
        });
        let out = OutRecord {
            topic,
            region: Some(region),
            key: encoded.key,
            value: Some(encoded.value),
            headers: headers.done(),
            timestamp_ms: record.timestamp_ms,
        };
        Effects { records: vec![out], fact }
    }
}

/// The code under which a refusal is known outside.
fn note_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Audience => "not_for_audience",
        Reason::Foreign | Reason::Key | Reason::Altered | Reason::Conflict => "sealed_broken",
    }
}
