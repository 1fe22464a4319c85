//! `lethe keys migrate`: move the key store.

use std::path::{Path, PathBuf};

use crate::cli::{Failure, say};
use crate::io::setup::{load, migrate};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe keys migrate --from lethe.yaml --to lethe-postgres.yaml

Two settings files that differ in `store`: all rows are copied as they are sealed, under the root that the second file names,
which must be the same one. The new store must be empty, and no lethe may use either meanwhile. Interrupted, the same command
goes on. Afterwards the old store opens no more; delete it, it still holds what the root opens until the next epoch.")]
pub struct Args {
    /// Settings whose store is in use
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Settings whose store is empty
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let settings = |path: &Path| load(Some(path), &[]).map_err(|error| Failure::Configuration(error.to_string()));
    let (from, to) = (settings(&args.from)?, settings(&args.to)?);
    let done = migrate(&from.settings, &to.settings, &mut |table, rows| {
        // Where nobody reads any more, the migration goes on all the same.
        let _told = say(&format!("{}: {rows} rows", format!("{table:?}").to_lowercase()));
    })?;
    let resumed = if done.before > 0 { ", going on with an earlier migration" } else { "" };
    say(&format!("migrated: {} rows{resumed}", done.rows))
}
