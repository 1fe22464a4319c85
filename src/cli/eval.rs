//! `lethe eval`: how good detection is, on a labelled set.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::{Failure, say};
use crate::detect::{NamesMode, evaluate};
use crate::io::evaluate::{Asked, EvalError, Set, detector, lines, other_run, write, write_own_set};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe eval                                         the project's own labelled set, generated on the spot
  lethe eval set.jsonl --predictions found.jsonl
  lethe eval set.jsonl --pipeline pipelines/prompts.yaml --format json > after.json
  lethe eval set.jsonl --names recall                find more names, and more that are none
  lethe eval set.jsonl --compare before.json         an earlier run beside this one
  lethe eval set.jsonl --compare a.jsonl b.jsonl     two files of predictions
  lethe eval set.jsonl --format html > report.html
  lethe eval --write-set folder                      own.jsonl and META.json

A labelled set is JSON lines {\"id\", \"text\", \"spans\": [{\"start\", \"end\", \"label\"}]}, offsets in characters. Where a META.json
beside it says {\"SET\": {\"annotated\": [...]}}, only those labels count; else all that occur but OTHER. See docs/detection.md.")]
pub struct Args {
    /// The labelled set (default: the project's own)
    #[arg(value_name = "FILE.jsonl")]
    set: Option<PathBuf>,
    /// Write what was found: {"id", "spans": [{"start", "end", "label", "score"}]}
    #[arg(long, value_name = "OUT.jsonl")]
    predictions: Option<PathBuf>,
    /// Find with this pipeline's rules, lists and thresholds (default: the built-in ones)
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// How eagerly the built-in model looks for names: off, balanced, recall
    #[arg(long, value_name = "MODE", default_value = "balanced", conflicts_with = "pipeline", value_parser = names_mode)]
    names: NamesMode,
    /// Labels that count
    #[arg(long, value_delimiter = ',', value_name = "L1,L2")]
    scope: Option<Vec<String>>,
    /// Leave out what is believed less, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    min_score: f64,
    /// Read label A as B
    #[arg(long, value_delimiter = ',', value_name = "A=B", value_parser = pair)]
    merge: Vec<(String, String)>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// One earlier run beside this one, or two runs: JSON reports, or predictions
    #[arg(long, num_args = 1..=2, value_name = "RUN")]
    compare: Vec<PathBuf>,
    /// Write the project's own labelled set into a folder, and score nothing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["set", "compare", "predictions"])]
    write_set: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    /// A table
    Text,
    /// One object
    Json,
    /// A page that needs nothing else
    Html,
}

/// `off`, `balanced` or `recall`.
pub(super) fn names_mode(text: &str) -> Result<NamesMode, String> {
    match text {
        "off" => Ok(NamesMode::Off),
        "balanced" => Ok(NamesMode::Balanced),
        "recall" => Ok(NamesMode::Recall),
        _ => Err("write off, balanced or recall".to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("write A=B: label A is read as B")?;
    Ok((from.to_owned(), to.to_owned()))
}

pub fn run(args: Args) -> Result<(), Failure> {
    if let Some(folder) = &args.write_set {
        let texts = write_own_set(folder).map_err(failure)?;
        return say(&format!("{texts} labelled texts in {}", folder.join("own.jsonl").display()));
    }
    let asked = Asked {
        set: args.set,
        pipeline: args.pipeline,
        scope: args.scope,
        least_score: args.min_score,
        merge: args.merge.into_iter().collect(),
    };
    // Two JSON reports need no set.
    if let ([before, after], None) = (args.compare.as_slice(), &asked.set) {
        let runs = (other_run(before, None).map_err(failure)?, other_run(after, None).map_err(failure)?);
        return print_pair(args.format, "Two runs", &runs.0, &runs.1);
    }
    let set = Set::read(&asked).map_err(failure)?;
    if let [before, after] = args.compare.as_slice() {
        let runs = (other_run(before, Some(&set)).map_err(failure)?, other_run(after, Some(&set)).map_err(failure)?);
        return print_pair(args.format, &set.name, &runs.0, &runs.1);
    }
    let detector = detector(asked.pipeline.as_deref(), args.names).map_err(failure)?;
    let found = set.predict(&detector, &mut progress);
    if let Some(path) = &args.predictions {
        write(path, &lines(&found)).map_err(failure)?;
    }
    let scores = set.score(&found);
    match args.compare.first() {
        Some(before) => print_pair(args.format, &set.name, &other_run(before, Some(&set)).map_err(failure)?, &scores),
        None => match args.format {
            Form::Text => say(&evaluate::text(&scores)),
            Form::Json => say(&format!("{:#}", evaluate::json(&scores))),
            Form::Html => say(&evaluate::html(&set.name, &scores)),
        },
    }
}

fn print_pair(form: Form, title: &str, before: &evaluate::Scores, after: &evaluate::Scores) -> Result<(), Failure> {
    match form {
        Form::Text => say(&evaluate::compare_text(before, after)),
        Form::Json => say(&format!("{:#}", evaluate::compare_json(before, after))),
        Form::Html => say(&evaluate::compare_html(title, before, after)),
    }
}

/// Says on a terminal how far a long run is.
fn progress(done: usize, all: usize) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _closed = write!(out, "\r{done} of {all} texts{}", if done == all { "\n" } else { "" });
    }
}

fn failure(error: EvalError) -> Failure {
    match error.is_configuration() {
        true => Failure::Configuration(error.to_string()),
        false => Failure::Failed(error.to_string()),
    }
}
