//! What a record leads to, as a value: records to publish and one fact.

use std::sync::Arc;

use crate::audit::Fact;

/// A record on its way out. Everything in it is safe to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// The region it goes to, which may be another cluster; `None` for what stays at home (audit, quarantine).
    pub region: Option<Arc<str>>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in order; a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Record timestamp, milliseconds since the Unix epoch: the source record's own.
    pub timestamp_ms: Option<i64>,
}

impl OutRecord {
    /// A record of this deployment's own, with nothing but key and value: the producer stamps its time.
    pub fn bare(topic: Arc<str>, key: Option<Vec<u8>>, value: Vec<u8>) -> Self {
        Self { topic, region: None, key, value: Some(value), headers: Vec::new(), timestamp_ms: None }
    }

    /// About what the record weighs on the wire: what `max.message.bytes` is compared with.
    pub fn weight_bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len) + 10).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers + 80
    }
}

/// All that one input record leads to. True together with its offset, or not at all.
#[derive(Debug)]
pub struct Effects {
    /// Records to publish.
    pub records: Vec<OutRecord>,
    /// The fact for the audit chain.
    pub fact: Fact,
}
