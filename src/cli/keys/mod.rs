//! `lethe keys …`: upkeep of the key store.

mod migrate;

use super::Failure;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Move the key store: from a folder into a database, or back
    Migrate(migrate::Args),
}

pub fn run(args: Args) -> Result<(), Failure> {
    match args.action {
        Action::Migrate(args) => migrate::run(args),
    }
}
