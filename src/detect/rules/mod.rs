//! The built-in rules, one file a field of life. Each rule carries its source and its examples; a test walks them all.

mod conditions;
mod contact;
mod health;
mod identity;
mod markings;
mod money;
mod national;
mod places;
mod secrets;
mod traces;
mod vendors;

use super::rule::Rule;

/// All tables, in the order in which rules are numbered.
pub(super) const TABLES: &[&[Rule]] = &[
    contact::RULES,
    places::RULES,
    traces::RULES,
    identity::RULES,
    national::RULES,
    money::RULES,
    health::RULES,
    secrets::RULES,
    vendors::RULES,
    markings::RULES,
];
