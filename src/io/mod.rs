//! The only place that waits: run loop, Kafka, key store, root keepers, HTTP, telemetry, clock. It decides nothing.

pub mod clock;
pub mod entropy;
pub mod keystore;
pub mod kms;
pub mod steps;
