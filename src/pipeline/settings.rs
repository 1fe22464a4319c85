//! `lethe.yaml` as true: [`settings`] reads file text and environment into [`Settings`], or says everything that is wrong.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::checked::{PipelineConfig, Work};
use super::environment::overlay;
use super::load::{schema, typed};
use super::problem::{Problem, choose};
use super::properties::{self, Property};
use super::report::{Report, at};
use super::settings_written::{
    AwsKmsSection, Pkcs11Section, PostgresSection, RootKind, RootSection, SecretSource, SettingsFile, StoreKind,
    StoreSection, VaultSection,
};
pub use super::settings_written::{LogFormat, LogLevel};
use super::units::Bytes;
use super::yaml;
use crate::policy::Provider;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// librdkafka properties of the main cluster.
    pub kafka: BTreeMap<String, Property>,
    /// Consumer group.
    pub group: String,
    /// Name of this process.
    pub instance: String,
    /// Threads that each own a consumer and a producer.
    pub workers: usize,
    /// How much is taken at once.
    pub batch: Batch,
    /// After how long the broker aborts a transaction that nobody ends.
    pub transaction_timeout_ms: u64,
    /// Topic of facts.
    pub audit_topic: Arc<str>,
    /// Topic of descriptors, where a pipeline names none.
    pub quarantine_topic: Arc<str>,
    /// Where keys are kept.
    pub store: Store,
    /// Who keeps the root.
    pub root: Root,
    /// How long a process may use a key without asking again.
    pub key_lease_seconds: u64,
    /// How long deletion requests are gathered.
    pub erasure_epoch_ms: u64,
    /// How often buckets of keys whose time has passed are looked for.
    pub retention_check_seconds: u64,
    /// Properties of regions on clusters of their own, laid over the main cluster's.
    pub regions: BTreeMap<String, BTreeMap<String, Property>>,
    /// Who runs models.
    pub providers: Vec<Provider>,
    /// Where `/livez`, `/readyz` and `/metrics` are served.
    pub listen: SocketAddr,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: LogLevel,
}

/// How much is taken at once; whichever comes first ends a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Records.
    pub records: usize,
    /// Bytes of records.
    pub bytes: usize,
    /// Milliseconds from the first record to the commit.
    pub linger_ms: u64,
}

/// Where keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A folder on this machine, for one process at a time.
    Embedded {
        /// The folder.
        path: String,
        /// Memory for blocks of its files.
        cache_bytes: u64,
    },
    /// A PostgreSQL database, for several processes.
    Postgres {
        /// The connection string.
        url: Property,
        /// Certificates of the authorities, in PEM.
        ca_file: Option<String>,
        /// Connections at most.
        connections: usize,
    },
}

impl Store {
    /// The folder of a store that one process has to itself.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Embedded { path, .. } => Some(Path::new(path)),
            Self::Postgres { .. } => None,
        }
    }
}

/// Who keeps the root of the key tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A file on this machine.
    File {
        /// Its folder.
        path: String,
    },
    /// An HSM.
    Pkcs11 {
        /// The vendor's library.
        module: String,
        /// Label of the token.
        token: String,
        /// The user's PIN.
        pin: Property,
    },
    /// AWS KMS.
    AwsKms {
        /// Region; `None`: as the environment says.
        region: Option<String>,
        /// Another address of the service.
        endpoint: Option<String>,
        /// Days until a destroyed root is gone for good.
        pending_days: u8,
        /// How long one call may take.
        timeout_seconds: u64,
    },
    /// The transit engine of Vault or OpenBao.
    Vault {
        /// Scheme, host and port.
        address: String,
        /// Where the engine is mounted.
        mount: String,
        /// The token.
        token: Property,
        /// Namespace.
        namespace: Option<String>,
        /// Certificates of the authorities, in PEM.
        ca_file: Option<String>,
        /// How long one call may take.
        timeout_seconds: u64,
    },
}

/// Reads the settings: defaults < file < environment. Command-line flags that override a setting are given as further
/// environment pairs, after the real ones.
pub fn settings<'e>(
    file: &str,
    text: &str,
    environment: impl IntoIterator<Item = (&'e str, &'e str)>,
) -> Result<Settings, Vec<Problem>> {
    let mut root = yaml::parse(file, text).map_err(|problem| vec![problem])?;
    let mut problems = overlay(&mut root, &schema::<SettingsFile>(), environment.into_iter());
    let mut report = Report::new(file, &root);
    let settings = typed::<SettingsFile>(&root, &mut report).and_then(|(written, _)| meaning(written, &mut report));
    problems.extend(report.finish());
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

/// The JSON Schema (draft 2020-12) of `lethe.yaml`.
pub fn settings_schema() -> Value {
    schema::<SettingsFile>()
}

fn meaning(written: SettingsFile, report: &mut Report<'_>) -> Option<Settings> {
    let kafka = properties::check(written.kafka, &at!["kafka"], report);
    if !["bootstrap.servers", "metadata.broker.list"].iter().any(|name| kafka.contains_key(*name)) {
        report.key(&at!["kafka"], &[], "no broker is named", "add `bootstrap.servers: HOST:PORT`");
    }
    let mut regions = BTreeMap::new();
    for (name, region) in written.regions {
        regions.insert(name.clone(), properties::check(region.kafka, &at!["regions", name, "kafka"], report));
    }
    if written.topics.audit == written.topics.quarantine {
        let what = "facts and descriptors would share one topic";
        report.value(&at!["topics", "quarantine"], &[], what, "name two topics");
    }
    // Whoever copies the store must not get the root with it.
    let in_files = matches!((&written.store.kind, &written.root.kind), (StoreKind::Embedded, RootKind::File));
    if in_files && Path::new(&written.root.path).starts_with(&written.store.path) {
        let help = "put the root on another volume, or at least into another folder that backups leave out";
        report.value(&at!["root", "path"], &["store"], "the root lies within the store", help);
    }
    let bytes = count(&written.batch.bytes, &at!["batch", "bytes"], report);
    let store = store(written.store, report)?;
    let Ok(listen) = written.http.listen.parse() else {
        let help = "write an address and a port, such as `127.0.0.1:9464` or `[::]:9464`";
        report.value(&at!["http", "listen"], &[], format!("`{}` is no address", written.http.listen), help);
        return None;
    };
    let providers = written.providers.into_iter().map(|(name, provider)| Provider {
        name: name.into(),
        region: provider.region.into(),
        agreements: provider.agreements,
    });
    let root = root(written.root, report)?;
    Some(Settings {
        kafka,
        group: written.group,
        instance: written.instance,
        workers: usize::from(written.workers),
        batch: Batch {
            records: usize::try_from(written.batch.records).unwrap_or(usize::MAX),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            linger_ms: u64::from(written.batch.linger_ms),
        },
        transaction_timeout_ms: u64::from(written.transaction.timeout_ms),
        audit_topic: written.topics.audit.into(),
        quarantine_topic: written.topics.quarantine.into(),
        store,
        root,
        key_lease_seconds: u64::from(written.key_lease_seconds),
        erasure_epoch_ms: u64::from(written.erasure.epoch_ms),
        retention_check_seconds: u64::from(written.retention.check_seconds),
        regions,
        providers: providers.collect(),
        listen,
        log_format: written.log.format,
        log_level: written.log.level,
    })
}

fn store(written: StoreSection, report: &mut Report<'_>) -> Option<Store> {
    let cache_bytes = count(&written.cache_bytes, &at!["store", "cache_bytes"], report);
    match (written.kind, written.postgres) {
        (StoreKind::Embedded, _) => Some(Store::Embedded { path: written.path, cache_bytes }),
        (StoreKind::Postgres, Some(PostgresSection { url, ca_file, connections })) => {
            let url = match url {
                SecretSource::File(path) => Property::File(path),
                SecretSource::Env(name) => Property::Environment(name),
            };
            Some(Store::Postgres { url, ca_file, connections: usize::from(connections) })
        }
        (StoreKind::Postgres, None) => {
            let what = "keys are to be kept in `postgres`, and `store.postgres` is not there";
            report.key(&at!["store"], &[], what, "add `postgres: {url: {file: …}}`");
            None
        }
    }
}

fn root(written: RootSection, report: &mut Report<'_>) -> Option<Root> {
    let timeout_seconds = u64::from(written.timeout_seconds);
    let secret = |from| match from {
        SecretSource::File(path) => Property::File(path),
        SecretSource::Env(name) => Property::Environment(name),
    };
    let mut absent = |section: &str, help: &str| {
        report.key(
            &at!["root"],
            &[],
            format!("the root is to be kept by `{section}`, and `root.{section}` is not there"),
            help,
        );
        None
    };
    match written.kind {
        RootKind::File => Some(Root::File { path: written.path }),
        RootKind::Pkcs11 => match written.pkcs11 {
            Some(Pkcs11Section { module, token, pin }) => Some(Root::Pkcs11 { module, token, pin: secret(pin) }),
            None => absent("pkcs11", "add `pkcs11: {module: …, token: …, pin: {file: …}}`"),
        },
        RootKind::AwsKms => {
            let AwsKmsSection { region, endpoint, pending_days } = written.aws_kms;
            Some(Root::AwsKms { region, endpoint, pending_days, timeout_seconds })
        }
        RootKind::Vault => match written.vault {
            Some(VaultSection { address, mount, token, namespace, ca_file }) => {
                Some(Root::Vault { address, mount, token: secret(token), namespace, ca_file, timeout_seconds })
            }
            None => absent("vault", "add `vault: {address: …, token: {file: …}}`"),
        },
    }
}

fn count(bytes: &Bytes, path: &[String], report: &mut Report<'_>) -> u64 {
    bytes.count().unwrap_or_else(|| {
        report.value(path, &[], "more than can be counted", "write less than `16GiB`");
        0
    })
}

/// Whether settings and pipelines fit together: topics that collide, regions that nobody delivers to, several pipelines' needs.
/// `file` is the settings file's name; these problems have no line.
pub fn agree(file: &str, settings: &Settings, pipelines: &[PipelineConfig]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |path: String, what: String, help: String| {
        problems.push(Problem { file: file.to_owned(), line: 0, column: 0, path, what, help });
    };
    for (name, topic) in [("audit", &settings.audit_topic), ("quarantine", &settings.quarantine_topic)] {
        for pipeline in pipelines {
            if pipeline.topics.contains(topic) {
                let what = format!("pipeline `{}` reads `{topic}`: records would go round for ever", pipeline.name);
                add(format!("topics.{name}"), what, "name another topic".into());
            }
            let also_output =
                pipeline.outputs().contains(topic) && (name == "audit" || pipeline.quarantine.as_ref() != Some(topic));
            if also_output {
                let what = format!("pipeline `{}` writes other records to `{topic}`", pipeline.name);
                add(format!("topics.{name}"), what, "name another topic".into());
            }
        }
    }
    let delivered: Vec<&str> = pipelines
        .iter()
        .filter_map(PipelineConfig::residency)
        .flat_map(|residency| residency.destinations.iter().map(|to| &*to.region))
        .collect();
    for region in settings.regions.keys().filter(|region| !delivered.contains(&region.as_str())) {
        let help = choose(region, delivered.iter().copied(), "regions");
        add(format!("regions.{region}"), "no pipeline delivers to this region".into(), help);
    }
    let erases = pipelines.iter().filter(|pipeline| matches!(pipeline.work, Work::Erase(_))).count();
    if erases > 1 {
        let help = "let one erase pipeline read all deletion topics";
        add(String::new(), format!("{erases} erase pipelines would share one key store"), help.into());
    }
    problems
}
