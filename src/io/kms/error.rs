//! What can go wrong with a root keeper, each with what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::keys::RootId;

/// A root keeper's failure. Nothing was sealed, opened or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The root isn't there.
    #[error("the root keeper holds no root `{0}`\nhelp: it was destroyed, or this is not the keeper that made it")]
    Missing(RootId),
    /// The root is there and does not open what is said to be sealed under it.
    #[error(
        "root `{0}` does not open what hangs from it\nhelp: its file was altered or replaced; put the right one back"
    )]
    Wrong(RootId),
    /// A root's file is not one.
    #[error("`{0}` is not a root file\nhelp: it was altered or cut short; put the right one back")]
    Damaged(PathBuf),
    /// Others may read the roots.
    #[error(
        "`{path}` may be read or written by others than its owner (mode {mode:03o})\nhelp: `chmod {wanted:o} {path}`"
    )]
    Exposed {
        /// Folder or file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// Another process has the folder open.
    #[error(
        "root folder `{0}` is in use by another process\nhelp: stop it first, or give each deployment a root folder of its own"
    )]
    Locked(PathBuf),
    /// The operating system refused.
    #[error("can't {action} `{path}`: {source}\nhelp: {}", remedy(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// This build has no such keeper.
    #[error(
        "this lethe was built without the root keeper `{provider}`\nhelp: build it with `--features {feature}`, or choose another `root.kind`"
    )]
    NotBuilt {
        /// Which.
        provider: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The PIN or token can't be read.
    #[error(
        "the secret of root keeper `{provider}` can't be read: {why}\nhelp: put it there, readable for the user that runs lethe alone"
    )]
    Secret {
        /// Whose.
        provider: &'static str,
        /// Where, and what is wrong; never the secret.
        why: String,
    },
    /// It says no.
    #[error(
        "root keeper `{provider}` refuses to {action}: {why}\nhelp: give lethe's identity the rights that docs/root-keepers.md lists; nothing was lost, and what waits is taken up again"
    )]
    Denied {
        /// Who.
        provider: &'static str,
        /// What was tried.
        action: &'static str,
        /// What it said.
        why: String,
    },
    /// It can't be reached, or doesn't answer in time.
    #[error(
        "root keeper `{provider}` can't be reached to {action}: {why}\nhelp: bring it back; nothing was lost, and what waits is taken up again"
    )]
    Down {
        /// Who.
        provider: &'static str,
        /// What was tried.
        action: &'static str,
        /// What happened.
        why: String,
    },
    /// It answers in a way that makes no sense here.
    #[error("root keeper `{provider}` failed to {action}: {why}\nhelp: check its log and its version")]
    Failed {
        /// Who.
        provider: &'static str,
        /// What was tried.
        action: &'static str,
        /// What it said.
        why: String,
    },
    /// It says that it has destroyed a root, and still holds it.
    #[error(
        "root keeper `{provider}` still holds root `{root}` after destroying it\nhelp: nothing was reported as erased; look at the key there"
    )]
    Lingers {
        /// Who.
        provider: &'static str,
        /// Which.
        root: RootId,
    },
    /// A test stopped here.
    #[error("stopped at `{0}`")]
    Stopped(&'static str),
}

impl KeeperError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// What to do about an error of the operating system.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on that disk, then start again",
        io::ErrorKind::PermissionDenied => "let the user that runs lethe read and write it",
        io::ErrorKind::NotFound => "check the path, and that its disk is mounted",
        io::ErrorKind::ReadOnlyFilesystem => "mount that disk for writing",
        _ => "check the disk and the system log",
    }
}
