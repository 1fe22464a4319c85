//! What personal data or secret is where: `Detector::scan` turns decoded text into [`Finding`]s with kind, span, confidence and rule.
//!
//! It decides nothing and knows no policy. Overlaps are settled here, by evidence (checksum > format > context > prior), so
//! that findings come out in order and never overlap.

mod arbitrate;
mod automata;
mod border;
mod chunks;
mod compile;
mod config;
mod context;
mod detector;
mod engine;
pub mod evaluate;
pub mod explain;
mod fields;
#[cfg(test)]
pub(crate) mod fuzz;
mod gate;
mod index;
mod kinds;
mod masks;
mod names;
mod naming;
mod own;
pub(crate) mod recognise;
mod records;
#[cfg(test)]
mod reference;
mod rule;
mod rules;
mod simd;
mod streets;
pub mod train;
mod unfold;
mod validators;
mod value;
mod words;

pub use chunks::{AHEAD_BYTES, BACK_BYTES, Chunks, Placed};
pub use config::{DetectorConfig, DictionaryRule, NamesConfig, NamesMode, RegexRule, RuleProblem};
pub use detector::{Detector, RuleInfo};
pub use kinds::KindInfo;
pub use naming::{Models, NameReader, Naming, Unread};
pub use recognise::{Label, ModelProblem, Name, Reason, Recogniser};

/// What was found. An index into the detector's table of kinds: built-in kinds first, in a fixed order, then a pipeline's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

/// The duty that a kind falls under.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Personally identifiable information.
    Pii,
    /// Protected health information (HIPAA).
    Phi,
    /// Payment card industry data.
    Pci,
    /// Credentials: keys, passwords, tokens of access.
    Secret,
    /// Legally privileged or confidential by marking.
    Privileged,
}

/// Why a finding is believed, weakest first: the order in which overlaps are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A list or a loose shape alone.
    Prior,
    /// Words or a field name nearby.
    Context,
    /// A format that little else has.
    Format,
    /// A checksum that holds.
    Checksum,
}

/// One find in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// First byte in the text.
    pub start: u32,
    /// One past the last byte; both lie on character borders.
    pub end: u32,
    /// Belief in percent, 1 to 100.
    pub confidence: u8,
    /// Why.
    pub evidence: Evidence,
    /// Index of the rule that fired, in the detector's table of rules.
    pub rule: u16,
}

impl Finding {
    /// A placeholder for fixed-size buffers.
    const NONE: Finding =
        Finding { kind: Kind(0), start: 0, end: 0, confidence: 0, evidence: Evidence::Prior, rule: 0 };
}

/// What is known about a text besides the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// The JSON member name, header name or column above the text, as the publisher wrote it.
    pub field: Option<&'a str>,
}

#[cfg(test)]
mod tests;
