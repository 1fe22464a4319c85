//! What only shows when pipelines are read together: names and topics used twice, loops, audiences nobody declares.

use std::collections::HashMap;
use std::sync::Arc;

use super::checked::{PipelineConfig, Work};
use super::problem::{Problem, choose};
use super::report::{Report, at};
use super::yaml::Node;
use crate::policy::RetentionClass;

/// One file, read.
pub(super) struct Loaded<'a> {
    pub(super) file: &'a str,
    pub(super) root: Node,
    pub(super) config: PipelineConfig,
}

/// Checks pipelines against one another.
pub(super) fn check(all: &[Loaded<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let mut report = Report::new(one.file, &one.root);
        let earlier = all.get(..index).unwrap_or_default();
        names_and_topics_are_its_own(one, earlier, &mut report);
        retention_agrees(one, earlier, &mut report);
        audience_is_declared(one, all, &mut report);
        no_loop(one, all, &mut report);
        problems.extend(report.finish());
    }
    problems
}

fn names_and_topics_are_its_own(one: &Loaded<'_>, earlier: &[Loaded<'_>], report: &mut Report<'_>) {
    if let Some(other) = earlier.iter().find(|other| other.config.name == one.config.name) {
        let what = format!("`{}` already names the pipeline in `{}`", one.config.name, other.file);
        report.value(&at!["name"], &[], what, "name one of them otherwise");
    }
    for (place, topic) in one.config.topics.iter().enumerate() {
        if let Some(other) = earlier.iter().find(|other| other.config.topics.contains(topic)) {
            let what = format!("`{topic}` is already read by pipeline `{}`", other.config.name);
            let help = "let one pipeline read it: a record has exactly one outcome";
            report.value(&at!["input", "topics", place], &[], what, help);
        }
    }
}

/// Buckets of keys belong to a class by its name, so the name must mean the same everywhere.
fn retention_agrees(one: &Loaded<'_>, earlier: &[Loaded<'_>], report: &mut Report<'_>) {
    let classes = |loaded: &Loaded<'_>| match &loaded.config.work {
        Work::Sanitize(sanitize) => sanitize.policy.retention.classes.clone(),
        Work::Restore(_) | Work::Erase(_) => Vec::new(),
    };
    let mut known: HashMap<Arc<str>, (RetentionClass, &str)> = HashMap::new();
    for other in earlier {
        for class in classes(other) {
            known.entry(class.name.clone()).or_insert((class, &other.config.name));
        }
    }
    for class in classes(one) {
        if let Some((other, owner)) = known.get(&class.name).filter(|(other, _)| *other != class) {
            let at = at!["retention", "classes", class.name];
            let what = format!(
                "class `{}` keeps {} s in buckets of {} s here and {} s in buckets of {} s in pipeline `{owner}`",
                class.name, class.keep_seconds, class.bucket_seconds, other.keep_seconds, other.bucket_seconds
            );
            report.value(&at, &[], what, "write the same durations, or name the class otherwise");
        }
    }
}

fn audience_is_declared(one: &Loaded<'_>, all: &[Loaded<'_>], report: &mut Report<'_>) {
    let Work::Restore(restore) = &one.config.work else { return };
    let declared: Vec<Arc<str>> = all
        .iter()
        .filter_map(|other| match &other.config.work {
            Work::Sanitize(sanitize) => Some(sanitize.policy.audiences.iter().cloned()),
            Work::Restore(_) | Work::Erase(_) => None,
        })
        .flatten()
        .collect();
    let sanitizes = all.iter().any(|other| matches!(other.config.work, Work::Sanitize(_)));
    // A restore pipeline that runs alone has nobody to ask.
    if sanitizes && !declared.contains(&restore.audience) {
        let what = format!("no pipeline declares audience `{}`", restore.audience);
        let help = match declared.is_empty() {
            true => "declare it under `restore.audiences` of a sanitize pipeline".to_owned(),
            false => choose(&restore.audience, declared.iter().map(|name| &**name), "audiences"),
        };
        report.value(&at!["audience"], &[], what, help);
    }
}

/// Whether records that this pipeline writes come back to it, through others or at once.
fn no_loop(one: &Loaded<'_>, all: &[Loaded<'_>], report: &mut Report<'_>) {
    let mut ways: Vec<(Arc<str>, Vec<Arc<str>>)> =
        one.config.outputs().into_iter().map(|topic| (topic, Vec::new())).collect();
    let mut seen: Vec<Arc<str>> = Vec::new();
    while let Some((topic, through)) = ways.pop() {
        if seen.contains(&topic) {
            continue;
        }
        seen.push(topic.clone());
        if let Some(place) = one.config.topics.iter().position(|input| *input == topic) {
            let what = match through.is_empty() {
                true => format!("`{topic}` is read and written by this pipeline: records would go round for ever"),
                false => {
                    let names: Vec<String> = through.iter().map(|name| format!("`{name}`")).collect();
                    format!("`{topic}` comes back through {}: records would go round for ever", names.join(", "))
                }
            };
            report.value(&at!["input", "topics", place], &[], what, "write to another topic");
            continue;
        }
        for next in all.iter().filter(|next| next.config.topics.contains(&topic)) {
            let mut longer = through.clone();
            longer.push(next.config.name.clone());
            ways.extend(next.config.outputs().into_iter().map(|topic| (topic, longer.clone())));
        }
    }
}
