//! One deployment of Lethe for one test: topics, group, store and root of its own, the shipped pipelines on them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Cluster, Isolation, Lethe, Record, Workspace, free_address, unique};

/// How long anything may take before a test fails: a busy machine with two cores needs far less.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Names in the shipped pipelines that are topics, or the beginning of one.
const TOPICS: &[&str] = &[
    "prompts.raw",
    "responses.raw",
    "privacy.deletions",
    "prompts.sanitized",
    "responses.sanitized",
    "responses.restored",
    "erasure.receipts",
];

/// Every topic that the shipped pipelines need.
pub const ALL_TOPICS: &[&str] = &[
    "prompts.raw",
    "responses.raw",
    "privacy.deletions",
    "prompts.sanitized.eu",
    "prompts.sanitized.us",
    "responses.sanitized.eu",
    "responses.sanitized.us",
    "responses.restored.eu",
    "responses.restored.us",
    "erasure.receipts",
    "audit",
    "quarantine",
];

/// A configured Lethe, running or not.
pub struct Deployment<'c> {
    pub cluster: &'c Cluster,
    pub workspace: Workspace,
    pub admin: SocketAddr,
    prefix: String,
    settings: Settings,
    pipelines: Vec<String>,
}

/// What differs between tests.
#[derive(Clone)]
pub struct Settings {
    pub workers: usize,
    pub batch_records: usize,
    /// The producer's `message.max.bytes`.
    pub message_bytes: usize,
    /// Sentences of `prompts.yaml` and what they are replaced by.
    pub prompts: Vec<(&'static str, &'static str)>,
    /// The URL of a database that holds the keys, instead of a folder.
    pub database: Option<String>,
    /// How long chats are kept: the same in every pipeline.
    pub chat: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 2,
            batch_records: 2_000,
            message_bytes: 1_000_000,
            prompts: Vec::new(),
            database: None,
            chat: "30d",
        }
    }
}

impl<'c> Deployment<'c> {
    /// Writes the configuration; topics and store are not made yet.
    pub fn new(cluster: &'c Cluster, stem: &str, settings: Settings) -> Self {
        let prefix = format!("{}.", unique(stem));
        let workspace = Workspace::new();
        let mut pipelines = Vec::new();
        for name in ["prompts.yaml", "responses.yaml", "restore-support.yaml", "erasure.yaml"] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines").join(name);
            let mut text = fs::read_to_string(shipped).expect("a shipped pipeline");
            for (from, to) in settings.prompts.iter().filter(|_| name == "prompts.yaml") {
                assert!(text.contains(from), "`{from}` is no more in {name}");
                text = text.replace(from, to);
            }
            text = text.replace("chat: 30d", &format!("chat: {}", settings.chat));
            for topic in TOPICS {
                text = text.replace(topic, &format!("{prefix}{topic}"));
            }
            workspace.write(&format!("pipelines/{name}"), text);
            pipelines.push(format!("pipelines/{name}"));
        }
        let made = Self { cluster, workspace, admin: free_address(), prefix, settings, pipelines };
        made.configure("lethe.yaml", &[]);
        made
    }

    /// Writes a settings file; `changes` are paths below the top, as in the environment, and their values.
    pub fn configure(&self, file: &str, changes: &[(&str, &str)]) -> PathBuf {
        let Settings { workers, batch_records, message_bytes, database, .. } = &self.settings;
        let mut values = BTreeMap::from([
            ("group", self.topic("group")),
            ("instance", "test".to_owned()),
            ("store.path", self.folder("keys")),
            ("root.path", self.folder("root")),
            ("http.listen", self.admin.to_string()),
            ("topics.audit", self.topic("audit")),
            ("workers", workers.to_string()),
        ]);
        values.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let value = |name| &values[name];
        let store = match database {
            Some(url) => {
                let file = self.workspace.write("database-url", url);
                format!("kind: postgres, postgres: {{ url: {{ file: {} }} }}", file.display())
            }
            None => format!("path: {}", value("store.path")),
        };
        let text = format!(
            "version: 1\n\
             kafka:\n  bootstrap.servers: {}\n  session.timeout.ms: 6000\n  heartbeat.interval.ms: 1000\n  message.max.bytes: {message_bytes}\n\
             group: {}\ninstance: {}\nworkers: {}\n\
             batch: {{ records: {batch_records}, linger_ms: 20 }}\n\
             topics: {{ audit: {}, quarantine: {} }}\n\
             store: {{ {store} }}\nroot: {{ path: {} }}\n\
             key_lease_seconds: 1\nerasure: {{ epoch_ms: 50 }}\nretention: {{ check_seconds: 1 }}\nhttp: {{ listen: \"{}\" }}\n",
            self.cluster.address(),
            value("group"),
            value("instance"),
            value("workers"),
            value("topics.audit"),
            self.topic("quarantine"),
            value("root.path"),
            value("http.listen"),
        );
        self.workspace.write(file, text)
    }

    /// The name that a topic of the shipped pipelines has here.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The path of a folder of this deployment.
    pub fn folder(&self, name: &str) -> String {
        self.workspace.path().join(name).display().to_string()
    }

    /// The consumer group of the workers; the erasure worker's ends in `-erasure`.
    pub fn group(&self) -> String {
        self.topic("group")
    }

    /// `lethe topics apply` for all topics that the pipelines need and that are not there yet.
    pub fn make_topics(&self, partitions: i32) {
        let made = self.command(&["topics", "apply", "--partitions", &partitions.to_string()], "lethe.yaml");
        assert!(made.status.success(), "{}", told(&made));
    }

    /// Runs a command that takes settings and pipelines.
    pub fn command(&self, command: &[&str], config: &str) -> Output {
        self.workspace.run(&self.arguments(command, config))
    }

    /// Starts `lethe run` and waits until it is ready.
    pub fn start(&self) -> Lethe {
        let mut lethe = self.launch("lethe.yaml");
        lethe.wait_until_ready(self.admin, LIMIT);
        lethe
    }

    /// Starts `lethe run` with this settings file, and waits for nothing.
    pub fn launch(&self, config: &str) -> Lethe {
        self.workspace.spawn(&self.arguments(&["run"], config))
    }

    fn arguments<'a>(&'a self, command: &[&'a str], config: &'a str) -> Vec<&'a str> {
        let pipelines = self.pipelines.iter().map(String::as_str);
        command.iter().copied().chain(["--config", config]).chain(pipelines).collect()
    }

    /// All committed records of a topic.
    pub fn read(&self, topic: &str) -> Vec<Record> {
        self.cluster.read(&self.topic(topic), Isolation::Committed)
    }

    /// Waits until every record of an input topic is committed as consumed.
    pub fn wait_until_consumed(&self, topic: &str) {
        self.cluster.wait_until_consumed(&self.group(), &self.topic(topic), LIMIT);
    }

    /// What `lethe audit verify` says of the topic and the heads in the committed offsets; it must find nothing wrong.
    pub fn verify_audit(&self, config: &str) -> Value {
        let verified = self.workspace.run(&["audit", "verify", "--json", "--config", config]);
        assert!(verified.status.success(), "{}", told(&verified));
        serde_json::from_slice(&verified.stdout).expect("a report")
    }

    /// Facts of one source topic by offset, as the audit topic holds them; one for each input.
    pub fn facts(&self, source: &str) -> BTreeMap<(i32, i64), Value> {
        let source = self.topic(source);
        let mut facts = BTreeMap::new();
        for segment in self.read("audit") {
            let segment: Value = serde_json::from_str(segment.text()).expect("a segment");
            if segment["source"]["topic"] != source.as_str() {
                continue;
            }
            let partition =
                i32::try_from(segment["source"]["partition"].as_i64().expect("a number")).expect("a partition");
            for fact in segment["facts"].as_array().expect("facts") {
                let offset = fact["offset"].as_i64().expect("an offset");
                assert!(facts.insert((partition, offset), fact.clone()).is_none(), "two facts of one input: {fact}");
            }
        }
        facts
    }
}

/// Stops a process as an operator would, and holds it to a clean end.
pub fn stop(mut lethe: Lethe) {
    lethe.terminate();
    let status = lethe.wait(LIMIT);
    assert!(status.success(), "{status}: {}", lethe.stderr());
}

/// What a command has written, for a failure's message.
pub fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}{err}", output.status)
}
