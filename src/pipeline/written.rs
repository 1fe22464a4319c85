//! A pipeline file as written. Doc comments here are what an editor shows and what an error's `help:` line says.
//!
//! Nothing is believed yet: `checked.rs` holds what is true after `meaning.rs` has asked every question.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::units::{Bytes, Duration};
use crate::detect::{Category, DetectorConfig};
use crate::policy::{AfterErasure, Agreement, Basis, Level, TokenScope};

/// Takes personal data out of events and sends each only where it may live.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SanitizeFile {
    /// Version of this format; this Lethe reads `1`.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema has compared it")]
    pub(super) version: u8,
    /// Name of the pipeline, in headers, audit facts and metrics: lower-case letters, digits and dashes.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,62}$"))]
    pub(super) name: String,
    /// What the pipeline does: `sanitize`, `restore` or `erase`.
    #[expect(dead_code, reason = "it chose this type")]
    pub(super) kind: SanitizeKind,
    pub(super) input: Input,
    #[serde(default)]
    pub(super) event: EventSection,
    pub(super) output: Output,
    #[serde(default)]
    pub(super) detect: DetectorConfig,
    #[serde(default)]
    pub(super) treatments: Treatments,
    #[serde(default)]
    pub(super) token: Token,
    #[serde(default)]
    pub(super) class: ClassSection,
    pub(super) residency: ResidencySection,
    #[serde(default)]
    pub(super) retention: Option<RetentionSection>,
    #[serde(default)]
    pub(super) restore: RestoreSection,
    #[serde(default)]
    pub(super) firewall: FirewallSection,
    /// What becomes of events of an erased subject that are younger than the erasure: `redact` or `renew` (default `redact`).
    #[serde(default)]
    pub(super) after_erasure: AfterErasure,
    /// Tests that `lethe test` runs, offline.
    #[serde(default)]
    pub(super) tests: Vec<TestCase>,
}

/// Puts originals back for one audience.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreFile {
    /// Version of this format; this Lethe reads `1`.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema has compared it")]
    pub(super) version: u8,
    /// Name of the pipeline, in headers, audit facts and metrics: lower-case letters, digits and dashes.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,62}$"))]
    pub(super) name: String,
    /// What the pipeline does: `sanitize`, `restore` or `erase`.
    #[expect(dead_code, reason = "it chose this type")]
    pub(super) kind: RestoreKind,
    pub(super) input: Input,
    #[serde(default)]
    pub(super) event: EventSection,
    /// For whom originals come back: an audience that a sanitize pipeline declares under `restore.audiences`.
    #[schemars(length(min = 1, max = 64))]
    pub(super) audience: String,
    pub(super) output: Output,
    pub(super) residency: ResidencySection,
    /// Tests that `lethe test` runs, offline.
    #[serde(default)]
    pub(super) tests: Vec<TestCase>,
}

/// Carries deletion requests out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseFile {
    /// Version of this format; this Lethe reads `1`.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema has compared it")]
    pub(super) version: u8,
    /// Name of the pipeline, in headers, audit facts and metrics: lower-case letters, digits and dashes.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,62}$"))]
    pub(super) name: String,
    /// What the pipeline does: `sanitize`, `restore` or `erase`.
    #[expect(dead_code, reason = "it chose this type")]
    pub(super) kind: EraseKind,
    pub(super) input: Input,
    #[serde(default)]
    pub(super) request: RequestSection,
    pub(super) output: EraseOutput,
}

/// The kind of a sanitize pipeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SanitizeKind {
    Sanitize,
}

/// The kind of a restore pipeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RestoreKind {
    Restore,
}

/// The kind of an erase pipeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum EraseKind {
    Erase,
}

/// Where records come from: `{topics: […]}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// Topics to read, at least one; each belongs to one pipeline alone.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$")))]
    pub(super) topics: Vec<String>,
    /// What a payload is: `auto`, `json`, `cloudevents` or `text` (default `auto`).
    #[serde(default)]
    pub(super) format: InputFormat,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InputFormat {
    /// CloudEvents and JSON by their content type, JSON by its first character, text otherwise.
    #[default]
    Auto,
    /// JSON, whatever a header says.
    Json,
    /// A CloudEvent, binary or structured.
    CloudEvents,
    /// Text, whatever it looks like.
    Text,
}

/// Where an event says what it is. Selectors: `$.user.id`, `header:x-tenant`, `ce:subject`, `key`, `const:eu`; the first that
/// yields something wins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EventSection {
    /// What kind of event leaves: `prompt`, `response` or `event` (default `event`); it names `ce_type`.
    #[serde(rename = "type")]
    pub(super) kind: EventType,
    /// Selectors of the tenant: whose customer it is.
    pub(super) tenant: Vec<String>,
    /// The tenant of events that name none: 1 to 128 of `A-Za-z0-9._:-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:-]{1,128}$"))]
    pub(super) default_tenant: Option<String>,
    /// Selectors of the subject: whose data it is.
    pub(super) subject: Vec<String>,
    /// Whether the subject may be a subject ref (`sub_…`), as in events made from sanitised ones (default `false`).
    pub(super) subject_refs: bool,
    /// Whether an event without a subject goes to quarantine (default: `false` for sanitize, `true` for restore).
    pub(super) require_subject: Option<bool>,
    /// Selectors of the conversation: within it equal values get equal tokens.
    pub(super) conversation: Vec<String>,
    /// Selectors of the region: where it may live.
    pub(super) region: Vec<String>,
    /// Selectors of the time it happened: RFC 3339 or milliseconds; else the record's timestamp counts.
    pub(super) time: Vec<String>,
    /// Paths of free text, which the firewall judges; none means the usual places of chat events. Everything is scanned for
    /// personal data, listed or not.
    pub(super) text: Vec<String>,
    pub(super) limits: LimitsSection,
}

/// What kind of event leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// What someone asks a model.
    Prompt,
    /// What a model answers.
    Response,
    /// Anything.
    #[default]
    Event,
}

/// What is too much; beyond it an event goes to quarantine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    /// Bytes of a record's value, and of each other part of it (default `1MiB`).
    pub(super) value_bytes: Option<Bytes>,
    /// Levels of JSON (default 128).
    #[schemars(range(min = 1, max = 1000))]
    pub(super) depth: Option<u32>,
    /// Texts of an event (default 65536).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) slots: Option<u32>,
}

/// Where events go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    /// The topic; `{region}` stands for the region, and is required as soon as there are two regions.
    #[schemars(regex(pattern = r"^([A-Za-z0-9._-]|\{region\}){1,249}$"))]
    pub(super) topic: String,
    /// Topic of what can't be handled safely (default: `topics.quarantine` of `lethe.yaml`).
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) quarantine: Option<String>,
    /// The record key: `auto` (subject → its ref, personal data → digest, else kept) or `digest` (always; default `auto`).
    #[serde(default)]
    pub(super) key: KeyRule,
}

/// What becomes of the record key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyRule {
    /// The subject becomes its ref, personal data a digest; anything else is kept.
    #[default]
    Auto,
    /// Always a digest; equal keys stay equal.
    Digest,
}

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

/// Where a deletion request says what it asks for. Paths into its JSON.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequestSection {
    /// Path of the tenant (default `$.tenant`).
    pub(super) tenant: String,
    /// Path of the subject id (default `$.subject`).
    pub(super) subject: String,
    /// Path of the reason (default `$.reason`).
    pub(super) reason: String,
    /// Path of the request's own id (default `$.request_id`).
    pub(super) request_id: String,
    /// Path of the time it was made (default `$.requested_at`).
    pub(super) requested_at: String,
    /// The tenant of requests that name none: 1 to 128 of `A-Za-z0-9._:-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:-]{1,128}$"))]
    pub(super) default_tenant: Option<String>,
}

impl Default for RequestSection {
    fn default() -> Self {
        Self {
            tenant: "$.tenant".into(),
            subject: "$.subject".into(),
            reason: "$.reason".into(),
            request_id: "$.request_id".into(),
            requested_at: "$.requested_at".into(),
            default_tenant: None,
        }
    }
}

/// Where receipts go: `{receipts: erasure.receipts}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseOutput {
    /// Topic of signed receipts.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) receipts: String,
    /// Topic of malformed requests' descriptors (default: `topics.quarantine` of `lethe.yaml`).
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) quarantine: Option<String>,
}

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
