//! Backups of the embedded store: taken, put back, and what one that is put back can't open, to the subject.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::order::UpkeepError;
use crate::audit::Moment;
use crate::io::keystore::{CopyFacts, Keystore, StoreCopy, StoreError};
use crate::io::kms::RootKeeper;
use crate::io::steps::Steps;

/// Takes a backup, or brings an earlier one up to date.
pub fn take(store: &dyn Keystore, to: &Path) -> Result<Value, UpkeepError> {
    let written = store.backup(to)?;
    let CopyFacts { root, epoch, subjects, .. } = StoreCopy::open(to)?.facts()?;
    Ok(json!({
        "folder": to,
        "rows_written": written,
        "epoch": epoch,
        "subjects": subjects,
        "opens_with_root": root.as_str(),
        "note": "it opens while this root exists: until the next erasure, expiry or rotation; bring it up to date after each",
    }))
}

/// What a backup is worth, and whether it was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Whether the root that it hangs from still exists.
    pub opens: bool,
    /// Whether it was put into the store's folder.
    pub installed: bool,
    /// That root.
    pub root: String,
    /// When that root was retired, where the present store knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_retired_at: Option<Moment>,
    /// Its epoch.
    pub epoch: u64,
    /// Subjects with a key in it.
    pub subjects: u64,
    /// Of these, erased since; known where the present store is there to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_since: Option<u64>,
    /// Survivors that it can't open: all that it holds and that weren't erased, where its root is gone.
    pub survivors_not_opened: u64,
    /// Subjects of the present store that it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_since: Option<u64>,
}

/// Looks at a backup, and puts it into the store's folder if it opens and nothing is there. `list` gets a line for each subject
/// that it would leave without a key.
pub fn restore(
    from: &Path,
    store: &Path,
    keeper: &dyn RootKeeper,
    check_only: bool,
    list: Option<&mut dyn Write>,
) -> Result<Restored, UpkeepError> {
    let backup = StoreCopy::open(from)?;
    let facts = backup.facts()?;
    let held = keeper.list().map_err(StoreError::from)?;
    let opens = held.iter().any(|held| held.id == facts.root);
    let present = match std::fs::read_dir(store).is_ok_and(|mut entries| entries.next().is_some()) {
        true => Some(StoreCopy::open(store)?),
        false => None,
    };
    let mut restored = Restored {
        opens,
        installed: false,
        root: facts.root.to_string(),
        root_retired_at: None,
        epoch: facts.epoch,
        subjects: facts.subjects,
        erased_since: None,
        survivors_not_opened: if opens { 0 } else { facts.subjects },
        made_since: None,
    };
    compare(&backup, present.as_ref(), &mut restored, list)?;
    if check_only {
        return Ok(restored);
    }
    if !opens {
        return Err(refused(&facts, &restored, keeper));
    }
    if let Some(present) = present {
        return Err(UpkeepError::Backup(format!(
            "a key store lies in `{}`\nhelp: move it away first; a backup never overwrites a store",
            present.folder().display()
        )));
    }
    backup.install(store, Steps::default())?;
    restored.installed = true;
    Ok(restored)
}

/// Counts, subject by subject, what the backup would leave without a key.
fn compare(
    backup: &StoreCopy,
    present: Option<&StoreCopy>,
    restored: &mut Restored,
    mut list: Option<&mut dyn Write>,
) -> Result<(), UpkeepError> {
    let mut tell = |id: crate::keys::KeyId| match &mut list {
        Some(list) => writeln!(list, "{}", id.reference())
            .map_err(|source| StoreError::Io { folder: backup.folder().to_owned(), source }),
        None => Ok(()),
    };
    let (mut erased, mut lost, mut newer, mut counted) = (0, 0, 0, 0);
    backup.subjects(|id| {
        counted += 1;
        if present.is_some_and(|present| !present.holds(&id).unwrap_or(true)) {
            erased += 1;
        } else if !restored.opens {
            lost += 1;
            tell(id)?;
        }
        Ok(())
    })?;
    restored.subjects = counted;
    restored.survivors_not_opened = lost;
    if let Some(present) = present {
        present.subjects(|id| {
            if !backup.holds(&id)? {
                newer += 1;
                tell(id)?;
            }
            Ok(())
        })?;
        restored.erased_since = Some(erased);
        restored.made_since = Some(newer);
        let root = crate::keys::RootId::new(&restored.root);
        let retired = root.map(|root| present.retired(&root)).transpose()?.flatten();
        restored.root_retired_at = retired.map(|(_, row)| Moment(row.committed_at_ms));
    }
    Ok(())
}

fn refused(facts: &CopyFacts, restored: &Restored, keeper: &dyn RootKeeper) -> UpkeepError {
    let CopyFacts { root, deployment, epoch, .. } = facts;
    let held = keeper.list().unwrap_or_default();
    let why = match held.iter().find(|held| held.deployment == *deployment) {
        Some(now) => format!(
            "which a later epoch has replaced by `{}`: its root is destroyed, so that what was erased since stays erased",
            now.id
        ),
        None => "which the configured root keeper does not hold, nor any other of this deployment".to_owned(),
    };
    UpkeepError::Backup(format!(
        "the backup (epoch {epoch}) hangs from root `{root}`, {why}; it can't open any of its {} subjects that still have a key\nhelp: put back a backup that was brought up to date after the last epoch; `--list FILE` names the subjects",
        restored.survivors_not_opened
    ))
}
