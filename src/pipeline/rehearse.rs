//! Runs the tests inside pipeline files: the real pipeline on each event, with offline keys, compared with what is expected.

use zeroize::Zeroizing;

use super::{Case, ExpectedOutcome, OfflineKeys, OutRecord, Pipeline};
use crate::audit::Outcome;
use crate::event::{Position, RawHeader, RawRecord};
use crate::sensitive::Sensitive;

/// Keys for tests: the same for everyone, and good for nothing else.
pub fn test_keys() -> OfflineKeys {
    OfflineKeys::new(Zeroizing::new([0x5a; 32]))
}

/// Runs one case. Empty: it holds; else one line for each difference, without the event's text.
pub fn rehearse(pipeline: &Pipeline, topic: &str, case: &Case) -> Vec<String> {
    let record = RawRecord {
        position: Position { topic: topic.into(), partition: 0, offset: 0 },
        timestamp_ms: Some(case.at_ms),
        key: case.key.as_deref().map(Sensitive::from),
        value: Some(Sensitive::new(case.value.clone())),
        headers: case
            .headers
            .iter()
            .map(|(name, value)| RawHeader {
                name: Sensitive::from(name.as_str()),
                value: Some(Sensitive::from(value.as_str())),
            })
            .collect(),
    };
    let plan = pipeline.plan(&record);
    let ring = test_keys().ring(plan.keys());
    let effects = plan.apply(&ring, case.at_ms);
    let (fact, expect) = (&effects.fact, &case.expect);
    let mut differences = Vec::new();
    let outcome = match fact.outcome {
        Outcome::Quarantined => ExpectedOutcome::Quarantine,
        Outcome::Blocked => ExpectedOutcome::Block,
        _ => ExpectedOutcome::Deliver,
    };
    let mut compare = |what: &str, found: Option<&str>, wanted: Option<&str>| {
        if wanted.is_some() && found != wanted {
            differences.push(format!("{what} is {}, expected {}", found.unwrap_or("none"), wanted.unwrap_or("none")));
        }
    };
    let said = |outcome: ExpectedOutcome| match outcome {
        ExpectedOutcome::Deliver => "deliver",
        ExpectedOutcome::Quarantine => "quarantine",
        ExpectedOutcome::Block => "block",
    };
    compare("outcome", Some(said(outcome)), Some(said(expect.outcome)));
    let code = fact
        .code
        .as_ref()
        .or_else(|| fact.notes.iter().find(|note| Some(note.as_str()) == expect.code.map(|code| code.as_str())));
    compare("code", code.map(|code| code.as_str()), expect.code.map(|code| code.as_str()));
    compare("region", fact.region.as_ref().map(|region| region.as_str()), expect.region.as_deref());
    compare("topic", effects.records.first().map(|out| &*out.topic), expect.topic.as_deref());
    compare("level", fact.class.as_ref().map(|class| class.level.as_str()), expect.level.map(|level| level.as_str()));
    let retention = fact.retention.as_ref().map(|kept| kept.class.as_str());
    compare("retention", retention, expect.retention.as_deref());
    let firewall = fact.firewall.as_ref().map_or("allow", |judged| judged.action.as_str());
    compare("firewall", Some(firewall), expect.firewall.map(|action| action.as_str()));
    if let Some(wanted) = &expect.kinds {
        let mut found: Vec<&str> = fact.findings.iter().map(|finding| finding.kind.as_str()).collect();
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        for kinds in [&mut found, &mut wanted] {
            kinds.sort_unstable();
            kinds.dedup();
        }
        if found != wanted {
            differences.push(format!("kinds are {}, expected {}", found.join(", "), wanted.join(", ")));
        }
    }
    for (index, text) in expect.contains.iter().enumerate() {
        if !effects.records.iter().any(|out| holds(out, text)) {
            differences.push(format!("the output lacks `contains[{index}]`"));
        }
    }
    for (index, text) in expect.lacks.iter().enumerate() {
        if effects.records.iter().any(|out| holds(out, text)) {
            differences.push(format!("the output holds `lacks[{index}]`"));
        }
    }
    differences
}

fn holds(record: &OutRecord, text: &str) -> bool {
    let finder = memchr::memmem::Finder::new(text);
    let headers = record.headers.iter().filter_map(|(_, value)| value.as_deref());
    record
        .key
        .as_deref()
        .into_iter()
        .chain(record.value.as_deref())
        .chain(headers)
        .any(|part| finder.find(part).is_some())
}
