//! Markings that say: this is privileged, or not for everyone.

use super::super::Evidence;
use super::super::kinds::*;
use super::super::rule::{Border, Rule, Start};

const MARK: Rule = Rule { border: Border::Word, evidence: Evidence::Format, confidence: 85, ..Rule::BASE };

/// The rules.
pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "attorney-client",
        kind: ATTORNEY_CLIENT,
        start: Start::Word(&[
            "attorney client",
            "attorney work",
            "lawyer client",
            "solicitor client",
            "legally privileged",
            "privileged and",
            "privileged confidential",
            "protected by attorney",
            "work product",
            "prepared in anticipation",
        ]),
        pattern: r"(?i:(?:attorney|lawyer|solicitor)[- ]client (?:privileged?(?: (?:communication|information|material))?|communication)|attorney work[- ]product|work[- ]product (?:doctrine|privilege)|legally privileged|privileged (?:and|&) confidential|privileged/confidential|prepared in anticipation of litigation)",
        hits: &[
            "Subject: [[Attorney-Client Privileged]]",
            "[[PRIVILEGED AND CONFIDENTIAL]] memo",
            "[[attorney work product]]",
        ],
        misses: &["attorney client meeting", "privileged and rich"],
        source: "Fed. R. Evid. 502; Fed. R. Civ. P. 26(b)(3)",
        ..MARK
    },
    Rule {
        name: "confidential-marking",
        kind: CONFIDENTIAL_MARKING,
        start: Start::Word(&[
            "strictly confidential",
            "company confidential",
            "confidential do",
            "confidential and",
            "highly confidential",
            "internal use",
            "internal only",
            "for internal",
            "not for",
            "do not",
            "trade secret",
            "classification",
            "streng vertraulich",
            "nur für",
            "tlp",
        ]),
        pattern: r"(?:(?i:strictly|highly) (?i:confidential)|(?i:company confidential)|(?i:confidential and proprietary)|(?i:confidential)[ -]+(?i:do not (?:distribute|forward|share))|(?i:for internal use only|internal use only)|INTERNAL ONLY|(?i:not for (?:external )?distribution)|DO NOT (?:FORWARD|DISTRIBUTE)|TRADE SECRET|(?i:classification): ?(?i:confidential|restricted|secret|internal)|(?i:streng vertraulich|nur f\xC3\xBCr den internen gebrauch)|TLP:(?:RED|AMBER))",
        hits: &[
            "[[STRICTLY CONFIDENTIAL]]",
            "([[for internal use only]])",
            "[[Classification: Restricted]]",
            "[[TLP:RED]]",
        ],
        misses: &["do not forget", "not for me", "for internal reasons", "trade secret law"],
        source: "markings in use; FIRST: Traffic Light Protocol 2.0",
        ..MARK
    },
    Rule {
        name: "confidential-line",
        kind: CONFIDENTIAL_MARKING,
        start: Start::Word(&["confidential"]),
        pattern: r"CONFIDENTIAL",
        confidence: 70,
        hits: &["[[CONFIDENTIAL]]: board minutes"],
        misses: &["confidential", "Confidential talks"],
        source: "markings in use",
        ..MARK
    },
];
