//! What one re-keying epoch did to the roots: the part of a receipt that all subjects of the epoch share.
//!
//! ```text
//! table Epochs   key: epoch u64
//!    0  old top key's fingerprint (8), new top key's fingerprint (8)
//!   16  committed at, i64 ms since the Unix epoch: the new tree is durable, the old root still exists
//!   24  root destroyed at, i64 ms; i64::MIN while it isn't
//!   32  irreversible from, i64 ms, as the root keeper said when it destroyed the old root; i64::MIN while it isn't
//!   40  old root id, new root id, the keeper's caveat: each u16 length ‖ UTF-8
//! ```

use super::{Damaged, Reader, RootId, Table, push_short};
use crate::keys::Fingerprint;

/// The row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRow {
    /// The root that this epoch retired.
    pub old_root: RootId,
    /// The root that everything hangs from since.
    pub new_root: RootId,
    /// The key right under the old root.
    pub old_top: Fingerprint,
    /// The key right under the new root.
    pub new_top: Fingerprint,
    /// Read right before the commit that made the new tree durable.
    pub committed_at_ms: i64,
    /// When the root keeper had destroyed the old root; `None` while it hasn't.
    pub destroyed_at_ms: Option<i64>,
    /// From when on the destruction can't be undone, by the root keeper's word.
    pub irreversible_from_ms: Option<i64>,
    /// What the root keeper says its destruction does not cover.
    pub caveat: String,
}

fn from_time(time: Option<i64>) -> [u8; 8] {
    time.unwrap_or(i64::MIN).to_be_bytes()
}

fn to_time(ms: i64) -> Option<i64> {
    (ms != i64::MIN).then_some(ms)
}

impl EpochRow {
    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(160);
        row.extend_from_slice(&self.old_top.0);
        row.extend_from_slice(&self.new_top.0);
        row.extend_from_slice(&self.committed_at_ms.to_be_bytes());
        row.extend_from_slice(&from_time(self.destroyed_at_ms));
        row.extend_from_slice(&from_time(self.irreversible_from_ms));
        for text in [self.old_root.as_str(), self.new_root.as_str(), &self.caveat] {
            push_short(&mut row, text.as_bytes());
        }
        row
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        Self::read(&mut Reader(bytes)).ok_or(Damaged(Table::Epochs))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (old_top, new_top) = (Fingerprint(reader.bytes()?), Fingerprint(reader.bytes()?));
        let committed_at_ms = reader.i64()?;
        let (destroyed_at_ms, irreversible_from_ms) = (to_time(reader.i64()?), to_time(reader.i64()?));
        let (old_root, new_root) = (RootId::read(reader)?, RootId::read(reader)?);
        let caveat = std::str::from_utf8(reader.short()?).ok()?.to_owned();
        reader.end(Self {
            old_root,
            new_root,
            old_top,
            new_top,
            committed_at_ms,
            destroyed_at_ms,
            irreversible_from_ms,
            caveat,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written(
            ids in ("[a-z0-9:/-]{1,80}", "[a-z0-9]{1,16}"),
            prints: [[u8; 8]; 2],
            committed_at_ms: i64,
            destroyed in prop::option::of(-9i64..i64::MAX),
            caveat in ".{0,60}",
        ) {
            let row = EpochRow {
                old_root: RootId::new(&ids.0).unwrap(),
                new_root: RootId::new(&ids.1).unwrap(),
                old_top: Fingerprint(prints[0]),
                new_top: Fingerprint(prints[1]),
                committed_at_ms,
                destroyed_at_ms: destroyed,
                irreversible_from_ms: destroyed,
                caveat,
            };
            prop_assert_eq!(EpochRow::decode(&row.encode()), Ok(row.clone()));
            prop_assert!(EpochRow::decode(&row.encode()[1..]).is_err());
        }
    }
}
