//! A mid key: the parent of some dozen page keys, a contiguous range of key ids.
//!
//! ```text
//! table Mids   key: first key id of the range (16)
//!   0  mid id u64
//!   8  mid key, sealed under the top (60)
//! AD: "lethe mid" 0 ‖ deployment (16) ‖ mid id u64 ‖ first key id (16)
//! ```

use super::{Damaged, DeploymentId, Reader, Table, place};
use crate::keys::{Edge, KeyId, SealedSecret, Secret, Unopened};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MidRow {
    /// Given once in a store's life.
    pub id: u64,
    /// The key, sealed under the top.
    pub sealed: SealedSecret,
}

impl MidRow {
    /// Seals a mid key under the top.
    pub fn seal(under: &Edge, deployment: &DeploymentId, mid: u64, start: &KeyId, secret: &Secret) -> Self {
        Self { id: mid, sealed: under.wrap(&Self::place(deployment, mid, start), secret) }
    }

    /// Opens it again.
    pub fn open(&self, under: &Edge, deployment: &DeploymentId, start: &KeyId) -> Result<Secret, Unopened> {
        under.unwrap(&Self::place(deployment, self.id, start), &self.sealed)
    }

    fn place(deployment: &DeploymentId, mid: u64, start: &KeyId) -> Vec<u8> {
        place("lethe mid", deployment, &[&mid.to_be_bytes(), &start.0])
    }

    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.id.to_be_bytes().as_slice(), &self.sealed].concat()
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let row = reader.u64().zip(reader.sealed());
        row.and_then(|(id, sealed)| reader.end(Self { id, sealed })).ok_or(Damaged(Table::Mids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_opens_in_its_place_alone(id: u64, start: [u8; 16]) {
            let edge = Edge::new(&zeroize::Zeroizing::new([3; 32]));
            let secret = zeroize::Zeroizing::new([7; 32]);
            let deployment = DeploymentId([1; 16]);
            let row = MidRow::seal(&edge, &deployment, id, &KeyId(start), &secret);
            prop_assert_eq!(MidRow::decode(&row.encode()), Ok(row));
            prop_assert!(MidRow::decode(&row.encode()[1..]).is_err());
            prop_assert_eq!(row.open(&edge, &deployment, &KeyId(start)), Ok(secret));
            let moved = MidRow { id: !id, ..row };
            prop_assert!(moved.open(&edge, &deployment, &KeyId(start)).is_err());
        }
    }
}
