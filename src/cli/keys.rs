//! `lethe keys …`: what stands in the key store, rotation, backups, the history of signing keys.

mod migrate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde_json::Value;

use super::source::Source;
use super::{Failure, say};
use crate::io::clock::{Clock, SystemClock};
use crate::io::setup::{self, Loaded};
use crate::io::upkeep::{self, KeysStatus, Order, Part};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe keys status --config lethe.yaml pipelines/*.yaml
  lethe keys rotate --all --config lethe.yaml pipelines/*.yaml
  lethe keys backup /backup/keys --config lethe.yaml pipelines/*.yaml
  lethe keys restore /backup/keys --check --config lethe.yaml pipelines/*.yaml
  lethe keys history --config lethe.yaml pipelines/*.yaml > keys.json

While `lethe run` has the store open it is asked to do the work, through a socket in the store's folder: run these as the same user.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show what stands in the key store: root, epochs, subjects, buckets and when the next expire
    Status {
        #[command(flatten)]
        source: Source,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Give keys of the tree new values, slice by slice; nothing that was sealed stops opening. Without a part: go on where it stopped
    Rotate {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        parts: Parts,
    },
    /// Copy the store, without its root; or bring an earlier copy up to date
    Backup {
        /// Where to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        source: Source,
    },
    /// Put a backup into the empty store folder, if its root still exists; say what it can't open
    Restore {
        /// Where from
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        source: Source,
        /// Only look
        #[arg(long)]
        check: bool,
        /// Write the references of all subjects that would be left without a key, one a line
        #[arg(long, value_name = "FILE")]
        list: Option<PathBuf>,
    },
    /// Move the key store: from a folder into a database, or back
    Migrate(migrate::Args),
    /// Print the public halves of all keys that ever signed receipts, as JSON: what `lethe erase verify` needs
    History {
        #[command(flatten)]
        source: Source,
    },
}

/// What is rotated.
#[derive(clap::Args)]
struct Parts {
    /// The root, and the key under it
    #[arg(long)]
    root: bool,
    /// All inner keys between the root and the subjects' keys
    #[arg(long)]
    pages: bool,
    /// The key above all retention buckets
    #[arg(long)]
    buckets: bool,
    /// The key that signs receipts; the old one's public half stays in the history
    #[arg(long)]
    signing: bool,
    /// All of these
    #[arg(long)]
    all: bool,
}

impl Parts {
    fn named(&self) -> Vec<Part> {
        let asked = |part: &Part| {
            self.all
                || match part {
                    Part::Root => self.root,
                    Part::Pages => self.pages,
                    Part::Buckets => self.buckets,
                    Part::Signing => self.signing,
                }
        };
        Part::ALL.into_iter().filter(asked).collect()
    }
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.action {
        Action::Status { source, json } => {
            let answer = carry_out(&source.load()?, &Order::Status)?;
            let status: KeysStatus = serde_json::from_value(answer.clone())?;
            say(&if json { answer.to_string() } else { status.to_string() })
        }
        Action::Rotate { source, parts } => {
            let done = carry_out(&source.load()?, &Order::Rotate(parts.named()))?;
            say(&format!("rotated: {done}"))
        }
        Action::Backup { folder, source } => {
            let folder = std::path::absolute(folder)?;
            let done = carry_out(&source.load()?, &Order::Backup(folder))?;
            say(&serde_json::to_string_pretty(&done)?)
        }
        Action::Restore { folder, source, check, list } => restore(&source.load()?, &folder, check, list.as_deref()),
        Action::Migrate(args) => migrate::run(args),
        Action::History { source } => {
            let history = carry_out(&source.load()?, &Order::History)?;
            say(&serde_json::to_string_pretty(&history)?)
        }
    }
}

/// Here, or by the process that has the store open.
fn carry_out(loaded: &Loaded, order: &Order) -> Result<Value, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut tell = |text: String| drop(say(&text));
    match setup::open_premises(loaded, clock)? {
        setup::Reach::Here(premises) => Ok(upkeep::carry_out(order, &premises, &mut tell)?),
        setup::Reach::Running(folder) => Ok(upkeep::ask(&folder, order, &mut tell)?),
    }
}

fn restore(loaded: &Loaded, from: &Path, check: bool, list: Option<&Path>) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let Some(store) = settings.store.folder() else {
        return Err(Failure::Configuration(
            "only the embedded store is put back like this\nhelp: restore the database by its own means".into(),
        ));
    };
    let keeper = setup::open_keeper(settings)?;
    let mut file = list.map(std::fs::File::create).transpose()?;
    let list = file.as_mut().map(|file| -> &mut dyn std::io::Write { file });
    let restored = upkeep::restore(from, store, &*keeper, check, list)?;
    say(&serde_json::to_string_pretty(&restored)?)
}
