//! `lethe scrub`: standard input to standard output, no Kafka.

use std::path::PathBuf;

use super::Failure;
use crate::io::scrub::{Form, Options, scrub};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  echo 'write to ada@example.org' | lethe scrub
  lethe scrub --pipeline pipelines/prompts.yaml --form json < events.jsonl > clean.jsonl
  head -c 32 /dev/urandom > scrub.key && chmod 600 scrub.key
  lethe scrub --key-file scrub.key --subject u-1 --records < events.jsonl > records.jsonl
  lethe restore --key-file scrub.key --audience support < records.jsonl

Without --key-file a key is drawn for this run: tokens are equal within it, and nobody can restore them.
Records that can't be handled are left out and counted on standard error; the exit code is then 1.")]
pub struct Args {
    /// The pipeline whose policy is used (default: the shipped prompts pipeline)
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// What a line is: text, JSON, or whichever it looks like
    #[arg(long, value_enum, default_value = "auto")]
    form: Form,
    /// Tenant of lines that name none
    #[arg(long, default_value = "local")]
    tenant: String,
    /// Subject of lines that name none; without one nothing reversible is made
    #[arg(long)]
    subject: Option<String>,
    /// Region of lines that name none (default: the pipeline's first)
    #[arg(long)]
    region: Option<String>,
    /// 32 bytes from which all keys of this run come
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Write records with their headers, one JSON object a line, in the form of `kcat -J`: `lethe restore` reads them
    #[arg(long)]
    records: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let options = Options {
        pipeline: args.pipeline,
        form: args.form,
        tenant: args.tenant,
        subject: args.subject,
        region: args.region,
        key_file: args.key_file,
        records: args.records,
    };
    let counts = scrub(&options, std::io::stdin().lock(), std::io::stdout().lock())?;
    if counts.refused == 0 { Ok(()) } else { Err(Failure::Failed(counts.to_string())) }
}
