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
//! A batch of records goes through together: [`Instruction::parse`] and [`Machine::receive`] each; all fences, durably; all
//! destructions, in one epoch of the store; one wait for all; then for each record in order [`sign`], [`Receipt::fact`] and
//! one transaction over all of them. A record that is rejected gets [`Receipt::refusal`] in its place.
//!
//! A request that a legal [`Hold`] stands against is answered ([`Receipt::held`]) and its offset committed: it may wait for
//! years and keeps nobody else waiting. The record that lifts the last hold lets it go, and its receipt goes out with that
//! record's offset.

mod history;
mod hold;
mod instruction;
mod machine;
mod receipt;
mod request;
mod signature;

pub use history::{KeyHistory, NotAHistory, PublishedKey};
pub use hold::{Hold, HoldReason, Lifted};
pub use instruction::{Found, Instruction, Lift, Question};
pub use machine::{Effect, Input, Machine, Origin, Phase, Settings, State, Step, Swept, Times};
pub use receipt::{
    Caches, Destroyed, Destruction, Earlier, FencedOff, HoldPart, Irreversibility, Method, NewKeys, NotCovered,
    OpenRequest, Purged, Receipt, ReceiptOutcome, Reference, RequestPart, RootKeeper, SCHEMA, Tried, deadline,
};
pub use request::{
    Admission, Finder, Ground, Priority, REQUEST_LIMIT_BYTES, Refusal, Rejected, Request, Scope, Target, Unindexed,
};
pub use signature::{Unverified, key_id, sign, verify};

#[cfg(test)]
mod tests;
