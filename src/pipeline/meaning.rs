//! From a well-formed file to a pipeline that makes sense: asks every section's questions and puts the answers together.

use std::sync::Arc;

use ring::digest;
use serde_json::Value;

use super::cases::{self, Names};
use super::checked::{Erase, PipelineConfig, Restore, Sanitize, Work};
use super::report::{Report, at};
use super::written::{EraseFile, Input, RestoreFile, SanitizeFile};
use super::{borders, detection, keeping, reading, treating};
use crate::detect::{Detector, Models};
use crate::policy::{FirewallThresholds, Policy, Provider};

/// What a pipeline file may refer to.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// Those of the settings; `None` where no settings were read.
    pub providers: Option<&'a [Provider]>,
    /// Models of names that were read, by path.
    pub models: &'a Models,
}

/// A sanitize file's pipeline.
pub(super) fn sanitize(
    written: SanitizeFile,
    file: &str,
    digest: Arc<str>,
    around: Around<'_>,
    report: &mut Report<'_>,
) -> PipelineConfig {
    let reading = reading::check(written.event, written.input.format, false, report);
    let detector = detection::check(&written.detect, around.models, report);
    let (mut kinds, unlisted) = treating::treatments(&written.treatments, &detector, &written.detect.disabled, report);
    treating::levels(&written.class, &detector, &mut kinds, report);
    let audiences = treating::audiences(&written.restore, &detector, &mut kinds, report);
    let requires = treating::requires(written.class.requires.as_ref());
    let requires_written = written.class.requires.is_some();
    let residency =
        borders::check(written.residency, &written.output, requires, requires_written, around.providers, report);
    let retention = keeping::check(written.retention, report);
    let firewall = FirewallThresholds {
        flag: written.firewall.flag,
        quarantine: written.firewall.quarantine,
        block: written.firewall.block,
    };
    thresholds_rise(firewall, report);
    let names = Names {
        kinds: detection::names(detector.kinds()).collect(),
        regions: residency.destinations.iter().map(|to| &*to.region).collect(),
        retention: retention.classes.iter().map(|class| &*class.name).collect(),
    };
    let cases = cases::check(written.tests, &names, report);
    let policy = Policy {
        kinds,
        unlisted,
        block_confidence: written.treatments.block_confidence.unwrap_or(50),
        floor: written.class.floor,
        token_scope: written.token.scope,
        audiences: audiences.into(),
        residency,
        retention,
        firewall,
        after_erasure: written.after_erasure,
    };
    PipelineConfig {
        name: written.name.into(),
        digest,
        file: file.to_owned(),
        topics: topics(written.input, report),
        quarantine: written.output.quarantine.map(Arc::from),
        work: Work::Sanitize(Box::new(Sanitize {
            reading,
            key: written.output.key,
            detector: Arc::new(detector),
            policy,
        })),
        cases,
    }
}

/// A restore file's pipeline.
pub(super) fn restore(
    written: RestoreFile,
    file: &str,
    digest: Arc<str>,
    providers: Option<&[Provider]>,
    report: &mut Report<'_>,
) -> PipelineConfig {
    let reading = reading::check(written.event, written.input.format, true, report);
    let residency = borders::check(written.residency, &written.output, Vec::new(), false, providers, report);
    let detector = Detector::builtin();
    let names = Names {
        kinds: detection::names(detector.kinds()).collect(),
        regions: residency.destinations.iter().map(|to| &*to.region).collect(),
        retention: Vec::new(),
    };
    let cases = cases::check(written.tests, &names, report);
    PipelineConfig {
        name: written.name.into(),
        digest,
        file: file.to_owned(),
        topics: topics(written.input, report),
        quarantine: written.output.quarantine.map(Arc::from),
        work: Work::Restore(Box::new(Restore { reading, audience: written.audience.into(), residency })),
        cases,
    }
}

/// An erase file's pipeline; `None` where a path is none.
pub(super) fn erase(written: EraseFile, file: &str, digest: Arc<str>, report: &mut Report<'_>) -> PipelineConfig {
    let topics = topics(written.input, report);
    let erase = Erase {
        default_tenant: written.request.default_tenant.map(Arc::from),
        receipts: written.output.receipts.into(),
        purge: written.purge,
    };
    PipelineConfig {
        name: written.name.into(),
        digest,
        file: file.to_owned(),
        topics,
        quarantine: None,
        work: Work::Erase(Box::new(erase)),
        cases: Vec::new(),
    }
}

/// SHA-256 in hex of what a file says, its tests left out.
pub(super) fn fingerprint(value: &Value) -> Arc<str> {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("tests");
    }
    let hash = digest::digest(&digest::SHA256, value.to_string().as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

fn topics(input: Input, report: &mut Report<'_>) -> Vec<Arc<str>> {
    let mut topics: Vec<Arc<str>> = Vec::new();
    for (place, topic) in input.topics.into_iter().enumerate() {
        if topics.iter().any(|earlier| **earlier == *topic) {
            let at = at!["input", "topics", place];
            report.value(&at, &[], format!("topic `{topic}` stands twice"), "keep one of them");
        }
        topics.push(topic.into());
    }
    topics
}

fn thresholds_rise(firewall: FirewallThresholds, report: &mut Report<'_>) {
    let steps = [("flag", firewall.flag), ("quarantine", firewall.quarantine), ("block", firewall.block)];
    let set: Vec<(&str, u8)> = steps.into_iter().filter_map(|(name, score)| Some((name, score?))).collect();
    for (low, high) in set.iter().zip(set.iter().skip(1)) {
        if low.1 >= high.1 {
            let what = format!("`{}` at {} never applies: `{}` already holds from {} on", low.0, low.1, high.0, high.1);
            let at = at!["firewall", high.0];
            report.value(
                &at,
                &[],
                what,
                format!("let scores rise from `{}` to `{}`, or set one to `null`", low.0, high.0),
            );
        }
    }
}
