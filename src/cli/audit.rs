//! `lethe audit verify`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, say};
use crate::io::verify::{Evidence, verify};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe audit verify --config lethe.yaml                 the audit topic, against the heads in the committed offsets
  kcat -C -e -t lethe.audit > audit.jsonl && lethe audit verify --file audit.jsonl

Every fact's hash is computed again from its bytes. Reported are gaps, forks, changed facts, inputs with two outcomes, and
chains that end before or after the committed head. Exit code 1 if anything is wrong.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Verify the hash chain of every source partition
    Verify {
        /// Settings that name the brokers
        #[arg(
            long,
            short,
            env = "LETHE_CONFIG",
            value_name = "FILE",
            conflicts_with = "file",
            required_unless_present = "file"
        )]
        config: Option<PathBuf>,
        /// Segments as JSON lines, instead of the topic
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The oldest facts may be gone (retention): chains may begin late
        #[arg(long)]
        late_start: bool,
        /// Machine-readable report
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: Args) -> Result<(), Failure> {
    let Action::Verify { config, file, late_start, json } = args.action;
    let evidence = match (file, config) {
        (Some(file), _) => Evidence::File(file),
        (None, Some(config)) => Evidence::Topic(config),
        (None, None) => return Err(Failure::Configuration("name --config or --file".into())),
    };
    let report = verify(&evidence, late_start)?;
    if json {
        say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        say(report.to_string().trim_end())?;
    }
    if report.sound { Ok(()) } else { Err(Failure::Failed("the audit chain does not hold".into())) }
}
