//! `lethe subject`: what a person has a right to know (GDPR Art. 15 and 20).

use std::time::Duration;

use super::source::Source;
use super::{Failure, say};
use crate::io::erase;
use crate::io::export::{Asked, export};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe subject export --tenant acme --subject-file subject.txt --audience owner --out ada.json \\
      --config lethe.yaml pipelines/*.yaml
  echo -n ada@example.org | lethe subject find --tenant acme --kind EMAIL --identifier-file - \\
      --config lethe.yaml pipelines/*.yaml

Collects what is held of one person across all topics, restored, with a manifest. No other process may have the key store open
where it is an embedded one. `export.audience` of lethe.yaml names who may; each record that is opened leads to an audit fact.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write everything that is held of a person into one JSON package
    Export(ExportArgs),
    /// Tell under which subjects an identifier was sealed; needs the blind index
    Find(FindArgs),
}

#[derive(clap::Args)]
struct FindArgs {
    #[command(flatten)]
    source: Source,
    /// Whose customer
    #[arg(long)]
    tenant: String,
    /// The identifier's kind, such as EMAIL
    #[arg(long)]
    kind: String,
    /// File that holds the identifier, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    identifier_file: std::path::PathBuf,
    /// Longest wait for the answer, seconds
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
}

#[derive(clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    source: Source,
    /// Whose customer the subject is
    #[arg(long)]
    tenant: String,
    /// File that holds the subject's id, or `-` for standard input; a `sub_…` reference will do as well
    #[arg(long, value_name = "FILE")]
    subject_file: std::path::PathBuf,
    /// For whom originals come back: must be the settings' `export.audience`
    #[arg(long)]
    audience: String,
    /// The package: a file that does not exist yet; it is made readable for this user alone
    #[arg(long, value_name = "FILE")]
    out: std::path::PathBuf,
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Export(args) => write(args),
        Command::Find(args) => find(args),
    }
}

fn find(args: FindArgs) -> Result<(), Failure> {
    let asked = erase::Asked {
        action: "find",
        tenant: Some(args.tenant),
        subject_file: None,
        identifier: Some((args.kind, args.identifier_file)),
        members: Vec::new(),
        request_id: None,
        wait: Some(Duration::from_secs(args.timeout_seconds)),
    };
    match erase::ask(&args.source.load()?, asked)? {
        Some(answer) => say(&answer),
        None => Ok(()),
    }
}

fn write(args: ExportArgs) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    let asked = Asked { tenant: args.tenant, subject_file: args.subject_file, audience: args.audience, out: args.out };
    let counts = export(&loaded, &asked)?;
    say(&format!(
        "{} records, {} of them not opened in full, {} no longer on their topics",
        counts.records, counts.closed, counts.missing
    ))
}
