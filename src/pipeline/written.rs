//! A pipeline file as written: the three kinds of file, and how events come in and go out. Doc comments here are what an editor shows and what an error's `help:` line says.
//!
//! Nothing is believed yet: `checked.rs` holds what is true after `meaning.rs` has asked every question.

use schemars::JsonSchema;
use serde::Deserialize;

use super::units::Bytes;
use super::written_cases::TestCase;
use super::written_rules::{
    ClassSection, FirewallSection, ResidencySection, RestoreSection, RetentionSection, Token, Treatments,
};
use crate::detect::DetectorConfig;
use crate::erasure::Scope;
use crate::policy::AfterErasure;

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
    /// Kinds whose values go into the blind index, such as `[EMAIL, PHONE]`: then a deletion request can name a person by one of
    /// them. Who has key store and root can confirm a guess there, also about people who were erased (default: none).
    #[serde(default)]
    pub(super) index: Vec<String>,
    /// Whether raw input is deleted from its topics once its outcome is committed, so that clear text lives minutes and not
    /// days (default `false`). What another consumer group has not read yet stays.
    #[serde(default)]
    pub(super) purge: bool,
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
    /// Whether requests are deleted from their topic once their receipts are committed (default `true`): they hold subject ids
    /// in clear. Say `false` where another group reads the topic too.
    #[serde(default = "purge_by_default")]
    pub(super) purge: bool,
    pub(super) output: EraseOutput,
}

fn purge_by_default() -> bool {
    true
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

/// Deletion requests: JSON as `schemas/deletion-request.schema.json` says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequestSection {
    /// The tenant of requests that name none: 1 to 128 of `A-Za-z0-9._:-`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._:-]{1,128}$"))]
    pub(super) default_tenant: Option<String>,
    /// How much whoever may publish there may erase: `subject`, `tenant`, `retention_class` (default `[subject]`).
    pub(super) scopes: Option<Vec<Scope>>,
}

/// Where receipts go: `{receipts: erasure.receipts}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseOutput {
    /// Topic of signed receipts.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) receipts: String,
}
