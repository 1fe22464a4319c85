//! `lethe erase verify`: is this receipt what Lethe signed? Offline, with public keys alone.

use std::path::PathBuf;

use super::super::{Failure, say};
use crate::io::receipt::{Trusted, check};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe erase verify receipt.json --history keys.json
  lethe erase verify receipt.json --public-key key.pem
  kcat -C -e -t erasure.receipts -o -1 -c 1 | lethe erase verify - --history keys.json

A receipt is the value of a record on the receipts topic, byte for byte. A key is 32 bytes as base64, as hex, or as PEM
(SubjectPublicKeyInfo, RFC 8410). Exit code 0: the signature holds, and the receipt has the published form; 1: do not believe it.")]
pub struct Args {
    /// The receipt, or `-` for standard input
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The public key that signed it
    #[arg(long, value_name = "FILE", conflicts_with = "history", required_unless_present = "history")]
    public_key: Option<PathBuf>,
    /// The history of all keys, from `lethe keys history`: also checks that the key was in use
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let trusted = match (args.public_key, args.history) {
        (Some(file), _) => Trusted::Key(file),
        (None, Some(file)) => Trusted::History(file),
        (None, None) => return Err(Failure::Configuration("name `--public-key` or `--history`".into())),
    };
    match check(&args.receipt, &trusted) {
        Ok(verdict) if args.json => say(&serde_json::to_string(&verdict)?),
        Ok(verdict) => say(&verdict.to_string()),
        Err(error) => {
            say(if args.json { r#"{"verdict":"not_believed"}"# } else { "NOT BELIEVED" })?;
            Err(Failure::Failed(error.to_string()))
        }
    }
}
