//! `lethe bench detect|record|stream|keys`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, say};
use crate::detect::NamesMode;
use crate::io::bench;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe bench detect corpus.jsonl            prints: detect MB/s FINDINGS
  lethe bench hostile                        detection on texts made to be slow
  lethe bench record                         cost of one record, stage by stage, no Kafka
  lethe bench stream --brokers localhost:9092 --events 200000
  lethe bench keys --subjects 1000000        the embedded key store: create, fetch, erase, memory, reopen

Only ratios within one run are worth comparing between machines.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Detection alone, one thread: every string of every JSON line of a file is one text
    Detect {
        /// The file
        file: PathBuf,
        /// Times the file is scanned
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// How eagerly the model looks for names besides: off, balanced, recall
        #[arg(long, value_name = "MODE", default_value = "off", value_parser = super::eval::names_mode)]
        names: NamesMode,
    },
    /// Detection on texts made to be slow, 1 MiB and 10 MiB of each: is the time linear?
    Hostile,
    /// One record through plan, apply and audit, with offline keys
    Record {
        /// Sample events
        #[arg(long, default_value_t = 20_000)]
        events: u64,
    },
    /// The embedded key store at a size, and what its slopes come to at a hundred million subjects
    Keys {
        /// How many subjects
        #[arg(long, default_value_t = 1_000_000)]
        subjects: u64,
        /// Where the store is made, about 250 bytes a subject; it is removed afterwards [default: a temporary folder]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// The stream beside a bare consume-transact-produce loop on the same broker
    Stream {
        /// A real broker
        #[arg(long, value_name = "HOST:PORT")]
        brokers: String,
        /// Sample events of about 1 KB
        #[arg(long, default_value_t = 100_000)]
        events: u64,
        /// Workers
        #[arg(long, default_value_t = 1)]
        workers: usize,
        /// Rounds, bare and sanitising in turn
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Partitions of the topics
        #[arg(long, default_value_t = 4)]
        partitions: i32,
    },
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Detect { file, rounds, names } => say(&bench::detect(&file, rounds, names)?),
        What::Hostile => {
            for line in bench::hostile() {
                say(&line)?;
            }
            Ok(())
        }
        What::Record { events } => say(&bench::record(events)?),
        What::Keys { subjects, folder } => {
            bench::keys(&bench::KeysAsked { subjects, folder }, &mut |line| say(line).is_ok())?;
            Ok(())
        }
        What::Stream { brokers, events, workers, rounds, partitions } => {
            let asked = bench::Asked { brokers, events, workers, rounds, partitions };
            bench::stream(&asked, &mut |line| say(line).is_ok()).map_err(|error| Failure::Failed(error.to_string()))
        }
    }
}
