//! What the process says of itself: alive, ready, stopping. Workers write it, `/livez` and `/readyz` read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag that everybody who waits looks at.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks everybody to finish and leave.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether that was asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One worker's state.
#[derive(Default)]
pub struct Beat {
    joined: AtomicBool,
    troubled: AtomicBool,
    last_ms: AtomicU64,
    committed: AtomicU64,
}

impl Beat {
    /// The worker's loop came round.
    pub fn tick(&self, now_ms: u64) {
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }

    /// `records` more inputs are committed.
    pub fn commit(&self, records: usize) {
        self.committed.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// The worker is a member of its group.
    pub fn join(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// A dependency fails (`true`), or has recovered.
    pub fn trouble(&self, troubled: bool) {
        self.troubled.store(troubled, Ordering::Relaxed);
    }
}

/// The state of all workers.
pub struct Health {
    beats: Vec<Arc<Beat>>,
    stop: Stop,
}

impl Health {
    /// A loop that hasn't come round for this long is stuck: longer than any bounded Kafka call.
    const STUCK_MS: u64 = 300_000;

    /// Health of `workers` workers.
    pub fn new(workers: usize, stop: Stop) -> Self {
        Self { beats: (0..workers).map(|_| Arc::default()).collect(), stop }
    }

    /// The place where worker `index` writes.
    pub fn beat(&self, index: usize) -> Arc<Beat> {
        self.beats.get(index).cloned().unwrap_or_default()
    }

    /// Inputs committed by all workers since they started.
    pub fn committed(&self) -> u64 {
        self.beats.iter().map(|beat| beat.committed.load(Ordering::Relaxed)).sum()
    }

    /// Loops come round. Says nothing of Kafka or the store: restarting would not mend those.
    pub fn alive(&self, now_ms: u64) -> bool {
        self.beats.iter().all(|beat| {
            let last = beat.last_ms.load(Ordering::Relaxed);
            last == 0 || now_ms.saturating_sub(last) < Self::STUCK_MS
        })
    }

    /// Every worker has joined, nothing it depends on fails, and nobody asked to stop.
    pub fn ready(&self) -> bool {
        !self.stop.requested()
            && self
                .beats
                .iter()
                .all(|beat| beat.joined.load(Ordering::Relaxed) && !beat.troubled.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draining_or_troubled_process_gets_no_traffic() {
        let stop = Stop::default();
        let health = Health::new(2, stop.clone());
        assert!(!health.ready(), "nobody has joined");
        (0..2).for_each(|index| health.beat(index).join());
        assert!(health.ready());
        health.beat(1).trouble(true);
        assert!(!health.ready());
        health.beat(1).trouble(false);
        stop.request();
        assert!(!health.ready());
    }

    #[test]
    fn a_stuck_loop_is_not_alive() {
        let health = Health::new(1, Stop::default());
        assert!(health.alive(1_000_000), "not started yet is not stuck");
        health.beat(0).tick(1_000);
        assert!(health.alive(2_000));
        assert!(!health.alive(1_000_000));
    }
}
