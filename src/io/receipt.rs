//! Checks a receipt offline, from files: its signature, its published schema, and who signed it.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::erasure::{
    Irreversibility, KeyHistory, NotAHistory, NotCovered, Receipt, ReceiptOutcome, Unverified, verify,
};

const SCHEMA: &str = include_str!("../../schemas/erasure-receipt.schema.json");
/// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// A receipt is some kilobytes.
const LIMIT_BYTES: u64 = 1 << 20;

/// Whom to believe.
pub enum Trusted {
    /// The key in this file.
    Key(PathBuf),
    /// Any key of the history in this file, in its time.
    History(PathBuf),
}

/// A receipt that holds.
#[derive(Serialize)]
pub struct Verdict {
    verdict: &'static str,
    receipt: Receipt,
}

/// Why a receipt is not to be believed, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum NotBelieved {
    /// A file can't be read.
    #[error("`{0}`: {1}\nhelp: check the path")]
    File(String, std::io::Error),
    /// The key is none.
    #[error(
        "`{0}` holds no Ed25519 public key\nhelp: give 32 bytes as base64, hex or PEM; `lethe keys history` prints them"
    )]
    Key(String),
    /// The history is none.
    #[error(transparent)]
    History(#[from] NotAHistory),
    /// The signature, or what was signed.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// Signed, and not of the published form.
    #[error("signed, but not of the published form: {0}\nhelp: verify it with the release that wrote it")]
    Form(String),
}

/// Checks a receipt in a file (`-` is standard input).
pub fn check(receipt: &Path, trusted: &Trusted) -> Result<Verdict, NotBelieved> {
    let bytes = read(receipt)?;
    // What a tool that copies a record puts behind it is not part of it.
    let bytes = bytes.trim_ascii();
    let receipt = match trusted {
        Trusted::Key(file) => {
            let key = public_key(&read(file)?).ok_or_else(|| NotBelieved::Key(file.display().to_string()))?;
            verify(bytes, &key)?
        }
        Trusted::History(file) => KeyHistory::parse(&read(file)?)?.verify(bytes)?,
    };
    conforms(bytes)?;
    Ok(Verdict { verdict: "holds", receipt })
}

fn read(path: &Path) -> Result<Vec<u8>, NotBelieved> {
    let wrong = |error| NotBelieved::File(path.display().to_string(), error);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(LIMIT_BYTES).read_to_end(&mut bytes).map_err(wrong)?;
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LIMIT_BYTES).read_to_end(&mut bytes)).map_err(wrong)?;
    }
    Ok(bytes)
}

/// The 32 bytes, whatever their dress.
fn public_key(file: &[u8]) -> Option<[u8; 32]> {
    if let Ok(raw) = file.try_into() {
        return Some(raw);
    }
    let text = std::str::from_utf8(file).ok()?.trim();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    if body.len() == 64 && body.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(body.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        return Some(key);
    }
    let bytes = STANDARD.decode(body).ok()?;
    bytes.strip_prefix(&SPKI).unwrap_or(&bytes).try_into().ok()
}

fn conforms(bytes: &[u8]) -> Result<(), NotBelieved> {
    let form = |error: String| NotBelieved::Form(error);
    let schema = serde_json::from_str(SCHEMA).map_err(|error| form(error.to_string()))?;
    let value = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| form(error.to_string()))?;
    // A place and a rule, never a value: the receipt may be forged, and its text anything.
    let wrong = validator.iter_errors(&value).next();
    wrong.map_or(Ok(()), |error| Err(form(format!("`{}` breaks `{}`", error.instance_path(), error.schema_path()))))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receipt = &self.receipt;
        writeln!(f, "HOLDS: signature, signer and form are right")?;
        writeln!(f, "certificate   {}", receipt.certificate)?;
        let subject = receipt.subject.map_or_else(String::new, |id| id.reference());
        let tenant = receipt.tenant.as_ref().map_or("", |tenant| tenant.as_str());
        writeln!(f, "subject       {subject} of `{tenant}`")?;
        writeln!(f, "request       {}, received {}", receipt.request.id, receipt.request.received_at)?;
        match (receipt.outcome, &receipt.destroyed) {
            (ReceiptOutcome::Refused, _) | (_, None) => {
                let code = receipt.code.as_ref().map_or("", |code| code.as_str());
                writeln!(f, "outcome       {} {code}: nothing was destroyed", receipt.outcome.code())?;
            }
            (outcome, Some(done)) => {
                writeln!(f, "outcome       {}, at {}", outcome.code(), done.destroyed_at)?;
                writeln!(f, "fence         events through {} get no key again", done.fence.erased_through)?;
                let keeper = &done.root_keeper;
                let finality = match keeper.irreversible {
                    Irreversibility::AtOnce => "irreversible at once".to_owned(),
                    Irreversibility::FileOverwritten => "overwritten and removed".to_owned(),
                    Irreversibility::Pending { until } => format!("CAN BE UNDONE until {until}"),
                };
                writeln!(f, "root          kept by {}, {finality}", keeper.provider)?;
            }
        }
        let not_covered: Vec<String> = receipt.not_covered.iter().map(|what| code(*what)).collect();
        writeln!(f, "not covered   {}", not_covered.join(", "))?;
        let signer = receipt.signer.as_ref().map_or_else(String::new, ToString::to_string);
        write!(f, "signer        {signer}")
    }
}

fn code(what: NotCovered) -> String {
    serde_json::to_value(what).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_every_dress() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8 + 1);
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let der = [SPKI.as_slice(), &key].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        for dress in [key.to_vec(), hex.into_bytes(), STANDARD.encode(key).into_bytes(), pem.into_bytes()] {
            assert_eq!(public_key(&dress), Some(key));
        }
        assert_eq!(public_key(b"c2hvcnQ="), None);
        assert_eq!(public_key(&[0xff; 33]), None);
    }
}
