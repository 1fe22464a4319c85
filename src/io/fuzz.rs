//! The detection engine on texts that nobody thought of, for as long as one likes:
//! `LETHE_FUZZ_SECONDS=60 cargo test --lib io::fuzz -- --nocapture` goes on for a minute from a new seed; `LETHE_FUZZ_SEED` repeats a run.

use std::io::Write;

use super::clock::{Clock, SystemClock};
use crate::detect::fuzz;

#[test]
#[expect(clippy::disallowed_methods, reason = "a run by hand names its length and its seed in the environment")]
fn a_minute_of_texts_that_nobody_thought_of_would_break_the_engine() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let clock = SystemClock::new();
    let seed = number("LETHE_FUZZ_SEED").unwrap_or_else(|| clock.wall_ms().unsigned_abs());
    let most_us = number("LETHE_FUZZ_SECONDS").unwrap_or(1) * 1_000_000;
    let mut out = std::io::stderr();
    writeln!(out, "LETHE_FUZZ_SEED={seed}").unwrap();
    let begun = clock.monotonic_us();
    let tried = fuzz::rounds(seed, |_| clock.monotonic_us() - begun < most_us);
    writeln!(out, "{tried} texts").unwrap();
    assert!(tried > 0);
}
