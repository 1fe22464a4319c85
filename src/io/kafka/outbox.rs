//! One worker's transactional producer: begin on the first record, send, commit with offsets, or abort.
//!
//! Every call answers with a [`Trouble`] that says what to do next. The outbox itself retries only what Kafka calls
//! retriable, and only until the transaction's own deadline.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::{Client, ClientRole, Trouble};
use crate::pipeline::OutRecord;

/// Receives librdkafka's log lines and notes deliveries that failed, by topic. Neither holds payload.
#[derive(Default)]
pub(super) struct Reports {
    failed: Mutex<BTreeMap<String, RDKafkaErrorCode>>,
}

impl Reports {
    /// A delivery that failed since this was last asked: its topic, and why.
    pub(super) fn take_failure(&self) -> Option<(String, RDKafkaErrorCode)> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *failed).pop_first()
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, _reason: &str) {
        tracing::warn!(%error, "kafka client");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, message)) = result {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            // Purged records are the ones an abort throws away on purpose.
            if !matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                // Once a batch: thousands of records fail together.
                if failed.insert(message.topic().to_owned(), code).is_none() {
                    tracing::warn!(topic = message.topic(), %code, "delivery failed");
                }
            }
        }
    }
}

/// librdkafka's own lines, at the level they deserve. They speak of brokers, topics and protocol, never of payload.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(target: "librdkafka", facility, message)
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => tracing::info!(target: "librdkafka", facility, message),
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, message),
    }
}

/// The transactional producer of one worker.
pub struct Outbox {
    producer: BaseProducer<Reports>,
    deadline: Duration,
    open: bool,
    unpolled: u32,
}

impl Outbox {
    /// Makes the producer and fences whoever held its `transactional.id` before: their open transaction is aborted.
    pub fn open(client: &Client, worker: &str) -> Result<Self, Trouble> {
        let config = client.config(ClientRole::Transactional { worker });
        let producer = BaseProducer::from_config_and_context(&config, Reports::default())
            .map_err(|error| Trouble::Fatal(format!("kafka producer: {error}")))?;
        let deadline = Duration::from_millis(client.transaction_timeout_ms.into());
        let outbox = Self { producer, deadline, open: false, unpolled: 0 };
        outbox.patiently(|producer, deadline| producer.init_transactions(deadline))?;
        Ok(outbox)
    }

    /// Sends a record inside the transaction, which begins here if none is open.
    pub fn send(&mut self, record: &OutRecord) -> Result<(), Trouble> {
        if !self.open {
            self.producer.begin_transaction().map_err(|error| Trouble::of(&error))?;
            self.open = true;
        }
        send(&self.producer, record, self.deadline).map_err(|error| Trouble::of_delivery(&record.topic, &error))?;
        // Delivery reports are served as we go: an outbox that isn't polled can't even abort.
        self.unpolled += 1;
        if self.unpolled >= 256 {
            self.unpolled = 0;
            self.producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Commits all records sent and these offsets: all or none.
    pub fn commit(&mut self, offsets: &TopicPartitionList, group: &ConsumerGroupMetadata) -> Result<(), Trouble> {
        if !self.open {
            self.producer.begin_transaction().map_err(|error| Trouble::of(&error))?;
            self.open = true;
        }
        drain(&self.producer, self.deadline).map_err(|error| Trouble::of(&error))?;
        // The client would only say that it must abort, and not why.
        if let Some((topic, code)) = self.producer.context().take_failure() {
            return Err(Trouble::of_delivery(&topic, &KafkaError::MessageProduction(code)));
        }
        self.patiently(|producer, deadline| producer.send_offsets_to_transaction(offsets, group, deadline))?;
        self.patiently(|producer, deadline| producer.commit_transaction(deadline))?;
        self.open = false;
        Ok(())
    }

    /// Throws the open transaction away, if there is one.
    pub fn abort(&mut self) -> Result<(), Trouble> {
        if !self.open {
            return Ok(());
        }
        self.producer.purge(PurgeConfig::default().queue().inflight());
        drain(&self.producer, self.deadline).map_err(|error| Trouble::of(&error))?;
        self.patiently(|producer, deadline| producer.abort_transaction(deadline))?;
        self.producer.context().take_failure();
        self.open = false;
        Ok(())
    }

    fn patiently(
        &self,
        call: impl Fn(&BaseProducer<Reports>, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), Trouble> {
        const TRIES: u32 = 20;
        let mut tries = 0;
        loop {
            match call(&self.producer, self.deadline).map_err(|error| Trouble::of(&error)) {
                Ok(()) => return Ok(()),
                Err(Trouble::Retry(code)) if tries == TRIES => return Err(Trouble::Renew(code)),
                Err(Trouble::Retry(_)) => {
                    tries += 1;
                    self.producer.poll(Duration::from_millis(100));
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
}

/// Waits until every delivery is reported. The client's own `flush` sleeps in steps of 100 ms, whatever comes in meanwhile:
/// that alone would cost half of the throughput.
pub(super) fn drain(producer: &BaseProducer<Reports>, patience: Duration) -> Result<(), KafkaError> {
    let step = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while producer.in_flight_count() > 0 {
        if waited >= patience {
            return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
        }
        producer.poll(step);
        waited += step;
    }
    Ok(())
}

/// Sends `record` on any producer; a full queue is waited out for `patience`.
pub(super) fn send(producer: &BaseProducer<Reports>, record: &OutRecord, patience: Duration) -> Result<(), KafkaError> {
    let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&record.topic);
    if let Some(key) = &record.key {
        message = message.key(key.as_slice());
    }
    if let Some(value) = &record.value {
        message = message.payload(value.as_slice());
    }
    if let Some(timestamp) = record.timestamp_ms {
        message = message.timestamp(timestamp);
    }
    if !record.headers.is_empty() {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_deref() });
        }
        message = message.headers(headers);
    }
    let pause = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) if waited < patience => {
                producer.poll(pause);
                waited += pause;
                message = back;
            }
            Err((error, _)) => return Err(error),
        }
    }
}
