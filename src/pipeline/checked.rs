//! A pipeline's configuration as true: every name resolved, every number in range, every topic known.

use std::sync::Arc;

use super::cases::Case;
pub use super::written::{EventType, KeyRule};
use crate::detect::{Category, Kind};
use crate::event::{Format, JsonPath, Limits, Selectors};
use crate::policy::{Policy, Residency};

/// A kind's name and the duty it falls under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKind {
    /// Upper snake case.
    pub name: Arc<str>,
    /// Its duty.
    pub category: Category,
}

/// One pipeline, checked.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// Its name, unique among the pipelines loaded together.
    pub name: Arc<str>,
    /// SHA-256 in hex of what the file says, tests left out: comments and layout don't change it.
    pub digest: Arc<str>,
    /// The file it came from, as it was named.
    pub file: String,
    /// Topics it reads; no other pipeline reads them.
    pub topics: Vec<Arc<str>>,
    /// Topic for quarantine descriptors; `None`: the settings' one.
    pub quarantine: Option<Arc<str>>,
    /// What it does.
    pub work: Work,
    /// Its tests.
    pub cases: Vec<Case>,
}

/// What a pipeline does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Takes personal data out.
    Sanitize(Box<Sanitize>),
    /// Puts it back for one audience.
    Restore(Box<Restore>),
    /// Carries deletion requests out.
    Erase(Box<Erase>),
}

/// A sanitize pipeline.
#[derive(Clone, Debug)]
pub struct Sanitize {
    /// How its events are read.
    pub reading: Reading,
    /// What becomes of the record key.
    pub key: KeyRule,
    /// What is looked for, besides the built-in kinds.
    pub detection: Detection,
    /// What is done.
    pub policy: Policy,
}

/// A restore pipeline.
#[derive(Clone, Debug)]
pub struct Restore {
    /// How its events are read.
    pub reading: Reading,
    /// For whom originals come back.
    pub audience: Arc<str>,
    /// Where restored events may go.
    pub residency: Residency,
}

/// An erase pipeline.
#[derive(Clone, Debug)]
pub struct Erase {
    /// Path of the tenant in a request.
    pub tenant: JsonPath,
    /// The tenant of requests that name none.
    pub default_tenant: Option<Arc<str>>,
    /// Path of the subject id.
    pub subject: JsonPath,
    /// Path of the reason.
    pub reason: JsonPath,
    /// Path of the request's own id.
    pub request_id: JsonPath,
    /// Path of the time it was made.
    pub requested_at: JsonPath,
    /// Topic of signed receipts.
    pub receipts: Arc<str>,
}

/// How a pipeline's events are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What kind of event leaves.
    pub event_type: EventType,
    /// What a payload is.
    pub format: Format,
    /// Where an event's attributes stand.
    pub selectors: Selectors,
    /// Free text that the firewall judges; empty: the usual places of chat events.
    pub text: Vec<JsonPath>,
    /// What is too much.
    pub limits: Limits,
    /// The tenant of events that name none.
    pub default_tenant: Option<Arc<str>>,
    /// Whether a subject may be a subject ref.
    pub subject_refs: bool,
    /// Whether an event without a subject goes to quarantine.
    pub require_subject: bool,
}

/// What a sanitize pipeline looks for, besides the built-in kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    /// All kinds by [`Kind`]: the built-in ones, then the pipeline's own in the order in which rules and then dictionaries
    /// first name them.
    pub kinds: Vec<NamedKind>,
    /// Regular expressions of its own.
    pub rules: Vec<OwnRule>,
    /// Word lists of its own.
    pub dictionaries: Vec<OwnDictionary>,
    /// Texts that are never a finding; case does not matter.
    pub allow: Vec<String>,
    /// Least confidence by kind.
    pub thresholds: Vec<(Kind, u8)>,
    /// Kinds that are not looked for.
    pub disabled: Vec<Kind>,
}

/// A regular expression of a pipeline's own. It compiles, and never matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRule {
    /// What it finds.
    pub kind: Kind,
    /// The expression.
    pub pattern: String,
    /// Words nearby that raise belief.
    pub context: Vec<String>,
    /// Whether a match without such a word is none.
    pub context_required: bool,
    /// Belief in percent.
    pub confidence: u8,
}

/// A word list of a pipeline's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDictionary {
    /// What it finds.
    pub kind: Kind,
    /// Words or phrases, found as whole words.
    pub words: Vec<String>,
    /// Whether case matters.
    pub case_sensitive: bool,
    /// Belief in percent.
    pub confidence: u8,
}

impl PipelineConfig {
    /// Every topic it writes, receipts and quarantine included, in a fixed order.
    pub fn outputs(&self) -> Vec<Arc<str>> {
        let mut topics: Vec<Arc<str>> = match &self.work {
            Work::Sanitize(sanitize) => topics(&sanitize.policy.residency),
            Work::Restore(restore) => topics(&restore.residency),
            Work::Erase(erase) => vec![erase.receipts.clone()],
        };
        topics.extend(self.quarantine.clone());
        topics
    }

    /// Where its events may live; an erase pipeline has no such question.
    pub fn residency(&self) -> Option<&Residency> {
        match &self.work {
            Work::Sanitize(sanitize) => Some(&sanitize.policy.residency),
            Work::Restore(restore) => Some(&restore.residency),
            Work::Erase(_) => None,
        }
    }
}

fn topics(residency: &Residency) -> Vec<Arc<str>> {
    residency.destinations.iter().map(|to| to.topic.clone()).collect()
}
