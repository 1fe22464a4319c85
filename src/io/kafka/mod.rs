//! Kafka as Lethe uses it: a consumer that never polls inside a transaction, and a transactional producer that is thrown away
//! whenever the outcome of a call is unknown.
//!
//! Deliberately absent: automatic commits, asynchronous consumers, a producer shared between workers.

mod client;
mod heads;
mod intake;
mod mirror;
mod outbox;
mod tap;
mod trouble;

pub use client::{Client, ClientRole};
pub use heads::{Resumed, committed, resume};
pub use intake::{BatchLimits, Intake, Lag};
pub use mirror::Mirror;
pub use outbox::Outbox;
pub use tap::{From, Tap, Tapped};
pub use trouble::Trouble;
