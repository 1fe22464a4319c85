//! Prompts and responses in, sanitised out: decode → scan → judge → decide, then protect → encode.

use std::sync::Arc;

use super::outgoing::{Outgoing, reserved};
use super::plan::{Identity, Step, name};
use super::quarantine::Quarantine;
use super::{Effects, OutRecord};
use crate::audit::{self, Moment, Name};
use crate::detect::{Detector, Finding, Hint};
use crate::event::{Attribute, Edit, Event, Place, RawRecord, Replacement, Slot, TenantId};
use crate::firewall::{Judge, Verdict};
use crate::keys::{BucketId, Grant, Identifier, IndexEntry, KeyId, KeyRequest, KeyRing, KeyState, Label};
use crate::policy::{AfterErasure, Circumstances, Code, Decision, Found, Policy, Route, TokenScope, Treatment};
use crate::protect::{self, Action, Scope, Sealer, Sidecar, Work};

/// What a sanitising pipeline knows.
pub(super) struct Sanitizer {
    pub(super) detector: Arc<Detector>,
    pub(super) judge: Judge,
    pub(super) policy: Policy,
    /// Kind names for facts and tokens, by [`crate::detect::Kind`].
    pub(super) kinds: Vec<KindName>,
    /// The tenant of events that name none.
    pub(super) default_tenant: Option<TenantId>,
    /// Whether an event without a subject is put aside.
    pub(super) require_subject: bool,
    /// Kinds whose values go into the blind index.
    pub(super) index: Vec<Arc<str>>,
    /// Whether every record key is replaced by its digest.
    pub(super) digest_every_key: bool,
    /// Whether `sub_…` in the subject's place is taken as a subject ref.
    pub(super) subject_refs: bool,
    /// `ce_type` of outputs whose input had none.
    pub(super) event_type: Arc<str>,
}

/// A kind's name, ready for both uses.
#[derive(Clone)]
pub(super) struct KindName {
    pub(super) text: Arc<str>,
    pub(super) fact: Name,
}

/// A sanitising plan.
pub(super) struct Sanitizing<'a> {
    sanitizer: &'a Sanitizer,
    event: Event<'a>,
    tenant: Option<TenantId>,
    verdict: Verdict,
    decision: Decision,
    work: Vec<Work<'a>>,
    /// Subject refs: written whatever the keys say.
    refs: Vec<Edit>,
    /// Whether the record key holds personal data and is replaced by its digest.
    digest_record_key: bool,
    findings: Vec<audit::Found>,
    subject: Option<KeyId>,
    at_ms: i64,
    request: Option<KeyRequest>,
    /// What may be created for this event's subject.
    grant: Grant,
    tenant_request: Option<KeyRequest>,
    /// Sidecars that came with the event: sealed values of the prompt that a model worker echoed.
    echoed: Vec<(String, Sidecar, KeyRequest)>,
    notes: Vec<Code>,
}

/// RFC 3339 ends with the year 9999; the rest is for retention.
const YEAR_9000_MS: i64 = 221_845_392_000_000;
/// Verbatim occurrences of shorter subject ids are not looked for: they would be found everywhere.
const LEAST_SUBJECT_BYTES: usize = 4;

impl Sanitizer {
    pub(super) fn plan<'a>(
        &'a self,
        identity: &Identity,
        record: &'a RawRecord,
        event: Event<'a>,
        keys: &mut Vec<KeyRequest>,
    ) -> Step<'a> {
        let Some(at_ms) = event_time_ms(record, &event) else { return Step::Quarantine(Code::MissingTime) };
        let tenant = event.tenant().or(self.default_tenant.as_ref()).cloned();
        let subject = match self.subject(identity, &event, tenant.as_ref()) {
            Ok(subject) => subject,
            Err(code) => return Step::Quarantine(code),
        };
        let verdict = self.judge.judge(event.slots().iter().filter(|slot| slot.listed).map(|slot| slot.text.reveal()));
        let scanned = match self.scan(&event) {
            Ok(scanned) => scanned,
            Err(code) => return Step::Quarantine(code),
        };
        let found: Vec<Found> = scanned.iter().map(|(_, f)| Found { kind: f.kind, confidence: f.confidence }).collect();
        let decision = self.policy.decide(
            &Circumstances {
                tenant: tenant.as_ref().map(|tenant| tenant.as_str()),
                region: event.region(),
                subject: subject.is_some(),
                hostility: verdict.score,
            },
            &found,
        );
        let mut refs = subject.map(|id| subject_refs(&event, id)).unwrap_or_default();
        let (work, digest_record_key) = self.work(&event, &scanned, &decision, &mut refs);
        let findings = self.facts_of(&scanned, &decision);
        let bucket =
            BucketId { class: Arc::clone(&decision.retention.class), index: decision.retention.bucket_index(at_ms) };
        let delivered = matches!(decision.route, Route::Deliver { .. });
        let grant = match self.policy.after_erasure {
            AfterErasure::Redact => Grant::Create,
            AfterErasure::Renew => Grant::Renew,
        };
        // A fence must be looked at before anything of the subject leaves, even where nothing is to be sealed.
        let seals = work.iter().any(|w| matches!(w.action, Action::Token | Action::Surrogate));
        let request = subject.filter(|_| delivered && !scanned.is_empty()).map(|id| KeyRequest {
            id,
            bucket: bucket.clone(),
            at_ms,
            grant: if seals { grant } else { Grant::Open },
        });
        let tenant_request = tenant
            .as_ref()
            .filter(|_| request.is_some() && seals && self.policy.token_scope == TokenScope::Tenant)
            .map(|tenant| KeyRequest {
                id: identity.digest_key.tenant_key_id(tenant),
                bucket: bucket.clone(),
                at_ms,
                grant: Grant::Create,
            });
        let mut notes = Vec::new();
        if subject.is_none() && !scanned.is_empty() {
            notes.push(Code::NoSubject);
        }
        let echoed = if delivered { echoed(record, tenant.as_ref(), at_ms, &mut notes) } else { Vec::new() };
        keys.extend(request.iter().chain(&tenant_request).cloned());
        keys.extend(echoed.iter().map(|(_, _, request)| request.clone()));
        Step::Sanitize(Box::new(Sanitizing {
            sanitizer: self,
            event,
            tenant,
            verdict,
            decision,
            work,
            refs,
            digest_record_key,
            findings,
            subject,
            at_ms,
            request,
            grant,
            tenant_request,
            echoed,
            notes,
        }))
    }

    /// Whose data it is; a subject without a tenant can't be told apart from another tenant's.
    fn subject(
        &self,
        identity: &Identity,
        event: &Event<'_>,
        tenant: Option<&TenantId>,
    ) -> Result<Option<KeyId>, Code> {
        let Some(subject) = event.subject() else {
            return if self.require_subject { Err(Code::MissingSubject) } else { Ok(None) };
        };
        let Some(tenant) = tenant else { return Err(Code::MissingTenant) };
        match KeyId::from_reference(subject.reveal()) {
            Some(id) if self.subject_refs => Ok(Some(id)),
            // Whoever publishes raw input doesn't get to name somebody else's digest.
            Some(_) => Err(Code::SubjectRefNotAccepted),
            None => Ok(Some(identity.digest_key.key_id(tenant, subject.reveal().as_bytes()))),
        }
    }

    /// What the event's texts hold, by slot.
    fn scan(&self, event: &Event<'_>) -> Result<Vec<(usize, Finding)>, Code> {
        let mut scanned = Vec::new();
        let mut findings = Vec::new();
        for (index, slot) in event.slots().iter().enumerate() {
            if !scannable(slot) {
                continue;
            }
            findings.clear();
            let field = slot.field.as_ref().map(|field| field.reveal());
            self.detector.scan(slot.text.reveal(), Hint { field }, &mut findings);
            if findings.first().is_some_and(|finding| self.detector.is_unread(finding)) {
                return Err(Code::NamesUnread);
            }
            scanned.extend(findings.iter().map(|finding| (index, *finding)));
        }
        Ok(scanned)
    }

    /// Work for protection; and whether the record key must be replaced by its digest.
    fn work<'a>(
        &'a self,
        event: &Event<'_>,
        scanned: &[(usize, Finding)],
        decision: &Decision,
        refs: &mut Vec<Edit>,
    ) -> (Vec<Work<'a>>, bool) {
        let mut work: Vec<Work<'a>> = Vec::with_capacity(scanned.len());
        let mut digest_record_key = self.digest_every_key;
        for (((slot, finding), treatment), audiences) in
            scanned.iter().zip(&decision.treatments).zip(&decision.audiences)
        {
            let Some(place) = event.slots().get(*slot).map(|slot| slot.place) else { continue };
            let mut range = finding.start as usize..finding.end as usize;
            if place == Place::RecordKey {
                digest_record_key |= *treatment != Treatment::Keep;
                continue;
            }
            // Where finding and subject id meet, the wider one is written; where they cross, one edit takes both out.
            if refs.iter().any(|e| e.slot == *slot && e.range.start <= range.start && range.end <= e.range.end) {
                continue;
            }
            let action = match treatment {
                Treatment::Keep => continue,
                Treatment::Token => Action::Token,
                Treatment::Mask { keep_last } => Action::Mask { keep_last: *keep_last },
                Treatment::Hash => Action::Hash,
                Treatment::Surrogate => Action::Surrogate,
                Treatment::Redact | Treatment::Block => Action::Redact,
            };
            refs.retain(|e| {
                let apart = e.slot != *slot || e.range.end <= range.start || range.end <= e.range.start;
                if !apart {
                    range = range.start.min(e.range.start)..range.end.max(e.range.end);
                }
                apart
            });
            if let Some(last) = work.last_mut().filter(|last| last.slot == *slot && range.start < last.range.end) {
                last.range.end = last.range.end.max(range.end);
                last.action = Action::Redact;
                continue;
            }
            let kind = &*self.kind(*finding).text;
            work.push(Work { slot: *slot, range, kind, action, audiences: *audiences });
        }
        (work, digest_record_key)
    }

    fn facts_of(&self, scanned: &[(usize, Finding)], decision: &Decision) -> Vec<audit::Found> {
        let mut facts: Vec<audit::Found> = Vec::new();
        for ((_, finding), treatment) in scanned.iter().zip(&decision.treatments) {
            let kind = &self.kind(*finding).fact;
            let treatment = treatment.as_str();
            match facts.iter_mut().find(|f| f.kind == *kind && f.treatment.as_str() == treatment) {
                Some(fact) => {
                    fact.count += 1;
                    fact.confidence = fact.confidence.min(finding.confidence);
                }
                None => facts.push(audit::Found {
                    kind: kind.clone(),
                    treatment: Name::fixed(treatment),
                    count: 1,
                    confidence: finding.confidence,
                }),
            }
        }
        facts
    }

    #[expect(clippy::indexing_slicing, reason = "the table is built from the detector that numbers the kinds")]
    fn kind(&self, finding: Finding) -> &KindName {
        &self.kinds[usize::from(finding.kind.0)]
    }
}

impl Sanitizing<'_> {
    pub(super) fn apply(mut self, identity: &Identity, record: &RawRecord, ring: &KeyRing, now_ms: i64) -> Effects {
        let (topic, region, basis) = match self.decision.route.clone() {
            Route::Deliver { topic, region, basis } => (topic, region, basis),
            Route::Quarantine(code) => return self.put_aside(identity, record, code, true, now_ms),
            Route::Block(code) => return self.put_aside(identity, record, code, false, now_ms),
        };
        let bucket = BucketId {
            class: Arc::clone(&self.decision.retention.class),
            index: self.decision.retention.bucket_index(self.at_ms),
        };
        let limit = self.limit(identity, &bucket, ring);
        if let Some(note) = limit {
            self.redact_all(note);
        }
        let state = self.request.as_ref().filter(|_| limit.is_none()).map(|request| ring.state(request));
        let keys = match state {
            Some(KeyState::Live(keys)) => Some(keys),
            Some(KeyState::Erased(_)) => {
                self.redact_all(Code::ErasedSubject);
                None
            }
            Some(KeyState::Expired) => {
                self.redact_all(Code::ExpiredRetention);
                None
            }
            Some(KeyState::Unknown) | None => None,
        };
        let tenant_keys =
            self.tenant_request.as_ref().filter(|_| limit.is_none()).and_then(|request| match ring.state(request) {
                KeyState::Live(keys) => Some(keys),
                _ => None,
            });
        let position = record.position.to_string();
        let conversation = self.event.conversation().map(|c| c.reveal().to_owned());
        let scope = match (self.sanitizer.policy.token_scope, &conversation) {
            (TokenScope::Conversation, Some(_)) => Scope::Conversation,
            (TokenScope::Conversation | TokenScope::Event, _) => Scope::Event,
            (TokenScope::Subject, _) => Scope::Subject,
            (TokenScope::Tenant, _) => Scope::Tenant,
        };
        let scope_id = match (scope, &conversation) {
            (Scope::Conversation, Some(conversation)) => conversation.as_bytes(),
            (Scope::Event, _) => position.as_bytes(),
            _ => &[],
        };
        self.keep_echoed(ring);
        let sealer = Sealer {
            keys: keys.map(|keys| &**keys),
            tenant_keys: tenant_keys.map(|keys| &**keys),
            digest_key: &identity.digest_key,
            tenant: self.tenant.as_ref(),
            subject: self.subject,
            bucket: &bucket,
            scope,
            scope_id,
            audiences: &self.sanitizer.policy.audiences,
        };
        let mut protected = protect::protect(&self.event, &self.work, &sealer);
        protected.edits.append(&mut self.refs);
        let mut encoded = self.event.encode(&protected.edits);
        if let Some(key) =
            record.key.as_ref().filter(|key| self.digest_record_key || std::str::from_utf8(key.reveal()).is_err())
        {
            encoded.key = Some(identity.digest_key.record_key(key.reveal()).into_bytes());
        }
        encoded.headers.retain(|(name, _)| !reserved(name));
        let expires_ms = self.decision.retention.expires_ms(self.at_ms);
        let mut headers = Outgoing::new(encoded.headers);
        headers.default("ce_specversion", "1.0");
        headers.default("ce_id", &position);
        headers.default("ce_type", &self.sanitizer.event_type);
        headers.default("ce_source", &format!("lethe/{}", identity.reference.name));
        headers.default("ce_time", &Moment(self.at_ms).to_string());
        headers.set("ce_dataclass", &self.decision.class.to_string());
        headers.set("ce_residency", &region);
        headers.set("ce_retention", &self.decision.retention.class);
        headers.set("ce_expirytime", &Moment(expires_ms).to_string());
        headers.set("lethe-id", &position);
        headers.set("lethe-policy", &identity.policy_header);
        if !self.verdict.reasons.is_empty() {
            headers.set("lethe-firewall", &self.firewall_header());
        }
        for (text, _, _) in &self.echoed {
            headers.add("lethe-sealed", text);
        }
        if let Some(sidecar) = &protected.sidecar {
            headers.add("lethe-sealed", sidecar);
        }
        let value = encoded.value;
        let mut fact = self.fact(identity, record, audit::Outcome::Sanitized, now_ms);
        fact.region = name(&region);
        fact.basis = basis.map(|basis| Name::fixed(basis.as_str()));
        fact.destination = name(&topic);
        fact.retention = name(&self.decision.retention.class)
            .map(|class| audit::Kept { class, expires_at: Some(Moment(expires_ms)) });
        fact.keys = keys.map(|keys| audit::KeysUsed { generation: keys.generation(), bucket: bucket.index });
        fact.output_sha256 = Some(audit::Fingerprint::of(&value));
        let out = OutRecord {
            topic,
            region: Some(region),
            key: encoded.key,
            value: Some(value),
            headers: headers.done(),
            timestamp_ms: record.timestamp_ms,
        };
        Effects { records: vec![out], fact }
    }

    /// Why nothing of this event may be sealed, whosoever it is: its tenant or its retention class was erased as a whole.
    fn limit(&self, identity: &Identity, bucket: &BucketId, ring: &KeyRing) -> Option<Code> {
        let limits = &ring.limits;
        if limits.is_empty() {
            return None;
        }
        let tenant = self.tenant.as_ref().map(|tenant| identity.digest_key.tenant_key_id(tenant));
        if tenant.is_some_and(|id| limits.tenant_erased(&id, self.at_ms, self.grant)) {
            return Some(Code::ErasedSubject);
        }
        limits.class_erased(bucket).then_some(Code::ExpiredRetention)
    }

    /// The tenant and the subject whose key this event may make.
    pub(super) fn member(&self, identity: &Identity, known: impl FnOnce(&KeyId) -> bool) -> Option<(KeyId, KeyId)> {
        let request = self.request.as_ref().filter(|request| request.grant != Grant::Open)?;
        if known(&request.id) {
            return None;
        }
        Some((identity.digest_key.tenant_key_id(self.tenant.as_ref()?), request.id))
    }

    /// Entries of the blind index for what these keys will seal, but those that are known. Nothing of an erased subject, or of
    /// one whose keys are not at hand, is entered.
    pub(super) fn identifiers(
        &self,
        identity: &Identity,
        ring: &KeyRing,
        known: impl Fn(&Label) -> bool,
        entries: &mut Vec<IndexEntry>,
    ) {
        let kinds = &self.sanitizer.index;
        let (false, Some(request), Some(tenant)) = (kinds.is_empty(), &self.request, &self.tenant) else { return };
        let KeyState::Live(keys) = ring.state(request) else { return };
        let bucket = &request.bucket;
        if request.grant == Grant::Open || self.limit(identity, bucket, ring).is_some() {
            return;
        }
        let index = identity.index_key();
        for work in self.work.iter().filter(|work| matches!(work.action, Action::Token | Action::Surrogate)) {
            if !kinds.iter().any(|kind| **kind == *work.kind) {
                continue;
            }
            let Some(slot) = self.event.slots().get(work.slot) else { continue };
            let Some(text) = slot.text.reveal().get(work.range.clone()) else { continue };
            let value = protect::normalise(work.kind, text);
            let identifier = Identifier { tenant: tenant.as_str(), kind: work.kind, value: &value };
            let generation = keys.generation();
            if !known(&index.pair(identifier, &request.id, generation)) {
                entries.push(index.entry(identifier, &request.id, generation));
            }
        }
    }

    /// Nothing of an erased subject gets a form that could ever come back or be compared.
    fn redact_all(&mut self, note: Code) {
        self.notes.push(note);
        for work in &mut self.work {
            work.action = Action::Redact;
        }
        for found in &mut self.findings {
            found.treatment = Name::fixed(Treatment::Redact.as_str());
        }
    }

    /// Echoed sidecars go on only if they are what these keys sealed: a header is no place to smuggle text through.
    fn keep_echoed(&mut self, ring: &KeyRing) {
        let notes = &mut self.notes;
        self.echoed.retain(|(_, sidecar, request)| {
            let note = match ring.state(request) {
                KeyState::Live(keys) if sidecar.is_genuine(keys) => return true,
                KeyState::Erased(_) => Code::ErasedSubject,
                _ => Code::SealedBroken,
            };
            notes.push(note);
            false
        });
    }

    fn firewall_header(&self) -> String {
        let reasons: Vec<&str> = self.verdict.reasons.iter().map(|reason| reason.code()).collect();
        format!("score={};action={};reasons={}", self.verdict.score, self.decision.firewall.as_str(), reasons.join(","))
    }

    fn put_aside(mut self, identity: &Identity, record: &RawRecord, code: Code, keep: bool, now_ms: i64) -> Effects {
        let outcome = if keep { audit::Outcome::Quarantined } else { audit::Outcome::Blocked };
        let mut fact = self.fact(identity, record, outcome, now_ms);
        fact.code = Some(Name::fixed(code.as_str()));
        fact.destination = name(&identity.quarantine);
        Effects { records: vec![Quarantine::of(record, code).out(identity)], fact }
    }

    fn fact(&mut self, identity: &Identity, record: &RawRecord, outcome: audit::Outcome, now_ms: i64) -> audit::Fact {
        let mut fact = identity.fact(record, outcome, now_ms);
        fact.tenant = self.tenant.clone();
        fact.subject = self.subject;
        fact.event_at = Some(Moment(self.at_ms));
        fact.class = Some(audit::Classified {
            level: Name::fixed(self.decision.class.level.as_str()),
            categories: self.decision.class.categories.iter().collect(),
        });
        fact.findings = std::mem::take(&mut self.findings);
        if self.event.dropped_headers() > 0 {
            self.notes.push(Code::HeaderDropped);
        }
        fact.notes = self.notes.iter().map(|note| Name::fixed(note.as_str())).collect();
        fact.firewall =
            Some(&self.verdict).filter(|verdict| !verdict.reasons.is_empty()).map(|verdict| audit::Judged {
                score: verdict.score,
                action: Name::fixed(self.decision.firewall.as_str()),
                reasons: verdict.reasons.iter().map(|reason| Name::fixed(reason.code())).collect(),
            });
        fact
    }
}

/// The event's own time, but never later than the record's: an event can't escape a fence by claiming to be young. A time
/// that headers and facts could not write in RFC 3339 is none.
pub(super) fn event_time_ms(record: &RawRecord, event: &Event<'_>) -> Option<i64> {
    let at_ms = match (event.time_ms(), record.timestamp_ms) {
        (Some(event), Some(record)) => event.min(record),
        (event, record) => event.or(record)?,
    };
    (0..YEAR_9000_MS).contains(&at_ms).then_some(at_ms)
}

/// Whether detection reads a slot. Tenant, region and time are checked forms; the subject is replaced whole; Lethe's own
/// headers are read elsewhere; a member name that is a plain identifier holds no format that a rule could find.
fn scannable(slot: &Slot<'_>) -> bool {
    if matches!(slot.attribute, Some(Attribute::Tenant | Attribute::Region | Attribute::Time | Attribute::Subject)) {
        return false;
    }
    match slot.place {
        Place::Name | Place::HeaderName(_) => {
            !slot.text.reveal().bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-')
        }
        Place::HeaderValue(_) => slot.field.as_ref().is_none_or(|name| !reserved(name.reveal())),
        Place::Text | Place::Number | Place::RecordKey => true,
    }
}

/// The subject's id becomes its ref: in its own place, and wherever it stands verbatim.
fn subject_refs(event: &Event<'_>, id: KeyId) -> Vec<Edit> {
    let Some(subject) = event.subject() else { return Vec::new() };
    let reference = id.reference();
    let subject = subject.reveal();
    let finder = (subject.len() >= LEAST_SUBJECT_BYTES).then(|| memchr::memmem::Finder::new(subject));
    let mut edits = Vec::new();
    for (slot, text) in event.slots().iter().enumerate() {
        let edit = |range| Edit { slot, range, with: Replacement::Text(reference.clone()) };
        let own_place = text.attribute == Some(Attribute::Subject) || text.place == Place::RecordKey;
        let text = text.text.reveal();
        if own_place && text == subject {
            edits.push(edit(0..text.len()));
        } else if let Some(finder) = &finder {
            edits.extend(finder.find_iter(text.as_bytes()).map(|at| edit(at..at + subject.len())));
        }
    }
    edits
}

/// Sidecars that came with the event and are of its tenant, with the key that tells whether they are genuine.
fn echoed(
    record: &RawRecord,
    tenant: Option<&TenantId>,
    at_ms: i64,
    notes: &mut Vec<Code>,
) -> Vec<(String, Sidecar, KeyRequest)> {
    let mut kept = Vec::new();
    for text in super::outgoing::sealed_headers(record) {
        match Sidecar::parse(text) {
            Ok(sidecar) if tenant == Some(sidecar.tenant()) => {
                let request =
                    KeyRequest { id: sidecar.key_id(), bucket: sidecar.bucket().clone(), at_ms, grant: Grant::Open };
                kept.push((text.to_owned(), sidecar, request));
            }
            _ => notes.push(Code::SealedBroken),
        }
    }
    kept
}
