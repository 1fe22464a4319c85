//! The topics that a set of pipelines needs: what is there, what is missing, what differs; and making what is missing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::kafka::{Client, ClientRole};

/// A topic that some pipeline reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Name.
    pub name: String,
    /// What it is for, and which access Lethe's user needs.
    pub purpose: String,
    /// `Read`, `Write` or both: the ACLs to grant.
    pub access: &'static str,
    /// Topic configuration that the policy asks for (`retention.ms`, …).
    pub config: BTreeMap<String, String>,
}

/// How a topic stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody made it yet.
    Missing,
    /// It is there; each line is a setting that differs from what policy asks: name, wanted, found.
    There {
        /// Number of partitions.
        partitions: usize,
        /// Settings that differ.
        differs: Vec<(String, String, String)>,
    },
}

/// Wanted topics beside what the cluster has.
#[derive(Clone, Debug, Default)]
pub struct TopicPlan(pub Vec<(Wanted, Standing)>);

impl TopicPlan {
    /// Names of topics that are missing.
    pub fn missing(&self) -> impl Iterator<Item = &Wanted> {
        self.0.iter().filter(|(_, standing)| *standing == Standing::Missing).map(|(wanted, _)| wanted)
    }
}

impl fmt::Display for TopicPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (wanted, standing) in &self.0 {
            match standing {
                Standing::Missing => {
                    writeln!(f, "+ {:<36} missing           {:<10} {}", wanted.name, wanted.access, wanted.purpose)?
                }
                Standing::There { partitions, differs } => {
                    writeln!(
                        f,
                        "  {:<36} {partitions:>3} partitions    {:<10} {}",
                        wanted.name, wanted.access, wanted.purpose
                    )?;
                    for (name, want, have) in differs {
                        writeln!(f, "~     {name}: policy asks {want}, the topic has {have}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The cluster can't be asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "kafka at `{brokers}`: {error}\n  help: is a broker listening there? `bootstrap.servers` in lethe.yaml (or LETHE__KAFKA__BOOTSTRAP_SERVERS) names it"
)]
pub struct Unreachable {
    brokers: String,
    error: KafkaError,
}

/// A topic by name, and why it could not be made.
pub type Made = (String, Result<(), String>);

/// Administration of one cluster.
pub struct Topics {
    admin: AdminClient<DefaultClientContext>,
    brokers: String,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Topics {
    /// Connects.
    pub fn open(client: &Client) -> Result<Self, Unreachable> {
        let brokers = client.properties.get("bootstrap.servers").cloned().unwrap_or_default();
        match AdminClient::from_config(&client.config(ClientRole::Admin)) {
            Ok(admin) => Ok(Self { admin, brokers }),
            Err(error) => Err(Unreachable { brokers, error }),
        }
    }

    /// Holds the wanted topics against the cluster.
    pub fn plan(&self, wanted: Vec<Wanted>) -> Result<TopicPlan, Unreachable> {
        let metadata = self.admin.inner().fetch_metadata(None, PATIENCE).map_err(|error| self.unreachable(error))?;
        let mut plan = TopicPlan::default();
        for wanted in wanted {
            let found = metadata.topics().iter().find(|topic| topic.name() == wanted.name && topic.error().is_none());
            let standing = match found {
                None => Standing::Missing,
                Some(topic) => Standing::There { partitions: topic.partitions().len(), differs: self.differs(&wanted) },
            };
            plan.0.push((wanted, standing));
        }
        Ok(plan)
    }

    /// Makes the missing topics; says of each whether it is made.
    pub fn apply(&self, plan: &TopicPlan, partitions: i32, replication: i32) -> Result<Vec<Made>, Unreachable> {
        let topics: Vec<NewTopic<'_>> = plan
            .missing()
            .map(|wanted| {
                let topic = NewTopic::new(&wanted.name, partitions, TopicReplication::Fixed(replication));
                wanted.config.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
            })
            .collect();
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let results = block_on(self.admin.create_topics(&topics, &options)).map_err(|error| self.unreachable(error))?;
        Ok(results
            .into_iter()
            .map(|result| match result {
                Ok(name) => (name, Ok(())),
                Err((name, code)) => (name, Err(code.to_string())),
            })
            .collect())
    }

    /// Deletes records before these offsets.
    pub fn purge(&self, offsets: &TopicPartitionList) -> Result<(), Unreachable> {
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let deleted =
            block_on(self.admin.delete_records(offsets, &options)).map_err(|error| self.unreachable(error))?;
        deleted.elements().iter().try_for_each(|one| one.error()).map_err(|error| self.unreachable(error))
    }

    fn differs(&self, wanted: &Wanted) -> Vec<(String, String, String)> {
        if wanted.config.is_empty() {
            return Vec::new();
        }
        let specifier = ResourceSpecifier::Topic(&wanted.name);
        let Ok(described) = block_on(self.admin.describe_configs([&specifier], &AdminOptions::new())) else {
            return Vec::new();
        };
        let Some(Ok(resource)) = described.into_iter().next() else { return Vec::new() };
        let entries = resource.entry_map();
        let mut differs = Vec::new();
        for (name, want) in &wanted.config {
            let have = entries.get(name.as_str()).and_then(|entry| entry.value.clone()).unwrap_or_default();
            if have != *want {
                differs.push((name.clone(), want.clone(), have));
            }
        }
        differs
    }

    fn unreachable(&self, error: KafkaError) -> Unreachable {
        Unreachable { brokers: self.brokers.clone(), error }
    }
}

/// rdkafka's admin calls are futures that its own thread completes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    #[expect(clippy::expect_used, reason = "a runtime without IO and timers needs nothing that could be refused")]
    tokio::runtime::Builder::new_current_thread().build().expect("a bare runtime").block_on(future)
}
