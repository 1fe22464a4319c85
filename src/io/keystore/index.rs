//! The blind index as notes: entered, looked up, and removed with the subject that it leads to.

use super::{Keystore, Note, Space, StoreError};
use crate::keys::{Identifier, IndexEntry, IndexKey, KeyId};

/// Rows looked at in one call.
const PAGE: usize = 1_000;
/// More subjects than this under one identifier name nobody.
pub const MOST_SUBJECTS: usize = 100;

/// The notes of some entries.
pub fn index_notes(entries: &[IndexEntry]) -> Vec<Note> {
    let halves = entries.iter().flat_map(|entry| [&entry.forth, &entry.back]);
    halves.map(|(key, value)| Note::put(Space::Index, key.clone(), value.clone())).collect()
}

/// The subjects under whom an identifier was sealed, each once; at most [`MOST_SUBJECTS`].
pub fn subjects_of(
    store: &dyn Keystore,
    index: &IndexKey,
    identifier: Identifier<'_>,
) -> Result<Vec<KeyId>, StoreError> {
    let rows = store.notes(Space::Index, &index.named(identifier), None, PAGE)?;
    let mut subjects: Vec<KeyId> =
        rows.iter().filter_map(|(key, value)| index.subject(identifier, key, value)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects.truncate(MOST_SUBJECTS);
    Ok(subjects)
}

/// Removes the entries of a subject up to a generation; how many.
pub fn forget_index(
    store: &dyn Keystore,
    index: &IndexKey,
    subject: &KeyId,
    through_generation: u32,
) -> Result<usize, StoreError> {
    let prefix = index.owned(subject);
    let (mut after, mut removed) = (None::<Vec<u8>>, 0);
    loop {
        let rows = store.notes(Space::Index, &prefix, after.as_deref(), PAGE)?;
        let mut gone = Vec::new();
        for (key, value) in &rows {
            let Some((generation, other)) = index.other_half(subject, key, value) else { continue };
            if generation <= through_generation {
                gone.extend([Note::remove(Space::Index, key.clone()), Note::remove(Space::Index, other)]);
            }
        }
        removed += gone.len() / 2;
        store.note(&gone)?;
        if rows.len() < PAGE {
            return Ok(removed);
        }
        after = rows.last().map(|(key, _)| key.clone());
    }
}
