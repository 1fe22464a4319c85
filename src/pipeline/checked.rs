//! A pipeline's configuration as true: every name resolved, every number in range, every topic known.

use std::fmt;
use std::sync::Arc;

use super::cases::Case;
pub use super::written::{EventType, KeyRule};
use crate::detect::Detector;
use crate::erasure::Scope;
use crate::event::Shape;
use crate::policy::{Policy, Residency};

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
#[derive(Clone)]
pub struct Sanitize {
    /// How its events are read.
    pub reading: Reading,
    /// What becomes of the record key.
    pub key: KeyRule,
    /// What finds things: the built-in rules and the pipeline's own.
    pub detector: Arc<Detector>,
    /// What is done.
    pub policy: Policy,
    /// Kinds whose values go into the blind index.
    pub index: Vec<String>,
    /// Whether raw input is deleted behind the commit.
    pub purge: bool,
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
    /// The tenant of requests that name none.
    pub default_tenant: Option<Arc<str>>,
    /// Whether requests are deleted from their topic behind the commit.
    pub purge: bool,
    /// How much whoever may publish there may erase.
    pub scopes: Vec<Scope>,
    /// Topic of signed receipts.
    pub receipts: Arc<str>,
}

/// How a pipeline's events are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What kind of event leaves.
    pub event_type: EventType,
    /// Format, selectors, free text and limits.
    pub shape: Shape,
    /// The tenant of events that name none.
    pub default_tenant: Option<Arc<str>>,
    /// Whether a subject may be a subject ref.
    pub subject_refs: bool,
    /// Whether an event without a subject goes to quarantine.
    pub require_subject: bool,
}

impl fmt::Debug for Sanitize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.detector.kinds().len();
        f.debug_struct("Sanitize")
            .field("reading", &self.reading)
            .field("key", &self.key)
            .field("kinds", &kinds)
            .field("policy", &self.policy)
            .finish()
    }
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
