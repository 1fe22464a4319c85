//! The public halves of all keys that ever signed receipts, and when each did: so that a receipt can be checked long after.
//!
//! ```text
//! table Meta   key: "signers"    absent while the first key signs
//!    0  public key (32), from i64, until i64: ms since the Unix epoch, repeated, oldest first
//!       from is i64::MIN for the first key, until is i64::MIN for the one that signs now
//! ```

use super::{Damaged, Reader, Table, Write};

/// One signing key's public half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Ed25519 (RFC 8032).
    pub public_key: [u8; 32],
    /// Since when it signs; `None`: since the store was made.
    pub from_ms: Option<i64>,
    /// Until when it signed; `None`: it still does.
    pub until_ms: Option<i64>,
}

/// The row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignersRow(pub Vec<Signer>);

impl SignersRow {
    /// Key of the row in [`Table::Meta`].
    pub const KEY: &'static [u8] = b"signers";

    /// The only key that ever signed.
    pub fn first(public_key: [u8; 32]) -> Self {
        Self(vec![Signer { public_key, from_ms: None, until_ms: None }])
    }

    /// Another key signs from now on.
    #[must_use]
    pub fn followed_by(mut self, public_key: [u8; 32], now_ms: i64) -> Self {
        if let Some(last) = self.0.last_mut() {
            // A clock that was set back must not make a key's time end before it began.
            last.until_ms = Some(last.from_ms.map_or(now_ms, |from| from.max(now_ms)));
        }
        let from_ms = self.0.last().and_then(|last| last.until_ms).or(Some(now_ms));
        self.0.push(Signer { public_key, from_ms, until_ms: None });
        self
    }

    /// The change that stores it.
    pub fn write(&self) -> Write {
        let mut row = Vec::with_capacity(self.0.len() * 48);
        for signer in &self.0 {
            row.extend_from_slice(&signer.public_key);
            for time in [signer.from_ms, signer.until_ms] {
                row.extend_from_slice(&time.unwrap_or(i64::MIN).to_be_bytes());
            }
        }
        Write::put(Table::Meta, Self::KEY, row)
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader(bytes);
        let mut signers = Vec::new();
        let time = |ms: i64| (ms != i64::MIN).then_some(ms);
        while let Some(public_key) = reader.bytes() {
            let (from, until) = reader.i64().zip(reader.i64()).ok_or(Damaged(Table::Meta))?;
            signers.push(Signer { public_key, from_ms: time(from), until_ms: time(until) });
        }
        reader.end(Self(signers)).ok_or(Damaged(Table::Meta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_read_back_as_written_and_no_key_signs_while_another_does(
            times in prop::collection::vec(-9i64..1_000, 0..6),
        ) {
            let mut row = SignersRow::first([0; 32]);
            for (index, now_ms) in times.iter().enumerate() {
                row = row.followed_by([index as u8 + 1; 32], *now_ms);
            }
            let bytes = row.write().value.unwrap();
            prop_assert_eq!(SignersRow::decode(&bytes), Ok(row.clone()));
            prop_assert!(SignersRow::decode(&bytes[1..]).is_err());
            prop_assert_eq!(row.0.iter().filter(|signer| signer.until_ms.is_none()).count(), 1);
            for pair in row.0.windows(2) {
                prop_assert!(pair[0].until_ms == pair[1].from_ms && pair[0].from_ms <= pair[0].until_ms);
            }
        }
    }
}
