//! `lethe erase`: ask for keys to be destroyed, and how requests stand.

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
  lethe erase --tenant acme --whole-tenant --reason contract_end --config lethe.yaml pipelines/*.yaml
  lethe erase --retention-class chat --config lethe.yaml pipelines/*.yaml
  lethe erase status --config lethe.yaml pipelines/*.yaml

Publishes a request to the deletion topic, as any application can, and waits for the signed receipt on standard output.
A running `lethe run` carries it out. The subject's id is read from a file: arguments are visible to everyone on the machine."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    asked: EraseArgs,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Check a receipt offline, with the public key alone
    Verify(verify::Args),
    /// Tell which requests are open, with their deadlines, and which legal holds stand
    Status(StatusArgs),
}

#[derive(clap::Args)]
struct EraseArgs {
    #[command(flatten)]
    source: Source,
    /// Whose customer the subject is
    #[arg(long)]
    tenant: Option<String>,
    /// File that holds the subject's id, or `-` for standard input; a `sub_…` reference will do as well
    #[arg(long, value_name = "FILE")]
    subject_file: Option<std::path::PathBuf>,
    /// File that holds a value that was sealed for the person, in place of their id: needs the blind index
    #[arg(long, value_name = "FILE", conflicts_with = "subject_file", requires = "kind")]
    identifier_file: Option<std::path::PathBuf>,
    /// The identifier's kind, such as EMAIL
    #[arg(long, requires = "identifier_file")]
    kind: Option<String>,
    /// Erase all subjects of the tenant; the pipeline must allow the scope
    #[arg(long, conflicts_with = "subject_file", requires = "tenant")]
    whole_tenant: bool,
    /// Erase everything that is kept under this retention class; the pipeline must allow the scope
    #[arg(long, conflicts_with_all = ["subject_file", "tenant"])]
    retention_class: Option<String>,
    /// Events up to this time (RFC 3339) get no key again; up to now where none is named
    #[arg(long)]
    erase_through: Option<String>,
    /// Why: gdpr_17_1_a to gdpr_17_1_f, ccpa, user_request, retention, contract_end
    #[arg(long)]
    reason: Option<String>,
    /// Which of a batch go first: urgent, normal, low
    #[arg(long)]
    priority: Option<String>,
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

#[derive(clap::Args)]
struct StatusArgs {
    /// One request's id; all open requests where none is named
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Requests of this tenant alone
    #[arg(long)]
    tenant: Option<String>,
    /// Longest wait for the answer, seconds
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Some(Command::Verify(args)) => verify::run(args),
        Some(Command::Status(args)) => status(args),
        None => erase(args.asked),
    }
}

fn erase(args: EraseArgs) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    let scope = match (args.whole_tenant, &args.retention_class, &args.subject_file) {
        (true, ..) => Some("tenant"),
        (_, Some(_), _) => Some("retention_class"),
        (_, _, Some(_)) => None,
        _ if args.identifier_file.is_some() => None,
        _ => {
            let what = "nobody is named\n  help: --subject-file FILE, --identifier-file FILE, --whole-tenant, or --retention-class NAME";
            return Err(Failure::Configuration(what.into()));
        }
    };
    let asked = Asked {
        action: "erase",
        tenant: args.tenant,
        subject_file: args.subject_file,
        identifier: args.kind.zip(args.identifier_file),
        members: vec![
            ("scope", scope.map(str::to_owned)),
            ("retention_class", args.retention_class),
            ("erase_through", args.erase_through),
            ("reason", args.reason),
            ("priority", args.priority),
        ],
        request_id: args.request_id,
        wait: (!args.no_wait).then(|| Duration::from_secs(args.timeout_seconds)),
    };
    match ask(&loaded, asked)? {
        Some(receipt) => say(&receipt),
        None => Ok(()),
    }
}

fn status(args: StatusArgs) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    let asked = Asked {
        action: "status",
        tenant: args.tenant,
        subject_file: None,
        identifier: None,
        members: vec![("about", args.request)],
        request_id: None,
        wait: Some(Duration::from_secs(args.timeout_seconds)),
    };
    match ask(&loaded, asked)? {
        Some(answer) => say(&answer),
        None => Ok(()),
    }
}
