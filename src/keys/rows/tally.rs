//! What a store counts: small rows that change often, kept apart from the keys.
//!
//! ```text
//! table Meta   key: "tally"
//!    0  epoch u64: moved by each fence, re-keying and expiry; caches of an older epoch are void
//!    8  next id u64 for pages and mids
//!   16  subjects u64 with a live key
//! table Meta   key: "counts"    hints: how full the pages are, written now and then
//!    0  page id u64 ‖ subjects u16, repeated
//! ```

use std::collections::HashMap;

use super::{Damaged, Reader, Table, Write};

/// The tally row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Moved by whatever makes a cached key void.
    pub epoch: u64,
    /// The next page or mid gets this id.
    pub next_id: u64,
    /// Subjects with a live key.
    pub subjects: u64,
}

impl Tally {
    /// Key of the row in [`Table::Meta`].
    pub const KEY: &'static [u8] = b"tally";
    /// Key of the row of page counts in [`Table::Meta`].
    pub const COUNTS_KEY: &'static [u8] = b"counts";

    /// The change that stores it.
    pub fn write(&self) -> Write {
        let row = [self.epoch.to_be_bytes(), self.next_id.to_be_bytes(), self.subjects.to_be_bytes()].concat();
        Write::put(Table::Meta, Self::KEY, row)
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        Self::read(&mut Reader(bytes)).ok_or(Damaged(Table::Meta))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (epoch, next_id, subjects) = (reader.u64()?, reader.u64()?, reader.u64()?);
        reader.end(Self { epoch, next_id, subjects })
    }
}

/// How full pages are, to bytes.
pub fn encode_counts(counts: impl Iterator<Item = (u64, usize)>) -> Vec<u8> {
    let mut row = Vec::new();
    for (page, count) in counts {
        row.extend_from_slice(&page.to_be_bytes());
        row.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
    }
    row
}

/// How full pages were. Hints: what does not decode is left out.
pub fn decode_counts(bytes: &[u8]) -> HashMap<u64, usize> {
    let mut reader = Reader(bytes);
    let mut counts = HashMap::new();
    while let Some((page, count)) = reader.u64().zip(reader.u16()) {
        counts.insert(page, usize::from(count));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_are_read_back_as_written(epoch: u64, next_id: u64, subjects: u64, counts: HashMap<u64, u16>) {
            let tally = Tally { epoch, next_id, subjects };
            let row = tally.write().value.unwrap();
            prop_assert_eq!(Tally::decode(&row), Ok(tally));
            prop_assert!(Tally::decode(&row[1..]).is_err());
            let counts: HashMap<u64, usize> = counts.into_iter().map(|(id, n)| (id, usize::from(n))).collect();
            prop_assert_eq!(decode_counts(&encode_counts(counts.clone().into_iter())), counts);
        }
    }
}
