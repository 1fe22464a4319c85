//! A retention bucket's secret, or the mark that it is destroyed.
//!
//! ```text
//! table Buckets   key: length of class u16 ‖ class (UTF-8) ‖ index u32
//!   live      0  bucket secret, sealed under the bucket page (60)
//!   expired   0  epoch u64 in which the secret was destroyed
//! AD: "lethe bucket" 0 ‖ deployment (16) ‖ the row's key
//! ```

use super::{Damaged, DeploymentId, Reader, Table, place, push_short};
use crate::keys::{BucketId, Edge, SEALED_SECRET_BYTES, SealedSecret, Secret, Unopened};

/// The row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketRow {
    /// The secret, sealed under the bucket page.
    Live(SealedSecret),
    /// Destroyed in this epoch. The mark stays: a bucket is never made twice.
    Expired(u64),
}

impl BucketRow {
    /// Seals a bucket's secret.
    pub fn seal(under: &Edge, deployment: &DeploymentId, bucket: &BucketId, secret: &Secret) -> Self {
        Self::Live(under.wrap(&place("lethe bucket", deployment, &[&bucket_key(bucket)]), secret))
    }

    /// Opens it again; `None` where it is destroyed.
    pub fn open(&self, under: &Edge, deployment: &DeploymentId, bucket: &BucketId) -> Result<Option<Secret>, Unopened> {
        match self {
            Self::Live(sealed) => {
                under.unwrap(&place("lethe bucket", deployment, &[&bucket_key(bucket)]), sealed).map(Some)
            }
            Self::Expired(_) => Ok(None),
        }
    }

    /// To bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Live(sealed) => sealed.to_vec(),
            Self::Expired(epoch) => epoch.to_be_bytes().to_vec(),
        }
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let row = if bytes.len() == SEALED_SECRET_BYTES {
            reader.sealed().map(Self::Live)
        } else {
            reader.u64().map(Self::Expired)
        };
        row.and_then(|row| reader.end(row)).ok_or(Damaged(Table::Buckets))
    }
}

/// The key under which a bucket's row stands.
pub fn bucket_key(bucket: &BucketId) -> Vec<u8> {
    let mut key = Vec::with_capacity(bucket.class.len() + 6);
    push_short(&mut key, bucket.class.as_bytes());
    key.extend_from_slice(&bucket.index.to_be_bytes());
    key
}

/// Undoes [`bucket_key`].
pub fn bucket_of_key(key: &[u8]) -> Result<BucketId, Damaged> {
    let mut reader = Reader(key);
    let class = reader.short().and_then(|class| std::str::from_utf8(class).ok());
    let bucket = class.zip(reader.u32()).map(|(class, index)| BucketId { class: class.into(), index });
    bucket.and_then(|bucket| reader.end(bucket)).ok_or(Damaged(Table::Buckets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_opens_as_its_own_bucket_alone(class in "[a-z]{1,20}", index: u32) {
            let edge = Edge::new(&zeroize::Zeroizing::new([3; 32]));
            let secret = zeroize::Zeroizing::new([7; 32]);
            let deployment = DeploymentId([1; 16]);
            let bucket = BucketId { class: class.as_str().into(), index };
            prop_assert_eq!(bucket_of_key(&bucket_key(&bucket)), Ok(bucket.clone()));
            let row = BucketRow::seal(&edge, &deployment, &bucket, &secret);
            prop_assert_eq!(BucketRow::decode(&row.encode()), Ok(row));
            prop_assert_eq!(row.open(&edge, &deployment, &bucket), Ok(Some(secret)));
            let other = BucketId { index: !index, ..bucket };
            prop_assert!(row.open(&edge, &deployment, &other).is_err());
            let expired = BucketRow::Expired(u64::from(index));
            prop_assert_eq!(BucketRow::decode(&expired.encode()), Ok(expired));
            prop_assert!(BucketRow::decode(&expired.encode()[1..]).is_err());
        }
    }
}
