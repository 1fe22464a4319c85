//! Reads topics in no group: for the demo, receipts, the audit verifier, and tests. It commits nothing.

use std::collections::HashSet;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::{Client, ClientRole, Trouble};

/// Where a tap starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The oldest record that is kept.
    Beginning,
    /// What comes from now on.
    End,
}

/// A record that a tap has read. Only Lethe's own outputs are tapped, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Headers in order, null values as empty.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Tapped {
    /// The first header of a name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// A reader of whole topics, `read_committed`.
pub struct Tap {
    consumer: BaseConsumer,
    open: HashSet<(String, i32)>,
}

impl Tap {
    /// Opens all partitions of `topics`.
    pub fn open(client: &Client, topics: &[&str], from: From) -> Result<Self, Trouble> {
        let fatal = |error: KafkaError| Trouble::Fatal(format!("kafka: {error}"));
        let mut config = client.config(ClientRole::Reader);
        config.set("topic.metadata.refresh.interval.ms", "1000");
        let consumer: BaseConsumer = BaseConsumer::from_config(&config).map_err(fatal)?;
        let mut list = TopicPartitionList::new();
        let mut open = HashSet::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(15)).map_err(fatal)?;
            for found in metadata.topics().iter().filter(|t| t.name() == *topic) {
                for partition in found.partitions() {
                    let offset = match from {
                        From::Beginning => Offset::Beginning,
                        // Fixed now: what is published after this call is read, whenever polling begins.
                        From::End => Offset::Offset(
                            consumer.fetch_watermarks(topic, partition.id(), Duration::from_secs(15)).map_err(fatal)?.1,
                        ),
                    };
                    list.add_partition_offset(topic, partition.id(), offset).map_err(fatal)?;
                    open.insert(((*topic).to_owned(), partition.id()));
                }
            }
        }
        if open.is_empty() {
            return Err(Trouble::Fatal(format!(
                "none of the topics {} exists\n  help: `lethe topics apply` creates what the pipelines need",
                topics.join(", ")
            )));
        }
        consumer.assign(&list).map_err(fatal)?;
        Ok(Self { consumer, open })
    }

    /// The next record, or `None` after `timeout`.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Tapped>, Trouble> {
        match self.consumer.poll(timeout) {
            None => Ok(None),
            Some(Ok(message)) => {
                let place = (message.topic().to_owned(), message.partition());
                let headers = message.headers().map_or_else(Vec::new, |headers| {
                    headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
                });
                Ok(Some(Tapped {
                    topic: place.0,
                    partition: place.1,
                    offset: message.offset(),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers,
                }))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                // librdkafka names the partition alone here: with several topics this may close one too many, so
                // `read_to_end` opens them one by one.
                self.open.retain(|(_, open)| *open != partition);
                Ok(None)
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Err(Trouble::Fatal("a topic has gone".into())),
                _ => {
                    tracing::debug!(%error, "tap");
                    Ok(None)
                }
            },
        }
    }

    /// Everything that is in a topic now, in order.
    pub fn read_to_end(client: &Client, topic: &str) -> Result<Vec<Tapped>, Trouble> {
        let mut records = Vec::new();
        Self::scan(client, topic, |record| records.push(record))?;
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// Shows everything that is in a topic now, one record at a time, in the order of each partition.
    pub fn scan(client: &Client, topic: &str, mut see: impl FnMut(Tapped)) -> Result<(), Trouble> {
        let mut tap = Self::open(client, &[topic], From::Beginning)?;
        let mut silent = 0;
        while !tap.open.is_empty() {
            match tap.next(Duration::from_millis(500))? {
                Some(record) => {
                    silent = 0;
                    see(record);
                }
                None => silent += 1,
            }
            if silent > 60 {
                return Err(Trouble::Fatal(format!("topic `{topic}` did not answer within 30 s")));
            }
        }
        Ok(())
    }
}
