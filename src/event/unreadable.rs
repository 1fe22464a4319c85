//! Why a record is not an event: a value, with a fixed code for the quarantine. It never shows payload.

use super::Attribute;

/// What keeps a record from being handled safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// The value is null.
    #[error(
        "the record has no value (a tombstone)\nhelp: nothing was published; on a compacted topic it deletes the key"
    )]
    Tombstone,
    /// The value has no bytes.
    #[error("the value is empty\nhelp: publish at least one byte, or nothing at all")]
    Empty,
    /// The value is no text.
    #[error("the value is not UTF-8\nhelp: publish JSON or text in UTF-8")]
    NotUtf8,
    /// The value should be JSON and isn't.
    #[error(
        "the value is not JSON from byte {at} on\nhelp: check the publisher, or set `format: text` if it is no JSON"
    )]
    NotJson {
        /// First byte that no JSON document has there.
        at: usize,
    },
    /// Nested beyond the limit.
    #[error("the value is nested deeper than {limit} levels\nhelp: raise `limits.depth` if such events are meant")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Larger than the limit.
    #[error(
        "a part of the record has {bytes} bytes and the limit is {limit}\nhelp: raise `limits.value_bytes` if such events are meant"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More texts than the limit.
    #[error("the record has more than {limit} texts\nhelp: raise `limits.slots` if such events are meant")]
    TooManySlots {
        /// The limit.
        limit: usize,
    },
    /// A selector finds two values that differ.
    #[error("the event gives two values for its {0}\nhelp: make the selector narrower; duplicate members count as two")]
    AmbiguousAttribute(Attribute),
    /// A selector finds something of a wrong form.
    #[error(
        "the event's {0} is not of the right form\nhelp: tenants are 1 to 128 of `[A-Za-z0-9._:-]`, times RFC 3339 or epoch seconds or milliseconds, all others text or numbers"
    )]
    BadAttribute(Attribute),
    /// A header that must be read is not text.
    #[error(
        "a header that must be read is not UTF-8\nhelp: publish header names, and values that a selector names, in UTF-8"
    )]
    BadHeader,
    /// It says that it is a CloudEvent and breaks the rules of one.
    #[error(
        "not a valid CloudEvent: {0}\nhelp: see CloudEvents 1.0, Kafka binding and JSON format; batches are not read"
    )]
    BadCloudEvent(&'static str),
}

impl Unreadable {
    /// The stable code, snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Empty => "empty",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson { .. } => "not_json",
            Self::TooDeep { .. } => "too_deep",
            Self::TooLarge { .. } => "too_large",
            Self::TooManySlots { .. } => "too_many_slots",
            Self::AmbiguousAttribute(_) => "ambiguous_attribute",
            Self::BadAttribute(_) => "bad_attribute",
            Self::BadHeader => "bad_header",
            Self::BadCloudEvent(_) => "bad_cloudevent",
        }
    }
}
