//! The project's own labelled set.

use super::Labelled;

/// The set.
pub fn own_set() -> Vec<Labelled> {
    Vec::new()
}
