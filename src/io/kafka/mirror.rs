//! Output to another cluster: at least once. One Kafka transaction spans one cluster, so records for a region elsewhere are
//! sent first, and the home transaction commits only after their acks. A crash in between sends them again, byte for byte
//! the same and with the same `lethe-id`: whoever reads them can drop the second.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::producer::{BaseProducer, Producer};

use super::outbox::{Reports, drain, send};
use super::{Client, ClientRole, Trouble};
use crate::pipeline::OutRecord;

/// An idempotent producer to a cluster that is not ours.
pub struct Mirror {
    producer: BaseProducer<Reports>,
    deadline: Duration,
}

impl Mirror {
    /// Makes the producer. The cluster is reached on the first record.
    pub fn open(client: &Client) -> Result<Self, Trouble> {
        let config = client.config(ClientRole::Idempotent);
        let producer = BaseProducer::from_config_and_context(&config, Reports::default())
            .map_err(|error| Trouble::Fatal(format!("kafka producer: {error}")))?;
        Ok(Self { producer, deadline: Duration::from_millis(client.transaction_timeout_ms.into()) })
    }

    /// Queues a record.
    pub fn send(&self, record: &OutRecord) -> Result<(), Trouble> {
        send(&self.producer, record, self.deadline).map_err(|error| Trouble::of(&error))?;
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until every queued record is acknowledged; anything else must keep the offsets where they are.
    pub fn settle(&self) -> Result<(), Trouble> {
        let flushed = drain(&self.producer, self.deadline);
        match (flushed, self.producer.context().take_failure()) {
            (Ok(()), None) => Ok(()),
            (Err(error), _) => Err(Trouble::Abort(format!("another cluster did not answer in time: {error}"))),
            (Ok(()), Some((topic, code))) => {
                Err(Trouble::Abort(format!("another cluster refused a record for topic `{topic}`: {code}")))
            }
        }
    }
}
