//! librdkafka clients from the user's properties and the few that Lethe's promises rest on.

use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;

/// How to reach one cluster: librdkafka properties, unchanged, plus who we are.
#[derive(Clone)]
pub struct Client {
    /// The user's librdkafka properties (secrets included: never logged).
    pub properties: BTreeMap<String, String>,
    /// Consumer group.
    pub group: String,
    /// Name of this process among its peers; stable across restarts.
    pub instance: String,
    /// `transaction.timeout.ms`.
    pub transaction_timeout_ms: u32,
}

/// What a client is for. Each role sets what its promise needs, after the user's properties.
#[derive(Clone, Copy, Debug)]
pub enum ClientRole<'a> {
    /// A member of the group `{group}{suffix}`.
    Consumer {
        /// Added to the group's name: workers have none, the erasure worker is a group of its own.
        suffix: &'a str,
    },
    /// The transactional producer of one worker.
    Transactional {
        /// `transactional.id` is `{group}-{instance}-{worker}`.
        worker: &'a str,
    },
    /// An idempotent producer without transactions, for another cluster and for the command line.
    Idempotent,
    /// Reads what is committed, in no group.
    Reader,
    /// Administration: topics, configurations, metadata.
    Admin,
}

impl Client {
    /// librdkafka's configuration for a role.
    pub fn config(&self, role: ClientRole<'_>) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(rdkafka::config::RDKafkaLogLevel::Warning);
        config.set("client.id", format!("lethe-{}", self.instance));
        // Bounded memory, whatever the backlog: prefetch and send queues of each worker.
        let defaults: &[(&str, &str)] = match role {
            ClientRole::Consumer { .. } | ClientRole::Reader => &[
                ("queued.max.messages.kbytes", "16384"),
                ("queued.min.messages", "20000"),
                ("fetch.wait.max.ms", "50"),
                // A full queue is looked at again soon: the client's default of one second starves a fast worker.
                ("fetch.queue.backoff.ms", "10"),
                ("auto.offset.reset", "earliest"),
                ("statistics.interval.ms", "5000"),
            ],
            ClientRole::Transactional { .. } | ClientRole::Idempotent => &[
                // A topic that does not exist is known as such before the transaction's deadline (10 s at least).
                ("topic.metadata.propagation.max.ms", "5000"),
                ("queue.buffering.max.kbytes", "32768"),
                ("queue.buffering.max.messages", "200000"),
                ("linger.ms", "5"),
                ("batch.num.messages", "10000"),
                ("compression.codec", "lz4"),
                ("partitioner", "murmur2_random"),
            ],
            ClientRole::Admin => &[],
        };
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            if applies(name, role) {
                config.set(name, value);
            }
        }
        match role {
            ClientRole::Consumer { suffix } => {
                config.set("group.id", format!("{}{suffix}", self.group));
                config.set("partition.assignment.strategy", "cooperative-sticky");
                config.set("enable.auto.commit", "false");
                config.set("enable.auto.offset.store", "false");
                config.set("isolation.level", "read_committed");
            }
            ClientRole::Reader => {
                // librdkafka wants a group even where none is joined; nothing is ever committed under it.
                config.set("group.id", format!("{}-reader", self.group));
                config.set("enable.auto.commit", "false");
                config.set("isolation.level", "read_committed");
                config.set("enable.partition.eof", "true");
            }
            ClientRole::Transactional { worker } => {
                config.set("transactional.id", format!("{}-{}-{worker}", self.group, self.instance));
                config.set("transaction.timeout.ms", self.transaction_timeout_ms.to_string());
                config.set("enable.idempotence", "true");
            }
            ClientRole::Idempotent => {
                config.set("enable.idempotence", "true");
            }
            ClientRole::Admin => {}
        }
        config
    }
}

/// Whether a property means anything to a role: librdkafka warns of each one that does not.
fn applies(property: &str, role: ClientRole<'_>) -> bool {
    const CONSUMER: &[&str] = &[
        "auto.offset.reset",
        "check.crcs",
        "group.instance.id",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "queued.max.messages.kbytes",
        "queued.min.messages",
        "session.timeout.ms",
    ];
    const PRODUCER: &[&str] = &[
        "batch.num.messages",
        "batch.size",
        "compression.codec",
        "compression.level",
        "compression.type",
        "delivery.timeout.ms",
        "linger.ms",
        "message.timeout.ms",
        "partitioner",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "queue.buffering.max.ms",
        "request.required.acks",
        "acks",
    ];
    let consumes = matches!(role, ClientRole::Consumer { .. } | ClientRole::Reader);
    let produces = matches!(role, ClientRole::Transactional { .. } | ClientRole::Idempotent);
    if CONSUMER.contains(&property) || property.starts_with("fetch.") {
        consumes && (property != "group.instance.id" || matches!(role, ClientRole::Consumer { .. }))
    } else if PRODUCER.contains(&property) {
        produces
    } else {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_property_can_not_undo_exactly_once() {
        let properties = [("enable.auto.commit", "true"), ("isolation.level", "read_uncommitted"), ("linger.ms", "1")];
        let client = Client {
            properties: properties.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            group: "g".into(),
            instance: "i".into(),
            transaction_timeout_ms: 10_000,
        };
        let consumer = client.config(ClientRole::Consumer { suffix: "" });
        assert_eq!(consumer.get("enable.auto.commit"), Some("false"));
        assert_eq!(consumer.get("isolation.level"), Some("read_committed"));
        assert_eq!(consumer.get("linger.ms"), None);
        let producer = client.config(ClientRole::Transactional { worker: "0" });
        assert_eq!(producer.get("transactional.id"), Some("g-i-0"));
        assert_eq!(producer.get("linger.ms"), Some("1"));
    }
}
