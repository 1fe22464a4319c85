//! Who a key belongs to, without saying who: keyed digests of subject ids and record keys.
//!
//! The digest key is one per deployment and lives in the key store. Without it a digest says nothing; with it, whoever can
//! guess a subject id can confirm the guess: digests are pseudonyms, and stay personal data (GDPR Art. 4(5)).

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use super::IndexKey;
use crate::event::TenantId;

/// The key under which all keys of one subject are found: a keyed digest of tenant and subject id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

/// RFC 4648 base32, lower case, without padding: 16 bytes give 26 characters.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const REFERENCE: &str = "sub_";

impl KeyId {
    /// The form in which a subject appears outside: `sub_` and 26 characters of lower-case base32.
    pub fn reference(&self) -> String {
        let mut text = String::from(REFERENCE);
        base32(&self.0, &mut text);
        text
    }

    /// Reads [`KeyId::reference`] back; `None` where the text is anything else.
    pub fn from_reference(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(REFERENCE)?;
        if digits.len() != 26 {
            return None;
        }
        let mut bits = 0u128;
        for (index, digit) in digits.bytes().enumerate() {
            let value = BASE32.iter().position(|known| *known == digit)? as u128;
            // 26 digits carry 130 bits: the last two must be zero.
            if index == 25 {
                bits = bits << 3 | value >> 2;
                if value & 3 != 0 {
                    return None;
                }
            } else {
                bits = bits << 5 | value;
            }
        }
        Some(Self(bits.to_be_bytes()))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reference())
    }
}

fn base32(bytes: &[u8; 16], text: &mut String) {
    let bits = u128::from_be_bytes(*bytes);
    for index in 0..26u32 {
        let value = if index == 25 { bits << 2 } else { bits >> (123 - 5 * index) };
        text.push(BASE32.get((value & 31) as usize).map_or('a', |b| char::from(*b)));
    }
}

/// Turns subject ids and record keys into digests (HMAC-SHA256, RFC 2104, cut to 128 bits).
#[derive(Clone)]
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// From 32 secret bytes of the key store.
    pub fn new(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()))
    }

    /// The key id of a subject of a tenant. Lengths are part of the digest: no two pairs of ids run together.
    pub fn key_id(&self, tenant: &TenantId, subject: &[u8]) -> KeyId {
        KeyId(self.digest(b"lethe subject", &[tenant.as_str().as_bytes(), subject]))
    }

    /// The key id of a tenant itself: for tokens that must be equal across its subjects.
    pub fn tenant_key_id(&self, tenant: &TenantId) -> KeyId {
        KeyId(self.digest(b"lethe tenant", &[tenant.as_str().as_bytes()]))
    }

    /// The key id of a retention class: nothing is sealed under it, its fence says that the class was erased.
    pub fn class_key_id(&self, class: &str) -> KeyId {
        KeyId(self.digest(b"lethe retention class", &[class.as_bytes()]))
    }

    /// What stands for a record key that must not leave: `key_` and 26 characters of base32. Equal keys give equal text.
    pub fn record_key(&self, key: &[u8]) -> String {
        let mut text = String::from("key_");
        base32(&self.digest(b"lethe record key", &[key]), &mut text);
        text
    }

    /// An irreversible digest of a value for the `hash` treatment: 128 bits as hex, equal across a tenant.
    pub fn value_digest(&self, tenant: &str, kind: &str, value: &[u8]) -> String {
        let digest = self.digest(b"lethe value", &[tenant.as_bytes(), kind.as_bytes(), value]);
        digest.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The key of the blind index: a child of this one.
    pub fn index_key(&self) -> IndexKey {
        let tag = hmac::sign(&self.0, b"lethe index");
        IndexKey::new(tag.as_ref())
    }

    fn digest(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 16] {
        keyed(&self.0, label, parts)
    }
}

/// The first bytes, up to 32, of a keyed digest of parts. Their lengths are part of it: no two lists of parts run together.
pub(super) fn keyed<const N: usize>(key: &hmac::Key, label: &[u8], parts: &[&[u8]]) -> [u8; N] {
    let mut context = hmac::Context::with_key(key);
    context.update(label);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let tag = context.sign();
    let mut digest = [0; N];
    for (to, from) in digest.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    digest
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_pairs_of_ids_never_run_together() {
        let key = DigestKey::new(&Zeroizing::new([7; 32]));
        let id = |tenant: &str, subject: &str| key.key_id(&TenantId::new(tenant).unwrap(), subject.as_bytes());
        assert_ne!(id("ab", "c"), id("a", "bc"));
        assert_eq!(id("ab", "c"), id("ab", "c"));
    }

    proptest! {
        #[test]
        fn a_reference_names_exactly_one_key(bytes: [u8; 16]) {
            let id = KeyId(bytes);
            prop_assert_eq!(KeyId::from_reference(&id.reference()), Some(id));
            prop_assert_eq!(id.reference().len(), 30);
        }
    }

    #[test]
    fn what_is_not_a_reference_is_none() {
        for text in ["", "sub_", "sub_aaaaaaaaaaaaaaaaaaaaaaaaaz", "sub_AAAAAAAAAAAAAAAAAAAAAAAAAA", "u-17"] {
            assert_eq!(KeyId::from_reference(text), None, "{text}");
        }
    }
}
