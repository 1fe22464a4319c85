//! Bytes to [`Event`] and back without loss: JSON, CloudEvents (binary and structured), plain text; chat shapes; JSON paths.
//!
//! An event is decoded into **slots**: every text that could hold personal data, wherever it stands (JSON strings, member
//! names, numbers, header values, the record key). Detection reads slots, protection hands back [`Edit`]s, and
//! [`Event::encode`] splices those into the original bytes: what no edit touches leaves exactly as it came.
//!
//! It decides nothing: what a slot means is policy's.

mod attributes;
mod cloudevents;
mod decode;
mod decoded;
mod encode;
mod escape;
mod json;
mod machinery;
mod matcher;
mod original;
mod path;
mod shape;
mod unreadable;
mod walk;

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::sensitive::{Sensitive, SensitiveStr};

pub use decode::decode;
pub use decoded::Event;
pub use encode::Encoded;
pub use path::{JsonPath, PathProblem};
pub use shape::{CHAT_PATHS, Format, Limits, Selector, Selectors, Shape};
pub use unreadable::Unreadable;

/// Where a record came from. Its `Display` (`topic-partition-offset`) is the `lethe-id` of everything made from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Source topic.
    pub topic: Arc<str>,
    /// Source partition.
    pub partition: i32,
    /// Offset of the record in its partition.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.topic, self.partition, self.offset)
    }
}

/// A record as Kafka gave it. Nothing in it has been looked at.
#[derive(Clone, Debug)]
pub struct RawRecord {
    /// Where it came from.
    pub position: Position,
    /// The record's timestamp, milliseconds since the Unix epoch, where the broker kept one.
    pub timestamp_ms: Option<i64>,
    /// The record key.
    pub key: Option<Sensitive>,
    /// The payload; `None` is a tombstone.
    pub value: Option<Sensitive>,
    /// Headers in order, duplicates kept. A name is untrusted input too.
    pub headers: Vec<RawHeader>,
}

/// One header of a [`RawRecord`].
#[derive(Clone, Debug)]
pub struct RawHeader {
    /// Header name, as raw bytes of UTF-8 (librdkafka gives no other).
    pub name: Sensitive,
    /// Header value; `None` is a null value.
    pub value: Option<Sensitive>,
}

/// What a publisher calls a customer of theirs, or their own deployment: not personal data, bounded, printable.
///
/// INVARIANT: 1 to 128 characters of `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Checks the form; `None` where the text is not a tenant id.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed =
            (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
        well_formed.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where in an event a slot stands. It says how an edit must be written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON string value, or the whole of a plain-text payload.
    Text,
    /// A JSON member name.
    Name,
    /// A JSON number: an edit replaces all of it, and writes a string.
    Number,
    /// The value of the header with this index in [`RawRecord::headers`].
    HeaderValue(usize),
    /// The name of the header with this index.
    HeaderName(usize),
    /// The record key.
    RecordKey,
}

/// One text of an event that could hold personal data.
#[derive(Clone, Debug)]
pub struct Slot<'a> {
    /// Decoded text: escapes resolved, one level of nested JSON (tool-call arguments) opened into slots of its own.
    pub text: SensitiveStr<'a>,
    /// Where it stands.
    pub place: Place,
    /// The JSON member name, header name or column nearest above the text: context for detection. Untrusted text.
    pub field: Option<SensitiveStr<'a>>,
    /// Whether the pipeline's `text` paths name this slot: free text that the firewall judges.
    pub listed: bool,
    /// Which attribute of the event this slot is, if any.
    pub attribute: Option<Attribute>,
}

/// What an event says of itself, found by the pipeline's selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// Whose data it is.
    Subject,
    /// Which customer or deployment.
    Tenant,
    /// Which conversation it belongs to.
    Conversation,
    /// Where it may live.
    Region,
    /// When it happened.
    Time,
}

/// A replacement of part of one slot.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Index into [`Event::slots`].
    pub slot: usize,
    /// Byte range in the slot's decoded text, on character borders. For a number slot: all of it.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub with: Replacement,
}

/// What an [`Edit`] writes.
#[derive(Clone, Debug)]
pub enum Replacement {
    /// Text, escaped as the place demands.
    Text(String),
    /// Exactly what [`Event::original`] once took out, back in its own form (escapes, number literal).
    Original(Original),
}

/// A piece of an event in a form from which the exact original bytes can be written again.
///
/// Wire form (the plaintext that is sealed): one byte form, one byte nesting depth, then the bytes.
/// - form 0: decoded UTF-8, the canonical escape of which is what stood in the event
/// - form 1: a JSON number literal
/// - form 2: the raw JSON string content at that depth (the publisher escaped it in his own way)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The form byte.
    pub form: u8,
    /// How many JSON strings the text is nested in: 0 plain text, header or key, 1 a JSON string, 2 a string within JSON within a string.
    pub depth: u8,
    /// The bytes in that form.
    pub bytes: Sensitive,
}
