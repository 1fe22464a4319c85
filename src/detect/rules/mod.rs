//! The built-in rules, one file a field of life. Each rule carries its source and its examples; a test walks them all.

mod contact;
mod health;
mod identity;
mod money;
mod secrets;

use super::rule::Rule;

/// All tables, in the order in which rules are numbered.
pub(super) const TABLES: &[&[Rule]] = &[contact::RULES, money::RULES, identity::RULES, health::RULES, secrets::RULES];
