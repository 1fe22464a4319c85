//! The thread that keeps the key store in order while the service runs: retention on time, rotation in slices, and the orders
//! that `lethe keys` gives to a running service. Of several processes on one store, the one that leads does the first two.

use std::sync::Arc;
use std::time::Duration;

use super::health::{Beat, Stop};
use super::retention::Retention;
use super::setback::WorkerError;
use crate::io::keystore::StoreError;
use crate::io::upkeep::{Answer, Control, Order, Premises, Rotation, Said, carry_out};

/// Between two looks at the socket.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two slices of a rotation: each makes the batches in hand ask for their keys again.
const SLICE_MS: u64 = 500;
/// After a failure.
const RETRY_MS: u64 = 5_000;

/// The thread.
pub struct Upkeep {
    premises: Premises,
    retention: Retention,
    look_every_ms: u64,
    control: Option<Control>,
    rotation: Option<Rotation>,
    watchers: Vec<Answer>,
    beat: Arc<Beat>,
    stop: Stop,
}

impl Upkeep {
    /// On an open store. `control` is where orders come from, where that can be.
    pub fn new(premises: Premises, look_every_ms: u64, control: Option<Control>, beat: Arc<Beat>, stop: Stop) -> Self {
        let Premises { store, clock, horizon } = premises.clone();
        let retention = Retention::new(store, clock, horizon);
        beat.join();
        Self { premises, retention, look_every_ms, control, rotation: None, watchers: Vec::new(), beat, stop }
    }

    /// Works until asked to stop, or until nothing helps.
    pub fn run(mut self) -> Result<(), WorkerError> {
        self.rotation = Rotation::resume(&*self.premises.store).map_err(WorkerError::Store)?;
        if self.rotation.is_some() {
            tracing::info!("a rotation was interrupted: going on with it");
        }
        let (mut look_at_ms, mut slice_at_ms) = (0, 0);
        while !self.stop.requested() {
            let now_ms = self.premises.clock.monotonic_ms();
            self.beat.tick(now_ms);
            if now_ms >= look_at_ms {
                let done = self.retention.look().map(drop);
                look_at_ms = now_ms + self.pause_after(done, self.look_every_ms)?;
            }
            if self.rotation.is_some() && now_ms >= slice_at_ms {
                let done = self.slice();
                slice_at_ms = now_ms + self.pause_after(done, SLICE_MS)?;
            }
            if let Some((order, answer)) = self.control.as_ref().and_then(Control::next) {
                self.take(order, answer)?;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// How long to wait: as planned, or shorter after a failure that time may heal.
    fn pause_after(&self, done: Result<(), StoreError>, planned_ms: u64) -> Result<u64, WorkerError> {
        match done {
            Ok(()) => Ok(planned_ms),
            Err(error) if error.is_final() => Err(WorkerError::Store(error)),
            Err(error) => {
                tracing::error!(%error, "upkeep of the key store fails, and is tried again");
                metrics::counter!("lethe_store_errors_total", "reason" => error.code()).increment(1);
                Ok(RETRY_MS.min(planned_ms.max(PAUSE.as_millis() as u64)))
            }
        }
    }

    fn slice(&mut self) -> Result<(), StoreError> {
        if !self.premises.store.leads()? {
            return Ok(());
        }
        let Some(rotation) = &mut self.rotation else { return Ok(()) };
        match rotation.step(&*self.premises.store)? {
            Some(progress) => {
                tracing::info!(%progress, "rotation");
                self.watchers.iter_mut().for_each(|to| to.say(&Said::Progress(progress.to_string())));
            }
            None => {
                let summary = rotation.summary();
                self.watchers.drain(..).for_each(|mut to| to.say(&Said::Done(summary.clone())));
                self.rotation = None;
            }
        }
        Ok(())
    }

    /// A rotation is worked through in slices here; anything else is answered by a thread of its own.
    fn take(&mut self, order: Order, mut answer: Answer) -> Result<(), WorkerError> {
        let Order::Rotate(parts) = &order else {
            let premises = self.premises.clone();
            std::thread::spawn(move || {
                let done = carry_out(&order, &premises, &mut |text| answer.say(&Said::Progress(text)));
                answer.say(&done.map_or_else(|error| Said::Failed(error.to_string()), Said::Done));
            });
            return Ok(());
        };
        match Rotation::begin(&*self.premises.store, parts, self.premises.clock.wall_ms()) {
            Ok(rotation) => {
                self.rotation = Some(rotation);
                self.watchers.push(answer);
            }
            Err(error) => answer.say(&Said::Failed(error.to_string())),
        }
        Ok(())
    }
}
