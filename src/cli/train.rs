//! `lethe train names`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, say};
use crate::io::train;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe train names --data labelled/ --out names.bin
  lethe train names --data labelled/ ours/ --lists lists/ --dev held/web.jsonl --out names.bin --card names.md

A file of labelled text has one JSON object a line: {\"text\": …, \"spans\": [{\"start\": 0, \"end\": 3, \"label\": \"PERSON\"}]},
offsets in characters, labels PERSON, LOCATION, ORG, ADDRESS, MEDICAL_CONDITION; other labels are neither right nor wrong.
A pipeline uses the model with  detect: { names: { model: names.bin } }")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The model of names of people, places and organisations
    Names {
        /// Folders of labelled text: every *.jsonl in them is one source
        #[arg(long, required = true, num_args = 1.., value_name = "DIR")]
        data: Vec<PathBuf>,
        /// Folder of lists, most usual entry first: first.txt, last.txt, place.txt, words.txt
        #[arg(long, value_name = "DIR")]
        lists: Option<PathBuf>,
        /// Labelled text to measure on; what it holds is not learned
        #[arg(long, num_args = 1.., value_name = "FILE")]
        dev: Vec<PathBuf>,
        /// Where the model goes
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the model card goes
        #[arg(long, value_name = "FILE")]
        card: Option<PathBuf>,
        /// Text with licences and attributions, for the card
        #[arg(long, value_name = "FILE")]
        attribution: Option<PathBuf>,
        /// Where dice start: the same seed and data give the same model
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Also train once without each source, and say what it costs
        #[arg(long)]
        leave_one_out: bool,
    },
}

pub fn run(args: Args) -> Result<(), Failure> {
    let What::Names { data, lists, dev, out, card, attribution, seed, leave_one_out } = args.what;
    let asked = train::Asked { data, lists, dev, out, card, attribution, seed, leave_one_out };
    train::names(&asked, &mut |line| say(line).is_ok())?;
    Ok(())
}
