//! Payment and banking.

use super::super::Evidence;
use super::super::kinds::*;
use super::super::rule::{Border, Rule, Start};
use super::super::validators as v;

const CARD_WORDS: &[&str] = &[
    "card",
    "visa",
    "mastercard",
    "amex",
    "american express",
    "credit",
    "debit",
    "pan",
    "cc",
    "ccn",
    "discover",
    "diners",
    "jcb",
    "maestro",
    "kreditkarte",
    "tarjeta",
    "carte",
];

/// The rules.
pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "card",
        kind: CREDIT_CARD,
        start: Start::Digit,
        pattern: r"[0-9]{12,19}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,7}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}|[0-9]{4}(?:[ -][0-9]{4}){3}[ -][0-9]{3}",
        border: Border::Number,
        check: v::CARD,
        near: CARD_WORDS,
        against: &["build", "order", "tracking", "imei", "timestamp", "invoice"],
        evidence: Evidence::Checksum,
        confidence: 88,
        hits: &[
            "card [[4539-4216-4353-7491]] declined",
            "[[346950362035874]]",
            "pay [[5555 5555 5555 4444]]",
            "[[3782 822463 10005]]",
        ],
        misses: &["4539-4216-4353-7492", "build 4539421643537491", "1234567812345670", "0000 0000 0000 0000"],
        source: "ISO/IEC 7812-1; issuer ranges as published by the schemes",
        ..Rule::BASE
    },
    Rule {
        name: "card-field",
        kind: CREDIT_CARD,
        pattern: r"[0-9][0-9 -]{10,22}[0-9]",
        check: v::LUHN,
        fields: &[
            "card",
            "card number",
            "credit card",
            "credit card number",
            "cc number",
            "ccn",
            "pan",
            "card no",
            "debit card",
        ],
        evidence: Evidence::Checksum,
        confidence: 92,
        source: "ISO/IEC 7812-1",
        ..Rule::BASE
    },
    Rule {
        name: "iban",
        kind: IBAN,
        start: Start::Mixed,
        pattern: r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?|[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}",
        check: v::IBAN,
        evidence: Evidence::Checksum,
        confidence: 97,
        hits: &[
            "to [[DE89 3704 0044 0532 0130 00]] today",
            "[[GB82WEST12345698765432]]",
            "iban=[[NL91ABNA0417164300]]",
        ],
        misses: &["DE89 3704 0044 0532 0130 01", "XX89 3704 0044 0532 0130 00", "AB12CD34AB12CD34AB12"],
        source: "ISO 13616-1, SWIFT IBAN registry",
        ..Rule::BASE
    },
];
