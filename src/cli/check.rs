//! `lethe check`: everything that can be wrong before a record is read.

use super::source::Source;
use super::{Failure, say};
use crate::io::check::check;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe check --config lethe.yaml pipelines/*.yaml
  lethe check --offline --config lethe.yaml pipelines/*.yaml

Exit code 0: all well; 1: something does not work; 2: the configuration is wrong.")]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Look at the files alone: no broker, no key store
    #[arg(long)]
    offline: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    say(&format!("configuration  ok: {} pipelines", loaded.pipelines.len()))?;
    for remark in &loaded.remarks {
        say(&format!("{:<14} {remark}", "names"))?;
    }
    if args.offline {
        return Ok(());
    }
    let mut failed = false;
    for line in check(&loaded) {
        failed |= !line.good;
        say(&format!("{:<14} {}", line.what, line.text))?;
    }
    if failed { Err(Failure::Failed("something does not work yet".into())) } else { Ok(()) }
}
