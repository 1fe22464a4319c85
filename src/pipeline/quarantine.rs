//! Records that can't be handled safely: a descriptor without payload goes to quarantine, a fact says why.
//!
//! The raw record stays at its source position, under the retention of the input topic; the descriptor names that position.

use serde::Serialize;

use super::plan::Identity;
use super::{Effects, OutRecord};
use crate::audit::{Name, Outcome};
use crate::event::RawRecord;
use crate::policy::Code;
use crate::sensitive::Sensitive;

/// A record and the code of why it was put aside.
pub(super) struct Quarantine<'a> {
    record: &'a RawRecord,
    code: Code,
}

/// The value of a quarantine record: `schemas/quarantine.schema.json`.
#[derive(Serialize)]
struct Descriptor<'a> {
    v: u8,
    id: String,
    code: &'static str,
    outcome: &'static str,
    pipeline: &'a Name,
    policy: &'a Name,
    source: Source<'a>,
    sizes: Sizes,
}

#[derive(Serialize)]
struct Source<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
}

#[derive(Serialize)]
struct Sizes {
    value_bytes: Option<usize>,
    key_bytes: Option<usize>,
    headers: usize,
}

impl<'a> Quarantine<'a> {
    pub(super) fn of(record: &'a RawRecord, code: Code) -> Self {
        Self { record, code }
    }

    pub(super) fn effects(self, identity: &Identity, now_ms: i64) -> Effects {
        let mut fact = identity.fact(self.record, Outcome::Quarantined, now_ms);
        fact.code = Some(Name::fixed(self.code.as_str()));
        fact.destination = Name::new(&identity.quarantine);
        Effects { records: vec![self.out(identity)], fact }
    }

    /// The quarantine record alone, for outcomes whose fact says more.
    pub(super) fn out(&self, identity: &Identity) -> OutRecord {
        let position = &self.record.position;
        let descriptor = Descriptor {
            v: 1,
            id: position.to_string(),
            code: self.code.as_str(),
            outcome: self.code.outcome().as_str(),
            pipeline: &identity.reference.name,
            policy: &identity.reference.digest,
            source: Source {
                topic: &position.topic,
                partition: position.partition,
                offset: position.offset,
                timestamp_ms: self.record.timestamp_ms,
            },
            sizes: Sizes {
                value_bytes: self.record.value.as_ref().map(Sensitive::len),
                key_bytes: self.record.key.as_ref().map(Sensitive::len),
                headers: self.record.headers.len(),
            },
        };
        let headers = [
            ("__connect.errors.topic", position.topic.to_string()),
            ("__connect.errors.partition", position.partition.to_string()),
            ("__connect.errors.offset", position.offset.to_string()),
            ("__connect.errors.connector.name", identity.reference.name.to_string()),
            ("__connect.errors.task.id", "0".to_owned()),
            ("__connect.errors.stage", "TRANSFORMATION".to_owned()),
            ("__connect.errors.class.name", "lethe".to_owned()),
            ("__connect.errors.exception.class.name", "lethe.Quarantined".to_owned()),
            ("__connect.errors.exception.message", self.code.as_str().to_owned()),
            ("lethe-id", position.to_string()),
            ("lethe-policy", identity.policy_header.clone()),
        ];
        OutRecord {
            topic: identity.quarantine.clone(),
            region: None,
            key: self.record.key.as_ref().map(|key| identity.digest_key.record_key(key.reveal()).into_bytes()),
            value: Some(serde_json::to_vec(&descriptor).unwrap_or_default()),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), Some(value.into_bytes()))).collect(),
            timestamp_ms: self.record.timestamp_ms,
        }
    }
}
