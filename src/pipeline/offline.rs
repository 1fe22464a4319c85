//! Keys without a store: derived from one secret, for tests inside pipeline files and for `lethe scrub`.
//!
//! They can't be destroyed one by one: whoever has the secret opens everything. So nothing that runs on Kafka uses them.

use std::sync::Arc;

use ring::hmac;
use zeroize::Zeroizing;

use crate::keys::{DigestKey, KeyRequest, KeyRing, KeyState, SealingKeys, Secret};

/// One secret from which all keys come.
pub struct OfflineKeys(Secret);

impl OfflineKeys {
    /// From 32 secret bytes.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The digest key that belongs to this secret.
    pub fn digest_key(&self) -> DigestKey {
        DigestKey::new(&self.secret(b"digest", &[]))
    }

    /// A live key for each request.
    pub fn ring(&self, requests: &[KeyRequest]) -> KeyRing {
        let mut ring = KeyRing::new(0, 0);
        for request in requests {
            let subject = self.secret(b"subject", &request.id.0);
            let bucket = [request.bucket.class.as_bytes(), &request.bucket.index.to_be_bytes()].concat();
            let bucket = self.secret(b"bucket", &bucket);
            let keys = SealingKeys::derive(&subject, 1, &bucket);
            ring.insert(request.clone(), KeyState::Live(Arc::new(keys)));
        }
        ring
    }

    fn secret(&self, label: &[u8], of: &[u8]) -> Secret {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()));
        context.update(label);
        context.update(b"\0");
        context.update(of);
        let mut secret = Zeroizing::new([0; 32]);
        for (to, from) in secret.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        secret
    }
}
