//! What the tests against a real broker share: a [`Cluster`] (started on demand), the `lethe` binary as a [`Lethe`] process in a
//! [`Workspace`], and waiting with a limit. It knows Kafka and processes, and nothing of Lethe's configuration or topics.
//!
//! A test binary that says `mod support;` is one that needs a broker: `tests/run` tells them apart by that line.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "each test binary uses a part of this, a test may panic, and tests read the clock"
)]

mod cluster;
mod process;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use cluster::{Cluster, Committed, Isolation, Message, Record};
#[allow(unused_imports, reason = "each test binary uses a part of this")]
pub use process::{Lethe, Workspace, free_address, http_get};

/// A name that no other test, process or earlier run has: for topics, groups and transactional ids.
pub fn unique(stem: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{stem}.{}-{}-{count}", std::process::id(), since_epoch.as_millis())
}

/// Asks again every 50 ms until `probe` has an answer; panics with `what` after `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "waited {} s in vain: {what}", limit.as_secs());
        thread::sleep(Duration::from_millis(50));
    }
}
