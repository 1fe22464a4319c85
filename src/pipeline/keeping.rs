//! How long originals may come back: `retention` as written → [`RetentionRules`].

use super::report::{Report, at};
use super::treating::{declared, well_named};
use super::written_rules::{RetentionEntry, RetentionSection};
use crate::policy::{Level, RetentionClass, RetentionRule, RetentionRules};

/// The class of a pipeline that writes none.
const DEFAULT_CLASS: &str = "default";
const DEFAULT_SECONDS: u64 = 30 * 86_400;
const LEAST_BUCKET_SECONDS: u64 = 60;

/// Checks retention.
pub(super) fn check(written: Option<RetentionSection>, report: &mut Report<'_>) -> RetentionRules {
    let Some(written) = written else {
        let default = class(DEFAULT_CLASS, DEFAULT_SECONDS, None);
        return RetentionRules { classes: vec![default.clone()], default, rules: Vec::new() };
    };
    let mut classes = Vec::new();
    for (name, entry) in &written.classes {
        let at = at!["retention", "classes", name];
        well_named(name, &at, "a retention class", report);
        let (keep, bucket) = match entry {
            RetentionEntry::Keep(keep) => (keep, None),
            RetentionEntry::Full(full) => (&full.keep, full.bucket.as_ref()),
        };
        let Some(keep_seconds) = keep.seconds() else {
            report.value(&at, &[], format!("`{}` is longer than a thousand years", keep.0), "write a shorter duration");
            continue;
        };
        let bucket_seconds = bucket.and_then(|bucket| bucket.seconds());
        if bucket_seconds.is_some_and(|width| !(LEAST_BUCKET_SECONDS..=keep_seconds).contains(&width)) {
            let help = "write a width between `1m` and `keep`, or leave it out";
            report.value(&at!["retention", "classes", name, "bucket"], &[], "a bucket must fit into its class", help);
        }
        classes.push(class(name, keep_seconds, bucket_seconds));
    }
    let names: Vec<&str> = written.classes.keys().map(String::as_str).collect();
    declared(&written.default, &names, &at!["retention", "default"], "retention class", &[], report);
    let mut rules = Vec::new();
    let mut unconditional = false;
    for (index, rule) in written.rules.iter().enumerate() {
        let at = at!["retention", "rules", index];
        declared(&rule.class, &names, &at!["retention", "rules", index, "class"], "retention class", &[], report);
        if unconditional {
            report.key(
                &at,
                &[],
                "the rule above matches every event: this one never applies",
                "put it before that rule",
            );
        }
        let least_level = rule.level.unwrap_or(Level::Public);
        if rule.categories.is_empty() && least_level == Level::Public {
            unconditional = true;
            report.key(
                &at,
                &[],
                "a rule without a condition matches every event",
                "name `categories` or `level`, or use `default`",
            );
        }
        let index = classes.iter().position(|class| *class.name == *rule.class).unwrap_or(usize::MAX);
        rules.push(RetentionRule { class: index, categories: rule.categories.iter().copied().collect(), least_level });
    }
    let default = classes
        .iter()
        .find(|class| *class.name == *written.default)
        .cloned()
        .unwrap_or_else(|| class(&written.default, DEFAULT_SECONDS, None));
    RetentionRules { classes, default, rules }
}

fn class(name: &str, keep_seconds: u64, bucket_seconds: Option<u64>) -> RetentionClass {
    let bucket_seconds = bucket_seconds.unwrap_or_else(|| RetentionClass::default_bucket_seconds(keep_seconds));
    RetentionClass { name: name.into(), keep_seconds, bucket_seconds }
}
