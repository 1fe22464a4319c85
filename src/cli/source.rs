//! The configuration arguments that several subcommands share.

use std::path::PathBuf;

use super::Failure;
use crate::io::setup::{Loaded, load};

/// Where the configuration is.
#[derive(clap::Args)]
pub struct Source {
    /// Settings: where things are (brokers, store, regions). Without it the built-in defaults and the environment count
    #[arg(long, short, env = "LETHE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Pipeline files: what to do with events
    #[arg(value_name = "PIPELINE", required = true)]
    pub pipelines: Vec<PathBuf>,
}

impl Source {
    /// Reads and checks everything; all mistakes are reported at once.
    pub fn load(&self) -> Result<Loaded, Failure> {
        load(self.config.as_deref(), &self.pipelines).map_err(|error| Failure::Configuration(error.to_string()))
    }
}
