//! The life of a deletion request as a state machine, to its signed receipt. It touches no Kafka and no store.
//!
//! ```text
//! received ─► verified ─► fenced ─► destroyed ─► settled ─► receipted
//!                 └► held ┘ (legal hold: only before the fence)
//! ```
//!
//! A driver persists the [`State`] after each [`Machine::step`] and then carries out what the step says is due. After a crash
//! it loads the state and asks [`Machine::due`]: the same again, and doing it twice is harmless. The source offset stays
//! uncommitted until the receipt, the audit fact and the offset go out in one transaction.
//!
//! A batch of records goes through together: [`Request::parse`] and [`Machine::receive`] each; all fences, durably; all
//! destructions, in one epoch of the store; one wait for all; then for each record in order [`sign`], [`Receipt::fact`] and
//! one transaction over all of them. A record that is rejected gets [`Receipt::refusal`] in its place.

mod history;
mod machine;
mod receipt;
mod request;
mod signature;

pub use history::{KeyHistory, NotAHistory, PublishedKey};
pub use machine::{Effect, Input, Machine, Phase, Settings, State, Step, Times};
pub use receipt::{
    Caches, Destroyed, Destruction, FencedOff, Irreversibility, Method, NewKeys, NotCovered, Receipt, ReceiptOutcome,
    RequestPart, RootKeeper, SCHEMA, Tried,
};
pub use request::{Ground, REQUEST_LIMIT_BYTES, Refusal, Rejected, Request};
pub use signature::{Unverified, key_id, sign, verify};

#[cfg(test)]
mod tests;
