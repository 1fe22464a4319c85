//! The key store under attack, under crashes and under bad luck. One binary for all that touches keys on disk.

#![allow(missing_docs, reason = "tests are named by what they prove")]

mod attacker;
mod crash;
mod machine;
mod refusal;
mod residue;
mod speed;
mod store;
