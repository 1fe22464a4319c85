//! `lethe hold`: legal holds, placed, lifted and listed.

use std::time::Duration;

use super::source::Source;
use super::{Failure, say};
use crate::io::erase::{Asked, ask};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  echo -n u-42 | lethe hold place --reference case-9 --tenant acme --subject-file - --reason litigation \\
      --authority court:berlin --by legal --config lethe.yaml pipelines/*.yaml
  lethe hold lift --reference case-9 --tenant acme --by legal --config lethe.yaml pipelines/*.yaml
  lethe hold list --config lethe.yaml pipelines/*.yaml

A hold stands from its answer on. Requests that it covers wait, and are carried out once the last hold on them is lifted. What was
destroyed before can't be held. References and names land in signed receipts: no names of persons.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Keep someone's keys, whoever asks to erase them
    Place(PlaceArgs),
    /// End a hold: what waited for it is carried out
    Lift(LiftArgs),
    /// Tell which holds stand, and which requests wait
    List(ListArgs),
}

#[derive(clap::Args)]
struct PlaceArgs {
    #[command(flatten)]
    source: Source,
    /// The hold's own reference, such as a case number: 1 to 128 of `A-Za-z0-9._:/+-`
    #[arg(long)]
    reference: String,
    /// Whose customer
    #[arg(long)]
    tenant: Option<String>,
    /// File that holds the subject's id, or `-`; a `sub_…` reference will do as well
    #[arg(long, value_name = "FILE")]
    subject_file: Option<std::path::PathBuf>,
    /// Hold the whole tenant
    #[arg(long, conflicts_with = "subject_file", requires = "tenant")]
    whole_tenant: bool,
    /// Hold a retention class
    #[arg(long, conflicts_with_all = ["subject_file", "tenant"])]
    retention_class: Option<String>,
    /// Why: gdpr_17_3_a to gdpr_17_3_e, litigation, investigation, regulator
    #[arg(long)]
    reason: String,
    /// On whose word, such as `court:berlin`
    #[arg(long)]
    authority: String,
    /// Who places it: a role or an account
    #[arg(long)]
    by: String,
    /// Longest wait for the answer, seconds
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
}

#[derive(clap::Args)]
struct LiftArgs {
    #[command(flatten)]
    source: Source,
    /// The hold's reference
    #[arg(long)]
    reference: String,
    /// Whose customer; none for a hold on a retention class
    #[arg(long)]
    tenant: Option<String>,
    /// Who lifts it: a role or an account
    #[arg(long)]
    by: String,
    /// Longest wait for the answer, seconds: the requests that are let go are carried out first
    #[arg(long, default_value_t = 120)]
    timeout_seconds: u64,
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    source: Source,
    /// Holds of this tenant alone
    #[arg(long)]
    tenant: Option<String>,
    /// Longest wait for the answer, seconds
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let (source, asked) = match args.command {
        Command::Place(args) => place(args),
        Command::Lift(args) => (
            args.source,
            Asked {
                action: "lift",
                tenant: args.tenant,
                subject_file: None,
                identifier: None,
                members: vec![("hold", Some(args.reference)), ("by", Some(args.by))],
                request_id: None,
                wait: Some(Duration::from_secs(args.timeout_seconds)),
            },
        ),
        Command::List(args) => (
            args.source,
            Asked {
                action: "status",
                tenant: args.tenant,
                subject_file: None,
                identifier: None,
                members: Vec::new(),
                request_id: None,
                wait: Some(Duration::from_secs(args.timeout_seconds)),
            },
        ),
    };
    match ask(&source.load()?, asked)? {
        Some(answer) => say(&answer),
        None => Ok(()),
    }
}

fn place(args: PlaceArgs) -> (Source, Asked) {
    let scope = match (args.whole_tenant, &args.retention_class) {
        (true, _) => Some("tenant"),
        (_, Some(_)) => Some("retention_class"),
        _ => None,
    };
    let asked = Asked {
        action: "hold",
        tenant: args.tenant,
        subject_file: args.subject_file,
        identifier: None,
        members: vec![
            ("hold", Some(args.reference)),
            ("scope", scope.map(str::to_owned)),
            ("retention_class", args.retention_class),
            ("reason", Some(args.reason)),
            ("authority", Some(args.authority)),
            ("by", Some(args.by)),
        ],
        request_id: None,
        wait: Some(Duration::from_secs(args.timeout_seconds)),
    };
    (args.source, asked)
}
