//! The service as users run it: the `lethe` binary as a process, the shipped pipelines, a real broker. Everything that is said
//! of a record, a receipt or a fact is read back from Kafka here, never from inside the process.
//!
//! `LETHE_TEST_EVENTS` sets how many events go through the test of exactly-once (20,000), `LETHE_TEST_SCALE` how many through that
//! of several processes (5,000).
#![cfg(feature = "io")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tells its figures, and reads the clock and its environment"
)]

mod support;

#[path = "stream/deployment.rs"]
mod deployment;
#[path = "stream/forgotten.rs"]
mod forgotten;
#[path = "stream/once.rs"]
mod once;
#[path = "stream/outages.rs"]
mod outages;
#[cfg(feature = "postgres")]
#[path = "support/postgres.rs"]
mod postgres_server;
#[path = "stream/restored.rs"]
mod restored;
#[cfg(feature = "postgres")]
#[path = "stream/scale.rs"]
mod scale;
#[path = "stream/traffic.rs"]
mod traffic;
#[path = "stream/upkeep.rs"]
mod upkeep;
