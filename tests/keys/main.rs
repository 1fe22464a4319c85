//! The key store under attack, under crashes and under bad luck. One binary for all that touches keys on disk.

#![allow(missing_docs, reason = "tests are named by what they prove")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod attacker;
mod crash;
#[cfg(feature = "vault")]
#[path = "../support/vault.rs"]
mod fake_vault;
mod full;
mod keepers;
mod lineage;
mod machine;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod refusal;
mod residue;
#[cfg(feature = "postgres")]
mod sieve;
#[cfg(feature = "postgres")]
mod speed;
mod store;
