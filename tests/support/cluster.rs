//! A Kafka cluster as tests see it: topics made, records in, records out under either isolation level, committed offsets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::{unique, wait_for};

/// How long a call to the broker may take before the test fails: far beyond what a busy machine needs.
const LIMIT: Duration = Duration::from_secs(60);

/// A running cluster: `$LETHE_TEST_BROKERS`, or a broker that `tests/kafka/broker` started for this process.
pub struct Cluster {
    address: String,
    /// The broker's folder, when it belongs to this value alone.
    owned: Option<PathBuf>,
}

/// Which records a reader sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions, and those outside any.
    Committed,
    /// All, those of aborted and open transactions too.
    Uncommitted,
}

/// A record to produce.
#[derive(Clone, Default)]
pub struct Message {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
}

impl Message {
    /// A record with this value and nothing else.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// A record whose value is null.
    pub fn tombstone() -> Self {
        Self::default()
    }

    /// Sets the record key.
    pub fn key(self, key: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Adds a header behind those already there; a name may come twice.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Adds a header whose value is null.
    pub fn null_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// Replaces a text in the value, which must hold it.
    pub fn replace(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.value.expect("a value")).expect("a value in UTF-8");
        assert!(text.contains(from), "`{from}` is not in the record");
        Self { value: Some(text.replace(from, to).into_bytes()), ..self }
    }

    /// Fixes the partition; without it the key decides, as a Java client would.
    pub fn partition(self, partition: i32) -> Self {
        Self { partition: Some(partition), ..self }
    }

    /// Sets the record's timestamp, in milliseconds since 1970.
    pub fn timestamp_ms(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms: Some(timestamp_ms), ..self }
    }
}

/// A record as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Milliseconds since 1970, where the record has a timestamp.
    pub timestamp_ms: Option<i64>,
    /// The record key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order, with duplicates and null values.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// The first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        value.as_deref().map(|bytes| std::str::from_utf8(bytes).expect("a header in UTF-8"))
    }

    /// The value as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().expect("a value")).expect("a value in UTF-8")
    }
}

/// What a group has committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: i64,
    /// The text stored beside it.
    pub metadata: String,
}

impl Cluster {
    /// The cluster of this test process: started on first use, stopped when the process has ended.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("LETHE_TEST_BROKERS") {
            Ok(address) if !address.is_empty() => Self { address, owned: None },
            _ => Self { address: Self::start().0, owned: None },
        })
    }

    /// A broker of one's own, for tests that kill it. It ends when the value is dropped.
    pub fn own() -> Self {
        let (address, folder) = Self::start();
        Self { address, owned: Some(folder) }
    }

    fn start() -> (String, PathBuf) {
        let owner = std::process::id().to_string();
        let output = script()
            .args(["start", "--owner", &owner])
            .env_remove("LETHE_TEST_BROKERS")
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/kafka/broker runs");
        assert!(output.status.success(), "tests/kafka/broker did not start one: see above");
        let line = String::from_utf8(output.stdout).expect("UTF-8");
        let (address, folder) = line.trim().split_once(' ').expect("`ADDRESS DIR`");
        (address.to_owned(), PathBuf::from(folder))
    }

    /// Bootstrap address, `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Kills the broker as a power cut would. Only for [`Cluster::own`].
    pub fn kill(&self) {
        self.command("kill");
    }

    /// Starts the broker again with its data, on the same ports. Only for [`Cluster::own`].
    pub fn restart(&self) {
        self.command("restart");
    }

    fn command(&self, verb: &str) {
        let folder = self.owned.as_ref().expect("a broker that belongs to this test alone");
        let status = script().arg(verb).arg(folder).status().expect("tests/kafka/broker runs");
        assert!(status.success(), "tests/kafka/broker {verb} failed: see above");
    }

    /// Client properties that reach this cluster.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// Makes a topic with a unique name from `stem`, and gives the name.
    pub fn topic(&self, stem: &str, partitions: i32) -> String {
        let name = unique(stem);
        self.create_topic(&name, partitions, &[]);
        name
    }

    /// Makes the topic `name` with these topic properties.
    pub fn create_topic(&self, name: &str, partitions: i32, properties: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (property, value) in properties {
            topic = topic.set(property, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        let made = block_on(admin.create_topics(&[topic], &options)).expect("an answer from the broker");
        for result in made {
            result.unwrap_or_else(|(topic, code)| panic!("topic `{topic}` was not made: {code}"));
        }
    }

    /// Produces outside any transaction and waits until every record is acknowledged.
    pub fn produce(&self, topic: &str, messages: &[Message]) {
        let failures = Failures::default();
        let producer: BaseProducer<Failures> = self
            .client()
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", "20000000")
            .set("linger.ms", "5")
            .create_with_context(failures)
            .expect("a producer");
        for message in messages {
            send(&producer, topic, message);
        }
        producer.flush(LIMIT).expect("every record acknowledged");
        assert_eq!(producer.context().0.load(Ordering::Relaxed), 0, "records that the broker refused");
    }

    /// A transactional producer with this id, its transactions initialised; records go in with [`send`](Self::send).
    pub fn transactional(&self, id: &str) -> BaseProducer {
        let producer: BaseProducer = self
            .client()
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "15000")
            .set("partitioner", "murmur2_random")
            .create()
            .expect("a producer");
        producer.init_transactions(LIMIT).expect("a transactional producer");
        producer
    }

    /// Puts a record into the producer's queue.
    pub fn send(producer: &BaseProducer, topic: &str, message: &Message) {
        send(producer, topic, message);
    }

    /// Every record from the topic's first to its present end, by partition and offset. Under [`Isolation::Committed`] it first
    /// waits until no transaction is open on the topic: a commit's markers are written after its answer.
    pub fn read(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        let consumer = self.reader(isolation);
        if isolation == Isolation::Committed {
            let unbounded = self.reader(Isolation::Uncommitted);
            wait_for(&format!("an open transaction on `{topic}`"), LIMIT, || {
                (ends(&consumer, topic) == ends(&unbounded, topic)).then_some(())
            });
        }
        read_to_end(&consumer, topic)
    }

    /// Reads until the topic shows at least `count` committed records, and gives all that there are then.
    pub fn read_at_least(&self, topic: &str, count: usize, limit: Duration) -> Vec<Record> {
        let consumer = self.reader(Isolation::Committed);
        wait_for(&format!("{count} records on `{topic}`"), limit, || {
            let visible: i64 = ends(&consumer, topic).iter().map(|(_, end)| end).sum();
            // Offsets count markers too: they bound the records from above, and the reading decides.
            if visible < i64::try_from(count).expect("a count") {
                return None;
            }
            Some(read_to_end(&consumer, topic)).filter(|records| records.len() >= count)
        })
    }

    fn reader(&self, isolation: Isolation) -> BaseConsumer {
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        self.client()
            .set("group.id", unique("reader"))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", isolation)
            .set("fetch.message.max.bytes", "20000000")
            .create()
            .expect("a consumer")
    }

    /// Where each partition of a topic ends now, open transactions included.
    pub fn end_offsets(&self, topic: &str) -> BTreeMap<i32, i64> {
        ends(&self.reader(Isolation::Uncommitted), topic).into_iter().collect()
    }

    /// What `group` has committed on `topic`, by partition; partitions without a commit are left out.
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, Committed> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().expect("a consumer");
        let mut wanted = TopicPartitionList::new();
        for partition in partitions(&consumer, topic) {
            wanted.add_partition(topic, partition);
        }
        let found = consumer.committed_offsets(wanted, LIMIT).expect("committed offsets");
        let committed = found.elements();
        committed
            .iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => {
                    Some((element.partition(), Committed { offset, metadata: element.metadata().to_owned() }))
                }
                _ => None,
            })
            .collect()
    }

    /// Commits an offset for a group that nobody is a member of.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("an offset");
        consumer.commit(&list, rdkafka::consumer::CommitMode::Sync).expect("a commit");
    }

    /// The oldest offset that the broker still has.
    pub fn earliest(&self, topic: &str, partition: i32) -> i64 {
        let consumer: BaseConsumer = self.client().set("group.id", unique("reader")).create().expect("a consumer");
        consumer.fetch_watermarks(topic, partition, LIMIT).expect("watermarks").0
    }

    /// Waits until `group` has committed past every record that stands on `topic` now.
    pub fn wait_until_consumed(&self, group: &str, topic: &str, limit: Duration) {
        // The last record, not the end offset: behind a transaction's last record stands its marker, which nobody commits.
        let mut last = BTreeMap::new();
        for record in self.read(topic, Isolation::Committed) {
            last.insert(record.partition, record.offset);
        }
        wait_for(&format!("group `{group}` behind on `{topic}`"), limit, || {
            let committed = self.committed(group, topic);
            let done =
                |(partition, offset): (&i32, &i64)| committed.get(partition).is_some_and(|it| it.offset > *offset);
            last.iter().all(done).then_some(())
        });
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(folder) = &self.owned {
            let stopped = script().arg("stop").arg(folder).status();
            if !stopped.is_ok_and(|status| status.success()) {
                eprintln!("the broker in {} could not be stopped", folder.display());
            }
        }
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker"))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Counts the records that the broker refused.
#[derive(Default)]
struct Failures(AtomicUsize);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            eprintln!("not delivered: {error}");
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn send<C: ProducerContext<DeliveryOpaque = ()>>(producer: &BaseProducer<C>, topic: &str, message: &Message) {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &message.headers {
        headers = headers.insert(Header { key, value: value.as_ref() });
    }
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
    record.key = message.key.as_deref();
    record.payload = message.value.as_deref();
    record.partition = message.partition;
    record.timestamp = message.timestamp_ms;
    record.headers = (!message.headers.is_empty()).then_some(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return producer.poll(Duration::ZERO),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                producer.poll(Duration::from_millis(50));
                record = unsent;
            }
            Err((error, _)) => panic!("`{topic}` takes no record: {error}"),
        }
    }
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("metadata");
    let found = metadata.topics().first().map(|topic| topic.partitions().iter().map(|it| it.id()).collect::<Vec<_>>());
    found.filter(|ids| !ids.is_empty()).unwrap_or_else(|| panic!("no topic `{topic}`"))
}

/// Where each partition ends for this consumer's isolation level: the high watermark, or the last stable offset.
fn ends(consumer: &BaseConsumer, topic: &str) -> Vec<(i32, i64)> {
    let end = |partition| {
        let (_, high) = consumer.fetch_watermarks(topic, partition, LIMIT).expect("watermarks");
        (partition, high)
    };
    partitions(consumer, topic).into_iter().map(end).collect()
}

fn read_to_end(consumer: &BaseConsumer, topic: &str) -> Vec<Record> {
    let mut open: Vec<i32> = partitions(consumer, topic);
    let mut assignment = TopicPartitionList::new();
    for partition in &open {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut records = Vec::new();
    while !open.is_empty() {
        match consumer.poll(LIMIT).unwrap_or_else(|| panic!("`{topic}` gives neither record nor end")) {
            Ok(message) => records.push(Record {
                partition: message.partition(),
                offset: message.offset(),
                timestamp_ms: message.timestamp().to_millis(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map(headers_of).unwrap_or_default(),
            }),
            Err(KafkaError::PartitionEOF(partition)) => open.retain(|it| *it != partition),
            Err(error) => panic!("`{topic}` can't be read: {error}"),
        }
    }
    consumer.unassign().expect("an assignment to give up");
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

fn headers_of(headers: &impl Headers) -> Vec<(String, Option<Vec<u8>>)> {
    headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
}
