//! The way back to the committed offsets after a setback: the same for every worker, whatever it works on.

use std::time::Duration;

use super::health::{Beat, Stop};
use super::setback::WorkerError;
use crate::io::clock::Clock;
use crate::io::kafka::{Client, Intake, Outbox, Trouble};

/// Who goes back.
pub struct WayBack<'a> {
    /// The worker's name, and the end of its `transactional.id`.
    pub name: &'a str,
    /// How the cluster is reached.
    pub client: &'a Client,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The worker's state.
    pub beat: &'a Beat,
    /// Asked to stop, nobody needs to go back any more.
    pub stop: &'a Stop,
}

impl WayBack<'_> {
    /// Aborts, or makes a new producer where the old one can't be trusted, and seeks; with growing pauses, until it is done.
    pub fn go(
        &self,
        trouble: &Trouble,
        setbacks: u32,
        outbox: &mut Outbox,
        intake: &Intake,
    ) -> Result<(), WorkerError> {
        metrics::counter!("lethe_transactions_total", "outcome" => "aborted").increment(1);
        let mut renew = matches!(trouble, Trouble::Renew(_) | Trouble::Fenced(_)) || outbox.abort().is_err();
        let mut tries = 0;
        while !self.stop.requested() {
            self.beat.tick(self.clock.monotonic_ms());
            std::thread::sleep(Duration::from_millis(50 << (setbacks + tries).min(7)));
            tries += 1;
            if renew {
                match Outbox::open(self.client, self.name) {
                    Ok(fresh) => {
                        *outbox = fresh;
                        renew = false;
                        metrics::counter!("lethe_transactions_total", "outcome" => "renewed").increment(1);
                    }
                    Err(trouble @ Trouble::Fatal(_)) => return Err(WorkerError::Kafka(trouble)),
                    Err(trouble) => {
                        self.beat.trouble(true);
                        tracing::warn!(worker = self.name, %trouble, "no new producer yet");
                        continue;
                    }
                }
            }
            match intake.rewind() {
                Ok(()) => return Ok(()),
                Err(trouble) => {
                    self.beat.trouble(true);
                    tracing::warn!(worker = self.name, %trouble, "can't rewind yet");
                }
            }
        }
        Ok(())
    }
}
