//! Copies of an embedded store: taken while it works, brought up to date, and looked into without any root.
//!
//! A copy holds no root. It opens with the root that the store hung from when it was taken, and no more once an epoch has
//! replaced that root: whoever puts it back can't open what was erased since, nor anything else. So a copy is brought up to
//! date after each epoch; the only backup of the roots themselves is not to lose them.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::embedded::EmbeddedStore;
use super::epoch::{epoch_row, key_id};
use super::shelf::Shelf;
use crate::io::steps::Steps;
use crate::keys::rows::{EpochRow, Table, Tally, TopRow};
use crate::keys::{Damaged, DeploymentId, KeyId, RootId};

/// Memory for blocks of a copy's files.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

impl EmbeddedStore {
    /// Copies the store as it stands at this moment into a folder, while it goes on working; or brings an earlier copy there up
    /// to date. How many rows were written. Stopped half-way it leaves a copy that is refused, and made whole by the next call.
    pub(super) fn back_up(&self, to: &Path) -> Result<u64, StoreError> {
        self.shelf.check()?;
        let row = self.shelf.get(Table::Meta, TopRow::KEY)?.ok_or(Damaged(Table::Meta))?;
        let copy = open_target(to, Some(&TopRow::decode(&row)?.deployment), self.shelf.steps())?;
        self.shelf.copy_to(&copy)
    }
}

/// Opens a folder that is empty, or holds a copy of this deployment; whatever else it holds is left alone.
fn open_target(to: &Path, deployment: Option<&DeploymentId>, steps: Steps) -> Result<Shelf, StoreError> {
    let mut names = std::fs::read_dir(to).map(|entries| entries.flatten().peekable()).ok();
    let occupied = names.as_mut().is_some_and(|names| names.peek().is_some());
    if occupied && !to.join("keyspaces").is_dir() {
        return Err(StoreError::Occupied(to.to_owned()));
    }
    let copy = Shelf::open(to, CACHE_BYTES, steps)?;
    let theirs = copy.get(Table::Meta, TopRow::KEY)?.map(|row| TopRow::decode(&row)).transpose()?;
    match theirs {
        Some(row) if Some(&row.deployment) != deployment => Err(StoreError::Occupied(to.to_owned())),
        None if copy.holds_keys()? && !copy.half_copied()? => Err(StoreError::Occupied(to.to_owned())),
        _ => Ok(copy),
    }
}

/// A store's rows without its root: a backup, or a store that nobody has open.
pub struct StoreCopy {
    folder: PathBuf,
    shelf: Shelf,
}

/// What stands in a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFacts {
    /// Whose store it is.
    pub deployment: DeploymentId,
    /// The root that everything in it hangs from.
    pub root: RootId,
    /// Its epoch.
    pub epoch: u64,
    /// Subjects with a key.
    pub subjects: u64,
}

impl StoreCopy {
    /// Opens one that is there, and whole.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        if !folder.join("keyspaces").is_dir() {
            return Err(StoreError::Absent(folder.to_owned()));
        }
        let shelf = Shelf::open(folder, CACHE_BYTES, Steps::default())?;
        if shelf.half_copied()? || shelf.get(Table::Meta, TopRow::KEY)?.is_none() {
            let what = "a backup into it was interrupted; take it again".to_owned();
            return Err(StoreError::Incomplete { folder: folder.to_owned(), what });
        }
        Ok(Self { folder: folder.to_owned(), shelf })
    }

    /// What stands in it.
    pub fn facts(&self) -> Result<CopyFacts, StoreError> {
        let row = |key| self.shelf.get(Table::Meta, key)?.ok_or(StoreError::Damaged(Damaged(Table::Meta)));
        let top = TopRow::decode(&row(TopRow::KEY)?)?;
        let tally = Tally::decode(&row(Tally::KEY)?)?;
        Ok(CopyFacts { deployment: top.deployment, root: top.root, epoch: tally.epoch, subjects: tally.subjects })
    }

    /// Calls for each subject with a key, in order.
    pub fn subjects(&self, mut each: impl FnMut(KeyId) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.shelf.each_key(Table::Subjects, |key| each(key_id(key, Table::Subjects)?))
    }

    /// Whether a subject has a key here.
    pub fn holds(&self, id: &KeyId) -> Result<bool, StoreError> {
        Ok(self.shelf.get(Table::Subjects, &id.0)?.is_some())
    }

    /// The epoch that retired a root, if it is known here.
    pub fn retired(&self, root: &RootId) -> Result<Option<(u64, EpochRow)>, StoreError> {
        let rows = self.shelf.newest(Table::Epochs, |_| true)?;
        let found = rows
            .iter()
            .map(|(key, value)| epoch_row(key, value))
            .find(|row| row.as_ref().is_ok_and(|(_, row)| row.old_root == *root));
        Ok(found.transpose()?)
    }

    /// Copies it into an empty folder; how many rows.
    pub fn install(&self, to: &Path, steps: Steps) -> Result<u64, StoreError> {
        let occupied = std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !Shelf::open(to, CACHE_BYTES, Steps::default())?.half_copied()? {
            return Err(StoreError::Occupied(to.to_owned()));
        }
        self.shelf.copy_to(&Shelf::open(to, CACHE_BYTES, steps)?)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
