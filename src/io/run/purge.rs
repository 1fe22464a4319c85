//! Deletes raw input behind the committed offset, where a pipeline asks for it: clear text then lives seconds and not days.
//!
//! Nothing goes that another consumer group of the cluster has still to read: of all groups that have committed an offset for a
//! partition, the slowest decides; a group that reads a topic and has committed nothing stops it. Readers that are in no group
//! can't be seen. A record in quarantine goes with the others: its descriptor stays.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::health::Stop;
use super::setback::WorkerError;
use crate::audit::Source;
use crate::io::clock::Clock;
use crate::io::kafka::{Client, ClientRole, Trouble, committed};
use crate::io::keystore::{Keystore, purged_note};
use crate::io::setup::Loaded;
use crate::io::topics::Topics;
use crate::pipeline::Work;

const PATIENCE: Duration = Duration::from_secs(15);
/// Between two rounds.
const PAUSE_MS: u64 = 5_000;

/// One thread of a process; several processes do no harm to each other.
pub struct Purger {
    client: Client,
    topics: Vec<Arc<str>>,
    store: Arc<dyn Keystore>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    /// Up to where each partition is purged already.
    done: HashMap<Source, i64>,
}

impl Purger {
    /// For the input topics of all pipelines that ask for it; `None` where none does.
    pub fn open(loaded: &Loaded, store: Arc<dyn Keystore>, clock: Arc<dyn Clock>, stop: Stop) -> Option<Self> {
        let asks = |work: &Work| matches!(work, Work::Sanitize(sanitize) if sanitize.purge);
        let topics = loaded.pipelines.iter().filter(|config| asks(&config.work));
        let topics: Vec<Arc<str>> = topics.flat_map(|config| config.topics.iter().cloned()).collect();
        let client = loaded.client();
        (!topics.is_empty()).then(|| Self { client, topics, store, clock, stop, done: HashMap::new() })
    }

    /// Works until asked to stop. What fails is tried again in the next round: nothing but clear text's life hangs on it.
    pub fn run(mut self) -> Result<(), WorkerError> {
        let mut told = false;
        while !self.stop.requested() {
            let round = self.round();
            if let Err(trouble) = &round
                && !told
            {
                tracing::warn!(%trouble, "raw input stays on its topics for now; Lethe's user needs `Delete` on them, and `Describe` on all groups");
            }
            told = round.is_err();
            let until_ms = self.clock.monotonic_ms() + PAUSE_MS;
            while self.clock.monotonic_ms() < until_ms && !self.stop.requested() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), Trouble> {
        let retry = |error: KafkaError| Trouble::Retry(error.to_string());
        let own = BaseConsumer::from_config(&self.client.config(ClientRole::Consumer { suffix: "" })).map_err(retry)?;
        let mut targets = self.committed(&own)?;
        targets.retain(|source, offset| self.done.get(source).is_none_or(|done| done < offset));
        if targets.is_empty() {
            return Ok(());
        }
        let reached: BTreeMap<Source, i64> = targets.clone();
        self.wait_for_others(&own, &mut targets)?;
        for (source, offset) in &reached {
            let left = targets.get(source).map_or(*offset, |target| offset - target);
            metrics::gauge!("lethe_raw_unpurged_records", "topic" => source.topic.to_string(), "partition" => source.partition.to_string())
                .set(left as f64);
        }
        targets.retain(|source, offset| self.done.get(source).is_none_or(|done| done < offset) && *offset > 0);
        if targets.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(targets.len());
        for (source, offset) in &targets {
            let place = Offset::Offset(*offset);
            list.add_partition_offset(&source.topic, source.partition, place).map_err(retry)?;
        }
        let topics = Topics::open(&self.client).map_err(|error| Trouble::Retry(error.to_string()))?;
        topics.purge(&list).map_err(|error| Trouble::Retry(error.to_string()))?;
        let notes: Vec<_> =
            targets.iter().map(|(source, offset)| purged_note(&source.topic, source.partition, *offset)).collect();
        // Receipts name what is gone: the note comes after the deed.
        self.store.note(&notes).map_err(|error| Trouble::Retry(error.to_string()))?;
        self.done.extend(targets);
        Ok(())
    }

    /// What our own group has committed.
    fn committed(&self, own: &BaseConsumer) -> Result<BTreeMap<Source, i64>, Trouble> {
        let mut sources = Vec::new();
        for topic in &self.topics {
            let metadata =
                own.fetch_metadata(Some(topic), PATIENCE).map_err(|error| Trouble::Retry(error.to_string()))?;
            let found = metadata.topics().iter().filter(|found| found.name() == &**topic);
            let partitions = found.flat_map(|found| found.partitions().iter().map(|partition| partition.id()));
            sources.extend(partitions.map(|partition| Source { topic: Arc::clone(topic), partition }));
        }
        let known = committed(own, &sources, PATIENCE)?;
        Ok(known.into_iter().filter_map(|(source, offset, _)| Some((source, offset?))).collect())
    }

    /// Lowers the targets to what every other group has read.
    fn wait_for_others(&self, own: &BaseConsumer, targets: &mut BTreeMap<Source, i64>) -> Result<(), Trouble> {
        let retry = |error: KafkaError| Trouble::Retry(error.to_string());
        let groups = own.fetch_group_list(None, PATIENCE).map_err(retry)?;
        for group in groups.groups().iter().filter(|group| group.name() != self.client.group) {
            let mut config = self.client.config(ClientRole::Reader);
            config.set("group.id", group.name());
            let other: BaseConsumer = BaseConsumer::from_config(&config).map_err(retry)?;
            let sources: Vec<Source> = targets.keys().cloned().collect();
            let read: HashMap<Source, Option<i64>> = committed(&other, &sources, PATIENCE)?
                .into_iter()
                .map(|(source, offset, _)| (source, offset))
                .collect();
            let reads = |topic: &str| {
                let named = |bytes: Option<&[u8]>| {
                    bytes.is_some_and(|bytes| memchr::memmem::find(bytes, topic.as_bytes()).is_some())
                };
                group.members().iter().any(|member| named(member.metadata()) || named(member.assignment()))
            };
            targets.retain(|source, target| match read.get(source).copied().flatten() {
                Some(offset) => {
                    *target = offset.min(*target);
                    true
                }
                None => !reads(&source.topic),
            });
        }
        Ok(())
    }
}
