//! Ed25519 (RFC 8032) over a receipt, and its check with the public key alone.
//!
//! ```json
//! {"receipt":{…},"signature":{"algorithm":"Ed25519","value":"<base64>"}}
//! ```
//!
//! What is signed is the value of `receipt`, byte for byte as it stands there: no canonical form has to be agreed on. Whoever
//! verifies cuts those bytes out and checks them before reading a word of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::receipt::{Receipt, SCHEMA};
use crate::audit::Fingerprint;
use crate::keys::SigningKey;

const ALGORITHM: &str = "Ed25519";

/// Why a receipt is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unverified {
    /// Not the published form around the receipt.
    #[error("not a signed receipt\nhelp: give the record's value exactly as it stands on the receipts topic")]
    NotSigned,
    /// The bytes are not what this key signed.
    #[error(
        "the signature does not fit the receipt and this key\nhelp: compare `signer` with the key's id; if they agree, the receipt was changed"
    )]
    BadSignature,
    /// Signed, but not a receipt of this version.
    #[error("the signed text is no receipt of form `{SCHEMA}`\nhelp: verify it with the release that wrote it")]
    NotAReceipt,
    /// The receipt names another signer than the key that signed it.
    #[error("the receipt names another signer\nhelp: it was not signed by Lethe; ask its source")]
    WrongSigner,
    /// None of the keys in the history signed it.
    #[error(
        "none of the keys in the history signed this receipt\nhelp: fetch the history anew; if the signer is in none, the receipt is forged or was changed"
    )]
    UnknownSigner,
    /// Signed by a key after its time.
    #[error(
        "the receipt is younger than the end of the key that signed it\nhelp: treat it as forged: a retired key may have been stolen"
    )]
    OutOfTime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    receipt: &'a RawValue,
    signature: Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    algorithm: String,
    value: String,
}

/// Names a signing key: SHA-256 of the 32 bytes of its public half.
pub fn key_id(public_key: &[u8]) -> Fingerprint {
    Fingerprint::of(public_key)
}

/// Names the signer in the receipt, and signs it. The same receipt and key give the same bytes.
pub fn sign(receipt: &Receipt, key: &SigningKey) -> Vec<u8> {
    let receipt = Receipt { signer: Some(key_id(&key.public_key())), ..receipt.clone() };
    #[expect(clippy::expect_used, reason = "no map keys and no fallible serializer: a test writes every member")]
    let body = serde_json::to_string(&receipt).expect("a receipt is plain data");
    let value = STANDARD.encode(key.sign(body.as_bytes()));
    format!("{{\"receipt\":{body},\"signature\":{{\"algorithm\":\"{ALGORITHM}\",\"value\":\"{value}\"}}}}").into_bytes()
}

/// Checks a signed receipt with the 32 bytes of a public key, and reads it only then.
pub fn verify(bytes: &[u8], public_key: &[u8]) -> Result<Receipt, Unverified> {
    let envelope: Envelope<'_> = serde_json::from_slice(bytes).map_err(|_| Unverified::NotSigned)?;
    if envelope.signature.algorithm != ALGORITHM {
        return Err(Unverified::NotSigned);
    }
    let value = STANDARD.decode(&envelope.signature.value).map_err(|_| Unverified::NotSigned)?;
    let body = envelope.receipt.get();
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(body.as_bytes(), &value)
        .map_err(|_| Unverified::BadSignature)?;
    let receipt: Receipt = serde_json::from_str(body).map_err(|_| Unverified::NotAReceipt)?;
    if receipt.schema.as_str() != SCHEMA {
        return Err(Unverified::NotAReceipt);
    }
    if receipt.signer != Some(key_id(public_key)) {
        return Err(Unverified::WrongSigner);
    }
    Ok(receipt)
}
