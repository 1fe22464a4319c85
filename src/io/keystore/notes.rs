//! Notes: small rows that a store keeps beside the keys, each kind in a space of its own. Nothing in them is secret: what must not
//! be read in clear is sealed before it comes here.

use crate::audit::Name;
use crate::erasure::Purged;

/// A kind of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Legal holds, by tenant and reference.
    Holds,
    /// Which subjects a tenant has: tenant's key id, then the subject's.
    Members,
    /// What was erased as a whole: a tenant, a retention class; events up to a time get no key.
    Limits,
    /// The blind index: labels of identifiers, and of the subjects that own them.
    Index,
    /// How far raw input was purged, by topic and partition.
    Purged,
}

impl Space {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Holds, Self::Members, Self::Limits, Self::Index, Self::Purged];

    /// Its name in a store: stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Members => "members",
            Self::Limits => "limits",
            Self::Index => "index",
            Self::Purged => "purged",
        }
    }
}

/// One change of one note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// In which space.
    pub space: Space,
    /// Under which key, up to 1 KiB.
    pub key: Vec<u8>,
    /// The new value, up to 64 KiB; `None` removes the note.
    pub value: Option<Vec<u8>>,
}

impl Note {
    /// Sets a note.
    pub fn put(space: Space, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { space, key: key.into(), value: Some(value.into()) }
    }

    /// Removes a note.
    pub fn remove(space: Space, key: impl Into<Vec<u8>>) -> Self {
        Self { space, key: key.into(), value: None }
    }
}

/// A note as it stands: key and value.
pub type Noted = (Vec<u8>, Vec<u8>);

/// The note that raw input of a partition is deleted before an offset.
pub fn purged_note(topic: &str, partition: i32, before: i64) -> Note {
    Note::put(Space::Purged, format!("{topic}\n{partition}"), before.to_be_bytes())
}

/// Reads [`purged_note`] back.
pub fn purged_of((key, value): &Noted) -> Option<Purged> {
    let (topic, partition) = std::str::from_utf8(key).ok()?.split_once('\n')?;
    let before = i64::from_be_bytes(value.as_slice().try_into().ok()?);
    Some(Purged { topic: Name::new(topic)?, partition: partition.parse().ok()?, before })
}

/// How far an erasure request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Under which it is remembered.
    pub request: String,
    /// What is remembered.
    pub bytes: Vec<u8>,
    /// Whether nothing more is to come.
    pub settled: bool,
}
