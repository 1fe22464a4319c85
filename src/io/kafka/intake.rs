//! One worker's consumer: takes batches bounded by count, bytes and time, and forgets what a rebalance took away.
//!
//! INVARIANT: no transaction is open while this polls. So a revoked partition never has records in a transaction; those
//! collected but not yet processed are dropped here, and their new owner reads them again from the committed offset. That
//! holds for partitions revoked and lost alike.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::{ClientContext, Offset};

use super::outbox::log_line;
use super::{Client, ClientRole, Trouble, committed};
use crate::audit::Source;
use crate::event::{Position, RawHeader, RawRecord};
use crate::io::clock::Clock;
use crate::sensitive::Sensitive;

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Most records.
    pub records: usize,
    /// Most payload bytes; one larger record is a batch of its own.
    pub bytes: usize,
    /// Longest wait after the first record, milliseconds.
    pub linger_ms: u64,
}

/// Told of consumer lag: topic, partition, records behind the last stable offset.
pub type Lag = Arc<dyn Fn(&str, i32, i64) + Send + Sync>;

#[derive(Default)]
struct Changes {
    revoked: Vec<Source>,
    assigned: usize,
    rebalanced: bool,
}

struct Watch {
    changes: Mutex<Changes>,
    lag: Lag,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, _reason: &str) {
        // Said by `endure`, once.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            tracing::warn!(%error, "kafka client");
        }
    }

    fn stats(&self, statistics: Statistics) {
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values().filter(|p| p.desired && p.consumer_lag_stored >= 0) {
                (self.lag)(&topic.topic, partition.partition, partition.consumer_lag_stored);
            }
        }
    }
}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Ok(mut changes) = self.changes.lock() else { return };
        changes.rebalanced = true;
        match rebalance {
            Rebalance::Assign(list) => changes.assigned += list.count(),
            Rebalance::Revoke(list) => {
                let source =
                    |e: &TopicPartitionListElem<'_>| Source { topic: e.topic().into(), partition: e.partition() };
                changes.revoked.extend(list.elements().iter().map(source));
            }
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }
}

/// The consumer of one worker.
pub struct Intake {
    consumer: BaseConsumer<Watch>,
    clock: Arc<dyn Clock>,
    topics: Vec<Arc<str>>,
    joined: bool,
    /// When the client last said that no broker answers; a record since then proves otherwise.
    away_at_ms: Option<u64>,
}

/// The client tries again every ten seconds at least, and says so each time that it fails.
const AWAY_MS: u64 = 15_000;

/// What [`Intake::collect`] came back with.
#[derive(Debug, Default)]
pub struct Batch {
    /// Records in the order they were read.
    pub records: Vec<RawRecord>,
    /// Partitions that were taken away since the last batch.
    pub revoked: HashSet<Source>,
}

impl Intake {
    /// Joins the group and subscribes.
    pub fn open(
        client: &Client,
        suffix: &str,
        topics: &[Arc<str>],
        lag: Lag,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Trouble> {
        let config = client.config(ClientRole::Consumer { suffix });
        let watch = Watch { changes: Mutex::default(), lag };
        let consumer: BaseConsumer<Watch> = BaseConsumer::from_config_and_context(&config, watch)
            .map_err(|error| Trouble::Fatal(format!("kafka consumer: {error}")))?;
        let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        consumer.subscribe(&names).map_err(|error| Trouble::Fatal(format!("kafka consumer: {error}")))?;
        Ok(Self { consumer, clock, topics: topics.to_vec(), joined: false, away_at_ms: None })
    }

    /// Whether the group has answered: partitions were assigned at least once (or there were none to assign).
    pub fn joined(&self) -> bool {
        self.joined
    }

    /// Whether a broker answers, as far as is known.
    pub fn reachable(&self) -> bool {
        self.away_at_ms.is_none_or(|at| self.clock.monotonic_ms().saturating_sub(at) > AWAY_MS)
    }

    /// Polls until a limit is reached, `stop` says so, or nothing came for `idle`.
    pub fn collect(&mut self, limits: BatchLimits, idle: Duration, stop: &dyn Fn() -> bool) -> Result<Batch, Trouble> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut deadline_ms = self.clock.monotonic_ms() + idle.as_millis() as u64;
        while batch.records.len() < limits.records && bytes < limits.bytes && !stop() {
            let left_ms = deadline_ms.saturating_sub(self.clock.monotonic_ms());
            let polled = self.consumer.poll(Duration::from_millis(left_ms)).transpose();
            let record = polled.map(|message| message.map(|message| raw_record(&message, &self.topics)));
            self.forget_revoked(&mut batch);
            match record {
                Ok(Some(record)) => {
                    if batch.records.is_empty() {
                        deadline_ms = self.clock.monotonic_ms() + limits.linger_ms;
                    }
                    self.away_at_ms = None;
                    bytes += record.value.as_ref().map_or(0, Sensitive::len) + 256;
                    batch.records.push(record);
                }
                Ok(None) if left_ms == 0 => break,
                Ok(None) => {}
                Err(error) => self.endure(error)?,
            }
        }
        Ok(batch)
    }

    /// The group's metadata as it stands now: it goes stale with each rebalance, so it is asked for at each commit.
    pub fn group(&self) -> Result<ConsumerGroupMetadata, Trouble> {
        self.consumer.group_metadata().ok_or_else(|| Trouble::Abort("not a member of the group".into()))
    }

    /// The committed offset and its metadata for each of `partitions`.
    pub fn committed(&self, partitions: &[Source]) -> Result<Vec<(Source, Option<i64>, String)>, Trouble> {
        committed(&self.consumer, partitions, Duration::from_secs(15))
    }

    /// Goes back to the committed offsets of everything assigned: what was read since counts for nothing.
    pub fn rewind(&self) -> Result<(), Trouble> {
        let assigned = self.consumer.assignment().map_err(|error| Trouble::Renew(error.to_string()))?;
        let partitions: Vec<Source> = assigned
            .elements()
            .iter()
            .map(|e| Source { topic: self.topic(e.topic()), partition: e.partition() })
            .collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let mut targets = TopicPartitionList::new();
        for (source, offset, _) in self.committed(&partitions)? {
            let offset = offset.map_or(Offset::Beginning, Offset::Offset);
            targets
                .add_partition_offset(&source.topic, source.partition, offset)
                .map_err(|error| Trouble::Renew(error.to_string()))?;
        }
        let sought = self.consumer.seek_partitions(targets, Duration::from_secs(15));
        let failed = sought.as_ref().map_or(true, |list| list.elements().iter().any(|e| e.error().is_err()));
        // A partition that can't be sought was revoked meanwhile, or its broker is away: either way we try again.
        if failed { Err(Trouble::Retry("seek".into())) } else { Ok(()) }
    }

    fn topic(&self, name: &str) -> Arc<str> {
        self.topics.iter().find(|topic| &***topic == name).cloned().unwrap_or_else(|| name.into())
    }

    fn forget_revoked(&mut self, batch: &mut Batch) {
        let Ok(mut changes) = self.consumer.context().changes.lock() else { return };
        if !changes.rebalanced {
            return;
        }
        self.joined = true;
        let changes = std::mem::take(&mut *changes);
        if !changes.revoked.is_empty() {
            let revoked: HashSet<Source> = changes.revoked.into_iter().collect();
            batch.records.retain(|record| !revoked.contains(&Source::of(&record.position)));
            batch.revoked.extend(revoked);
        }
        tracing::info!(assigned = changes.assigned, revoked = batch.revoked.len(), "rebalanced");
    }

    fn endure(&mut self, error: KafkaError) -> Result<(), Trouble> {
        use RDKafkaErrorCode as C;
        match error.rdkafka_error_code() {
            Some(C::PartitionEOF) => Ok(()),
            Some(C::UnknownTopicOrPartition | C::UnknownTopic) => Err(Trouble::Retry(
                "an input topic is missing; `lethe topics plan` shows which, `lethe topics apply` creates it".into(),
            )),
            Some(C::TopicAuthorizationFailed | C::GroupAuthorizationFailed | C::SaslAuthenticationFailed) => {
                Err(Trouble::Fatal(format!(
                    "kafka refuses access ({error})\n  help: check the credentials in lethe.yaml and the ACLs that `lethe topics plan` lists"
                )))
            }
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => Err(Trouble::Fatal(error.to_string())),
            Some(C::AllBrokersDown) => {
                if self.reachable() {
                    tracing::warn!("no broker answers; looking for one until it does");
                }
                self.away_at_ms = Some(self.clock.monotonic_ms());
                Ok(())
            }
            // Brokers that went away are looked for by librdkafka itself; we keep polling and stay a member.
            _ => {
                tracing::warn!(%error, "consuming");
                Ok(())
            }
        }
    }
}

/// A copy of a message that outlives librdkafka's buffers.
fn raw_record(message: &BorrowedMessage<'_>, topics: &[Arc<str>]) -> RawRecord {
    let topic = topics.iter().find(|topic| &***topic == message.topic()).cloned();
    RawRecord {
        position: Position {
            topic: topic.unwrap_or_else(|| message.topic().into()),
            partition: message.partition(),
            offset: message.offset(),
        },
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(|key| Sensitive::new(key.to_vec())),
        value: message.payload().map(|value| Sensitive::new(value.to_vec())),
        headers: raw_headers(message),
    }
}

fn raw_headers(message: &BorrowedMessage<'_>) -> Vec<RawHeader> {
    let Some(headers) = message.headers() else { return Vec::new() };
    // The client panics on a header name that isn't UTF-8, which any publisher can send. Such a name is kept as the one
    // byte that no UTF-8 text holds, and decoding refuses it by name.
    let read = AssertUnwindSafe(|| {
        headers
            .iter()
            .map(|header| RawHeader {
                name: Sensitive::from(header.key),
                value: header.value.map(|value| Sensitive::new(value.to_vec())),
            })
            .collect()
    });
    catch_unwind(read).unwrap_or_else(|_| vec![RawHeader { name: Sensitive::new(vec![0xff]), value: None }])
}
