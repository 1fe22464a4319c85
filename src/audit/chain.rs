//! The hash chain of one source partition.
//!
//! A batch is rolled back by dropping the chains it touched and going on with clones taken before: with nothing pending, a
//! clone costs two reference counts.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::Arc;

use super::segment::{Head, Segment, Source};
use super::{FACT_VERSION, Fact, Fingerprint};

/// A segment is closed before it grows beyond this: half of what brokers take as a message by default.
pub const SEGMENT_BUDGET_BYTES: usize = 512 * 1024;

const END: &[u8] = b"]}";

/// One source partition's facts on their way out.
#[derive(Clone, Debug)]
pub struct Chain {
    source: Source,
    /// `,"lethe_id":"<topic>-<partition>-`, escaped as JSON.
    id_member: Arc<[u8]>,
    head: Head,
    budget_bytes: usize,
    /// Full segments, oldest first.
    closed: VecDeque<Vec<u8>>,
    /// The segment being written, without its end; empty where there is none.
    open: Vec<u8>,
}

impl Chain {
    /// A chain that has no fact yet.
    pub fn genesis(source: Source) -> Self {
        Self::resume(source, Head::GENESIS)
    }

    /// A chain that goes on from where the committed metadata says it stood.
    pub fn resume(source: Source, head: Head) -> Self {
        let topic = serde_json::Value::from(source.topic.as_ref()).to_string();
        let id_member = format!(",\"lethe_id\":{}-{}-", topic.trim_end_matches('"'), source.partition);
        Self {
            source,
            id_member: id_member.into_bytes().into(),
            head,
            budget_bytes: SEGMENT_BUDGET_BYTES,
            closed: VecDeque::new(),
            open: Vec::new(),
        }
    }

    /// Another budget for a segment, for brokers that take less. A single fact beyond it still makes a segment of its own.
    pub fn with_budget_bytes(mut self, budget_bytes: usize) -> Self {
        self.budget_bytes = budget_bytes;
        self
    }

    /// Whose chain this is.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Number and hash of the last fact appended: what to commit with the offset once all segments are taken and written.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether facts were appended that no segment was taken for.
    pub fn is_pending(&self) -> bool {
        !self.closed.is_empty() || !self.open.is_empty()
    }

    /// Writes one fact behind the last.
    pub fn append(&mut self, fact: &Fact) {
        let fresh = self.open.is_empty();
        if fresh {
            self.begin();
        } else {
            self.open.push(b',');
        }
        let start = self.open.len();
        self.write(fact);
        let bytes = self.open.get(start..).unwrap_or_default();
        self.head = Head { seq: self.head.seq.saturating_add(1), hash: Fingerprint::of(bytes) };
        if !fresh && self.open.len() + END.len() > self.budget_bytes {
            let fact = self.open.split_off(start);
            self.open.pop();
            self.close();
            self.begin();
            self.open.extend_from_slice(&fact);
        }
    }

    /// The next segment to write, oldest first; `None` when all facts are out.
    pub fn take_segment(&mut self) -> Option<Segment> {
        if self.closed.is_empty() && !self.open.is_empty() {
            self.close();
        }
        self.closed.pop_front().map(|value| Segment { key: self.source.to_string(), value })
    }

    fn begin(&mut self) {
        self.open.reserve(4096);
        self.open.extend_from_slice(b"{\"v\":1,\"source\":");
        write_json(&mut self.open, &self.source);
        self.open.extend_from_slice(b",\"facts\":[");
    }

    fn close(&mut self) {
        let mut segment = std::mem::take(&mut self.open);
        segment.extend_from_slice(END);
        self.closed.push_back(segment);
    }

    fn write(&mut self, fact: &Fact) {
        let (out, seq) = (&mut self.open, self.head.seq.saturating_add(1));
        #[expect(clippy::expect_used, reason = "writing to a Vec can't fail")]
        write!(out, "{{\"v\":{FACT_VERSION},\"seq\":{seq},\"prev\":\"").expect("a Vec takes all");
        out.extend_from_slice(&self.head.hash.hex());
        out.push(b'"');
        out.extend_from_slice(&self.id_member);
        #[expect(clippy::expect_used, reason = "writing to a Vec can't fail")]
        write!(out, "{}\"", fact.offset).expect("a Vec takes all");
        // The fact's own members follow: its opening brace becomes the comma between.
        let brace = out.len();
        write_json(out, fact);
        if let Some(byte) = out.get_mut(brace) {
            *byte = b',';
        }
    }
}

fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    #[expect(clippy::expect_used, reason = "no map keys, no fallible serializer, and a Vec takes all")]
    serde_json::to_writer(out, value).expect("facts and sources are plain data");
}
