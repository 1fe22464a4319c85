//! The public halves of all keys that signed a deployment's receipts, as they are published: with them anyone can check a
//! receipt long after its key was rotated.
//!
//! ```json
//! {"schema":"lethe-key-history/1","deployment":"…","keys":[{"id":"…","algorithm":"Ed25519","public_key":"<base64>","from":null,"until":null}]}
//! ```
//!
//! It is not signed: fetch it from where you trust the deployment, and keep it beside the receipts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::receipt::Receipt;
use super::signature::{Unverified, key_id, verify};
use crate::audit::{Fingerprint, Moment};
use crate::keys::DeploymentId;
use crate::keys::rows::Signer;

const SCHEMA: &str = "lethe-key-history/1";
/// Clocks of two machines may differ by so much.
const SKEW_MS: i64 = 300_000;

/// All keys of one deployment, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyHistory {
    /// Name and version of this form.
    pub schema: String,
    /// Whose keys.
    pub deployment: String,
    /// The keys.
    pub keys: Vec<PublishedKey>,
}

/// One key's public half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedKey {
    /// SHA-256 of the 32 bytes of the key: the `signer` of a receipt.
    pub id: String,
    /// `Ed25519` (RFC 8032).
    pub algorithm: String,
    /// The 32 bytes, in base64.
    pub public_key: String,
    /// Since when it signs; `null`: since the beginning.
    pub from: Option<Moment>,
    /// Until when it signed; `null`: it still does.
    pub until: Option<Moment>,
}

/// Why a history is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a key history: {0}\nhelp: fetch it anew with `lethe keys history`, or from `/keys/history` of the service"
)]
pub struct NotAHistory(String);

impl KeyHistory {
    /// Of a deployment.
    pub fn new(deployment: &DeploymentId, signers: &[Signer]) -> Self {
        let published = |signer: &Signer| PublishedKey {
            id: key_id(&signer.public_key).to_string(),
            algorithm: "Ed25519".into(),
            public_key: STANDARD.encode(signer.public_key),
            from: signer.from_ms.map(Moment),
            until: signer.until_ms.map(Moment),
        };
        let keys = signers.iter().map(published).collect();
        Self { schema: SCHEMA.into(), deployment: deployment.to_string(), keys }
    }

    /// Reads one, and sees that each id is that of its key.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAHistory> {
        let history: Self = serde_json::from_slice(bytes).map_err(|error| NotAHistory(error.to_string()))?;
        if history.schema != SCHEMA {
            return Err(NotAHistory(format!("its form is not `{SCHEMA}`")));
        }
        for (place, key) in history.keys.iter().enumerate() {
            let bytes = key.bytes().ok_or_else(|| NotAHistory(format!("key {place} is not 32 bytes of base64")))?;
            if key.algorithm != "Ed25519" || key_id(&bytes).to_string() != key.id {
                return Err(NotAHistory(format!("the id of key {place} is another key's")));
            }
        }
        Ok(history)
    }

    /// The key of that id.
    pub fn find(&self, signer: &Fingerprint) -> Option<&PublishedKey> {
        let signer = signer.to_string();
        self.keys.iter().find(|key| key.id == signer)
    }

    /// Checks a receipt with whichever of these keys signed it, and that it signed while that key was in use.
    pub fn verify(&self, bytes: &[u8]) -> Result<Receipt, Unverified> {
        let mut last = Unverified::UnknownSigner;
        for key in &self.keys {
            let Some(public_key) = key.bytes() else { continue };
            match verify(bytes, &public_key) {
                Ok(receipt) if key.covers(&receipt) => return Ok(receipt),
                Ok(_) => return Err(Unverified::OutOfTime),
                // Each key but one fails like this.
                Err(Unverified::BadSignature) => {}
                Err(other) => last = other,
            }
        }
        Err(last)
    }
}

impl PublishedKey {
    fn bytes(&self) -> Option<[u8; 32]> {
        STANDARD.decode(&self.public_key).ok()?.try_into().ok()
    }

    /// Whether a receipt settled while this key signed. A request that is asked for again is signed again: so it may well be
    /// older than its key, but not younger than its key's end.
    fn covers(&self, receipt: &Receipt) -> bool {
        let settled = receipt.destroyed.as_ref().map_or(receipt.request.received_at, |done| done.settled_at);
        self.until.is_none_or(|until| settled.0 <= until.0.saturating_add(SKEW_MS))
    }
}
