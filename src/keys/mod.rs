//! What a key is: hierarchy, envelope, ring, fence, and what it means to be destroyed. It stores nothing.
//!
//! ```text
//! root (root keeper) → top → mid → page (some hundred subjects) → subject key ─┐
//!                        └→ bucket page → retention bucket secret ─────────────┴→ HKDF → sealing, nonce, token, commitment keys
//! ```
//!
//! Every edge is a sealed key. Erasing re-keys the page and the path above it under a new root and destroys the old root:
//! [`turn`] says what to write for that, [`grow`] what to write for new subjects, [`access`] who may have a key at all.

mod access;
mod grow;
mod identity;
mod index;
mod ring;
pub mod rows;
mod sealing;
mod signing;
mod tree;
mod turn;

pub use access::{Access, Standing, access};
pub use grow::{Grown, Newcomer, grow, overfull};
pub use identity::{DigestKey, KeyId};
pub use index::{Identifier, IndexEntry, IndexKey, Label};
pub use ring::{BucketId, Fence, Grant, KeyRequest, KeyRing, KeyState, Limits};
pub use rows::{Crown, Damaged, DeploymentId, RootId};
pub use sealing::{
    COMMITMENT_BYTES, Edge, Fingerprint, OVERHEAD_BYTES, SEALED_SECRET_BYTES, SealedSecret, SealingKeys, Secret,
    Unopened, unwrap, wrap,
};
pub use signing::SigningKey;
pub use tree::{Draw, Mid, Page, PageRows, Patch, Stored, Tree};
pub use turn::{Sentence, Turned, turn};
