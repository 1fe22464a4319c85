//! `lethe run`: the service.

use super::Failure;
use super::source::Source;
use crate::io::run::Service;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lethe run --config lethe.yaml pipelines/*.yaml
  LETHE__WORKERS=4 LETHE__KAFKA__BOOTSTRAP_SERVERS=kafka:9092 lethe run pipelines/*.yaml

SIGTERM or Ctrl-C finishes the batch in hand, commits it and leaves the group; a second signal ends at once.
/livez, /readyz and /metrics are served on `http.listen` (127.0.0.1:9464).")]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.source.load()?;
    Service::run(loaded).map_err(|error| Failure::Failed(error.to_string()))
}
