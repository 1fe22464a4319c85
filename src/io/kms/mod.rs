//! Root keepers: who holds the one key that the whole tree hangs from, and destroys it. It knows nothing of what hangs there.
//!
//! The promise of an erasure ends here: a copy of a root that is kept elsewhere is a root that was not destroyed. So each
//! keeper says from when on its destruction can't be undone, and what it does not cover; receipts repeat it.

#[cfg(feature = "aws-kms")]
mod aws;
mod error;
mod file;
#[cfg(any(feature = "pkcs11", feature = "vault"))]
mod label;
mod open;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "vault")]
mod vault;

#[cfg(feature = "aws-kms")]
pub use aws::{AwsAccess, AwsKeeper};
pub use error::KeeperError;
pub(crate) use error::remedy;
pub use file::FileKeeper;
pub use open::open_root_keeper;
#[cfg(feature = "postgres")]
pub use open::open_shared_root_keeper;
#[cfg(feature = "pkcs11")]
pub use pkcs11::Pkcs11Keeper;
#[cfg(feature = "vault")]
pub use vault::{VaultAccess, VaultKeeper};

use crate::keys::{DeploymentId, RootId, Secret};

/// What a keeper says of a destruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finality {
    /// From when on it can't be undone, wall time in milliseconds; `None` is at once.
    pub irreversible_from_ms: Option<i64>,
    /// What it does not cover.
    pub caveat: &'static str,
}

/// A root that a keeper holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRoot {
    /// What it is called.
    pub id: RootId,
    /// Whose it is.
    pub deployment: DeploymentId,
}

/// Creates, uses and destroys roots. Calls block; a call that returned is durable.
pub trait RootKeeper: Send + Sync {
    /// Its name in receipts: `file`, `pkcs11`, `aws_kms`, `vault`. The id of every root that it makes begins with it, and a
    /// colon; ids of files have neither.
    fn provider(&self) -> &'static str;

    /// Makes a root for a deployment.
    fn create(&self, deployment: &DeploymentId) -> Result<RootId, KeeperError>;

    /// Seals a secret under a root, bound to `ad`.
    fn seal(&self, root: &RootId, ad: &[u8], secret: &Secret) -> Result<Vec<u8>, KeeperError>;

    /// Opens what [`RootKeeper::seal`] gave.
    fn open(&self, root: &RootId, ad: &[u8], sealed: &[u8]) -> Result<Secret, KeeperError>;

    /// Destroys a root; one that isn't there is destroyed already.
    fn destroy(&self, root: &RootId) -> Result<Finality, KeeperError>;

    /// All roots it holds.
    fn list(&self) -> Result<Vec<HeldRoot>, KeeperError>;

    /// Destroys every root of a deployment but the committed one: what an epoch left behind when it was interrupted.
    fn reconcile(
        &self,
        deployment: &DeploymentId,
        committed: Option<&RootId>,
    ) -> Result<Vec<(RootId, Finality)>, KeeperError> {
        let held = self.list()?;
        let stray = held.into_iter().filter(|held| held.deployment == *deployment && Some(&held.id) != committed);
        stray.map(|held| self.destroy(&held.id).map(|finality| (held.id, finality))).collect()
    }
}
