//! Facts without personal data, chained for each source partition; and the verifier that trusts none of it. It holds no text.
//!
//! ```text
//! Fact ── Chain::append ──► Segment {"v":1,"source":{"topic","partition"},"facts":[{"v","seq","prev","lethe_id",…},…]}
//!              └── Head (seq, SHA-256 of the last fact's bytes) ──► metadata of the committed offset
//! ```
//!
//! A fact's hash is SHA-256 over its exact bytes as they stand in the segment; the next fact carries it as `prev`.

mod chain;
mod fact;
mod fingerprint;
pub(crate) mod ids;
mod moment;
mod name;
mod segment;
mod verify;

pub use chain::{Chain, SEGMENT_BUDGET_BYTES};
pub use fact::{
    Classified, ErasureFact, FACT_VERSION, Fact, Found, Judged, Kept, KeysUsed, Outcome, PipelineRef, RestoreFact,
};
pub use fingerprint::Fingerprint;
pub use moment::Moment;
pub use name::Name;
pub use segment::{Head, Segment, Source};
pub use verify::{Fault, FaultKind, Report, SourceReport, Verifier};

#[cfg(test)]
mod tests;
