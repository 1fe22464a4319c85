//! One turn of the tree: what an epoch must rewrite so that erased keys hang from nothing. Pure.
//!
//! New keys for every touched page, for the mids above them and for the top; survivors are re-sealed, condemned rows are
//! dropped; a mid that holds nothing condemned keeps its key and is only sealed under the new top. Once these writes are
//! durable and the root keeper has destroyed the old root, every older copy of the store is a copy of noise.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{BucketRow, Damaged, FenceRow, MidRow, PageRow, SubjectRow, Table, Write, bucket_key};
use super::tree::{Draw, Mid, Page, PageRows, Patch, Tree};
use super::{BucketId, Edge, Fingerprint, KeyId, SigningKey};

/// What a turn destroys.
#[derive(Default)]
pub struct Sentence {
    /// Condemned subjects: what their fence condemns goes, what is newer stays.
    pub condemned: BTreeMap<KeyId, FenceRow>,
    /// Buckets whose secrets go.
    pub expired: Vec<BucketId>,
    /// Whether the key above all bucket secrets is made anew though none of them goes.
    pub renew_buckets: bool,
    /// From when on (milliseconds since the Unix epoch) another key signs receipts; `None`: the same key goes on.
    pub renew_signing: Option<i64>,
}

/// What a turn asks to be written, and what is true once that is durable. The top row, which needs a root, is left to do.
pub struct Turned {
    /// To be made durable as a whole.
    pub writes: Vec<Write>,
    /// To be applied then.
    pub patch: Patch,
    /// The epoch that this turn makes.
    pub epoch: u64,
    /// The key under the old root, and the one under the new root.
    pub tops: (Fingerprint, Fingerprint),
    /// The fences of the condemned, now with what became of them.
    pub destroyed: Vec<(KeyId, FenceRow)>,
}

/// Re-keys the pages in `rows` (all rows of each page that holds a condemned subject, and of any other that is to get a new
/// key) and everything above.
pub fn turn(tree: &Tree, sentence: &Sentence, rows: &PageRows, draw: &mut Draw<'_>) -> Result<Turned, Damaged> {
    let mut turning =
        Turning { tree, epoch: tree.tally.epoch + 1, writes: Vec::new(), destroyed: Vec::new(), dropped: 0 };
    let mut pages = BTreeMap::new();
    for (start, rows) in rows {
        pages.insert(*start, turning.page(start, rows, sentence, draw)?);
    }
    let mids = turning.mids(&pages, draw)?;
    let top = draw();
    turning.hang_mids(&mids, &Edge::new(&top));
    let mut patch = turning.buckets(sentence, draw);
    if let Some(now_ms) = sentence.renew_signing {
        turning.signing(&mut patch, now_ms, draw);
    }
    let mut tally = tree.tally;
    tally.epoch = turning.epoch;
    tally.subjects = tally.subjects.saturating_sub(turning.dropped);
    let Turning { mut writes, destroyed, epoch, .. } = turning;
    writes.push(tally.write());
    writes.extend(destroyed.iter().map(|(id, row): &(KeyId, FenceRow)| Write::put(Table::Fences, &id.0, row.encode())));
    let tops = (Fingerprint::of(&tree.top), Fingerprint::of(&top));
    patch = patch.and(Patch {
        tally: Some(tally),
        top: Some(top),
        mids: mids.into_iter().collect(),
        pages: pages.into_iter().collect(),
        ..Patch::default()
    });
    Ok(Turned { writes, patch, epoch, tops, destroyed })
}

impl Turned {
    /// The new top key, which the root keeper seals under the new root.
    pub fn top<'a>(&'a self, tree: &'a Tree) -> &'a super::Secret {
        self.patch.top.as_ref().unwrap_or(&tree.top)
    }
}

struct Turning<'a> {
    tree: &'a Tree,
    epoch: u64,
    writes: Vec<Write>,
    destroyed: Vec<(KeyId, FenceRow)>,
    dropped: u64,
}

impl Turning<'_> {
    fn page(
        &mut self,
        start: &KeyId,
        rows: &[(KeyId, SubjectRow)],
        sentence: &Sentence,
        draw: &mut Draw<'_>,
    ) -> Result<Page, Damaged> {
        let (tree, deployment) = (self.tree, &self.tree.deployment);
        let old = tree.pages.get(start).ok_or(Damaged(Table::Pages))?;
        let key = draw();
        let (before, after) = (Edge::new(&old.key), Edge::new(&key));
        let mut count = 0;
        for (id, row) in rows {
            let fence = sentence.condemned.get(id).map(|row| row.fence);
            if fence.is_some_and(|fence| row.generation <= fence.generation) {
                self.writes.push(Write::remove(Table::Subjects, &id.0));
                self.dropped += 1;
                continue;
            }
            let secret = row.open(&before, deployment, old.id, id).map_err(|_| Damaged(Table::Subjects))?;
            let row = SubjectRow::seal(&after, deployment, old.id, id, row.generation, &secret);
            self.writes.push(Write::put(Table::Subjects, &id.0, row.encode()));
            count += 1;
        }
        let prints = (Fingerprint::of(&old.key), Fingerprint::of(&key));
        let end = tree.page_end(start).map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        for (id, row) in sentence.condemned.range((std::ops::Bound::Included(*start), end)) {
            let row = FenceRow { epoch: self.epoch, page: old.id, before: prints.0, after: prints.1, ..*row };
            self.destroyed.push((*id, row));
        }
        Ok(Page { id: old.id, key, count })
    }

    /// New keys for the mids above re-keyed pages, all their pages sealed under them.
    fn mids(&mut self, pages: &BTreeMap<KeyId, Page>, draw: &mut Draw<'_>) -> Result<BTreeMap<KeyId, Mid>, Damaged> {
        let tree = self.tree;
        let touched = pages.keys().map(|start| tree.mid_of(start).map(|(mid, _)| mid));
        let mut mids = BTreeMap::new();
        for start in touched.collect::<Result<BTreeSet<_>, _>>()? {
            let (_, old) = tree.mid_of(&start)?;
            let mid = Mid { id: old.id, key: draw() };
            let under = Edge::new(&mid.key);
            for (at, page) in tree.pages.range((std::ops::Bound::Included(start), tree.mid_end(&start))) {
                let page = pages.get(at).unwrap_or(page);
                let row = PageRow::seal(&under, &tree.deployment, mid.id, page.id, at, &page.key);
                self.writes.push(Write::put(Table::Pages, &at.0, row.encode()));
            }
            mids.insert(start, mid);
        }
        Ok(mids)
    }

    fn hang_mids(&mut self, mids: &BTreeMap<KeyId, Mid>, top: &Edge) {
        for (start, mid) in &self.tree.mids {
            let mid = mids.get(start).unwrap_or(mid);
            let row = MidRow::seal(top, &self.tree.deployment, mid.id, start, &mid.key);
            self.writes.push(Write::put(Table::Mids, &start.0, row.encode()));
        }
    }

    /// Another key for receipts; the old one's public half is kept.
    fn signing(&mut self, patch: &mut Patch, now_ms: i64, draw: &mut Draw<'_>) {
        let seed = draw();
        let signers = self.tree.signers().followed_by(SigningKey::new(&seed).public_key(), now_ms);
        self.writes.push(signers.write());
        patch.crown.get_or_insert_with(|| self.tree.crown.clone()).signing = seed;
        patch.signers = Some(signers);
    }

    /// Where buckets expire or rotate: a new bucket page, every secret that stays sealed under it.
    fn buckets(&mut self, sentence: &Sentence, draw: &mut Draw<'_>) -> Patch {
        let mut patch = Patch::default();
        let expired = &sentence.expired;
        if expired.is_empty() && !sentence.renew_buckets {
            return patch;
        }
        let mut crown = self.tree.crown.clone();
        crown.bucket_page = draw();
        let under = Edge::new(&crown.bucket_page);
        let gone: BTreeSet<&BucketId> = expired.iter().collect();
        for (bucket, secret) in &self.tree.buckets {
            if let Some(secret) = secret.as_ref().filter(|_| !gone.contains(bucket)) {
                let row = BucketRow::seal(&under, &self.tree.deployment, bucket, secret);
                self.writes.push(Write::put(Table::Buckets, &bucket_key(bucket), row.encode()));
            }
        }
        for bucket in gone {
            // A bucket that is gone already keeps the epoch in which it went.
            if !matches!(self.tree.buckets.get(bucket), Some(None)) {
                let row = BucketRow::Expired(self.epoch);
                self.writes.push(Write::put(Table::Buckets, &bucket_key(bucket), row.encode()));
                patch.buckets.push((bucket.clone(), None));
            }
        }
        patch.crown = Some(crown);
        patch
    }
}
