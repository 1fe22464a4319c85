//! The key that signs receipts: Ed25519 (RFC 8032), made from a seed that lives in the key tree.

use std::fmt;

use ring::signature::{self, Ed25519KeyPair, KeyPair};

use super::Secret;

/// Signs; its public half verifies offline.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// From 32 secret bytes of the key store.
    pub fn new(seed: &Secret) -> Self {
        #[expect(clippy::expect_used, reason = "any 32 bytes are an Ed25519 seed")]
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("32 bytes"))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        for (to, from) in signature.iter_mut().zip(self.0.sign(message).as_ref()) {
            *to = *from;
        }
        signature
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        let mut public = [0; 32];
        for (to, from) in public.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        public
    }

    /// Whether `signature` is over `message` by the holder of `public_key`.
    pub fn verify(public_key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
        signature::UnparsedPublicKey::new(&signature::ED25519, public_key).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn a_signature_holds_for_its_message_and_its_signer_alone() {
        let (ours, theirs) = (SigningKey::new(&Zeroizing::new([1; 32])), SigningKey::new(&Zeroizing::new([2; 32])));
        let signature = ours.sign(b"forgotten");
        assert!(SigningKey::verify(&ours.public_key(), b"forgotten", &signature));
        assert!(!SigningKey::verify(&ours.public_key(), b"forgiven", &signature));
        assert!(!SigningKey::verify(&theirs.public_key(), b"forgotten", &signature));
    }
}
