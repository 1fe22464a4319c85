//! The only place that waits: run loop, Kafka, key store, root keepers, HTTP, telemetry, clock. It decides nothing.

pub mod bench;
pub mod clock;
pub mod demo;
pub mod http;
pub mod kafka;
pub mod keystore;
pub mod run;
pub mod setup;
pub mod sample;
pub mod telemetry;
pub mod topics;
