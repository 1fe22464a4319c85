//! `lethe restore`: originals back into sanitised records, for one audience.

use std::path::PathBuf;

use super::Failure;
use crate::io::restore::{Keys, Options, restore};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe restore --key-file scrub.key --audience support < records.jsonl
  lethe restore --config lethe.yaml --audience support < records.jsonl   (the service must be stopped: one process owns the store)
  kcat -C -t responses.sanitized.eu -o -1 -c 1 -J | lethe restore --config lethe.yaml --audience support

Reads records as JSON lines, {\"payload\": …, \"headers\": [\"lethe-sealed\", \"…\"]}, as `lethe scrub --records` and `kcat -J` write them.
Every restore is a fact: with --config it goes to the audit topic, else to standard error.")]
pub struct Args {
    /// For whom: an audience that policy allowed when the value was sealed
    #[arg(long)]
    audience: String,
    /// Settings that name the key store
    #[arg(
        long,
        short,
        env = "LETHE_CONFIG",
        value_name = "FILE",
        conflicts_with = "key_file",
        required_unless_present = "key_file"
    )]
    config: Option<PathBuf>,
    /// The key file that `lethe scrub` used
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let keys = match (args.config, args.key_file) {
        (_, Some(file)) => Keys::File(file),
        (Some(config), None) => Keys::Store(config),
        (None, None) => return Err(Failure::Configuration("name --config or --key-file".into())),
    };
    let options = Options { audience: args.audience, keys };
    let counts = restore(&options, std::io::stdin().lock(), std::io::stdout().lock())?;
    if counts.refused == 0 { Ok(()) } else { Err(Failure::Failed(counts.to_string())) }
}
