//! The rows in which a key store keeps the tree: one file for each kind, its bytes drawn in the file's header.
//!
//! All integers are big-endian. No row holds a secret in clear: every key stands sealed under its parent, and the associated
//! data of each seal says what the child is (`Place`), so that a row moved elsewhere does not open.

mod bucket;
mod epoch;
mod fence;
mod mid;
mod page;
mod signers;
mod subject;
mod tally;
mod top;

pub use bucket::{BucketRow, bucket_key, bucket_of_key};
pub use epoch::EpochRow;
pub use fence::FenceRow;
pub use mid::MidRow;
pub use page::PageRow;
pub use signers::{Signer, SignersRow};
pub use subject::SubjectRow;
pub use tally::{Tally, decode_counts, encode_counts};
pub use top::{Crown, RootId, TopRow};

use super::{SEALED_SECRET_BYTES, SealedSecret};

/// One deployment of Lethe: 16 random bytes, drawn when its store is made. Part of every seal in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeploymentId(pub [u8; 16]);

impl std::fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeploymentId({self})")
    }
}

/// The kinds of rows; a store keeps each in a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Single rows: top and tally.
    Meta,
    /// Mid keys by the first key id of their range.
    Mids,
    /// Page keys by the first key id of their range.
    Pages,
    /// Subject keys by key id.
    Subjects,
    /// Fences by key id.
    Fences,
    /// Bucket secrets by class and index.
    Buckets,
    /// What each re-keying epoch destroyed, by epoch.
    Epochs,
}

/// One change of one row. A list of them is made durable as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// In which table.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// The new value; `None` removes the row.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Sets a row.
    pub fn put(table: Table, key: &[u8], value: Vec<u8>) -> Self {
        Self { table, key: key.to_vec(), value: Some(value) }
    }

    /// Removes a row.
    pub fn remove(table: Table, key: &[u8]) -> Self {
        Self { table, key: key.to_vec(), value: None }
    }
}

/// A stored row that does not decode, or a seal in it that does not open under its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of `{0:?}` is damaged")]
pub struct Damaged(pub Table);

/// Associated data of a seal in the tree: label, deployment, then what the child is.
pub(super) fn place(label: &str, deployment: &DeploymentId, parts: &[&[u8]]) -> Vec<u8> {
    let mut ad = Vec::with_capacity(80);
    ad.extend_from_slice(label.as_bytes());
    ad.push(0);
    ad.extend_from_slice(&deployment.0);
    for part in parts {
        ad.extend_from_slice(part);
    }
    ad
}

/// Reads a row from the front; `None` as soon as something is missing.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.bytes().map(i64::from_be_bytes)
    }

    fn sealed(&mut self) -> Option<SealedSecret> {
        self.bytes::<SEALED_SECRET_BYTES>()
    }

    /// Bytes behind a two-byte length.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    /// What was read, if nothing is left over.
    fn end<T>(&self, row: T) -> Option<T> {
        self.0.is_empty().then_some(row)
    }
}

/// Appends bytes behind a two-byte length; what is longer is cut, and the types that come here are far shorter.
fn push_short(row: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    row.extend_from_slice(&length.to_be_bytes());
    row.extend_from_slice(bytes.get(..usize::from(length)).unwrap_or_default());
}
