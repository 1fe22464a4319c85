//! `lethe erase`: ask for a person's keys to be destroyed.

mod verify;

use std::time::Duration;

use super::source::Source;
use super::{Failure, say};
use crate::io::erase::{Asked, ask};

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  lethe erase --tenant acme --subject-file subject.txt --reason gdpr_17_1_b --config lethe.yaml pipelines/*.yaml
  echo -n u-42 | lethe erase --tenant acme --subject-file - --config lethe.yaml pipelines/*.yaml

Publishes a request to the deletion topic, as any application can, and waits for the signed receipt on standard output.
A running `lethe run` carries it out. The subject's id is read from a file: arguments are visible to everyone on the machine."
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    ask: Option<Ask>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Check a receipt offline, with the public key alone
    Verify(verify::Args),
}

#[derive(clap::Args)]
struct Ask {
    #[command(flatten)]
    source: Source,
    /// Whose customer the subject is
    #[arg(long)]
    tenant: String,
    /// File that holds the subject's id, or `-` for standard input; a `sub_…` reference will do as well
    #[arg(long, value_name = "FILE")]
    subject_file: std::path::PathBuf,
    /// Why: gdpr_17_1_a to gdpr_17_1_f, ccpa, user_request, retention
    #[arg(long)]
    reason: Option<String>,
    /// The request's own id; the same id again joins the same request
    #[arg(long)]
    request_id: Option<String>,
    /// Publish and don't wait
    #[arg(long)]
    no_wait: bool,
    /// Longest wait for the receipt, seconds
    #[arg(long, default_value_t = 120)]
    timeout_seconds: u64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let args = match (args.action, args.ask) {
        (Some(Action::Verify(args)), _) => return verify::run(args),
        (None, Some(ask)) => ask,
        (None, None) => return Err(Failure::Configuration("name a subject; see `lethe erase --help`".into())),
    };
    let loaded = args.source.load()?;
    let asked = Asked {
        tenant: args.tenant,
        subject_file: args.subject_file,
        reason: args.reason,
        request_id: args.request_id,
        wait: (!args.no_wait).then(|| Duration::from_secs(args.timeout_seconds)),
    };
    match ask(&loaded, asked)? {
        Some(receipt) => say(&receipt),
        None => Ok(()),
    }
}
