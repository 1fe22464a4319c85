//! The only place that reads the time. Core rooms get times as arguments; a test steps a [`ManualClock`].

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Both times that Lethe knows.
pub trait Clock: Send + Sync {
    /// Wall time, milliseconds since the Unix epoch: for what people read. It may jump.
    fn wall_ms(&self) -> i64;

    /// Milliseconds since some moment before; never goes back: for leases.
    fn monotonic_ms(&self) -> u64;

    /// The same in microseconds: for measuring.
    fn monotonic_us(&self) -> u64 {
        self.monotonic_ms().saturating_mul(1_000)
    }
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts counting monotonic time.
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
        let started = Instant::now();
        Self { started }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        to_ms(since.unwrap_or(Duration::ZERO)) as i64
    }

    fn monotonic_ms(&self) -> u64 {
        to_ms(self.started.elapsed())
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn to_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 1)
}

/// A clock that stands still until it is stepped.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicU64,
}

impl ManualClock {
    /// Moves both times forward.
    pub fn step_ms(&self, ms: u32) {
        self.wall_ms.fetch_add(i64::from(ms), Ordering::SeqCst);
        self.monotonic_ms.fetch_add(u64::from(ms), Ordering::SeqCst);
    }

    /// Sets the wall time, also backwards.
    pub fn set_wall_ms(&self, ms: i64) {
        self.wall_ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_by_hand_does_not_lengthen_a_lease() {
        let clock = ManualClock::default();
        clock.step_ms(5_000);
        clock.set_wall_ms(-1);
        assert_eq!((clock.wall_ms(), clock.monotonic_ms()), (-1, 5_000));
    }
}
