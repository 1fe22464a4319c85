//! `lethe subject`: what a person has a right to know (GDPR Art. 15 and 20).

use super::source::Source;
use super::{Failure, say};
use crate::io::export::{Asked, export};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe subject export --tenant acme --subject-file subject.txt --audience owner --out ada.json \\
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
    let Command::Export(args) = args.command;
    let loaded = args.source.load()?;
    let asked = Asked { tenant: args.tenant, subject_file: args.subject_file, audience: args.audience, out: args.out };
    let counts = export(&loaded, &asked)?;
    say(&format!(
        "{} records, {} of them not opened in full, {} no longer on their topics",
        counts.records, counts.closed, counts.missing
    ))
}
