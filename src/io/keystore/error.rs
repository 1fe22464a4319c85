//! What can go wrong with a key store, each with what to do. None of it moves an offset: the batch is taken again.

use std::io;
use std::path::{Path, PathBuf};

use crate::io::kms::KeeperError;
use crate::io::steps::Stopped;
use crate::keys::{Damaged, KeyId, RootId};

/// A key store's failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error(
        "key store `{0}` is in use by another process\nhelp: stop that process; the embedded store serves one at a time, more workers fit into one process"
    )]
    Locked(PathBuf),
    /// It hangs from a root that was destroyed since: an old backup.
    #[error(
        "key store hangs from root `{root}`, which was destroyed when a later epoch took its place: this is an old copy\nhelp: use the current store, which hangs from `{current}`; an old copy can't be opened, so that what was erased since stays erased"
    )]
    OldCopy {
        /// The root it hangs from.
        root: RootId,
        /// The root that the keeper holds for the same deployment.
        current: RootId,
    },
    /// The keeper holds roots of other deployments only.
    #[error(
        "key store of deployment `{deployment}` hangs from root `{root}`, and the root keeper holds only roots of other deployments\nhelp: point `root.path` to the keeper that belongs to this store"
    )]
    ForeignKeeper {
        /// The root it hangs from.
        root: RootId,
        /// Whose store it is.
        deployment: String,
    },
    /// The keeper holds nothing.
    #[error(
        "key store hangs from root `{0}`, and the root keeper holds no root at all\nhelp: put the root back or point `root.path` to where it is; if it is lost, every key in this store is lost, as after an erasure: move the store away to begin anew"
    )]
    RootMissing(RootId),
    /// The folder is empty, the keeper is not.
    #[error(
        "key store `{folder}` is empty, but the root keeper holds root `{root}` of deployment `{deployment}`\nhelp: point `store` to the folder that belongs to it; to begin anew, give the new store a root folder of its own"
    )]
    Orphan {
        /// The empty folder.
        folder: PathBuf,
        /// The root.
        root: RootId,
        /// Whose root it is.
        deployment: String,
    },
    /// The keeper refused.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// A root is still there after it was destroyed.
    #[error(
        "the root keeper still holds root `{0}` after destroying it\nhelp: nothing was reported as erased; check who else writes there, then repeat the erasure"
    )]
    Lingers(RootId),
    /// The disk is full.
    #[error(
        "no space left for key store `{0}`\nhelp: free some space on that disk, then start again; the store goes on from its last durable commit"
    )]
    Full(PathBuf),
    /// A row does not decode or does not open.
    #[error(
        "key store is damaged: {0}\nhelp: check the disk; put back a copy that was made while the root was the same"
    )]
    Damaged(#[from] Damaged),
    /// The folder's files don't fit together.
    #[error(
        "key store `{folder}` is damaged or incomplete ({what})\nhelp: copy the whole folder, and only while lethe is stopped"
    )]
    Incomplete {
        /// Where.
        folder: PathBuf,
        /// What the storage engine said.
        what: String,
    },
    /// Something is already where a backup is to go.
    #[error(
        "`{0}` holds something that is not a backup of this store\nhelp: name a new folder, or the one of an earlier backup of the same store"
    )]
    Occupied(PathBuf),
    /// There is none.
    #[error("no key store lies in `{0}`\nhelp: check `store.path`; `lethe run` makes one at its first start")]
    Absent(PathBuf),
    /// The operating system refused.
    #[error("can't use key store `{folder}`: {source}\nhelp: {}", crate::io::kms::remedy(source))]
    Io {
        /// Where.
        folder: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// An earlier commit failed half-way.
    #[error(
        "key store can't go on after a write that failed\nhelp: start lethe again: the store goes on from its last durable commit"
    )]
    Broken,
    /// This kind of store can't do that.
    #[error("this key store has no {what}\nhelp: {help}")]
    Unsupported {
        /// What it has not.
        what: &'static str,
        /// What to do instead.
        help: &'static str,
    },
    /// A destruction without the fence that must come first.
    #[error("subject `{}` has no fence\nhelp: fence it before its keys are destroyed, else a new key could be made meanwhile", .0.reference())]
    Unfenced(KeyId),
    /// A test stopped here.
    #[error("stopped at `{0}`")]
    Stopped(&'static str),
}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped.0)
    }
}

impl StoreError {
    /// Whether no retry of this process can help: a person, or a restart, must.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Locked(_)
            | Self::OldCopy { .. }
            | Self::ForeignKeeper { .. }
            | Self::RootMissing(_)
            | Self::Orphan { .. }
            | Self::Absent(_)
            | Self::Occupied(_)
            | Self::Damaged(_)
            | Self::Incomplete { .. }
            | Self::Broken => true,
            Self::Keeper(_)
            | Self::Lingers(_)
            | Self::Full(_)
            | Self::Io { .. }
            | Self::Unsupported { .. }
            | Self::Unfenced(_)
            | Self::Stopped(_) => false,
        }
    }

    /// A stable code for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked(_) => "locked",
            Self::OldCopy { .. } => "old_copy",
            Self::ForeignKeeper { .. } => "foreign_keeper",
            Self::RootMissing(_) => "root_missing",
            Self::Orphan { .. } => "orphan",
            Self::Occupied(_) => "occupied",
            Self::Absent(_) => "absent",
            Self::Keeper(_) => "root_keeper",
            Self::Lingers(_) => "root_lingers",
            Self::Full(_) => "disk_full",
            Self::Damaged(_) => "damaged",
            Self::Incomplete { .. } => "incomplete",
            Self::Io { .. } => "io",
            Self::Broken => "broken",
            Self::Unsupported { .. } => "unsupported",
            Self::Unfenced(_) => "unfenced",
            Self::Stopped(_) => "stopped",
        }
    }

    /// What the storage engine's error means here.
    pub(super) fn from_engine(folder: &Path) -> impl Fn(fjall::Error) -> Self {
        move |error| match error {
            fjall::Error::Locked => Self::Locked(folder.to_owned()),
            fjall::Error::Poisoned => Self::Broken,
            fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(folder.to_owned()),
                _ => Self::Io { folder: folder.to_owned(), source },
            },
            // The engine's other errors name files and offsets, never contents.
            other => Self::Incomplete { folder: folder.to_owned(), what: other.to_string() },
        }
    }
}
