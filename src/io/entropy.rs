//! The only place that draws randomness: the operating system's generator, in blocks of 32 KiB (77 ns a secret instead of 315).

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, Zeroizing};

use crate::keys::Secret;

const BLOCK_BYTES: usize = 32 * 1024;

/// Draws secrets. What was drawn is wiped from the block.
pub struct Entropy {
    source: SystemRandom,
    block: Zeroizing<Vec<u8>>,
    used: usize,
}

impl Entropy {
    /// Draws nothing yet.
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the place that draws randomness")]
        let source = SystemRandom::new();
        Self { source, block: Zeroizing::new(vec![0; BLOCK_BYTES]), used: BLOCK_BYTES }
    }

    /// The next 32 random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness: nothing that protects anyone can go on then.
    pub fn secret(&mut self) -> Secret {
        if self.used + 32 > self.block.len() {
            #[expect(clippy::expect_used, reason = "without randomness there is no key, and no safe way on")]
            self.source.fill(self.block.as_mut_slice()).expect("the operating system's generator works");
            self.used = 0;
        }
        let mut secret = Zeroizing::new([0; 32]);
        if let Some(drawn) = self.block.get_mut(self.used..self.used + 32) {
            secret.copy_from_slice(drawn);
            drawn.zeroize();
        }
        self.used += 32;
        secret
    }

    /// 16 random bytes.
    pub fn id(&mut self) -> [u8; 16] {
        let secret = self.secret();
        let mut id = [0; 16];
        id.iter_mut().zip(secret.iter()).for_each(|(to, from)| *to = *from);
        id
    }
}

impl Default for Entropy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_secret_is_drawn_twice_and_what_was_drawn_is_wiped() {
        let mut entropy = Entropy::new();
        let drawn: HashSet<[u8; 32]> = (0..3_000).map(|_| *entropy.secret()).collect();
        assert_eq!(drawn.len(), 3_000);
        assert!(!drawn.contains(&[0; 32]));
        assert!(entropy.block[..entropy.used].iter().all(|byte| *byte == 0));
    }
}
