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
    /// The database server does not answer.
    #[error(
        "key store `{server}` can't be reached: {what}\nhelp: check that PostgreSQL runs and that this machine reaches it; lethe goes on by itself as soon as it answers"
    )]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// What went wrong, without anything of the connection string.
        what: String,
    },
    /// The database server does not let this user do what it must.
    #[error(
        "key store `{server}` refuses lethe: {what}\nhelp: check user, password, database and `sslmode` in the connection string; the user needs `CREATE` on its schema for the first start, and the tables afterwards"
    )]
    Refused {
        /// Host, port and database.
        server: String,
        /// What the server said.
        what: String,
    },
    /// The server can only be read.
    #[error(
        "key store `{0}` can only be read: it is a standby\nhelp: name the primary in the connection string, or all servers and `target_session_attrs=read-write`"
    )]
    Standby(String),
    /// Somebody else holds a lock for too long.
    #[error(
        "key store `{0}` was held up by another process for too long\nhelp: nothing was changed, and it is tried again; if this goes on, look for a long epoch or an idle transaction in `pg_stat_activity`"
    )]
    Busy(String),
    /// The server failed in another way.
    #[error("key store `{server}` fails: {what}\nhelp: look into PostgreSQL's log; it is tried again")]
    Server {
        /// Host, port and database.
        server: String,
        /// What it said.
        what: String,
    },
    /// The connection string can't be used.
    #[error(
        "connection string of the key store: {0}\nhelp: write `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require` into the file or variable"
    )]
    Connection(String),
    /// The tables were made by a later version.
    #[error(
        "key store `{server}` has schema version {found}, and this lethe knows {known}\nhelp: start the newer lethe that made it; a schema is never taken back"
    )]
    Newer {
        /// Host, port and database.
        server: String,
        /// What stands there.
        found: i32,
        /// What this program knows.
        known: i32,
    },
    /// Another deployment's rows stand where ours stood.
    #[error(
        "key store `{server}` belongs to deployment `{found}` now, and this process serves `{ours}`\nhelp: point `store` to the right database, then start lethe again"
    )]
    OtherDeployment {
        /// Host, port and database.
        server: String,
        /// Whose it is now.
        found: String,
        /// Whose it was.
        ours: String,
    },
    /// The server lost what it had confirmed.
    #[error(
        "key store `{server}` stands at change {found}, and had confirmed change {seen} before\nhelp: this server lags behind the one that failed; keys may be missing from it. Bring the other back, or start lethe again to go on from here; replicate synchronously, so that a fail-over loses nothing"
    )]
    WentBack {
        /// Host, port and database.
        server: String,
        /// Where it stands.
        found: u64,
        /// Where it stood.
        seen: u64,
    },
    /// It lives elsewhere now.
    #[error(
        "key store `{store}` was migrated to `{to}`\nhelp: point `store` there; this one is kept for you to delete, and its rows die with the next epoch"
    )]
    Moved {
        /// The old one.
        store: String,
        /// The new one.
        to: String,
    },
    /// A migration into it was interrupted.
    #[error(
        "a migration into key store `{0}` was not finished\nhelp: repeat `lethe keys migrate` with the same two settings files: it goes on where it stopped"
    )]
    HalfMigrated(String),
    /// There is nothing to migrate.
    #[error("key store `{0}` holds nothing\nhelp: name the store that is in use; a new one needs no migration")]
    Empty(String),
    /// A migration would mix two stores.
    #[error(
        "key store `{0}` is not empty\nhelp: migrate into an empty folder or database; nothing is ever overwritten"
    )]
    Filled(String),
    /// Somebody works on it.
    #[error(
        "key store `{0}` is in use by another process\nhelp: stop every `lethe` that uses it, then repeat the migration"
    )]
    InUse(String),
    /// The source was worked on since the migration was begun.
    #[error(
        "key store `{0}` holds the beginning of a migration from another state of the source\nhelp: empty it, then migrate again, with the source at rest"
    )]
    Changed(String),
    /// This program was built without that kind of store.
    #[error("this lethe was built without `{0}`\nhelp: install one that has it: `cargo install lethe --features {0}`")]
    NotBuilt(&'static str),
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
            | Self::Connection(_)
            | Self::NotBuilt(_)
            | Self::Moved { .. }
            | Self::HalfMigrated(_)
            | Self::Empty(_)
            | Self::Filled(_)
            | Self::InUse(_)
            | Self::Changed(_)
            | Self::Newer { .. }
            | Self::OtherDeployment { .. }
            | Self::WentBack { .. }
            | Self::Broken => true,
            Self::Keeper(_)
            | Self::Lingers(_)
            | Self::Full(_)
            | Self::Io { .. }
            | Self::Unsupported { .. }
            | Self::Unfenced(_)
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Standby(_)
            | Self::Busy(_)
            | Self::Server { .. }
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
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Standby(_) => "standby",
            Self::Busy(_) => "busy",
            Self::Server { .. } => "server",
            Self::Connection(_) => "connection_string",
            Self::NotBuilt(_) => "not_built",
            Self::Moved { .. } => "moved",
            Self::HalfMigrated(_) => "half_migrated",
            Self::Empty(_) => "empty",
            Self::Filled(_) => "filled",
            Self::InUse(_) => "in_use",
            Self::Changed(_) => "changed",
            Self::Newer { .. } => "newer_schema",
            Self::OtherDeployment { .. } => "other_deployment",
            Self::WentBack { .. } => "went_back",
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
