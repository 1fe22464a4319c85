//! A subject's key.
//!
//! ```text
//! table Subjects   key: key id (16)
//!   0  generation u32
//!   4  subject key, sealed under its page (60)
//! AD: "lethe subject" 0 ‖ deployment (16) ‖ page id u64 ‖ key id (16) ‖ generation u32
//! ```

use super::{Damaged, DeploymentId, Reader, Table, place};
use crate::keys::{Edge, KeyId, SealedSecret, Secret, Unopened};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectRow {
    /// Grows with each erasure; the first is 1.
    pub generation: u32,
    /// The key, sealed under its page.
    pub sealed: SealedSecret,
}

impl SubjectRow {
    /// Seals a subject's key under its page.
    pub fn seal(
        under: &Edge,
        deployment: &DeploymentId,
        page: u64,
        id: &KeyId,
        generation: u32,
        secret: &Secret,
    ) -> Self {
        Self { generation, sealed: under.wrap(&Self::place(deployment, page, id, generation), secret) }
    }

    /// Opens it again.
    pub fn open(&self, under: &Edge, deployment: &DeploymentId, page: u64, id: &KeyId) -> Result<Secret, Unopened> {
        under.unwrap(&Self::place(deployment, page, id, self.generation), &self.sealed)
    }

    /// The associated data of the seal.
    pub fn place(deployment: &DeploymentId, page: u64, id: &KeyId, generation: u32) -> Vec<u8> {
        place("lethe subject", deployment, &[&page.to_be_bytes(), &id.0, &generation.to_be_bytes()])
    }

    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.generation.to_be_bytes().as_slice(), &self.sealed].concat()
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let row = reader.u32().zip(reader.sealed());
        row.and_then(|(generation, sealed)| reader.end(Self { generation, sealed })).ok_or(Damaged(Table::Subjects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_no_shorter_or_longer(generation: u32, seed: [u8; 32], cut in 0usize..64) {
            let edge = Edge::new(&zeroize::Zeroizing::new(seed));
            let secret = zeroize::Zeroizing::new([7; 32]);
            let (deployment, id) = (DeploymentId([1; 16]), KeyId([2; 16]));
            let row = SubjectRow::seal(&edge, &deployment, 9, &id, generation, &secret);
            let bytes = row.encode();
            prop_assert_eq!(SubjectRow::decode(&bytes), Ok(row));
            prop_assert!(SubjectRow::decode(&bytes[..cut]).is_err());
            prop_assert!(SubjectRow::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
            prop_assert_eq!(row.open(&edge, &deployment, 9, &id), Ok(secret));
            prop_assert!(row.open(&edge, &deployment, 8, &id).is_err());
        }
    }
}
