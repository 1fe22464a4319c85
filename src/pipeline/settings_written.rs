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
    pub(super) retention: RetentionCheckSection,
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
    /// `embedded` (default): a folder on this machine, for one process at a time; `postgres`: a database, for several, with a lethe that
    /// was built with it.
    pub(super) kind: StoreKind,
    /// `embedded`: the folder (default `/var/lib/lethe/keys`).
    #[schemars(length(min = 1))]
    pub(super) path: String,
    /// `embedded`: memory for blocks of the folder's files (default `64MiB`).
    pub(super) cache_bytes: Bytes,
    pub(super) postgres: Option<PostgresSection>,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            kind: StoreKind::Embedded,
            path: "/var/lib/lethe/keys".into(),
            cache_bytes: Bytes::Number(64 << 20),
            postgres: None,
        }
    }
}

/// Kind of key store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreKind {
    Embedded,
    Postgres,
}

/// A PostgreSQL database that holds the keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PostgresSection {
    /// The connection string, a secret as `{file: PATH}` or `{env: NAME}`: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. Other machines
    /// are reached with TLS, unless it says `sslmode=disable`.
    #[schemars(schema_with = "secret")]
    pub(super) url: SecretSource,
    /// File with the authorities' certificates in PEM; without it those of this machine.
    #[serde(default)]
    pub(super) ca_file: Option<String>,
    /// Connections at most, 2 to 100 (default 8); each worker uses one at a time.
    #[serde(default = "connections")]
    #[schemars(range(min = 2, max = 100))]
    pub(super) connections: u8,
}

fn connections() -> u8 {
    8
}

/// Where a secret stands. It never stands in the settings themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum SecretSource {
    File(String),
    Env(String),
}

fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "file": {"description": "File whose content is the secret, a line end cut off.", "type": "string", "minLength": 1},
            "env": {"description": "Environment variable that holds the secret.", "type": "string", "minLength": 1},
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    })
}

/// Who keeps the root of the key tree.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RootSection {
    /// `file` (default): a file on this machine; `pkcs11`: an HSM; `aws_kms`; `vault`: the transit engine of Vault or OpenBao. All but
    /// `file` need a lethe that was built with them.
    pub(super) kind: RootKind,
    /// `file`: its folder, outside of `store.path` and of its backups (default `/var/lib/lethe/root`).
    #[schemars(length(min = 1))]
    pub(super) path: String,
    pub(super) pkcs11: Option<Pkcs11Section>,
    pub(super) aws_kms: AwsKmsSection,
    pub(super) vault: Option<VaultSection>,
    /// How long one call to a root keeper in the network may take, in seconds, 1 to 60 (default 10).
    #[schemars(range(min = 1, max = 60))]
    pub(super) timeout_seconds: u32,
}

impl Default for RootSection {
    fn default() -> Self {
        Self {
            kind: RootKind::File,
            path: "/var/lib/lethe/root".into(),
            pkcs11: None,
            aws_kms: AwsKmsSection::default(),
            vault: None,
            timeout_seconds: 10,
        }
    }
}

/// An HSM, through its PKCS#11 module.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pkcs11Section {
    /// The vendor's library: `/usr/lib/softhsm/libsofthsm2.so`.
    #[schemars(length(min = 1))]
    pub(super) module: String,
    /// Label of the token.
    #[schemars(length(min = 1, max = 32))]
    pub(super) token: String,
    /// The user's PIN: `{file: PATH}` or `{env: NAME}`.
    #[schemars(schema_with = "secret")]
    pub(super) pin: SecretSource,
}

/// AWS KMS. Credentials come as the AWS SDK finds them: environment, profile, web identity, container or instance role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AwsKmsSection {
    /// Region; without it the one that the environment or the profile names.
    pub(super) region: Option<String>,
    /// Another address of the service, such as a VPC endpoint's.
    pub(super) endpoint: Option<String>,
    /// Days until a destroyed root is gone for good, 7 to 30 (default 7): until then it can be brought back, and receipts say so.
    #[schemars(range(min = 7, max = 30))]
    pub(super) pending_days: u8,
}

impl Default for AwsKmsSection {
    fn default() -> Self {
        Self { region: None, endpoint: None, pending_days: 7 }
    }
}

/// The transit secrets engine of HashiCorp Vault or OpenBao.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultSection {
    /// Its address: `https://vault.example:8200`.
    #[schemars(regex(pattern = r"^https?://[^/]+$"))]
    pub(super) address: String,
    /// Where the engine is mounted (default `transit`).
    #[serde(default = "transit")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._/-]{1,200}$"))]
    pub(super) mount: String,
    /// A token: `{file: PATH}` (read again for each call) or `{env: NAME}`.
    #[schemars(schema_with = "secret")]
    pub(super) token: SecretSource,
    /// Namespace (Vault Enterprise, OpenBao).
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// File with the authorities' certificates in PEM; without it those of this machine.
    #[serde(default)]
    pub(super) ca_file: Option<String>,
}

fn transit() -> String {
    "transit".into()
}

/// Kind of root keeper.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RootKind {
    File,
    Pkcs11,
    AwsKms,
    Vault,
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

/// Retention by key. How long a class is kept is for pipelines to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetentionCheckSection {
    /// How often keys whose retention has passed are looked for and destroyed, in seconds, 1 to 86400 (default 60).
    #[schemars(range(min = 1, max = 86_400))]
    pub(super) check_seconds: u32,
}

impl Default for RetentionCheckSection {
    fn default() -> Self {
        Self { check_seconds: 60 }
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
