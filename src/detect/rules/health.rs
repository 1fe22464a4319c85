//! Health.

use super::super::Evidence;
use super::super::kinds::*;
use super::super::rule::{Link, Rule, Start};
use super::super::validators as v;

/// The rules.
pub(in super::super) const RULES: &[Rule] = &[Rule {
    name: "medical-record",
    kind: MEDICAL_RECORD,
    start: Start::After(
        &[
            "mrn",
            "medical record",
            "medical record number",
            "medical record no",
            "patient id",
            "patient number",
            "chart number",
            "hospital number",
        ],
        Link::Space,
    ),
    pattern: r"(?:[A-Z]{1,4}-?)?[0-9][0-9A-Z-]{3,14}",
    check: v::HAS_DIGIT,
    fields: &["mrn", "medical record", "medical record number", "patient id", "patient number"],
    evidence: Evidence::Context,
    confidence: 92,
    hits: &["(MRN [[TT979247]], DOB", "MRN: [[3353597]]", "\"mrn\": [[9087419]]"],
    misses: &["MRN is missing", "the medical record 12"],
    source: "45 CFR 164.514(b)(2)(i)(H)",
    ..Rule::BASE
}];
