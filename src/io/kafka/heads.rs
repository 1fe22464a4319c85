//! Where each audit chain stands: its head rides in the metadata of the committed offset, and where that is gone the tail
//! is read back from the audit topic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::{Client, ClientRole, Trouble};
use crate::audit::{Head, Source};

/// How a chain was taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// From the committed offset's metadata, or from nothing where nothing was ever committed.
    Committed(Head),
    /// From the audit topic: the metadata was lost (offsets expired, or reset by hand). A fact of its own says so.
    Tail(Head),
}

/// Committed offset and metadata of each partition. Metadata that isn't UTF-8 was never ours, and counts as none.
pub fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    sources: &[Source],
    timeout: Duration,
) -> Result<Vec<(Source, Option<i64>, String)>, Trouble> {
    let mut list = TopicPartitionList::new();
    for source in sources {
        list.add_partition(&source.topic, source.partition);
    }
    let list = consumer.committed_offsets(list, timeout).map_err(|error| Trouble::Retry(error.to_string()))?;
    let mut found = Vec::with_capacity(sources.len());
    for element in list.elements() {
        element.error().map_err(|error| Trouble::Retry(error.to_string()))?;
        let offset = match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        let metadata = catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned())).unwrap_or_default();
        let known = sources.iter().find(|source| *source.topic == *element.topic());
        let topic = known.map_or_else(|| element.topic().into(), |source| Arc::clone(&source.topic));
        found.push((Source { topic, partition: element.partition() }, offset, metadata));
    }
    Ok(found)
}

/// Takes up the chain of one partition.
pub fn resume(
    client: &Client,
    audit_topic: &str,
    source: &Source,
    offset: Option<i64>,
    metadata: &str,
) -> Result<Resumed, Trouble> {
    if let Some(head) = Head::parse(metadata) {
        return Ok(Resumed::Committed(head));
    }
    match tail(client, audit_topic, source)? {
        Some(head) => {
            tracing::warn!(source = %source, ?offset, "no chain head in the committed offset: read back from the audit topic");
            Ok(Resumed::Tail(head))
        }
        None => Ok(Resumed::Committed(Head::GENESIS)),
    }
}

/// The head after the last fact of `source` in the audit topic: read backwards in doubling steps.
fn tail(client: &Client, audit_topic: &str, source: &Source) -> Result<Option<Head>, Trouble> {
    let retry = |error: rdkafka::error::KafkaError| Trouble::Retry(error.to_string());
    let timeout = Duration::from_secs(15);
    let reader: BaseConsumer = BaseConsumer::from_config(&client.config(ClientRole::Reader)).map_err(retry)?;
    let metadata = reader.fetch_metadata(Some(audit_topic), timeout).map_err(retry)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .filter(|topic| topic.name() == audit_topic)
        .flat_map(|topic| topic.partitions().iter().map(|partition| partition.id()))
        .collect();
    let mut newest: Option<Head> = None;
    for partition in partitions {
        let (low, high) = reader.fetch_watermarks(audit_topic, partition, timeout).map_err(retry)?;
        let mut span = 1_000;
        if high <= low {
            continue;
        }
        loop {
            let from = (high - span).max(low);
            let found = last_head(&reader, audit_topic, partition, from, high, source)?;
            if let Some(head) = found
                && newest.as_ref().is_none_or(|known| known.seq < head.seq)
            {
                newest = Some(head);
            }
            if found.is_some() || from == low {
                break;
            }
            span *= 8;
        }
    }
    Ok(newest)
}

fn last_head(
    reader: &BaseConsumer,
    topic: &str,
    partition: i32,
    from: i64,
    to: i64,
    source: &Source,
) -> Result<Option<Head>, Trouble> {
    let retry = |error: rdkafka::error::KafkaError| Trouble::Retry(error.to_string());
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(retry)?;
    reader.assign(&list).map_err(retry)?;
    let key = source.to_string();
    let mut head = None;
    loop {
        match reader.poll(Duration::from_secs(15)) {
            // The end of what is committed; transaction markers take offsets too, so `to` itself may never be seen.
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return Ok(head),
            Some(Err(error)) => return Err(retry(error)),
            Some(Ok(message)) => {
                if message.key() == Some(key.as_bytes()) {
                    head = message.payload().and_then(Head::after).or(head);
                }
                if message.offset() + 1 >= to {
                    return Ok(head);
                }
            }
            None => return Err(Trouble::Retry("the audit topic did not answer".into())),
        }
    }
}
