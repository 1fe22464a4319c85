//! `lethe demo`.

use super::{Failure, say};
use crate::io::demo::{Ground, Script};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe demo                          runs until Ctrl-C, one event a second
  lethe demo --events 2000            as fast as it goes, ends with a summary; exit code 1 if a planted value leaked
  lethe demo --brokers localhost:9092 the same on a real broker (topics are created)
  kcat -b ADDRESS -t prompts.sanitized.eu -C    in another terminal: the address is printed at the start")]
pub struct Args {
    /// Stop after so many events, with a summary
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// A real broker instead of the one in this process
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Events a second; 0 is as fast as it goes (default: 1, with --events 0)
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// Seed of the sample traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let rate = args.rate.unwrap_or(u64::from(args.events.is_none()));
    let script = Script { events: args.events, rate, seed: args.seed };
    let ground = Ground::lay(args.brokers.as_deref())?;
    say(&format!("broker at {} (kcat -b {0} -L shows its topics)", ground.brokers()))?;
    let summary = ground.play(script)?;
    say(&format!("\n{} events published", summary.published))?;
    for (topic, count) in &summary.outputs {
        say(&format!("  {topic:<26} {count:>8} records"))?;
    }
    say(&format!("  answers with originals back: {}", summary.restored))?;
    let closed = match summary.stayed_closed {
        Some(true) => "stayed closed",
        Some(false) => "FAILED",
        None => "not reached",
    };
    say(&format!("  erased subject: {closed}"))?;
    let leaked: u64 = summary.leaks.iter().map(|(_, count)| count).sum();
    say(&format!("  planted values looked for: {}, leaked: {leaked}", summary.looked_for))?;
    for (kind, count) in &summary.leaks {
        say(&format!("    {kind}: {count}"))?;
    }
    if args.events.is_none() || summary.good() {
        Ok(())
    } else {
        Err(Failure::Failed("the demo did not hold what it promises".into()))
    }
}
