//! `lethe test`: the tests inside pipeline files, offline.

use super::source::Source;
use super::{Failure, say};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe test pipelines/*.yaml
  lethe test pipelines/prompts.yaml        one line for each test, and what differs")]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    let (mut passed, mut failed) = (0, 0);
    for (file, name, differences) in loaded.rehearse() {
        if differences.is_empty() {
            passed += 1;
            say(&format!("ok    {file}: {name}"))?;
        } else {
            failed += 1;
            say(&format!("FAIL  {file}: {name}"))?;
            for difference in differences {
                say(&format!("      {difference}"))?;
            }
        }
    }
    say(&format!("{passed} passed, {failed} failed"))?;
    if failed == 0 { Ok(()) } else { Err(Failure::Said) }
}
