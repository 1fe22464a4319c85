//! The tests that a pipeline file carries: an event and what must become of it. `lethe test` runs them offline.

use super::problem::choose;
use super::report::{Report, at};
pub use super::written_cases::ExpectedOutcome;
use super::written_cases::{ExpectedFirewall, TestCase};
use crate::policy::{Code, FirewallAction, Level, Outcome};

/// One test of a pipeline file.
#[derive(Clone, Debug)]
pub struct Case {
    /// What would be wrong if it failed.
    pub name: String,
    /// The line it begins on.
    pub line: usize,
    /// The payload.
    pub value: Vec<u8>,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
    /// The record key.
    pub key: Option<String>,
    /// The record's timestamp, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What must become of it.
    pub expect: Expectation,
}

/// What must become of a test's event; `None` and empty lists are not compared.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Where it goes.
    pub outcome: ExpectedOutcome,
    /// The code of the outcome, or of a note.
    pub code: Option<Code>,
    /// The region it is delivered to.
    pub region: Option<String>,
    /// The topic it is delivered to.
    pub topic: Option<String>,
    /// Its level.
    pub level: Option<Level>,
    /// Its retention class.
    pub retention: Option<String>,
    /// What the firewall did.
    pub firewall: Option<FirewallAction>,
    /// Exactly these kinds are found.
    pub kinds: Option<Vec<String>>,
    /// Texts that the output holds.
    pub contains: Vec<String>,
    /// Texts that the output holds nowhere.
    pub lacks: Vec<String>,
}

const DEFAULT_AT_MS: i64 = 1_767_225_600_000;

/// What names may be used in an expectation.
pub(super) struct Names<'a> {
    pub(super) kinds: Vec<&'a str>,
    pub(super) regions: Vec<&'a str>,
    pub(super) retention: Vec<&'a str>,
}

/// Checks a file's tests.
pub(super) fn check(written: Vec<TestCase>, names: &Names<'_>, report: &mut Report<'_>) -> Vec<Case> {
    let mut seen = Vec::<String>::new();
    let mut cases = Vec::new();
    for (index, case) in written.into_iter().enumerate() {
        if seen.contains(&case.name) {
            report.value(&at!["tests", index, "name"], &[], "a test of this name exists already", "name it otherwise");
        }
        seen.push(case.name.clone());
        expectation_makes_sense(&case, index, names, report);
        cases.extend(one(case, index, report));
    }
    cases
}

fn one(case: TestCase, index: usize, report: &mut Report<'_>) -> Option<Case> {
    let at = at!["tests", index];
    let value = match (case.event, case.text) {
        (Some(event), None) => event.to_string().into_bytes(),
        (None, Some(text)) => text.into_bytes(),
        (Some(_), Some(_)) => {
            report.key(&at, &[], "both `event` and `text` give a payload", "keep one of them");
            return None;
        }
        (None, None) => {
            report.key(&at, &[], "no payload", "add `event: {…}` for JSON, or `text: …`");
            return None;
        }
    };
    let at_ms = match case.at.as_deref().map(str::parse::<jiff::Timestamp>) {
        None => DEFAULT_AT_MS,
        Some(Ok(time)) => time.as_millisecond(),
        Some(Err(_)) => {
            let help = "write RFC 3339, such as `2026-01-01T00:00:00Z`";
            report.value(&at!["tests", index, "at"], &[], "not a time", help);
            DEFAULT_AT_MS
        }
    };
    let expect = Expectation {
        outcome: case.expect.outcome,
        code: case.expect.code.as_deref().and_then(Code::from_text),
        region: case.expect.region,
        topic: case.expect.topic,
        level: case.expect.level,
        retention: case.expect.retention,
        firewall: case.expect.firewall.map(|action| match action {
            ExpectedFirewall::Allow => FirewallAction::Allow,
            ExpectedFirewall::Flag => FirewallAction::Flag,
            ExpectedFirewall::Quarantine => FirewallAction::Quarantine,
            ExpectedFirewall::Block => FirewallAction::Block,
        }),
        kinds: case.expect.kinds,
        contains: case.expect.contains,
        lacks: case.expect.lacks,
    };
    let line = report.line(&at);
    Some(Case {
        name: case.name,
        line,
        value,
        headers: case.headers.into_iter().collect(),
        key: case.key,
        at_ms,
        expect,
    })
}

fn expectation_makes_sense(case: &TestCase, index: usize, names: &Names<'_>, report: &mut Report<'_>) {
    let (at, expect) = (at!["tests", index, "expect"], &case.expect);
    let delivered = expect.outcome == ExpectedOutcome::Deliver;
    if let Some(text) = &expect.code {
        let here = at!["tests", index, "expect", "code"];
        // A test shows an event; requests that are refused are none.
        let known = Code::ALL.iter().filter(|code| code.outcome() != Outcome::Refuse);
        match known.clone().find(|code| code.as_str() == text) {
            None => {
                let help = choose(text, known.map(|code| code.as_str()), "codes");
                report.value(&here, &[], format!("no outcome has the code `{text}`"), help);
            }
            Some(code) => {
                let outcome = match code.outcome() {
                    Outcome::Quarantine => ExpectedOutcome::Quarantine,
                    Outcome::Block => ExpectedOutcome::Block,
                    Outcome::Note | Outcome::Refuse => ExpectedOutcome::Deliver,
                };
                if outcome != expect.outcome {
                    let word = if code.outcome() == Outcome::Note { "deliver" } else { code.outcome().as_str() };
                    report.value(
                        &here,
                        &[],
                        format!("`{text}` never comes with this outcome"),
                        format!("write `outcome: {word}`"),
                    );
                }
            }
        }
    }
    if !delivered && (expect.region.is_some() || expect.topic.is_some() || !expect.contains.is_empty()) {
        let help = "leave out `region`, `topic` and `contains`, or write `outcome: deliver`";
        report.key(&at, &[], "nothing is delivered, so it has no region, topic or text", help);
    }
    for (kind, place) in expect.kinds.iter().flatten().zip(0..) {
        if !names.kinds.contains(&kind.as_str()) {
            let help = choose(kind, names.kinds.iter().copied(), "kinds");
            let here = at!["tests", index, "expect", "kinds", place];
            report.value(&here, &["detect"], format!("no such kind: `{kind}`"), help);
        }
    }
    for (word, field, known) in
        [(&expect.region, "region", &names.regions), (&expect.retention, "retention", &names.retention)]
    {
        if let Some(word) = word.as_ref().filter(|word| !known.contains(&word.as_str())) {
            let (section, what) =
                if field == "region" { ("residency", "region") } else { ("retention", "retention class") };
            let help = choose(word, known.iter().copied(), if field == "region" { "regions" } else { "classes" });
            report.value(&at!["tests", index, "expect", field], &[section], format!("no such {what}: `{word}`"), help);
        }
    }
}
