//! What fences, destructions and epochs ask of a store, and what they come to: the same for every store. What an epoch rewrites
//! is decided in [`crate::keys`]; here the roots and the reports are put to it.

use std::collections::{BTreeSet, HashMap};

use super::{Destruction, Outcome, StoreError};
use crate::io::entropy::Entropy;
use crate::io::kms::{Finality, KeeperError, RootKeeper};
use crate::keys::rows::{BucketRow, EpochRow, FenceRow, SubjectRow, Table, TopRow, Write, bucket_key};
use crate::keys::{
    BucketId, Damaged, DeploymentId, Fence, KeyId, PageRows, Patch, RootId, Secret, Sentence, Standing, Tree, turn,
};

/// Fence and live row of a subject, as they stand.
pub(super) type Standings = HashMap<KeyId, (Option<FenceRow>, Option<SubjectRow>)>;

/// Moves fences: what to write, and where each stands then, in the order asked.
pub(super) fn raise(through: &[(KeyId, i64)], standings: &Standings) -> (Vec<Write>, Vec<Fence>) {
    let mut writes: Vec<Write> = Vec::new();
    let mut raised: HashMap<KeyId, FenceRow> = HashMap::new();
    for (id, erased_through_ms) in through {
        let (stored, live) = standings.get(id).copied().unwrap_or_default();
        let was = raised.get(id).copied().or(stored);
        let row = FenceRow::raised(was, *erased_through_ms, live.map(|row| row.generation));
        if Some(row) != was {
            writes.push(Write::put(Table::Fences, &id.0, row.encode()));
        }
        raised.insert(*id, row);
    }
    let fences = through.iter().filter_map(|(id, _)| raised.get(id)).map(|row| row.fence).collect();
    (writes, fences)
}

/// What of these subjects is still to be destroyed. Every one must have its fence.
pub(super) fn sentence(ids: &[KeyId], fences: &HashMap<KeyId, FenceRow>) -> Result<Sentence, StoreError> {
    let mut sentence = Sentence::default();
    for id in ids {
        let row = fences.get(id).ok_or(StoreError::Unfenced(*id))?;
        if row.pending() {
            sentence.condemned.insert(*id, *row);
        }
    }
    Ok(sentence)
}

/// The pages on which the condemned stand.
pub(super) fn touched(tree: &Tree, sentence: &Sentence) -> Result<BTreeSet<KeyId>, StoreError> {
    let starts = sentence.condemned.keys().map(|id| tree.page_of(id).map(|(start, _)| start));
    Ok(starts.collect::<Result<_, _>>()?)
}

/// What became of these subjects, and the epochs whose rows belong to that.
pub(super) fn report(
    ids: &[KeyId],
    fences: &HashMap<KeyId, FenceRow>,
) -> Result<(Vec<Destruction>, BTreeSet<u64>), StoreError> {
    let mut subjects = Vec::with_capacity(ids.len());
    let mut epochs = BTreeSet::new();
    for id in ids {
        let row = fences.get(id).ok_or(StoreError::Unfenced(*id))?;
        let outcome = if row.fence.generation == 0 {
            Outcome::NoneHeld
        } else {
            epochs.insert(row.epoch);
            Outcome::Destroyed { epoch: row.epoch, page: row.page, before: row.before, after: row.after }
        };
        subjects.push(Destruction { id: *id, fence: row.fence, outcome });
    }
    Ok((subjects, epochs))
}

/// Which of these buckets are not expired yet, and whether any of them has a secret.
pub(super) fn passing(tree: &Tree, buckets: &[BucketId]) -> (Vec<BucketId>, bool) {
    let standing = |bucket: &BucketId| tree.bucket(bucket).0;
    let wanted: BTreeSet<&BucketId> = buckets.iter().collect();
    let passing: Vec<BucketId> =
        wanted.into_iter().filter(|bucket| standing(bucket) != Standing::Expired).cloned().collect();
    let live = passing.iter().any(|bucket| standing(bucket) == Standing::Live);
    (passing, live)
}

/// Marks buckets that never had a secret, so that none is ever made.
pub(super) fn marks(tree: &Tree, passing: &[BucketId]) -> (Vec<Write>, Patch) {
    let mark = BucketRow::Expired(tree.tally().epoch).encode();
    let writes = passing.iter().map(|id| Write::put(Table::Buckets, &bucket_key(id), mark.clone())).collect();
    (writes, Patch::expired(passing))
}

/// The next pages whose turn it is, and where to go on after them.
pub(super) fn pages_from(tree: &Tree, from: Option<KeyId>, pages: usize) -> (Vec<KeyId>, Option<KeyId>) {
    let starts = tree.page_starts();
    let mut due = starts.into_iter().filter(|start| from.is_none_or(|from| *start >= from));
    let turned: Vec<KeyId> = due.by_ref().take(pages.max(1)).collect();
    (turned, due.next())
}

/// An epoch that is ready to be made durable, as a whole. Its root is made already.
pub(super) struct Epoch {
    pub number: u64,
    pub root: RootId,
    pub writes: Vec<Write>,
    pub patch: Patch,
}

/// Makes a new root and says what is to be written for everything to hang from it.
pub(super) fn prepare(
    tree: &Tree,
    old_root: &RootId,
    keeper: &dyn RootKeeper,
    (sentence, rows): (&Sentence, &PageRows),
    entropy: &mut Entropy,
    now_ms: i64,
) -> Result<Epoch, StoreError> {
    let deployment = *tree.deployment();
    let root = keeper.create(&deployment)?;
    let turned = turn(tree, sentence, rows, &mut || entropy.secret())?;
    let number = turned.epoch;
    let sealed = keeper.seal(&root, &TopRow::place(&deployment, number), turned.top(tree))?;
    let top_row = tree.top_row(&turned.patch, number, root.clone(), sealed);
    let row = EpochRow {
        old_root: old_root.clone(),
        new_root: root.clone(),
        old_top: turned.tops.0,
        new_top: turned.tops.1,
        committed_at_ms: now_ms,
        destroyed_at_ms: None,
        irreversible_from_ms: None,
        caveat: String::new(),
    };
    let mut writes = turned.writes;
    writes.push(top_row.write());
    writes.push(Write::put(Table::Epochs, &number.to_be_bytes(), row.encode()));
    Ok(Epoch { number, root, writes, patch: turned.patch })
}

/// The epoch's row once the root keeper has destroyed the old root.
pub(super) fn settled(row: EpochRow, Finality { irreversible_from_ms, caveat }: Finality, now_ms: i64) -> EpochRow {
    EpochRow {
        destroyed_at_ms: Some(now_ms),
        irreversible_from_ms: Some(irreversible_from_ms.unwrap_or(now_ms)),
        caveat: caveat.to_owned(),
        ..row
    }
}

/// A new deployment's tree, hung from a root that is made here: all its writes.
pub(super) fn found(
    deployment: DeploymentId,
    keeper: &dyn RootKeeper,
    entropy: &mut Entropy,
) -> Result<Vec<Write>, StoreError> {
    let (tree, mut writes) = Tree::plant(deployment, &mut || entropy.secret());
    let sealing = tree.tally().epoch;
    let root = keeper.create(&deployment)?;
    let sealed = keeper.seal(&root, &TopRow::place(&deployment, sealing), tree.top())?;
    writes.push(tree.top_row(&Patch::default(), sealing, root, sealed).write());
    Ok(writes)
}

/// Refuses to found a deployment where the keeper holds another one's roots: its store is elsewhere.
pub(super) fn refuse_orphans(
    keeper: &dyn RootKeeper,
    deployment: &DeploymentId,
    store: &str,
) -> Result<(), StoreError> {
    match keeper.list()?.into_iter().find(|held| held.deployment != *deployment) {
        Some(held) => {
            Err(StoreError::Orphan { folder: store.into(), root: held.id, deployment: held.deployment.to_string() })
        }
        None => Ok(()),
    }
}

/// Opens the key that everything hangs from.
pub(super) fn open_top(keeper: &dyn RootKeeper, row: &TopRow) -> Result<Secret, StoreError> {
    let place = TopRow::place(&row.deployment, row.sealing);
    match keeper.open(&row.root, &place, &row.sealed_top) {
        Err(KeeperError::Missing(root)) => Err(why_missing(keeper, root, &row.deployment)?),
        opened => Ok(opened?),
    }
}

/// Tells an old copy of the store from a keeper that belongs to another one.
fn why_missing(keeper: &dyn RootKeeper, root: RootId, deployment: &DeploymentId) -> Result<StoreError, StoreError> {
    let held = keeper.list()?;
    let current = held.iter().find(|held| held.deployment == *deployment);
    Ok(match current {
        Some(current) => StoreError::OldCopy { root, current: current.id.clone() },
        None if held.is_empty() => StoreError::RootMissing(root),
        None => StoreError::ForeignKeeper { root, deployment: deployment.to_string() },
    })
}

/// A row of the epochs table.
pub(super) fn epoch_row(key: &[u8], value: &[u8]) -> Result<(u64, EpochRow), Damaged> {
    let epoch = key.try_into().map(u64::from_be_bytes).map_err(|_| Damaged(Table::Epochs))?;
    Ok((epoch, EpochRow::decode(value)?))
}

/// The key of a row that stands under a key id.
pub(super) fn key_id(key: &[u8], table: Table) -> Result<KeyId, Damaged> {
    key.try_into().map(KeyId).map_err(|_| Damaged(table))
}
