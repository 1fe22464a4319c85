//! A pipeline file's tests as written. Doc comments here are what an editor shows and what an error's `help:` line says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::policy::Level;

/// One event and what must become of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestCase {
    /// What would be wrong if it failed.
    #[schemars(length(min = 1, max = 200))]
    pub(super) name: String,
    /// The payload as JSON.
    #[serde(default)]
    pub(super) event: Option<Value>,
    /// The payload as text, exactly; instead of `event`.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// Headers by name.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The record key.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// The record's timestamp, RFC 3339 (default `2026-01-01T00:00:00Z`).
    #[serde(default)]
    pub(super) at: Option<String>,
    pub(super) expect: Expect,
}

/// What must become of a test's event. What is not written is not compared.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// Where it goes: `deliver`, `quarantine` or `block` (default `deliver`).
    pub(super) outcome: ExpectedOutcome,
    /// The code of a quarantine, a block or a note; see `docs/outcomes.md`.
    pub(super) code: Option<String>,
    /// The region it is delivered to.
    pub(super) region: Option<String>,
    /// The topic it is delivered to.
    pub(super) topic: Option<String>,
    /// Its level: `public`, `internal`, `confidential` or `restricted`.
    pub(super) level: Option<Level>,
    /// Its retention class.
    pub(super) retention: Option<String>,
    /// What the firewall did: `allow`, `flag`, `quarantine` or `block`.
    pub(super) firewall: Option<ExpectedFirewall>,
    /// Exactly the kinds that are found, in any order.
    pub(super) kinds: Option<Vec<String>>,
    /// Texts that the output holds.
    #[schemars(inner(length(min = 1)))]
    pub(super) contains: Vec<String>,
    /// Texts that the output does not hold anywhere: not in value, key or headers.
    #[schemars(inner(length(min = 1)))]
    pub(super) lacks: Vec<String>,
}

/// Where a test's event goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedOutcome {
    /// To a region's topic.
    #[default]
    Deliver,
    /// To quarantine, until a person has looked.
    Quarantine,
    /// Nowhere.
    Block,
}

/// What the firewall did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExpectedFirewall {
    Allow,
    Flag,
    Quarantine,
    Block,
}
