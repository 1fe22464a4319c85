//! The one row that commits a whole tree: which root it hangs from, and the four keys right under the top.
//!
//! ```text
//! table Meta   key: "top"
//!    0  format u16 = 1
//!    2  deployment (16)
//!   18  sealing u64: the epoch in which the top was sealed, part of its AD
//!   26  bucket page key, digest secret, signing seed: each sealed under the top (60)
//!  206  root id: u16 length ‖ UTF-8
//!    …  top key, sealed by the root keeper under that root: u16 length ‖ bytes
//! AD of the top: "lethe top" 0 ‖ deployment (16) ‖ sealing u64; of the others: "lethe bucket page" …, "lethe digest" …, "lethe signing" …
//! ```

use std::fmt;
use std::sync::Arc;

use super::{Damaged, DeploymentId, Reader, Table, Write, place, push_short};
use crate::keys::{Edge, SealedSecret, Secret, Unopened};

/// What a root is called: its keeper, a colon, and a label, an ARN or a key's name there. A root in a file has no keeper's name
/// before it.
///
/// INVARIANT: 1 to 256 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootId(Arc<str>);

impl RootId {
    /// Checks the form; `None` where the text can't name a root.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed = (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        well_formed.then(|| Self(text.into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who kept it, as receipts say it: what stands before the first colon; `file` where there is none. So a row says years
    /// later which keeper destroyed a root, whatever is configured then.
    pub fn provider(&self) -> &str {
        self.0.split_once(':').map_or("file", |(provider, _)| provider)
    }

    /// What the keeper itself calls it: without the provider.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(_, name)| name)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::new(std::str::from_utf8(reader.short()?).ok()?)
    }
}

impl fmt::Display for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys right under the top.
#[derive(Clone)]
pub struct Crown {
    /// Parent of all bucket secrets.
    pub bucket_page: Secret,
    /// The deployment's digest secret.
    pub digest: Secret,
    /// The seed of the key that signs receipts (Ed25519, RFC 8032).
    pub signing: Secret,
}

/// The row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopRow {
    /// Whose tree it is.
    pub deployment: DeploymentId,
    /// In which epoch the top was sealed.
    pub sealing: u64,
    /// The root from which everything hangs.
    pub root: RootId,
    /// The top key, sealed by the root keeper.
    pub sealed_top: Vec<u8>,
    bucket_page: SealedSecret,
    digest: SealedSecret,
    signing: SealedSecret,
}

impl TopRow {
    /// Key of the row in [`Table::Meta`].
    pub const KEY: &'static [u8] = b"top";
    const FORMAT: u16 = 1;

    /// Seals the crown under a top that the root keeper has sealed.
    pub fn seal(
        deployment: DeploymentId,
        sealing: u64,
        root: RootId,
        sealed_top: Vec<u8>,
        top: &Secret,
        crown: &Crown,
    ) -> Self {
        let under = Edge::new(top);
        let wrap = |label: &str, secret: &Secret| under.wrap(&place(label, &deployment, &[]), secret);
        Self {
            deployment,
            sealing,
            root,
            sealed_top,
            bucket_page: wrap("lethe bucket page", &crown.bucket_page),
            digest: wrap("lethe digest", &crown.digest),
            signing: wrap("lethe signing", &crown.signing),
        }
    }

    /// Opens the crown.
    pub fn open(&self, top: &Secret) -> Result<Crown, Unopened> {
        let under = Edge::new(top);
        let unwrap = |label: &str, sealed: &SealedSecret| under.unwrap(&place(label, &self.deployment, &[]), sealed);
        Ok(Crown {
            bucket_page: unwrap("lethe bucket page", &self.bucket_page)?,
            digest: unwrap("lethe digest", &self.digest)?,
            signing: unwrap("lethe signing", &self.signing)?,
        })
    }

    /// Associated data under which the root keeper seals the top.
    pub fn place(deployment: &DeploymentId, sealing: u64) -> Vec<u8> {
        place("lethe top", deployment, &[&sealing.to_be_bytes()])
    }

    /// The change that stores it.
    pub fn write(&self) -> Write {
        let mut row = Vec::with_capacity(320);
        row.extend_from_slice(&Self::FORMAT.to_be_bytes());
        row.extend_from_slice(&self.deployment.0);
        row.extend_from_slice(&self.sealing.to_be_bytes());
        for sealed in [&self.bucket_page, &self.digest, &self.signing] {
            row.extend_from_slice(sealed);
        }
        push_short(&mut row, self.root.as_str().as_bytes());
        push_short(&mut row, &self.sealed_top);
        Write::put(Table::Meta, Self::KEY, row)
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        Self::read(&mut Reader(bytes)).ok_or(Damaged(Table::Meta))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.u16()? != Self::FORMAT {
            return None;
        }
        let (deployment, sealing) = (DeploymentId(reader.bytes()?), reader.u64()?);
        let (bucket_page, digest, signing) = (reader.sealed()?, reader.sealed()?, reader.sealed()?);
        let root = RootId::read(reader)?;
        let sealed_top = reader.short()?.to_vec();
        reader.end(Self { deployment, sealing, root, sealed_top, bucket_page, digest, signing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    #[test]
    fn a_receipt_names_the_keeper_that_destroyed_the_root() {
        for (id, provider, name) in [
            ("0123456789abcdef", "file", "0123456789abcdef"),
            ("pkcs11:lethe-1", "pkcs11", "lethe-1"),
            ("aws_kms:arn:aws:kms:eu-1:1:key/2", "aws_kms", "arn:aws:kms:eu-1:1:key/2"),
        ] {
            let root = RootId::new(id).unwrap();
            assert_eq!((root.provider(), root.name()), (provider, name));
        }
    }

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_opens_under_its_top_alone(
            deployment: [u8; 16],
            sealing: u64,
            root in "[a-z0-9:/-]{1,80}",
            sealed_top: Vec<u8>,
        ) {
            let crown = Crown {
                bucket_page: Zeroizing::new([1; 32]),
                digest: Zeroizing::new([2; 32]),
                signing: Zeroizing::new([3; 32]),
            };
            let top = Zeroizing::new([9; 32]);
            let root = RootId::new(&root).unwrap();
            let row = TopRow::seal(DeploymentId(deployment), sealing, root, sealed_top, &top, &crown);
            let bytes = row.write().value.unwrap();
            prop_assert_eq!(TopRow::decode(&bytes), Ok(row.clone()));
            prop_assert!(TopRow::decode(&bytes[..bytes.len() - 1]).is_err());
            prop_assert_eq!(row.open(&top).unwrap().digest, crown.digest);
            prop_assert!(row.open(&Zeroizing::new([8; 32])).is_err());
        }
    }
}
