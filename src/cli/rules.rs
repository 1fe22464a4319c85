//! `lethe rules list|explain`: what is looked for, and why something is found.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, say};
use crate::detect::{Detector, Hint, NamesMode, RuleInfo, explain};
use crate::io::evaluate::detector;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe rules list --kind PHONE
  lethe rules list --pipeline pipelines/prompts.yaml --format json
  lethe rules explain 'call 4539-4216-4353-7491'
  lethe rules explain 536228741 --field ssn
  lethe rules explain < letter.txt              from standard input

explain quotes the text; its JSON does not.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The rules, or those of one kind
    List {
        /// Rules of this kind
        #[arg(long)]
        kind: Option<String>,
        /// With this pipeline's rules
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// How they are written
        #[arg(long, value_enum, default_value = "text")]
        format: Form,
    },
    /// Which rules claim what in a text, what became of each claim, and which forms were refused
    Explain {
        /// The text (default: standard input)
        text: Option<String>,
        /// The name of the field that the text is the value of
        #[arg(long)]
        field: Option<String>,
        /// With this pipeline's rules, lists and thresholds
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// How it is written
        #[arg(long, value_enum, default_value = "text")]
        format: Form,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Lines for people
    Text,
    /// One object
    Json,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let open = |pipeline: Option<PathBuf>| {
        detector(pipeline.as_deref(), NamesMode::Balanced).map_err(|error| match error.is_configuration() {
            true => Failure::Configuration(error.to_string()),
            false => Failure::Failed(error.to_string()),
        })
    };
    match args.what {
        What::List { kind, pipeline, format } => list(&*open(pipeline)?, kind.as_deref(), format),
        What::Explain { text, field, pipeline, format } => {
            let detector = open(pipeline)?;
            let text = match text {
                Some(text) => text,
                None => read_input()?,
            };
            let told = detector.explain(&text, Hint { field: field.as_deref() });
            match format {
                Form::Text => say(explain::text(&detector, &text, &told).trim_end()),
                Form::Json => say(&format!("{:#}", explain::json(&detector, &told))),
            }
        }
    }
}

fn read_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| "standard input is no UTF-8\n  help: give it as UTF-8");
    Ok(text.map_err(|error| Failure::Failed(error.to_owned()))?.trim_end_matches(['\r', '\n']).to_owned())
}

fn list(detector: &Detector, kind: Option<&str>, form: Form) -> Result<(), Failure> {
    let wanted = match kind.map(|name| (name, detector.kind(name))) {
        Some((name, None)) => {
            let help = "`lethe rules list` names every kind";
            return Err(Failure::Configuration(format!("no such kind: `{name}`\n  help: {help}")));
        }
        Some((_, kind)) => kind,
        None => None,
    };
    let rules: Vec<&RuleInfo> =
        detector.rules().iter().filter(|rule| wanted.is_none_or(|kind| rule.kind == kind)).collect();
    if form == Form::Json {
        let all: Vec<Value> = rules.iter().map(|rule| as_json(detector, rule)).collect();
        return say(&format!("{:#}", Value::Array(all)));
    }
    for rule in &rules {
        let info = detector.info(rule.kind);
        let validator =
            if rule.validator == "any" { String::new() } else { format!(", validator `{}`", rule.validator) };
        let needed = if rule.need { ", needs context" } else { "" };
        say(&format!("{:26} {:24} {:3} %{validator}{needed}", info.name, rule.name, rule.confidence))?;
        if wanted.is_some() {
            say(&format!("    source: {}", rule.source))?;
            say(&format!("    tried at: {}", rule.start))?;
            words("words", rule.start_words)?;
            if !rule.pattern.is_empty() {
                say(&format!("    form: {}", rule.pattern))?;
            }
            words("near", rule.near)?;
            words("against", rule.against)?;
            words("fields", rule.fields)?;
            words("finds", rule.examples)?;
            words("leaves", rule.counterexamples)?;
        }
    }
    say(&format!("{} rules, {} kinds", rules.len(), if wanted.is_some() { 1 } else { detector.kinds().len() }))
}

fn words(what: &str, words: &[&str]) -> Result<(), Failure> {
    if words.is_empty() { Ok(()) } else { say(&format!("    {what}: {}", words.join(" | ").replace('\n', "\\n"))) }
}

fn as_json(detector: &Detector, rule: &RuleInfo) -> Value {
    let info = detector.info(rule.kind);
    json!({
        "name": rule.name, "kind": info.name, "category": info.category, "confidence": rule.confidence,
        "start": rule.start, "start_words": rule.start_words, "pattern": rule.pattern,
        "evidence": rule.evidence, "validator": rule.validator, "near": rule.near, "need": rule.need,
        "against": rule.against, "fields": rule.fields, "source": rule.source, "examples": rule.examples,
        "counterexamples": rule.counterexamples,
    })
}
