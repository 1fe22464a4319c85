//! Event, findings and verdict to one [`Decision`]: class, treatment of each finding, destination, retention, who may restore.
//!
//! A pure function of its arguments; it does no IO and changes no text. What it can't place it doesn't pass: a region that
//! nobody named, a transfer without a legal basis, a provider without the agreement that a class needs all end in quarantine.

mod class;
mod code;
mod decide;
mod expiry;
mod residency;
mod retention;
mod treatment;

pub use class::{Categories, Class, Level};
pub use code::{Code, Outcome};
pub use decide::{Circumstances, Decision, Found, KindPolicy, Policy};
pub use expiry::{ClassOutlook, Horizon, Outlook};
pub use residency::{Agreement, Basis, Destination, Journey, Provider, Residency, Route, Transfer};
pub use retention::{Retention, RetentionClass, RetentionRule, RetentionRules};
pub use treatment::{AfterErasure, FirewallAction, FirewallThresholds, TokenScope, Treatment};
