//! What of a chain is written to Kafka: segments of facts, and the head that rides with the committed offset.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Fingerprint;
use crate::event::Position;

/// A source partition: each has a chain of its own. Its `Display` is the key of its segments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
}

impl Source {
    /// The partition that a record came from.
    pub fn of(position: &Position) -> Self {
        Self { topic: Arc::clone(&position.topic), partition: position.partition }
    }
}

impl Source {
    /// The source that a segment says it is of; `None` where it is no segment.
    pub fn in_segment(segment: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Unpacked<'_>>(segment).ok().map(|segment| segment.source)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// One record of the audit topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Record key: `topic-partition` of the source, so that a chain stays in order in one audit partition.
    pub key: String,
    /// Record value: UTF-8 JSON.
    pub value: Vec<u8>,
}

/// Where a chain stands: number and hash of its last fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Sequence number of the last fact; 0 before the first.
    pub seq: u64,
    /// SHA-256 of the last fact's bytes.
    pub hash: Fingerprint,
}

const METADATA: &str = "lethe1:";

impl Head {
    /// Before the first fact.
    pub const GENESIS: Self = Self { seq: 0, hash: Fingerprint::ZERO };

    /// The form that rides in an offset's metadata: `lethe1:<seq>:<hex>`, at most 92 bytes.
    pub fn to_metadata(&self) -> String {
        format!("{METADATA}{}:{}", self.seq, self.hash)
    }

    /// Reads [`Head::to_metadata`] back; `None` where the metadata is empty or someone else's.
    pub fn parse(metadata: &str) -> Option<Self> {
        let (seq, hash) = metadata.strip_prefix(METADATA)?.split_once(':')?;
        let head = Self { seq: seq.parse().ok()?, hash: Fingerprint::parse(hash)? };
        // One head, one text: `+7`, `007` are not what was written.
        (head.to_metadata() == metadata).then_some(head)
    }

    /// The head after a segment, read from its bytes: for taking a chain up again whose committed head was lost. It trusts
    /// the segment; the verifier does not.
    pub fn after(segment: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Numbered {
            seq: u64,
        }
        let segment: Unpacked<'_> = serde_json::from_slice(segment).ok()?;
        let last = segment.facts.last()?.get();
        let numbered: Numbered = serde_json::from_str(last).ok()?;
        Some(Self { seq: numbered.seq, hash: Fingerprint::of(last.as_bytes()) })
    }
}

/// A segment as the verifier takes it apart: the facts' bytes stay exactly as they came.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unpacked<'a> {
    pub v: u8,
    pub source: Source,
    #[serde(borrow)]
    pub facts: Vec<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_the_offset_metadata_and_nothing_else_passes_for_one() {
        let head = Head { seq: u64::MAX, hash: Fingerprint::of(b"fact") };
        let metadata = head.to_metadata();
        assert_eq!(metadata.len(), 92);
        assert_eq!(Head::parse(&metadata), Some(head));
        let hash = Fingerprint::ZERO.to_string();
        for other in ["", "lethe1:", "lethe1:7", "lethe1:7:", "sticky-v1", &format!("lethe2:7:{hash}")] {
            assert_eq!(Head::parse(other), None, "{other}");
        }
        assert_eq!(Head::parse(&format!("lethe1:+7:{hash}")), None);
        assert_eq!(Head::parse(&format!("lethe1:07:{hash}")), None);
    }
}
