//! From a checked configuration to a pipeline that can plan.

use std::sync::Arc;

use super::checked::{Detection, EventType, KeyRule, PipelineConfig, Reading, Restore, Sanitize, Work};
use super::plan::{Identity, Pipeline, Role};
use super::restore::Restorer;
use super::sanitize::{KindName, Sanitizer};
use crate::audit::{Name, PipelineRef};
use crate::detect::{Detector, DetectorConfig, DictionaryRule, Kind, RegexRule, RuleProblem};
use crate::event::Shape;
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
    let name = |kind: Kind| config.kinds.get(usize::from(kind.0)).map_or_else(String::new, |kind| kind.name.to_string());
    let category = |kind: Kind| config.kinds.get(usize::from(kind.0)).map(|kind| kind.category);
    let detector = Detector::new(&DetectorConfig {
        regexes: config
            .rules
            .iter()
            .map(|rule| RegexRule {
                kind: name(rule.kind),
                category: category(rule.kind),
                pattern: rule.pattern.clone(),
                near: rule.context.clone(),
                need: rule.context_required,
                validator: None,
                confidence: Some(rule.confidence),
                examples: Vec::new(),
                counterexamples: Vec::new(),
            })
            .collect(),
        dictionaries: config
            .dictionaries
            .iter()
            .map(|list| DictionaryRule {
                kind: name(list.kind),
                category: category(list.kind),
                words: list.words.clone(),
                confidence: Some(list.confidence),
            })
            .collect(),
        allow: config.allow.clone(),
        thresholds: config.thresholds.iter().map(|(kind, least)| (name(*kind), *least)).collect(),
        disabled: config.disabled.iter().map(|kind| name(*kind)).collect(),
        ..DetectorConfig::default()
    })?;
    // Policy and detector number the kinds apart from each other; a finding must never meet another kind's treatment.
    let same = detector.kinds().len() == config.kinds.len()
        && detector.kinds().iter().zip(&config.kinds).all(|(one, other)| *one.name == *other.name);
    if same {
        Ok(detector)
    } else {
        Err(vec![RuleProblem {
            rule: "detect".into(),
            what: "the kinds of policy and detector differ".into(),
            help: "this is a mistake in lethe itself: please report it with the pipeline's `detect` section".into(),
        }])
    }
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
