//! The command line: one file a subcommand, no logic. Exit codes: 0, 1 failure, 2 configuration or usage.

mod audit;
mod bench;
mod check;
mod demo;
mod erase;
mod eval;
mod keys;
mod restore;
mod rules;
mod run;
mod scrub;
mod source;
mod test;
mod topics;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A privacy pipeline for AI traffic on Kafka: finds, tokenises, routes and forgets personal data.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
Examples:
  lethe demo                                     see it work, nothing else running
  lethe check --config lethe.yaml pipelines/*.yaml
  lethe topics apply --config lethe.yaml pipelines/*.yaml
  lethe run --config lethe.yaml pipelines/*.yaml
  echo 'write to ada@example.org' | lethe scrub

Every setting of lethe.yaml can be given by the environment: LETHE__STORE__PATH=/var/lib/lethe"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show it all at work: broker, pipelines, sample traffic, an erasure
    Demo(demo::Args),
    /// Run the service: consume, sanitise, restore, erase
    Run(run::Args),
    /// Check configuration, brokers, topics and key store; report everything that is wrong
    Check(check::Args),
    /// Show or create the topics that the pipelines need
    Topics(topics::Args),
    /// Run the tests inside pipeline files, offline
    Test(test::Args),
    /// Filter standard input to standard output: text or JSON lines, same engine and policy, no Kafka
    Scrub(scrub::Args),
    /// Put originals back into one sanitised record, for one audience
    Restore(restore::Args),
    /// Ask for a person's keys to be destroyed, and wait for the receipt
    Erase(erase::Args),
    /// Look after the key store: status, rotation, backups, moving it, the history of signing keys
    Keys(keys::Args),
    /// Verify the audit chain
    Audit(audit::Args),
    /// Show the rules of detection, and why a text is found or left
    Rules(rules::Args),
    /// Score detection on a labelled set: precision, recall, leaking texts, false alarms
    Eval(eval::Args),
    /// Measure: detection, one record, the key store, the stream beside a bare loop
    Bench(bench::Args),
}

/// Why a command failed; the exit code is decided here alone.
enum Failure {
    /// Exit code 2: something written must be changed.
    Configuration(String),
    /// Exit code 1: it was tried and went wrong.
    Failed(String),
    /// Exit code 1, and everything has been said already.
    Said,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(args),
        Command::Topics(args) => topics::run(args),
        Command::Test(args) => test::run(args),
        Command::Scrub(args) => scrub::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Erase(args) => erase::run(args),
        Command::Keys(args) => keys::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Bench(args) => bench::run(args),
    };
    let (code, text) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Configuration(text)) => (2, text),
        Err(Failure::Failed(text)) => (1, text),
        Err(Failure::Said) => return ExitCode::from(1),
    };
    // Nothing is left to do where standard error is closed.
    let _closed = writeln!(std::io::stderr(), "{}", text.trim_end());
    ExitCode::from(code)
}

/// Writes a line to standard output. A reader who went away (`| head`) ends the command quietly.
fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|_| Failure::Said)
}
