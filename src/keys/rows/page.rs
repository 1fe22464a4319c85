//! A page's key: the parent of some hundred subject keys, a contiguous range of key ids.
//!
//! ```text
//! table Pages   key: first key id of the range (16)
//!   0  page id u64
//!   8  page key, sealed under its mid (60)
//! AD: "lethe page" 0 ‖ deployment (16) ‖ mid id u64 ‖ page id u64 ‖ first key id (16)
//! ```

use super::{Damaged, DeploymentId, Reader, Table, place};
use crate::keys::{Edge, KeyId, SealedSecret, Secret, Unopened};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRow {
    /// Given once in a store's life.
    pub id: u64,
    /// The key, sealed under its mid.
    pub sealed: SealedSecret,
}

impl PageRow {
    /// Seals a page's key under its mid.
    pub fn seal(under: &Edge, deployment: &DeploymentId, mid: u64, page: u64, start: &KeyId, secret: &Secret) -> Self {
        Self { id: page, sealed: under.wrap(&Self::place(deployment, mid, page, start), secret) }
    }

    /// Opens it again.
    pub fn open(&self, under: &Edge, deployment: &DeploymentId, mid: u64, start: &KeyId) -> Result<Secret, Unopened> {
        under.unwrap(&Self::place(deployment, mid, self.id, start), &self.sealed)
    }

    fn place(deployment: &DeploymentId, mid: u64, page: u64, start: &KeyId) -> Vec<u8> {
        place("lethe page", deployment, &[&mid.to_be_bytes(), &page.to_be_bytes(), &start.0])
    }

    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.id.to_be_bytes().as_slice(), &self.sealed].concat()
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let row = reader.u64().zip(reader.sealed());
        row.and_then(|(id, sealed)| reader.end(Self { id, sealed })).ok_or(Damaged(Table::Pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_opens_in_its_place_alone(id: u64, mid: u64, start: [u8; 16]) {
            let edge = Edge::new(&zeroize::Zeroizing::new([3; 32]));
            let secret = zeroize::Zeroizing::new([7; 32]);
            let deployment = DeploymentId([1; 16]);
            let row = PageRow::seal(&edge, &deployment, mid, id, &KeyId(start), &secret);
            prop_assert_eq!(PageRow::decode(&row.encode()), Ok(row));
            prop_assert!(PageRow::decode(&row.encode()[1..]).is_err());
            prop_assert_eq!(row.open(&edge, &deployment, mid, &KeyId(start)), Ok(secret));
            prop_assert!(row.open(&edge, &deployment, !mid, &KeyId(start)).is_err());
            prop_assert!(row.open(&edge, &DeploymentId([2; 16]), mid, &KeyId(start)).is_err());
        }
    }
}
