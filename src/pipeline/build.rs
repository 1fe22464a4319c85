//! From a checked configuration to a pipeline that can plan.

use std::sync::Arc;

use super::checked::{EventType, KeyRule, PipelineConfig, Restore, Sanitize, Work};
use super::plan::{Identity, Pipeline, Role};
use super::restore::{Bounds, Restorer};
use super::sanitize::{KindName, Sanitizer};
use crate::audit::{Name, PipelineRef};
use crate::event::{Shape, TenantId};
use crate::firewall::Judge;
use crate::keys::DigestKey;

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
    /// A pipeline that restores for one audience wherever it is asked to: for an operator at the command line, who has the
    /// keys anyway. The tenant comes from the sidecar.
    pub fn restorer(audience: &str, ground: &Ground) -> Self {
        let name = Name::fixed("command-line");
        Self {
            identity: Identity {
                reference: PipelineRef { name: name.clone(), digest: Name::fixed("none"), names: None },
                policy_header: "command-line".into(),
                quarantine: Arc::clone(&ground.quarantine),
                max_output_bytes: ground.max_output_bytes,
                digest_key: ground.digest_key.clone(),
                index_key: std::sync::OnceLock::new(),
            },
            shape: Shape::default(),
            role: Role::Restore(Box::new(Restorer { audience: audience.into(), bounds: Bounds::Operator })),
        }
    }

    /// Builds a pipeline; `None` for an erase pipeline, which plans nothing.
    pub fn build(config: &PipelineConfig, ground: &Ground) -> Option<Self> {
        let (shape, role) = match &config.work {
            Work::Sanitize(sanitize) => (sanitize.reading.shape.clone(), Role::Sanitize(Box::new(sanitizer(sanitize)))),
            Work::Restore(restore) => (restore.reading.shape.clone(), Role::Restore(Box::new(restorer(restore)))),
            Work::Erase(_) => return None,
        };
        let name = |text: &str| Name::new(text).unwrap_or(Name::fixed("unnamed"));
        Some(Self {
            identity: Identity {
                reference: PipelineRef { name: name(&config.name), digest: name(&config.digest), names: names(config) },
                policy_header: format!("{} sha256:{}", config.name, config.digest),
                quarantine: config.quarantine.clone().unwrap_or_else(|| Arc::clone(&ground.quarantine)),
                max_output_bytes: ground.max_output_bytes,
                digest_key: ground.digest_key.clone(),
                index_key: std::sync::OnceLock::new(),
            },
            shape,
            role,
        })
    }
}

/// The digest of the model that a pipeline finds names with.
fn names(config: &PipelineConfig) -> Option<Name> {
    let Work::Sanitize(sanitize) = &config.work else { return None };
    Name::new(sanitize.detector.naming()?.digest())
}

fn sanitizer(config: &Sanitize) -> Sanitizer {
    let reading = &config.reading;
    let kinds = config.detector.kinds().iter().map(|kind| KindName {
        text: kind.name.as_ref().into(),
        fact: Name::new(&kind.name).unwrap_or(Name::fixed("UNNAMED")),
    });
    Sanitizer {
        detector: Arc::clone(&config.detector),
        judge: Judge::new(),
        policy: config.policy.clone(),
        kinds: kinds.collect(),
        default_tenant: reading.default_tenant.as_deref().and_then(TenantId::new),
        subject_refs: reading.subject_refs,
        require_subject: reading.require_subject,
        index: config.index.iter().map(|kind| kind.as_str().into()).collect(),
        digest_every_key: config.key == KeyRule::Digest,
        event_type: event_type(reading.event_type).into(),
    }
}

fn restorer(config: &Restore) -> Restorer {
    Restorer {
        audience: Arc::clone(&config.audience),
        bounds: Bounds::Pipeline {
            residency: config.residency.clone(),
            default_tenant: config.reading.default_tenant.as_deref().and_then(TenantId::new),
            require_subject: config.reading.require_subject,
        },
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

#[cfg(test)]
mod tests {
    use super::super::{load, test_keys};
    use super::*;

    #[test]
    fn facts_tell_which_model_found_the_names_and_none_where_none_did() {
        let shipped = include_str!("../../pipelines/prompts.yaml");
        let ground = Ground { quarantine: "q".into(), max_output_bytes: 1 << 20, digest_key: test_keys().digest_key() };
        let named = |text: &str| {
            let config = load(&[("prompts.yaml", text)], None).unwrap().remove(0);
            let names = Pipeline::build(&config, &ground).unwrap().identity.reference.names;
            names.map(|name| name.as_str().to_owned())
        };
        let model = include_bytes!("../../models/names.bin");
        let digest: String = model[model.len() - 32..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(named(shipped), Some(digest));
        assert_eq!(named(&shipped.replace("mode: balanced", "mode: off")), None);
    }
}
