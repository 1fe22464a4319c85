//! The rules of a sanitize pipeline as written: treatments, class, residency, retention, restore, firewall. Doc comments here are
//! what an editor shows and what an error's `help:` line says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::units::Duration;
use crate::detect::Category;
use crate::policy::{Agreement, Basis, Level, TokenScope};

/// What happens to findings: by kind, else by category, else the default. No kind passes because nobody named it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Treatments {
    /// The treatment of everything not named (default `token`).
    pub(super) default: Option<TreatmentEntry>,
    pub(super) categories: CategoryTreatments,
    /// By kind: `CREDIT_CARD: {do: mask, keep_last: 4}`.
    pub(super) kinds: BTreeMap<String, TreatmentEntry>,
    /// Confidence in percent from which `block` blocks; weaker findings are redacted (default 50).
    #[schemars(range(min = 1, max = 100))]
    pub(super) block_confidence: Option<u8>,
}

/// By category: `secret: redact`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CategoryTreatments {
    /// Personally identifiable information.
    pub(super) pii: Option<TreatmentEntry>,
    /// Protected health information.
    pub(super) phi: Option<TreatmentEntry>,
    /// Payment card data.
    pub(super) pci: Option<TreatmentEntry>,
    /// Credentials.
    pub(super) secret: Option<TreatmentEntry>,
    /// Legally privileged text.
    pub(super) privileged: Option<TreatmentEntry>,
}

/// A treatment: its name, or `{do: mask, keep_last: 4}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum TreatmentEntry {
    /// By name alone.
    Name(TreatmentName),
    /// With its settings.
    Full(FullTreatment),
}

/// A treatment with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FullTreatment {
    /// The treatment: `token`, `redact`, `mask`, `hash`, `surrogate`, `keep` or `block`.
    #[serde(rename = "do")]
    pub(super) name: TreatmentName,
    /// With `mask`: how many characters at the end stay readable, 0 to 8 (default 0).
    #[serde(default)]
    #[schemars(range(max = 8))]
    pub(super) keep_last: Option<u8>,
}

/// Name of a treatment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum TreatmentName {
    Token,
    Redact,
    Mask,
    Hash,
    Surrogate,
    Keep,
    Block,
}

/// How tokens are made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Token {
    /// Within what equal values get the same token: `event`, `conversation`, `subject` or `tenant` (default `conversation`).
    pub(super) scope: TokenScope,
}

/// How sensitive events are.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClassSection {
    /// The least level of anything from this source: `public`, `internal`, `confidential` or `restricted` (default `internal`).
    pub(super) floor: Level,
    /// The level that a kind lifts an event to, where it isn't its category's.
    pub(super) kinds: BTreeMap<String, Level>,
    /// What a category requires of the provider behind a destination (default `phi: [baa]`).
    pub(super) requires: Option<Requirements>,
}

/// By category, the agreements that a provider must have signed: `phi: [baa]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Requirements {
    /// Personally identifiable information.
    pub(super) pii: Vec<Agreement>,
    /// Protected health information.
    pub(super) phi: Vec<Agreement>,
    /// Payment card data.
    pub(super) pci: Vec<Agreement>,
    /// Credentials.
    pub(super) secret: Vec<Agreement>,
    /// Legally privileged text.
    pub(super) privileged: Vec<Agreement>,
}

/// Where events may live: `{regions: {eu: {}, us: {}}}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResidencySection {
    /// The destinations, by region: lower-case letters, digits and dashes.
    #[schemars(length(min = 1))]
    pub(super) regions: BTreeMap<String, Option<RegionEntry>>,
    /// The region of events that name none; without it they go to quarantine.
    #[serde(default)]
    pub(super) default: Option<String>,
    /// The region of a tenant's events that name none: `acme: eu`.
    #[serde(default)]
    pub(super) tenants: BTreeMap<String, String>,
    /// Permissions to cross a border, each with its legal basis.
    #[serde(default)]
    pub(super) transfers: Vec<TransferEntry>,
}

/// One region.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RegionEntry {
    /// Other names that events use for it, such as `de`.
    pub(super) aliases: Vec<String>,
    /// Who reads the topic: a provider of `lethe.yaml`; none means your own systems.
    pub(super) provider: Option<String>,
}

/// A permission to cross a border.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferEntry {
    /// The region that data comes from.
    pub(super) from: String,
    /// The region it may go to.
    pub(super) to: String,
    /// Why that is lawful: `adequacy`, `scc`, `bcr` or `derogation`.
    pub(super) basis: Basis,
    /// Only data up to this level (default `restricted`).
    #[serde(default)]
    pub(super) up_to: Option<Level>,
    /// Only data with no other categories than these (default: all).
    #[serde(default)]
    pub(super) categories: Option<Vec<Category>>,
}

/// How long originals may come back: `{default: chat, classes: {chat: 30d}}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    /// The class where no rule matches.
    pub(super) default: String,
    /// The classes and their durations: `chat: 30d`. A class means the same in every pipeline.
    #[schemars(length(min = 1))]
    pub(super) classes: BTreeMap<String, RetentionEntry>,
    /// When another class applies; the first rule that matches holds.
    #[serde(default)]
    pub(super) rules: Vec<RetentionRuleEntry>,
}

/// A retention class: a duration, or `{keep: 30d, bucket: 1d}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RetentionEntry {
    /// By duration alone.
    Keep(Duration),
    /// With its settings.
    Full(FullRetention),
}

/// A retention class with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FullRetention {
    /// How long originals may come back.
    pub(super) keep: Duration,
    /// Width of a bucket of keys: that much longer can an original live (default: a tenth of `keep`, at least `1h`).
    #[serde(default)]
    pub(super) bucket: Option<Duration>,
}

/// When a retention class applies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionRuleEntry {
    /// The class.
    pub(super) class: String,
    /// Where an event holds one of these categories.
    #[serde(default)]
    pub(super) categories: Vec<Category>,
    /// From this level on: `confidential` or `restricted`.
    #[serde(default)]
    pub(super) level: Option<Level>,
}

/// Who may have originals back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RestoreSection {
    /// Audiences by name, at most eight: `support: {kinds: [EMAIL]}`, `owner: {all: true}`.
    #[schemars(length(max = 8))]
    pub(super) audiences: BTreeMap<String, Audience>,
}

/// What one audience may have back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Audience {
    /// These kinds.
    pub(super) kinds: Vec<String>,
    /// All kinds of these categories.
    pub(super) categories: Vec<Category>,
    /// Everything (default `false`).
    pub(super) all: bool,
}

/// From which hostility on what is done, 1 to 100; `null` is never.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FirewallSection {
    /// From this score on the event's headers say so (default 40).
    #[schemars(range(min = 1, max = 100))]
    pub(super) flag: Option<u8>,
    /// From this score on it waits in quarantine (default 80).
    #[schemars(range(min = 1, max = 100))]
    pub(super) quarantine: Option<u8>,
    /// From this score on it does not pass (default never).
    #[schemars(range(min = 1, max = 100))]
    pub(super) block: Option<u8>,
}

impl Default for FirewallSection {
    fn default() -> Self {
        Self { flag: Some(40), quarantine: Some(80), block: None }
    }
}
