//! What the demo stands on: a broker, topics, a key store in a temporary folder, and the shipped pipelines.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tempfile::TempDir;

use super::{Script, Summary, TOPICS, play};
use crate::io::clock::{Clock, SystemClock};
use crate::io::kafka::{Client, Trouble};
use crate::io::keystore::StoreError;
use crate::io::run::{Running, ServiceError, Stop};
use crate::io::setup::{self, ConfigError, Loaded};
use crate::io::telemetry;
use crate::io::topics::{Topics, Unreachable, Wanted};

/// The shipped pipelines.
pub const PIPELINES: &[(&str, &str)] = &[
    ("pipelines/prompts.yaml", include_str!("../../../pipelines/prompts.yaml")),
    ("pipelines/responses.yaml", include_str!("../../../pipelines/responses.yaml")),
    ("pipelines/restore-support.yaml", include_str!("../../../pipelines/restore-support.yaml")),
    ("pipelines/erasure.yaml", include_str!("../../../pipelines/erasure.yaml")),
];

/// Why the demo can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The in-process broker.
    #[error("the in-process broker did not start: {0}")]
    Broker(rdkafka::error::KafkaError),
    /// A folder.
    #[error("temporary folder: {0}\n  help: set TMPDIR to a folder with some free space")]
    Folder(std::io::Error),
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] Unreachable),
    /// A topic.
    #[error("topic `{0}` could not be made: {1}")]
    Topic(String, String),
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Kafka.
    #[error("{0}")]
    Kafka(#[from] Trouble),
}

/// Everything the demo needs, gone when it is dropped.
pub struct Ground {
    loaded: Loaded,
    brokers: String,
    clock: Arc<dyn Clock>,
    folder: TempDir,
    _cluster: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Ground {
    /// Starts a broker (or reaches `brokers`), makes topics and folders, reads the shipped pipelines.
    pub fn lay(brokers: Option<&str>) -> Result<Self, DemoError> {
        telemetry::quiet_panics();
        telemetry::no_core_dumps();
        let folder = tempfile::tempdir().map_err(DemoError::Folder)?;
        let cluster = match brokers {
            Some(_) => None,
            None => Some(MockCluster::new(1).map_err(DemoError::Broker)?),
        };
        let address = match (&cluster, brokers) {
            (Some(cluster), _) => cluster.bootstrap_servers(),
            (None, named) => named.unwrap_or_default().to_owned(),
        };
        if let Some(cluster) = &cluster {
            for topic in TOPICS {
                cluster.create_topic(topic, 2, 1).map_err(DemoError::Broker)?;
            }
        }
        let loaded = settings(&address, &folder)?;
        if cluster.is_none() {
            make_topics(&loaded.client())?;
        }
        Ok(Self { loaded, brokers: address, clock: Arc::new(SystemClock::new()), folder, _cluster: cluster })
    }

    /// The broker's address.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Runs service and script to their end, or until Ctrl-C.
    pub fn play(&self, script: Script) -> Result<Summary, DemoError> {
        let stop = Stop::default();
        interrupt(stop.clone());
        let store = setup::open_store(&self.loaded.settings, Arc::clone(&self.clock))?;
        let running = Running::start(&self.loaded, store, Arc::clone(&self.clock), Stop::default())?;
        // Joining a group takes a moment; what is published before would be read anyway, but late.
        for _ in 0..100 {
            if running.health.ready() || stop.requested() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let played = play(&self.loaded.client(), script, &self.clock, &stop);
        let finished = running.finish();
        let summary = played?;
        finished?;
        Ok(summary)
    }

    /// Where keys and root live while the demo runs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

fn settings(brokers: &str, folder: &TempDir) -> Result<Loaded, ConfigError> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (store, root) = (path("keys"), path("root"));
    // A group of its own for each demo: a second one on the same broker begins anew.
    let group = format!("lethe-demo-{}", std::process::id());
    let flags = [
        ("LETHE__KAFKA__BOOTSTRAP_SERVERS", brokers),
        ("LETHE__GROUP", &group),
        ("LETHE__STORE__PATH", &store),
        ("LETHE__ROOT__PATH", &root),
        ("LETHE__KEY_LEASE_SECONDS", "1"),
        ("LETHE__WORKERS", "2"),
        ("LETHE__BATCH__LINGER_MS", "20"),
    ];
    setup::loaded("defaults", setup::BARE, PIPELINES, &flags)
}

fn make_topics(client: &Client) -> Result<(), DemoError> {
    let topics = Topics::open(client)?;
    let wanted = TOPICS.iter().map(|name| Wanted {
        name: (*name).to_owned(),
        purpose: "the demo".into(),
        access: "Read,Write",
        config: Default::default(),
    });
    let plan = topics.plan(wanted.collect())?;
    for (name, made) in topics.apply(&plan, 2, 1)? {
        made.map_err(|error| DemoError::Topic(name, error))?;
    }
    Ok(())
}

/// Ctrl-C ends the demo in order; a second one ends it at once.
fn interrupt(stop: Stop) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            if stop.requested() {
                std::process::exit(1);
            }
            stop.request();
        }
    });
}
