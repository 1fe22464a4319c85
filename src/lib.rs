//! Lethe takes personal data out of AI traffic on Kafka, and can forget it: a record is **planned, keyed, applied, committed.**
//!
//! [`pipeline::Pipeline::plan`] decides what must happen to a record (pure); the key store fetches the keys that the plan
//! names (the one wait); [`pipeline::Plan::apply`] carries the plan out and returns effects, a value (pure); the run loop makes
//! all effects and the input offsets true in one Kafka transaction.
//!
//! # The rooms, in layer order: a room uses only rooms above it
//!
//! - [`sensitive`]: the only carrier of raw text; it can't print
//! - [`event`]: bytes to [`event::Event`] and back without loss
//! - [`keys`]: what a key is, and what it means to be destroyed
//! - [`detect`]: what personal data or secret is where
//! - [`firewall`]: how hostile a text is
//! - [`policy`]: event, findings and verdict to one decision
//! - [`protect`]: carries a decision out on text with keys, and undoes it
//! - [`audit`]: facts without personal data, chained; and their verifier
//! - [`erasure`]: the life of a deletion request, to its signed receipt
//! - [`pipeline`]: YAML to a checked pipeline; `plan`, `apply`, `Effects`
//! - [`io`]: the only place that waits
//! - [`cli`]: one file a subcommand
//!
//! # The path of a record
//!
//! 1. `io::run`: a worker (one thread, one consumer, one transactional producer) takes a batch.
//! 2. [`pipeline::Pipeline::plan`]: decode, scan, judge, decide. Undecodable input is a plan too: quarantine.
//! 3. `io::keystore`: one batched fetch-or-create of the keys named; a destroyed key is a value, not an error.
//! 4. [`pipeline::Plan::apply`]: protect, encode, audit fact.
//! 5. [`audit::Chain::append`]: one hash chain for each source partition, its head in the metadata of the committed offset.
//! 6. `io::kafka`: outputs, audit, quarantine and offsets in one transaction: all or none.
//!
//! What is deliberately absent outside `io`, `cli` and `main.rs`: clocks, entropy, `async`, log lines, files, sockets.

pub mod sensitive;

pub mod event;

pub mod keys;

pub mod detect;

pub mod firewall;

pub mod policy;

pub mod protect;

pub mod audit;

pub mod erasure;

pub mod pipeline;

#[cfg(feature = "io")]
pub mod io;

#[cfg(feature = "io")]
pub mod cli;
