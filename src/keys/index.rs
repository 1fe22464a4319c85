//! The blind index: under which subjects an identifier (an e-mail address, a phone number, an account) was sealed, for whoever
//! knows the identifier and has the index key.
//!
//! ```text
//! index key = HMAC-SHA256(digest key, "lethe index")
//! name      = len-prefixed tenant ‖ kind ‖ normalised identifier
//! label     = PRF("label", name)                                   16 B
//! pair      = PRF("pair", name ‖ subject ‖ generation)             16 B, also the seal's synthetic nonce
//! owner     = PRF("owner", subject)                                16 B
//!
//! row 'e' ‖ label ‖ pair                 → (subject ‖ generation) ⊕ PRF("pad", name ‖ pair)          20 B
//! row 'o' ‖ owner ‖ generation ‖ pair    → label ⊕ PRF("back", subject ‖ pair)                       16 B
//! ```
//!
//! PRF is HMAC-SHA256 under the index key, cut. Without that key the rows are noise, even side by side. With it, an identifier
//! still has to be guessed: no row can be turned into one. A guess can be confirmed, in old copies of the store too, where rows
//! stand that an erasure has removed since: the index key outlives erasures. So this index is off unless a pipeline asks for it.

use std::fmt;

use ring::hmac;

use super::KeyId;
use super::identity::keyed;

/// Label or pair.
pub type Label = [u8; 16];

/// The key.
#[derive(Clone)]
pub struct IndexKey(hmac::Key);

/// One identifier of one subject, with the rows that stand for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// Tells this entry from all others.
    pub pair: Label,
    /// Leads from the identifier to the subject.
    pub forth: (Vec<u8>, Vec<u8>),
    /// Leads from the subject to the row before, so that an erasure finds it.
    pub back: (Vec<u8>, Vec<u8>),
}

/// An identifier as it is looked up.
#[derive(Clone, Copy)]
pub struct Identifier<'a> {
    /// Whose customer the subject is.
    pub tenant: &'a str,
    /// The kind's name.
    pub kind: &'a str,
    /// The value, normalised.
    pub value: &'a str,
}

impl IndexKey {
    /// From 32 secret bytes.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What tells the entry of an identifier and a subject's generation from all others: enough to know whether it stands.
    pub fn pair(&self, identifier: Identifier<'_>, subject: &KeyId, generation: u32) -> Label {
        let Identifier { tenant, kind, value } = identifier;
        let parts = [tenant.as_bytes(), kind.as_bytes(), value.as_bytes(), &subject.0, &generation.to_be_bytes()];
        self.prf(b"pair", &parts)
    }

    /// The entry.
    pub fn entry(&self, identifier: Identifier<'_>, subject: &KeyId, generation: u32) -> IndexEntry {
        let pair = self.pair(identifier, subject, generation);
        let label = self.label(identifier);
        let mut owner = [0; 20];
        let clear = subject.0.iter().chain(&generation.to_be_bytes()).copied().collect::<Vec<u8>>();
        let pad: [u8; 20] = self.pad(identifier, &pair);
        mix(&mut owner, &clear, &pad);
        let mut back = [0; 16];
        mix(&mut back, &label, &self.prf::<16>(b"back", &[&subject.0, &pair]));
        IndexEntry {
            pair,
            forth: ([b"e".as_slice(), &label, &pair].concat(), owner.to_vec()),
            back: ([&*self.owned(subject), &generation.to_be_bytes(), &pair].concat(), back.to_vec()),
        }
    }

    /// What the keys of all rows begin with that lead from an identifier.
    pub fn named(&self, identifier: Identifier<'_>) -> Vec<u8> {
        [b"e".as_slice(), &self.label(identifier)].concat()
    }

    /// The subject behind a row that [`IndexKey::named`] has found.
    pub fn subject(&self, identifier: Identifier<'_>, key: &[u8], value: &[u8]) -> Option<KeyId> {
        let pair: Label = key.last_chunk().copied()?;
        let mut clear = [0; 20];
        if value.len() != clear.len() {
            return None;
        }
        mix(&mut clear, value, &self.pad::<20>(identifier, &pair));
        let (id, generation) = clear.split_first_chunk::<16>()?;
        let (subject, generation) = (KeyId(*id), u32::from_be_bytes(generation.try_into().ok()?));
        // The pair is a digest of what it pads: a row that was altered or moved opens to nothing.
        (self.pair(identifier, &subject, generation) == pair).then_some(subject)
    }

    /// What the keys of all rows begin with that lead from a subject.
    pub fn owned(&self, subject: &KeyId) -> Vec<u8> {
        [b"o".as_slice(), &self.prf::<16>(b"owner", &[&subject.0])].concat()
    }

    /// The generation of a row that [`IndexKey::owned`] has found, and the key of its other half.
    pub fn other_half(&self, subject: &KeyId, key: &[u8], value: &[u8]) -> Option<(u32, Vec<u8>)> {
        let (head, pair) = key.split_last_chunk::<16>()?;
        let generation = u32::from_be_bytes(*head.last_chunk()?);
        let mut label = [0; 16];
        if value.len() != label.len() {
            return None;
        }
        mix(&mut label, value, &self.prf::<16>(b"back", &[&subject.0, pair]));
        Some((generation, [b"e".as_slice(), &label, pair].concat()))
    }

    fn label(&self, identifier: Identifier<'_>) -> Label {
        let Identifier { tenant, kind, value } = identifier;
        self.prf(b"label", &[tenant.as_bytes(), kind.as_bytes(), value.as_bytes()])
    }

    fn pad<const N: usize>(&self, identifier: Identifier<'_>, pair: &Label) -> [u8; N] {
        let Identifier { tenant, kind, value } = identifier;
        self.prf(b"pad", &[tenant.as_bytes(), kind.as_bytes(), value.as_bytes(), pair])
    }

    fn prf<const N: usize>(&self, label: &[u8], parts: &[&[u8]]) -> [u8; N] {
        keyed(&self.0, label, parts)
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey")
    }
}

fn mix(to: &mut [u8], from: &[u8], pad: &[u8]) {
    for ((to, from), pad) in to.iter_mut().zip(from).zip(pad) {
        *to = from ^ pad;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::DigestKey;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    fn key(seed: u8) -> IndexKey {
        DigestKey::new(&Zeroizing::new([seed; 32])).index_key()
    }

    proptest! {
        #[test]
        fn an_identifier_leads_to_its_subjects_and_a_subject_to_its_rows(
            values in ("[a-z]{1,9}", "[a-z]{1,9}"), subject: [u8; 16], generation: u32,
        ) {
            let (index, subject) = (key(7), KeyId(subject));
            let named = |value| Identifier { tenant: "acme", kind: "EMAIL", value };
            let entry = index.entry(named(&values.0), &subject, generation);
            let (row, sealed) = &entry.forth;
            prop_assert!(row.starts_with(&index.named(named(&values.0))));
            prop_assert_eq!(index.subject(named(&values.0), row, sealed), Some(subject));
            let (back, label) = &entry.back;
            prop_assert!(back.starts_with(&index.owned(&subject)));
            prop_assert_eq!(index.other_half(&subject, back, label), Some((generation, row.clone())));
            // Not by another's name, tenant or kind, and not with another key.
            if values.0 != values.1 {
                prop_assert_eq!(index.subject(named(&values.1), row, sealed), None);
            }
            let elsewhere = Identifier { tenant: "other", ..named(&values.0) };
            prop_assert_ne!(index.named(elsewhere), index.named(named(&values.0)));
            prop_assert_eq!(key(8).subject(named(&values.0), row, sealed), None);
            prop_assert_ne!(key(8).named(named(&values.0)), index.named(named(&values.0)));
        }
    }

    #[test]
    fn rows_side_by_side_show_who_they_belong_to() {
        let index = key(7);
        let (subject, email) = (KeyId([9; 16]), Identifier { tenant: "acme", kind: "EMAIL", value: "ada@example.org" });
        let entry = index.entry(email, &subject, 1);
        let all = [&entry.forth.0, &entry.forth.1, &entry.back.0, &entry.back.1].map(Vec::clone).concat();
        assert!(!all.windows(16).any(|window| window == subject.0), "the subject's id stands in the rows");
        // The two halves share the pair alone, which is a digest: neither label nor owner stands in the other.
        let (label, owner) = (&entry.forth.0[1..17], &entry.back.0[1..17]);
        let other =
            |row: &(Vec<u8>, Vec<u8>), what: &[u8]| [&row.0[..], &row.1].concat().windows(16).any(|w| w == what);
        assert!(!other(&entry.back, label) && !other(&entry.forth, owner));
    }
}
