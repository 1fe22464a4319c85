//! What can be asked of whoever has the key store open.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rotation::{Part, Rotation};
use super::status::status;
use crate::erasure::KeyHistory;
use crate::io::clock::Clock;
use crate::io::keystore::{Keystore, StoreError};
use crate::policy::Horizon;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Say what stands in the store.
    Status,
    /// Say which keys have signed receipts.
    History,
    /// Rotate these parts; none: go on with a rotation that was interrupted.
    Rotate(Vec<Part>),
    /// Copy the store, or bring an earlier copy up to date.
    Backup(PathBuf),
}

/// An answer: one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// How far it has come.
    Progress(String),
    /// It is done.
    Done(Value),
    /// It went wrong.
    Failed(String),
}

/// What orders are carried out on.
#[derive(Clone)]
pub struct Premises {
    /// The store.
    pub store: Arc<dyn Keystore>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long each retention class is kept.
    pub horizon: Horizon,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The key store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Nothing was named, and nothing waits to be gone on with.
    #[error(
        "no rotation was interrupted\nhelp: name what is to be rotated: `--all`, or some of `--root --pages --buckets --signing`"
    )]
    NothingToResume,
    /// The service that has the store open can't be asked.
    #[error(
        "the key store is in use, and its process can't be asked through `{socket}`: {why}\nhelp: ask as the user that runs lethe, or stop the service first"
    )]
    Unreachable {
        /// Its socket.
        socket: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The service said so.
    #[error("{0}")]
    Refused(String),
    /// A backup and the place where it is to go don't fit.
    #[error("{0}")]
    Backup(String),
}

/// Carries an order out, here and now; `tell` hears how far it has come.
pub fn carry_out(order: &Order, on: &Premises, tell: &mut dyn FnMut(String)) -> Result<Value, UpkeepError> {
    match order {
        Order::Status => Ok(serde_json::to_value(status(on)?).unwrap_or_default()),
        Order::History => Ok(serde_json::to_value(history(&*on.store)?).unwrap_or_default()),
        Order::Rotate(parts) => {
            let mut rotation = Rotation::begin(&*on.store, parts, on.clock.wall_ms())?;
            while let Some(progress) = rotation.step(&*on.store)? {
                tell(progress.to_string());
            }
            Ok(rotation.summary())
        }
        Order::Backup(to) => {
            let before = on.store.status()?;
            tell(format!("copying {} subjects", before.subjects));
            super::backup::take(&*on.store, to)
        }
    }
}

/// The history of signing keys, as it is published.
pub fn history(store: &dyn Keystore) -> Result<KeyHistory, StoreError> {
    Ok(KeyHistory::new(&store.status()?.deployment, &store.signers()?))
}
