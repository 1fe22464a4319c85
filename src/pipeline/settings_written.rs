//! `lethe.yaml` as written: where things are. Doc comments here are what an editor shows and what an error's `help:` line says.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::units::Bytes;
use crate::policy::Agreement;

/// Where things are: brokers, stores, roots, regions. Every value can also come from the environment
/// (`LETHE__STORE__PATH=…`), which counts more than the file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsFile {
    /// Version of this format; this Lethe reads `1`. That is also the default, so that the environment alone can configure a process.
    #[serde(default = "version")]
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "the schema has compared it")]
    pub(super) version: u8,
    /// librdkafka properties, passed through unchanged: `bootstrap.servers: 127.0.0.1:9092`.
    #[schemars(schema_with = "properties")]
    pub(super) kafka: BTreeMap<String, Value>,
    /// Consumer group, and the first part of every `transactional.id` (default `lethe`).
    #[serde(default = "group")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,100}$"))]
    pub(super) group: String,
    /// Name of this process, the same after a restart and different from any other's: it tells transactions apart (default `0`).
    #[serde(default = "instance")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,100}$"))]
    pub(super) instance: String,
    /// Threads that each own a consumer and a producer, 1 to 256 (default 1).
    #[serde(default = "workers")]
    #[schemars(range(min = 1, max = 256))]
    pub(super) workers: u16,
    #[serde(default)]
    pub(super) batch: BatchSection,
    #[serde(default)]
    pub(super) transaction: TransactionSection,
    #[serde(default)]
    pub(super) topics: TopicsSection,
    #[serde(default)]
    pub(super) store: StoreSection,
    #[serde(default)]
    pub(super) root: RootSection,
    /// How long a process may use a key without asking the store again, in seconds, 1 to 3600 (default 30); receipts wait for it.
    #[serde(default = "lease")]
    #[schemars(range(min = 1, max = 3600))]
    pub(super) key_lease_seconds: u32,
    #[serde(default)]
    pub(super) erasure: ErasureSection,
    #[serde(default)]
    pub(super) export: ExportSection,
    /// Regions on clusters of their own: `us: {kafka: {bootstrap.servers: …}}`; one not named here is on the main cluster.
    #[serde(default)]
    pub(super) regions: BTreeMap<String, RegionSettings>,
    /// Who runs models: `model-us: {region: us, agreements: [dpa]}`.
    #[serde(default)]
    pub(super) providers: BTreeMap<String, ProviderSettings>,
    #[serde(default)]
    pub(super) http: HttpSection,
    #[serde(default)]
    pub(super) log: LogSection,
}

fn version() -> u8 {
    1
}

fn group() -> String {
    "lethe".into()
}

fn instance() -> String {
    "0".into()
}

fn workers() -> u16 {
    1
}

fn lease() -> u32 {
    30
}

/// A map of librdkafka properties. A value is plain, or a secret: `{file: /run/secrets/password}` or `{env: KAFKA_PASSWORD}`.
fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "description": "A text, a number, `true` or `false`; or a secret as `{file: PATH}` or `{env: NAME}`.",
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {
                    "type": "object",
                    "properties": {
                        "file": {"description": "File whose content is the value, a line end cut off.", "type": "string", "minLength": 1},
                        "env": {"description": "Environment variable that holds the value.", "type": "string", "minLength": 1},
                    },
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": false,
                },
            ],
        },
    })
}

/// How much is taken at once; whichever comes first ends a batch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BatchSection {
    /// Records, 1 to 100000 (default 10000).
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) records: u32,
    /// Bytes of records (default `16MiB`).
    pub(super) bytes: Bytes,
    /// Milliseconds from the first record to the commit, 1 to 5000 (default 100).
    #[schemars(range(min = 1, max = 5000))]
    pub(super) linger_ms: u32,
}

impl Default for BatchSection {
    fn default() -> Self {
        Self { records: 10_000, bytes: Bytes::Number(16 << 20), linger_ms: 100 }
    }
}

/// Kafka transactions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TransactionSection {
    /// After how long the broker aborts a transaction that nobody ends, 10000 to 15000 (default 12000).
    #[schemars(range(min = 10_000, max = 15_000))]
    pub(super) timeout_ms: u32,
}

impl Default for TransactionSection {
    fn default() -> Self {
        Self { timeout_ms: 12_000 }
    }
}

/// Topics that are not a pipeline's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TopicsSection {
    /// Facts about every record, chained (default `lethe.audit`).
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) audit: String,
    /// Descriptors of what can't be handled safely, without payload (default `lethe.quarantine`).
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,249}$"))]
    pub(super) quarantine: String,
}

impl Default for TopicsSection {
    fn default() -> Self {
        Self { audit: "lethe.audit".into(), quarantine: "lethe.quarantine".into() }
    }
}

/// Where keys are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreSection {
    /// `embedded`: a folder on this machine, for one process at a time.
    pub(super) kind: StoreKind,
    /// The folder (default `/var/lib/lethe/keys`).
    #[schemars(length(min = 1))]
    pub(super) path: String,
    /// Memory for keys that were used lately (default `64MiB`).
    pub(super) cache_bytes: Bytes,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { kind: StoreKind::Embedded, path: "/var/lib/lethe/keys".into(), cache_bytes: Bytes::Number(64 << 20) }
    }
}

/// Kind of key store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreKind {
    Embedded,
}

/// Who keeps the root of the key tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RootSection {
    /// `file`: a file on this machine.
    pub(super) kind: RootKind,
    /// The file's folder, outside of `store.path` and of its backups (default `/var/lib/lethe/root`).
    #[schemars(length(min = 1))]
    pub(super) path: String,
}

impl Default for RootSection {
    fn default() -> Self {
        Self { kind: RootKind::File, path: "/var/lib/lethe/root".into() }
    }
}

/// Kind of root keeper.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RootKind {
    File,
}

/// Erasure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ErasureSection {
    /// How long requests are gathered before keys are destroyed together, in milliseconds, 10 to 3600000 (default 1000).
    #[schemars(range(min = 10, max = 3_600_000))]
    pub(super) epoch_ms: u32,
}

impl Default for ErasureSection {
    fn default() -> Self {
        Self { epoch_ms: 1000 }
    }
}

/// A region on a cluster of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RegionSettings {
    /// librdkafka properties that differ from the main cluster's. Output there is at least once, with a stable `lethe-id`.
    #[schemars(schema_with = "properties")]
    pub(super) kafka: BTreeMap<String, Value>,
}

/// A provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderSettings {
    /// The region it works in.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,31}$"))]
    pub(super) region: String,
    /// What it has signed: `dpa`, `baa`, `pci-aoc`.
    #[serde(default)]
    pub(super) agreements: Vec<Agreement>,
}

/// Packages of what is held of one person (GDPR Art. 15 and 20).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExportSection {
    /// The audience for which `lethe subject export` opens originals; without one it is refused (default: none).
    #[schemars(length(min = 1, max = 64))]
    pub(super) audience: Option<String>,
}

/// `/livez`, `/readyz`, `/metrics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpSection {
    /// Address and port, such as `0.0.0.0:9464` (default `127.0.0.1:9464`).
    pub(super) listen: String,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".into() }
    }
}

/// Logs, on standard error. They never hold payload.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogSection {
    /// `json` or `text` (default `text`).
    pub(super) format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace` (default `info`).
    pub(super) level: LogLevel,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    #[default]
    Text,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What stops the service.
    Error,
    /// What someone should look at.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// How it happens.
    Debug,
    /// Every step.
    Trace,
}
