//! How a pipeline's events are read: `input.format` and `event` as written → [`Reading`].

use std::sync::Arc;

use super::checked::Reading;
use super::report::{Report, at};
use super::written::{EventSection, InputFormat};
use crate::event::{Format, JsonPath, Limits, PathProblem, Selector, Selectors, Shape};

/// Checks `event`. `require_subject` is what holds where the file doesn't say.
pub(super) fn check(
    written: EventSection,
    format: InputFormat,
    require_subject: bool,
    report: &mut Report<'_>,
) -> Reading {
    let selectors = Selectors {
        tenant: selectors(&written.tenant, "tenant", report),
        subject: selectors(&written.subject, "subject", report),
        conversation: selectors(&written.conversation, "conversation", report),
        region: selectors(&written.region, "region", report),
        time: selectors(&written.time, "time", report),
    };
    if selectors.tenant.is_empty() && written.default_tenant.is_none() {
        let help = "add `tenant: [$.tenant]`, or `default_tenant: …` where you serve one";
        report.key(&at!["event"], &[], "no event could have a tenant", help);
    }
    if selectors.subject.is_empty() && (written.subject_refs || written.require_subject == Some(true)) {
        report.key(&at!["event"], &[], "no event could have a subject", "add `subject: [$.user.id]`");
    }
    let mut text = Vec::new();
    for (place, path) in written.text.iter().enumerate() {
        match path.parse::<JsonPath>() {
            Ok(path) => text.push(path),
            Err(problem) => refuse(problem, &at!["event", "text", place], report),
        }
    }
    let usual = Limits::default();
    let bytes = written.limits.value_bytes.as_ref().map(|bytes| bytes.count().and_then(|n| usize::try_from(n).ok()));
    if bytes == Some(None) {
        report.value(
            &at!["event", "limits", "value_bytes"],
            &[],
            "more than can be counted",
            "write less than `16GiB`",
        );
    }
    let count = |number: Option<u32>, usual: usize| number.and_then(|n| usize::try_from(n).ok()).unwrap_or(usual);
    let format = match format {
        InputFormat::Auto => Format::Auto,
        InputFormat::Json => Format::Json,
        InputFormat::CloudEvents => Format::CloudEvents,
        InputFormat::Text => Format::Text,
    };
    let limits = Limits {
        value_bytes: bytes.flatten().unwrap_or(usual.value_bytes),
        depth: count(written.limits.depth, usual.depth),
        slots: count(written.limits.slots, usual.slots),
    };
    Reading {
        event_type: written.kind,
        shape: Shape::new(format, selectors, &text, limits),
        default_tenant: written.default_tenant.map(Arc::from),
        subject_refs: written.subject_refs,
        require_subject: written.require_subject.unwrap_or(require_subject),
    }
}

fn selectors(written: &[String], attribute: &str, report: &mut Report<'_>) -> Vec<Selector> {
    let mut list: Vec<Selector> = Vec::new();
    for (place, text) in written.iter().enumerate() {
        let at = at!["event", attribute, place];
        match text.parse::<Selector>() {
            Ok(selector) if list.contains(&selector) => {
                report.value(&at, &[], format!("`{text}` stands twice"), "keep the first");
            }
            Ok(selector) => {
                if list.iter().any(|earlier| matches!(earlier, Selector::Const(_))) {
                    report.value(
                        &at,
                        &[],
                        "a `const:` before it always yields something: this is never asked",
                        "put `const:` last",
                    );
                }
                list.push(selector);
            }
            Err(problem) => refuse(problem, &at, report),
        }
    }
    list
}

fn refuse(problem: PathProblem, at: &[String], report: &mut Report<'_>) {
    let what = format!("`{}` at character {}: {}", problem.text, problem.position, problem.problem);
    report.value(at, &[], what, problem.help);
}
