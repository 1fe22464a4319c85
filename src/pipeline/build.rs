//! From a checked configuration to a pipeline that can plan.

use std::sync::Arc;

use super::checked::{Detection, EventType, KeyRule, PipelineConfig, Reading, Restore, Sanitize, Work};
use super::plan::{Identity, Pipeline, Role};
use super::restore::Restorer;
use super::sanitize::{KindName, Sanitizer};
use crate::audit::{Name, PipelineRef};
use crate::detect::{Detector, RuleProblem};
use crate::event::Shape;
use crate::firewall::Judge;
use crate::keys::DigestKey;
use crate::policy::{Level, Policy};

/// What all pipelines of a process share.
#[derive(Clone)]
pub struct Ground {
    /// Where records go that can't be handled, unless a pipeline names a topic of its own.
    pub quarantine: Arc<str>,
    /// Largest output record in bytes: the brokers' `max.message.bytes`.
    pub max_output_bytes: usize,
    /// The deployment's digest key.
    pub digest_key: DigestKey,
}

impl Pipeline {
    /// Builds a pipeline; `None` for an erase pipeline, which plans nothing.
    pub fn build(config: &PipelineConfig, ground: &Ground) -> Result<Option<Self>, Vec<RuleProblem>> {
        let (shape, role) = match &config.work {
            Work::Sanitize(sanitize) => (shape(&sanitize.reading), Role::Sanitize(Box::new(sanitizer(sanitize)?))),
            Work::Restore(restore) => (shape(&restore.reading), Role::Restore(Box::new(restorer(restore)))),
            Work::Erase(_) => return Ok(None),
        };
        let name = |text: &str| Name::new(text).unwrap_or(Name::fixed("unnamed"));
        Ok(Some(Self {
            identity: Identity {
                reference: PipelineRef { name: name(&config.name), digest: name(&config.digest) },
                policy_header: format!("{} sha256:{}", config.name, config.digest),
                quarantine: config.quarantine.clone().unwrap_or_else(|| Arc::clone(&ground.quarantine)),
                max_output_bytes: ground.max_output_bytes,
                digest_key: ground.digest_key.clone(),
            },
            shape,
            role,
        }))
    }
}

fn shape(reading: &Reading) -> Shape {
    Shape::new(reading.format, reading.selectors.clone(), &reading.text, reading.limits)
}

fn sanitizer(config: &Sanitize) -> Result<Sanitizer, Vec<RuleProblem>> {
    let reading = &config.reading;
    let kinds = config.detection.kinds.iter().map(|kind| KindName {
        text: Arc::clone(&kind.name),
        fact: Name::new(&kind.name).unwrap_or(Name::fixed("UNNAMED")),
    });
    Ok(Sanitizer {
        detector: detector(&config.detection)?,
        judge: Judge::new(),
        policy: config.policy.clone(),
        kinds: kinds.collect(),
        default_tenant: reading.default_tenant.as_deref().and_then(crate::event::TenantId::new),
        subject_refs: reading.subject_refs,
        require_subject: reading.require_subject,
        digest_every_key: config.key == KeyRule::Digest,
        event_type: event_type(reading.event_type).into(),
    })
}

fn detector(config: &Detection) -> Result<Detector, Vec<RuleProblem>> {
    let _ = config;
    Ok(Detector)
}

fn restorer(config: &Restore) -> Restorer {
    Restorer {
        audience: Arc::clone(&config.audience),
        residency: config.residency.clone(),
        default_tenant: config.reading.default_tenant.as_deref().and_then(crate::event::TenantId::new),
        require_subject: config.reading.require_subject,
    }
}

/// `ce_type` of what leaves, where the event did not bring one.
fn event_type(kind: EventType) -> &'static str {
    match kind {
        EventType::Prompt => "lethe.prompt.sanitized",
        EventType::Response => "lethe.response.sanitized",
        EventType::Event => "lethe.event.sanitized",
    }
}
