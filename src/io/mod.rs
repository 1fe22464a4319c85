//! The only place that waits: run loop, Kafka, key store, root keepers, HTTP, telemetry, clock. It decides nothing.

pub mod bench;
pub mod check;
pub mod clock;
pub mod demo;
pub mod entropy;
pub mod erase;
pub mod evaluate;
pub mod export;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod kafka;
pub mod keystore;
pub mod kms;
pub mod lines;
pub mod names;
pub mod receipt;
pub mod restore;
pub mod run;
pub mod sample;
pub mod scrub;
pub mod setup;
pub mod steps;
pub mod telemetry;
pub mod topics;
pub mod train;
pub mod upkeep;
pub mod verify;
