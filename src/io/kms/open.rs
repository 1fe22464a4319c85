//! The root keeper that the settings name, and the secrets that open it.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{FileKeeper, KeeperError, RootKeeper};
#[cfg(feature = "postgres")]
use crate::io::steps::Steps;
use crate::pipeline::{Property, Root};

/// Opens the root keeper that is configured, if this build has it.
pub fn open_root_keeper(root: &Root) -> Result<Arc<dyn RootKeeper>, KeeperError> {
    match root {
        Root::File { path } => Ok(Arc::new(FileKeeper::open(Path::new(path))?)),
        #[cfg(feature = "pkcs11")]
        Root::Pkcs11 { module, token, pin } => {
            Ok(Arc::new(super::Pkcs11Keeper::open(Path::new(module), token, pin.clone())?))
        }
        #[cfg(feature = "aws-kms")]
        Root::AwsKms { region, endpoint, pending_days, timeout_seconds } => {
            Ok(Arc::new(super::AwsKeeper::open(super::AwsAccess {
                region: region.clone(),
                endpoint: endpoint.clone(),
                pending_days: i32::from(*pending_days),
                timeout: std::time::Duration::from_secs(*timeout_seconds),
            })?))
        }
        #[cfg(feature = "vault")]
        Root::Vault { address, mount, token, namespace, ca_file, timeout_seconds } => {
            Ok(Arc::new(super::VaultKeeper::open(super::VaultAccess {
                address: address.clone(),
                mount: mount.clone(),
                token: token.clone(),
                namespace: namespace.clone(),
                ca_file: ca_file.clone(),
                timeout: std::time::Duration::from_secs(*timeout_seconds),
            })?))
        }
        #[cfg(not(feature = "pkcs11"))]
        Root::Pkcs11 { .. } => Err(KeeperError::NotBuilt { provider: "pkcs11", feature: "pkcs11" }),
        #[cfg(not(feature = "aws-kms"))]
        Root::AwsKms { .. } => Err(KeeperError::NotBuilt { provider: "aws_kms", feature: "aws-kms" }),
        #[cfg(not(feature = "vault"))]
        Root::Vault { .. } => Err(KeeperError::NotBuilt { provider: "vault", feature: "vault" }),
    }
}

/// The same for a store that several processes share: on one machine, a folder of files, too.
#[cfg(feature = "postgres")]
pub fn open_shared_root_keeper(root: &Root) -> Result<Arc<dyn RootKeeper>, KeeperError> {
    match root {
        Root::File { path } => Ok(Arc::new(FileKeeper::open_shared(Path::new(path), Steps::default())?)),
        elsewhere => open_root_keeper(elsewhere),
    }
}

/// Reads a PIN or token, a line end cut off.
#[cfg_attr(
    not(any(feature = "pkcs11", feature = "vault")),
    expect(dead_code, reason = "no keeper with a secret is built")
)]
pub(super) fn secret(provider: &'static str, from: &Property) -> Result<Zeroizing<String>, KeeperError> {
    let failed = |why: String| KeeperError::Secret { provider, why };
    let text = match from {
        Property::Literal(text) => text.clone(),
        Property::File(path) => std::fs::read_to_string(path).map_err(|error| failed(format!("`{path}`: {error}")))?,
        Property::Environment(name) => std::env::var_os(name)
            .and_then(|value| value.into_string().ok())
            .ok_or_else(|| failed(format!("the environment has no `{name}`")))?,
    };
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
