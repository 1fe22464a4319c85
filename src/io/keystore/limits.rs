//! What was erased as a whole, as notes: a tenant through a time, a retention class through a bucket. Neither ever falls.
//!
//! ```text
//! space Limits   key: 't' ‖ tenant's key id (16)    value: erased through, i64 ms
//!                key: 'c' ‖ retention class         value: last bucket, u32
//! ```

use super::{Keystore, Note, Space, StoreError};
use crate::keys::{KeyId, Limits};

/// More limits than tenants and classes anybody has.
const MOST: usize = 1_000_000;

/// All limits that stand.
pub fn limits(store: &dyn Keystore) -> Result<Limits, StoreError> {
    let mut limits = Limits::default();
    for (key, value) in store.notes(Space::Limits, &[], None, MOST)? {
        match key.split_first() {
            Some((b't', id)) => {
                if let (Ok(id), Ok(through)) = (id.try_into(), value.as_slice().try_into()) {
                    limits.tenants.insert(KeyId(id), i64::from_be_bytes(through));
                }
            }
            Some((b'c', class)) => {
                if let (Ok(class), Ok(index)) = (std::str::from_utf8(class), value.as_slice().try_into()) {
                    limits.classes.insert(class.into(), u32::from_be_bytes(index));
                }
            }
            _ => {}
        }
    }
    Ok(limits)
}

/// A tenant's limit, no lower than the one that stands.
pub fn tenant_limit(standing: &Limits, tenant: &KeyId, through_ms: i64) -> Note {
    let through = standing.tenants.get(tenant).map_or(through_ms, |standing| through_ms.max(*standing));
    Note::put(Space::Limits, [b"t", tenant.0.as_slice()].concat(), through.to_be_bytes())
}

/// A class's limit, no lower than the one that stands.
pub fn class_limit(standing: &Limits, class: &str, index: u32) -> Note {
    let index = standing.classes.get(class).map_or(index, |standing| index.max(*standing));
    Note::put(Space::Limits, [b"c", class.as_bytes()].concat(), index.to_be_bytes())
}
