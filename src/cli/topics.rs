//! `lethe topics plan|apply`.

use clap::Subcommand;

use super::source::Source;
use super::{Failure, say};
use crate::io::topics::Topics;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe topics plan --config lethe.yaml pipelines/*.yaml
  lethe topics apply --partitions 12 --replication 3 --config lethe.yaml pipelines/*.yaml")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show which topics are missing or differ from what policy asks
    Plan(Source),
    /// Create what is missing; what is there is never changed
    Apply {
        #[command(flatten)]
        source: Source,
        /// Partitions of a new topic
        #[arg(long, default_value_t = 4)]
        partitions: i32,
        /// Replicas of a new topic
        #[arg(long, default_value_t = 1)]
        replication: i32,
    },
}

pub fn run(args: Args) -> Result<(), Failure> {
    let (source, create) = match args.action {
        Action::Plan(source) => (source, None),
        Action::Apply { source, partitions, replication } => (source, Some((partitions, replication))),
    };
    let loaded = source.load()?;
    let topics = Topics::open(&loaded.client())?;
    let plan = topics.plan(loaded.wanted_topics())?;
    say(plan.to_string().trim_end())?;
    let Some((partitions, replication)) = create else { return Ok(()) };
    let mut failed = false;
    for (name, result) in topics.apply(&plan, partitions, replication)? {
        match result {
            Ok(()) => say(&format!("created {name}"))?,
            Err(error) => {
                failed = true;
                say(&format!("could not create {name}: {error}"))?;
            }
        }
    }
    if failed { Err(Failure::Failed("some topics could not be created".into())) } else { Ok(()) }
}
