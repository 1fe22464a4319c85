//! Rotation, slice by slice: each slice is an epoch of its own, durable before the next begins, and what is left to do stands
//! in the store. So it can stop anywhere and go on later, and the stream goes on between two slices.
//!
//! What each part means: the *root* and the key under it; the *pages* and mids, that is every key between the root and the
//! subjects' keys; the key above all *buckets*; the key that *signs* receipts. Subjects' keys and bucket secrets themselves stay: what
//! they sealed must open. They change by time: each bucket has its own secret, and with it other sealing and token keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::order::UpkeepError;
use crate::io::keystore::{Keystore, Renewal, StoreError};
use crate::keys::KeyId;

/// Under which name the store remembers what is left to do. Requests' names have a line feed in them, so none is like it.
const PLAN: &str = "rotation";
/// Pages a slice: some tens of milliseconds in which no new key is made.
const SLICE_PAGES: usize = 64;

/// What can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The key that signs receipts.
    Signing,
    /// The key above all bucket secrets.
    Buckets,
    /// All mids and pages.
    Pages,
    /// The root and the key under it; every other part does that, too.
    Root,
}

impl Part {
    /// All of them, in the order in which they are rotated.
    pub const ALL: [Self; 4] = [Self::Signing, Self::Buckets, Self::Pages, Self::Root];
}

/// What is left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    left: Vec<Part>,
    done: Vec<Part>,
    /// The page with which to go on, as a subject's reference.
    next: Option<String>,
    pages_done: usize,
    epochs: u64,
    began_ms: i64,
}

/// A rotation on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    plan: Plan,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What this step rotated.
    pub part: Part,
    /// Pages that have their new key.
    pub pages_done: usize,
    /// All pages.
    pub pages: usize,
    /// The epoch that did it.
    pub epoch: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Pages => write!(f, "pages: {} of {} (epoch {})", self.pages_done, self.pages, self.epoch),
            Part::Root => write!(f, "root: done (epoch {})", self.epoch),
            Part::Buckets => write!(f, "buckets: done (epoch {})", self.epoch),
            Part::Signing => write!(f, "signing: done (epoch {})", self.epoch),
        }
    }
}

impl Rotation {
    /// What was interrupted, if anything was.
    pub fn resume(store: &dyn Keystore) -> Result<Option<Self>, StoreError> {
        let plan: Option<Plan> = store.recall(PLAN)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(plan.filter(|plan| !plan.left.is_empty()).map(|plan| Self { plan }))
    }

    /// Begins, or joins what was interrupted. Nothing is rotated yet, but what is to be is durable.
    pub fn begin(store: &dyn Keystore, parts: &[Part], now_ms: i64) -> Result<Self, UpkeepError> {
        let mut rotation = match Self::resume(store)? {
            Some(rotation) => rotation,
            None if parts.is_empty() => return Err(UpkeepError::NothingToResume),
            None => Self {
                plan: Plan {
                    left: Vec::new(),
                    done: Vec::new(),
                    next: None,
                    pages_done: 0,
                    epochs: 0,
                    began_ms: now_ms,
                },
            },
        };
        let plan = &mut rotation.plan;
        plan.left = Part::ALL.into_iter().filter(|part| parts.contains(part) || plan.left.contains(part)).collect();
        rotation.remember(store)?;
        Ok(rotation)
    }

    fn remember(&self, store: &dyn Keystore) -> Result<(), StoreError> {
        store.remember(PLAN, &serde_json::to_vec(&self.plan).unwrap_or_default(), true)
    }

    /// One slice; `None` when nothing is left. After an error the same step is due again, and doing it twice does no harm.
    pub fn step(&mut self, store: &dyn Keystore) -> Result<Option<Progress>, StoreError> {
        let Some(part) = self.plan.left.first().copied() else { return Ok(None) };
        let mut finished = true;
        let epoch = match part {
            Part::Signing => Some(store.renew(Renewal::Signing)?.0),
            Part::Buckets => Some(store.renew(Renewal::Buckets)?.0),
            Part::Pages => {
                let from = self.plan.next.as_deref().and_then(KeyId::from_reference);
                let rotated = store.rotate(from, SLICE_PAGES)?;
                self.plan.pages_done += rotated.pages;
                self.plan.next = rotated.next.map(|id| id.reference());
                finished = rotated.next.is_none();
                Some(rotated.epoch.0)
            }
            // Each of the others has made a new root.
            Part::Root if self.plan.epochs == 0 => Some(store.renew(Renewal::Root)?.0),
            Part::Root => None,
        };
        self.plan.epochs += u64::from(epoch.is_some());
        if finished {
            self.plan.left.remove(0);
            self.plan.done.push(part);
        }
        self.remember(store)?;
        let status = store.status()?;
        let (pages, epoch) = (status.pages, epoch.unwrap_or(status.epoch));
        Ok(Some(Progress { part, pages_done: self.plan.pages_done, pages, epoch }))
    }

    /// What is left, and what is done.
    pub fn summary(&self) -> Value {
        let Plan { left, done, pages_done, epochs, .. } = &self.plan;
        json!({ "left": left, "done": done, "pages": pages_done, "epochs": epochs })
    }
}
