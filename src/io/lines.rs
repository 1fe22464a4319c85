//! Records as JSON lines, in the form of `kcat -J`: `{"topic","partition","offset","ts","key","payload","headers":[name,value,…]}`.

use serde::{Deserialize, Serialize};

use crate::event::{Position, RawHeader, RawRecord};
use crate::pipeline::OutRecord;
use crate::sensitive::Sensitive;

/// One record of a line.
#[derive(Serialize, Deserialize, Default)]
pub struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<i64>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    payload: Option<String>,
    /// Names and values in turn.
    #[serde(default)]
    headers: Vec<Option<String>>,
}

impl Line {
    /// The record, as if it came from Kafka. `number` stands for a missing offset.
    pub fn into_record(self, number: i64, now_ms: i64) -> RawRecord {
        let sensitive = |text: String| Sensitive::new(text.into_bytes());
        let mut headers = Vec::with_capacity(self.headers.len() / 2);
        let mut parts = self.headers.into_iter();
        while let Some(name) = parts.next() {
            let value = parts.next().flatten().map(sensitive);
            headers.push(RawHeader { name: sensitive(name.unwrap_or_default()), value });
        }
        RawRecord {
            position: Position {
                topic: self.topic.unwrap_or_else(|| "stdin".into()).into(),
                partition: self.partition.unwrap_or(0),
                offset: self.offset.unwrap_or(number),
            },
            timestamp_ms: Some(self.ts.unwrap_or(now_ms)),
            key: self.key.map(sensitive),
            value: self.payload.map(sensitive),
            headers,
        }
    }

    /// The line of a record that goes out.
    pub fn of(record: &OutRecord) -> Self {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let headers = record.headers.iter();
        Self {
            topic: Some(record.topic.to_string()),
            ts: record.timestamp_ms,
            key: record.key.as_ref().map(text),
            payload: record.value.as_ref().map(text),
            headers: headers.flat_map(|(name, value)| [Some(name.clone()), value.as_ref().map(text)]).collect(),
            ..Self::default()
        }
    }
}
