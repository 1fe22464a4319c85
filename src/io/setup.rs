//! From files and environment to what the service runs on: the only place that reads either.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::kafka::Client;
use super::keystore::{self, EmbeddedStore, End, Keystore, Migrated, Options, StoreError};
#[cfg(feature = "postgres")]
use super::keystore::{Connecting, PostgresOptions, PostgresStore};
#[cfg(feature = "postgres")]
use super::kms::open_shared_root_keeper;
use super::kms::{KeeperError, RootKeeper, open_root_keeper};
use super::names;
use super::topics::Wanted;
use super::upkeep::Premises;
use crate::audit::SEGMENT_BUDGET_BYTES;
use crate::keys::DigestKey;
use crate::keys::rows::Table;
use crate::pipeline::{self, Ground, Pipeline, PipelineConfig, Problem, Property, Settings, Work};
#[cfg(feature = "postgres")]
use crate::sensitive::Sensitive;

/// Checked configuration.
pub struct Loaded {
    /// Where things are.
    pub settings: Settings,
    /// What to do.
    pub pipelines: Vec<PipelineConfig>,
    /// What a person should know of the models of names that pipelines bring.
    pub remarks: Vec<String>,
    /// The main cluster's properties, secrets read.
    properties: BTreeMap<String, String>,
    /// By region, properties of clusters elsewhere.
    regions: BTreeMap<String, BTreeMap<String, String>>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural} in the configuration", self.0.len())
    }
}

impl From<Vec<Problem>> for ConfigError {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems.iter().map(Problem::to_string).collect())
    }
}

/// Deletion requests name their subjects in clear: they stay for a week, in which a stopped service can be brought back.
const DELETIONS_KEPT_SECONDS: u64 = 7 * 24 * 3_600;

/// Settings where no file is named.
pub const BARE: &str = "version: 1\nkafka:\n  bootstrap.servers: 127.0.0.1:9092\n";

/// Reads settings and pipelines, and says everything that is wrong with them at once.
pub fn load(config: Option<&Path>, pipelines: &[PathBuf]) -> Result<Loaded, ConfigError> {
    let mut wrong = Vec::new();
    let mut read = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => Some((path.display().to_string(), text)),
        Err(error) => {
            wrong.push(format!("{}: {error}\n  help: name a file that this user may read", path.display()));
            None
        }
    };
    let settings = match config {
        Some(path) => read(path),
        None => Some(("defaults".to_owned(), BARE.to_owned())),
    };
    let texts: Vec<_> = pipelines.iter().filter_map(|path| read(path)).collect();
    let (Some((file, text)), true) = (settings, wrong.is_empty()) else { return Err(ConfigError(wrong)) };
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    loaded(&file, &text, &texts, &[])
}

/// The same from texts. `flags` are settings given on the command line, as environment pairs: they win.
pub fn loaded(
    file: &str,
    text: &str,
    pipelines: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, ConfigError> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("LETHE__"))
        .collect();
    let pairs = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(flags.iter().copied());
    let settings = pipeline::settings(file, text, pairs);
    let providers = settings.as_ref().ok().map(|settings| settings.providers.as_slice());
    let (models, remarks) = names::open_all(&pipeline::models_wanted(pipelines)).map_err(ConfigError)?;
    let checked = pipeline::load_with_models(pipelines, providers, &models);
    let (settings, pipelines) = match (settings, checked) {
        (Ok(settings), Ok(pipelines)) => (settings, pipelines),
        (settings, checked) => {
            let mut problems = settings.err().unwrap_or_default();
            problems.extend(checked.err().unwrap_or_default());
            return Err(problems.into());
        }
    };
    let disagreement = pipeline::agree(file, &settings, &pipelines);
    if !disagreement.is_empty() {
        return Err(disagreement.into());
    }
    let properties = secrets(&settings.kafka)?;
    let regions = settings
        .regions
        .iter()
        .filter(|(_, own)| !own.is_empty())
        .map(|(region, own)| {
            let mut all = properties.clone();
            all.extend(secrets(own)?);
            Ok((region.clone(), all))
        })
        .collect::<Result<_, ConfigError>>()?;
    Ok(Loaded { settings, pipelines, remarks, properties, regions })
}

/// Properties with their secrets read from files and environment.
fn secrets(properties: &BTreeMap<String, Property>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut read = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, property) in properties {
        let value = resolve(name, property);
        match value {
            Ok(value) => {
                read.insert(name.clone(), value);
            }
            Err(problem) => wrong.push(problem),
        }
    }
    if wrong.is_empty() { Ok(read) } else { Err(ConfigError(wrong)) }
}

/// A property's value. Where it can't be read, what is wrong, with a remedy.
fn resolve(name: &str, property: &Property) -> Result<String, String> {
    match property {
        Property::Literal(text) => Ok(text.clone()),
        Property::File(path) => {
            std::fs::read_to_string(path).map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).map_err(|error| {
                format!("`{name}`: {path}: {error}\n  help: put the secret there, readable for this user alone")
            })
        }
        Property::Environment(variable) => std::env::var_os(variable)
            .and_then(|value| value.into_string().ok())
            .ok_or_else(|| format!("`{name}`: the environment has no `{variable}`\n  help: set it, or name a file")),
    }
}

/// Opens the root keeper.
pub fn open_keeper(settings: &Settings) -> Result<Arc<dyn RootKeeper>, StoreError> {
    Ok(open_root_keeper(&settings.root)?)
}

/// Who can carry an order on the key store out.
pub enum Reach {
    /// This process: it has opened the store.
    Here(Premises),
    /// Another one, which has the store in this folder open.
    Running(PathBuf),
}

/// Opens the key store for its upkeep, unless a service has it open. A store that was never made is not made by looking.
pub fn open_premises(loaded: &Loaded, clock: Arc<dyn Clock>) -> Result<Reach, StoreError> {
    let settings = &loaded.settings;
    let folder = settings.store.folder();
    if let Some(folder) = folder.filter(|folder| !folder.join("keyspaces").is_dir()) {
        return Err(StoreError::Absent(folder.to_owned()));
    }
    match (open_store(settings, Arc::clone(&clock)), folder) {
        (Ok(store), _) => Ok(Reach::Here(Premises { store, clock, horizon: super::run::horizon(&loaded.pipelines) })),
        (Err(StoreError::Locked(_) | StoreError::Keeper(KeeperError::Locked(_))), Some(folder)) => {
            Ok(Reach::Running(folder.to_owned()))
        }
        (Err(error), _) => Err(error),
    }
}

/// Opens the key store with its root keeper.
pub fn open_store(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Arc<dyn Keystore>, StoreError> {
    let key_lease_ms = settings.key_lease_seconds.saturating_mul(1_000);
    match &settings.store {
        pipeline::Store::Embedded { path, cache_bytes } => {
            let options = Options { key_lease_ms, cache_bytes: *cache_bytes, ..Options::new(path) };
            Ok(Arc::new(EmbeddedStore::open(options, open_keeper(settings)?, clock)?))
        }
        #[cfg(feature = "postgres")]
        pipeline::Store::Postgres { .. } => {
            let keeper = open_shared_root_keeper(&settings.root)?;
            let connecting = connecting(&settings.store)?;
            let options = PostgresOptions { key_lease_ms, ..PostgresOptions::new(connecting) };
            Ok(Arc::new(PostgresStore::open(options, keeper, clock)?))
        }
        #[cfg(not(feature = "postgres"))]
        pipeline::Store::Postgres { .. } => Err(StoreError::NotBuilt("postgres")),
    }
}

/// Moves the key store from where one settings file has it to where the other one does; see [`keystore::migrate`].
pub fn migrate(from: &Settings, to: &Settings, told: &mut dyn FnMut(Table, u64)) -> Result<Migrated, StoreError> {
    keystore::migrate((&end(from)?, &end(to)?), &*open_keeper(to)?, told)
}

/// The store of some settings, as an end of a migration.
fn end(settings: &Settings) -> Result<End, StoreError> {
    match &settings.store {
        pipeline::Store::Embedded { path, .. } => Ok(End::Folder(PathBuf::from(path))),
        #[cfg(feature = "postgres")]
        store @ pipeline::Store::Postgres { .. } => Ok(End::Database(connecting(store)?)),
        #[cfg(not(feature = "postgres"))]
        pipeline::Store::Postgres { .. } => Err(StoreError::NotBuilt("postgres")),
    }
}

/// How the settings' PostgreSQL is reached.
#[cfg(feature = "postgres")]
fn connecting(store: &pipeline::Store) -> Result<Connecting, StoreError> {
    let pipeline::Store::Postgres { url, ca_file, connections } = store else {
        return Err(StoreError::Connection("the settings name none".to_owned()));
    };
    let url = resolve("store.postgres.url", url).map_err(StoreError::Connection)?;
    let authorities = ca_file.as_ref().map(PathBuf::from);
    Ok(Connecting { url: Sensitive::new(url.into_bytes()), authorities, connections: *connections })
}

impl Loaded {
    /// How the main cluster is reached.
    pub fn client(&self) -> Client {
        self.client_with(self.properties.clone())
    }

    /// How the clusters of regions elsewhere are reached.
    pub fn remotes(&self) -> HashMap<Arc<str>, Client> {
        let remote = |(region, own): (&String, &BTreeMap<String, String>)| {
            (Arc::from(region.as_str()), self.client_with(own.clone()))
        };
        self.regions.iter().map(remote).collect()
    }

    fn client_with(&self, properties: BTreeMap<String, String>) -> Client {
        Client {
            properties,
            group: self.settings.group.clone(),
            instance: self.settings.instance.clone(),
            transaction_timeout_ms: u32::try_from(self.settings.transaction_timeout_ms).unwrap_or(u32::MAX),
        }
    }

    /// Largest output record: what the producer will take.
    fn max_output_bytes(&self) -> usize {
        let own = ["message.max.bytes", "max.message.bytes"].iter().find_map(|name| self.properties.get(*name));
        own.and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
    }

    /// Longest segment of facts: with its key and its frame it must fit into what the producer will take.
    pub fn segment_bytes(&self) -> usize {
        SEGMENT_BUDGET_BYTES.min(self.max_output_bytes() / 2)
    }

    /// Pipelines ready to plan, by input topic.
    pub fn routes(&self, digest_key: DigestKey) -> HashMap<Arc<str>, Arc<Pipeline>> {
        let ground = Ground {
            quarantine: Arc::clone(&self.settings.quarantine_topic),
            max_output_bytes: self.max_output_bytes(),
            digest_key,
        };
        let mut routes = HashMap::new();
        for config in &self.pipelines {
            if let Some(built) = Pipeline::build(config, &ground).map(Arc::new) {
                routes.extend(config.topics.iter().map(|topic| (Arc::clone(topic), Arc::clone(&built))));
            }
        }
        routes
    }

    /// The erase pipeline, if there is one.
    pub fn erase(&self) -> Option<(&PipelineConfig, &crate::pipeline::Erase)> {
        self.pipelines.iter().find_map(|config| match &config.work {
            Work::Erase(erase) => Some((config, &**erase)),
            _ => None,
        })
    }

    /// Runs all tests inside the pipeline files: file and line, name, differences.
    pub fn rehearse(&self) -> Vec<(String, String, Vec<String>)> {
        let routes = self.routes(pipeline::test_keys().digest_key());
        let mut results = Vec::new();
        for config in &self.pipelines {
            let Some(topic) = config.topics.first() else { continue };
            let Some(built) = routes.get(topic) else { continue };
            for case in &config.cases {
                let place = format!("{}:{}", config.file, case.line);
                results.push((place, case.name.clone(), pipeline::rehearse(built, topic, case)));
            }
        }
        results
    }

    /// The topics that the pipelines need, with the access that Lethe's user needs to them.
    pub fn wanted_topics(&self) -> Vec<Wanted> {
        let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
        let mut want = |name: &str, purpose: String, access: &'static str, retention_seconds: Option<u64>| {
            let entry = wanted.entry(name.to_owned()).or_insert_with(|| Wanted {
                name: name.to_owned(),
                purpose: purpose.clone(),
                access,
                config: BTreeMap::new(),
            });
            if entry.access != access {
                entry.access = "Read,Write";
            }
            if let Some(seconds) = retention_seconds {
                entry.config.insert("retention.ms".into(), seconds.saturating_mul(1_000).to_string());
            }
        };
        for config in &self.pipelines {
            for topic in &config.topics {
                let (access, keep) = match &config.work {
                    Work::Erase(erase) if erase.purge => ("Read,Delete", Some(DELETIONS_KEPT_SECONDS)),
                    Work::Erase(_) => ("Read", Some(DELETIONS_KEPT_SECONDS)),
                    Work::Sanitize(sanitize) if sanitize.purge => ("Read,Delete", None),
                    Work::Sanitize(_) | Work::Restore(_) => ("Read", None),
                };
                want(topic, format!("input of `{}`", config.name), access, keep);
            }
            let longest = match &config.work {
                Work::Sanitize(sanitize) => {
                    let rules = &sanitize.policy.retention;
                    let classes = rules.classes.iter().chain([&rules.default]).map(|class| class.keep_seconds);
                    classes.max()
                }
                _ => None,
            };
            for topic in config.outputs() {
                want(
                    &topic,
                    format!("output of `{}`", config.name),
                    "Write",
                    longest.filter(|_| config.quarantine.as_ref() != Some(&topic)),
                );
            }
        }
        want(&self.settings.audit_topic, "facts, read back where a chain's head is lost".into(), "Read,Write", None);
        want(&self.settings.quarantine_topic, "descriptors of what could not be handled".into(), "Write", None);
        wanted.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_topic_does_not_keep_names_for_ever() {
        let erase = ("erase.yaml", include_str!("../../pipelines/erasure.yaml"));
        let loaded = loaded("defaults", BARE, &[erase], &[]).unwrap();
        let kept = |name: &str| {
            let topics = loaded.wanted_topics();
            topics.into_iter().find(|topic| topic.name == name).unwrap().config.get("retention.ms").cloned()
        };
        assert_eq!(kept("privacy.deletions").as_deref(), Some("604800000"));
        assert_eq!(kept("erasure.receipts"), None, "evidence is kept as long as the operator says");
    }
}
