//! A subject's fence, and what became of the key behind it. Written before anything of an erasure, never removed by one.
//!
//! ```text
//! table Fences   key: key id (16)
//!    0  erased through, i64 ms since the Unix epoch
//!    8  generation u32: the last one condemned; 0 where no key ever existed
//!   12  epoch u64 that destroyed that generation; 0 while it isn't (or there was none)
//!   20  page id u64 on which it stood, then the page key's fingerprint before (8) and after (8)
//! ```

use super::{Damaged, Reader, Table};
use crate::keys::{Fence, Fingerprint};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceRow {
    /// Time and generation.
    pub fence: Fence,
    /// The epoch that destroyed the generation; 0 while it isn't.
    pub epoch: u64,
    /// On which page it stood.
    pub page: u64,
    /// Which key the page had.
    pub before: Fingerprint,
    /// Which key it got.
    pub after: Fingerprint,
}

impl FenceRow {
    /// A fence behind which nothing is destroyed yet.
    pub fn new(fence: Fence) -> Self {
        Self { fence, epoch: 0, page: 0, before: Fingerprint::default(), after: Fingerprint::default() }
    }

    /// Whether a key behind the fence still waits for its destruction.
    pub fn pending(&self) -> bool {
        self.fence.generation > 0 && self.epoch == 0
    }

    /// Moves the fence: time never goes back, and a newer generation is condemned with the older ones.
    ///
    /// INVARIANT: neither `erased_through_ms` nor `generation` ever falls.
    #[must_use]
    pub fn raised(was: Option<Self>, erased_through_ms: i64, live_generation: Option<u32>) -> Self {
        let live = live_generation.unwrap_or(0);
        match was {
            Some(row) if live <= row.fence.generation => {
                let through = row.fence.erased_through_ms.max(erased_through_ms);
                Self { fence: Fence { erased_through_ms: through, ..row.fence }, ..row }
            }
            was => {
                let through = was.map_or(erased_through_ms, |row| row.fence.erased_through_ms.max(erased_through_ms));
                Self::new(Fence { erased_through_ms: through, generation: live })
            }
        }
    }

    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(44);
        row.extend_from_slice(&self.fence.erased_through_ms.to_be_bytes());
        row.extend_from_slice(&self.fence.generation.to_be_bytes());
        row.extend_from_slice(&self.epoch.to_be_bytes());
        row.extend_from_slice(&self.page.to_be_bytes());
        row.extend_from_slice(&self.before.0);
        row.extend_from_slice(&self.after.0);
        row
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        Self::read(&mut Reader(bytes)).ok_or(Damaged(Table::Fences))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let fence = Fence { erased_through_ms: reader.i64()?, generation: reader.u32()? };
        let (epoch, page) = (reader.u64()?, reader.u64()?);
        let (before, after) = (Fingerprint(reader.bytes()?), Fingerprint(reader.bytes()?));
        reader.end(Self { fence, epoch, page, before, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written(through: i64, generation: u32, epoch: u64, page: u64, prints: [[u8; 8]; 2]) {
            let row = FenceRow {
                fence: Fence { erased_through_ms: through, generation },
                epoch,
                page,
                before: Fingerprint(prints[0]),
                after: Fingerprint(prints[1]),
            };
            prop_assert_eq!(FenceRow::decode(&row.encode()), Ok(row));
            prop_assert!(FenceRow::decode(&row.encode()[1..]).is_err());
        }

        #[test]
        fn a_fence_never_falls(steps in prop::collection::vec((any::<i64>(), prop::option::of(1u32..9)), 1..20)) {
            let mut row: Option<FenceRow> = None;
            for (through, live) in steps {
                let next = FenceRow::raised(row, through, live);
                prop_assert!(next.fence.erased_through_ms >= through);
                prop_assert!(next.fence.generation >= live.unwrap_or(0));
                if let Some(row) = row {
                    prop_assert!(next.fence.erased_through_ms >= row.fence.erased_through_ms);
                    prop_assert!(next.fence.generation >= row.fence.generation);
                }
                row = Some(next);
            }
        }
    }
}
