//! What `lethe check` looks at beyond the files: brokers, topics, access, the key store. Every part is asked, whatever the
//! others answer.

use std::sync::Arc;

use super::clock::SystemClock;
use super::keystore::StoreError;
use super::kms::KeeperError;
use super::setup::{self, Loaded};
use super::topics::{Standing, Topics};

/// One answer.
pub struct Line {
    /// What was looked at.
    pub what: &'static str,
    /// Whether it is well.
    pub good: bool,
    /// What to say of it.
    pub text: String,
}

impl Line {
    fn new(what: &'static str, good: bool, text: impl Into<String>) -> Self {
        Self { what, good, text: text.into() }
    }
}

/// Looks at everything.
pub fn check(loaded: &Loaded) -> Vec<Line> {
    let mut lines = Vec::new();
    rules(loaded, &mut lines);
    cluster(loaded, &mut lines);
    for (region, client) in loaded.remotes() {
        match Topics::open(&client).and_then(|topics| topics.plan(Vec::new())) {
            Ok(_) => lines.push(Line::new("region", true, format!("`{region}`: its cluster answers"))),
            Err(error) => lines.push(Line::new("region", false, format!("`{region}`: {error}"))),
        }
    }
    store(loaded, &mut lines);
    lines
}

fn rules(loaded: &Loaded, lines: &mut Vec<Line>) {
    let results = loaded.rehearse();
    let failed = results.iter().filter(|(_, _, differences)| !differences.is_empty()).count();
    let text = format!("{} tests inside the pipelines, {failed} failed (`lethe test` shows them)", results.len());
    lines.push(Line::new("pipelines", failed == 0, text));
}

fn cluster(loaded: &Loaded, lines: &mut Vec<Line>) {
    let planned = Topics::open(&loaded.client()).and_then(|topics| topics.plan(loaded.wanted_topics()));
    let plan = match planned {
        Ok(plan) => plan,
        Err(error) => return lines.push(Line::new("kafka", false, error.to_string())),
    };
    lines.push(Line::new("kafka", true, "the cluster answers"));
    for (wanted, standing) in &plan.0 {
        match standing {
            Standing::Missing => lines.push(Line::new(
                "topic",
                false,
                format!("`{}` is missing ({})\n  help: `lethe topics apply` creates it", wanted.name, wanted.purpose),
            )),
            Standing::There { partitions, differs } => {
                lines.push(Line::new(
                    "topic",
                    true,
                    format!("`{}`: {partitions} partitions, needs {}", wanted.name, wanted.access),
                ));
                for (name, want, have) in differs {
                    // Longer than policy allows is a broken promise; shorter is the operator's choice.
                    let longer = have.parse::<i64>().is_ok_and(|have| have < 0)
                        || have.parse::<u64>().ok() > want.parse::<u64>().ok();
                    let text = format!(
                        "`{}` keeps `{name}` = {have}, policy says {want}\n  help: kafka-configs --alter --topic {} --add-config {name}={want}",
                        wanted.name, wanted.name
                    );
                    lines.push(Line::new("retention", !longer, text));
                }
            }
        }
    }
}

fn store(loaded: &Loaded, lines: &mut Vec<Line>) {
    match setup::open_store(&loaded.settings, Arc::new(SystemClock::default())) {
        Ok(_) => lines.push(Line::new("key store", true, "opens, and its root fits")),
        Err(StoreError::Locked(_) | StoreError::Keeper(KeeperError::Locked(_))) => {
            lines.push(Line::new("key store", true, "in use by a running `lethe run`, not looked into"));
        }
        Err(error) => lines.push(Line::new("key store", false, error.to_string())),
    }
}
