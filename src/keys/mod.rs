//! What a key is: hierarchy, envelope, ring, fence, and what it means to be destroyed. It stores nothing.
//!
//! ```text
//! root (root keeper) → top → mid → page (about 256 subjects) → subject key ─┐
//!                        └→ bucket page → retention bucket secret ──────────┴→ HKDF → sealing, nonce, token, commitment keys
//! ```
//!
//! Every edge is a sealed key. Erasing re-keys the page and the path above it under a new root and destroys the old root.

mod identity;
mod ring;
mod sealing;

pub use identity::{DigestKey, KeyId};
pub use ring::{BucketId, Fence, Grant, KeyRequest, KeyRing, KeyState};
pub use sealing::{COMMITMENT_BYTES, OVERHEAD_BYTES, SealingKeys, Secret, Unopened, unwrap, wrap};
