//! Someone who has every copy of the store ever made, and a root folder as it stood at one moment. He opens what can be
//! opened: every seal of every copy, under every key that he has got hold of so far.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use lethe::io::kms::{FileKeeper, RootKeeper};
use lethe::keys::rows::{BucketRow, MidRow, PageRow, SubjectRow, Table, TopRow, Write, bucket_of_key};
use lethe::keys::{BucketId, DeploymentId, Edge, KeyId, SealingKeys, Secret};

type Rows = BTreeSet<(Vec<u8>, Vec<u8>)>;

/// How many subjects past the beginning of a page's range he tries: more than have ever stood on one.
const REACH: usize = 8 * 512;

/// All versions of all rows, over all copies.
#[derive(Default)]
pub struct Loot {
    meta: Rows,
    mids: Rows,
    pages: Rows,
    subjects: Rows,
    buckets: Rows,
}

/// What he could open.
#[derive(Default)]
pub struct Opened {
    subjects: HashMap<KeyId, HashMap<u32, HashSet<[u8; 32]>>>,
    buckets: HashMap<BucketId, Secret>,
}

impl Loot {
    /// Reads copies of a store.
    pub fn read(copies: &[PathBuf]) -> Self {
        let mut loot = Self::default();
        for copy in copies {
            loot.add(copy);
        }
        loot
    }

    fn add(&mut self, copy: &Path) {
        let db = fjall::Database::builder(copy).open().unwrap();
        for (name, rows) in [
            ("meta", &mut self.meta),
            ("mids", &mut self.mids),
            ("pages", &mut self.pages),
            ("subjects", &mut self.subjects),
            ("buckets", &mut self.buckets),
        ] {
            let table = db.keyspace(name, Default::default).unwrap();
            for row in table.iter() {
                let (key, value) = row.into_inner().unwrap();
                rows.insert((key.to_vec(), value.to_vec()));
            }
        }
    }

    /// Keeps what was once written, whatever has become of it since.
    pub fn keep(&mut self, writes: &[Write]) {
        for Write { table, key, value } in writes {
            let rows = match table {
                Table::Meta => &mut self.meta,
                Table::Mids => &mut self.mids,
                Table::Pages => &mut self.pages,
                Table::Subjects => &mut self.subjects,
                Table::Buckets => &mut self.buckets,
                Table::Fences | Table::Epochs => continue,
            };
            rows.extend(value.clone().map(|value| (key.clone(), value)));
        }
    }

    /// Opens everything that hangs, in any version, from the roots in a folder.
    pub fn open(&self, roots: &Path) -> Opened {
        self.open_with(&FileKeeper::open(roots).unwrap())
    }

    /// Opens everything that hangs, in any version, from the roots that a keeper holds and will use for him.
    pub fn open_with(&self, keeper: &dyn RootKeeper) -> Opened {
        let held = keeper.list().unwrap();
        let mut opened = Opened::default();
        for (_, row) in self.meta.iter().filter(|(key, _)| key == TopRow::KEY) {
            let row = TopRow::decode(row).unwrap();
            for root in &held {
                let place = TopRow::place(&row.deployment, row.sealing);
                if let Ok(top) = keeper.open(&root.id, &place, &row.sealed_top) {
                    self.open_top(&row, &top, &mut opened);
                }
            }
        }
        opened
    }

    /// Opens everything that hangs from a top.
    pub fn open_top(&self, row: &TopRow, top: &Secret, opened: &mut Opened) {
        let deployment = row.deployment;
        let crown = row.open(top).unwrap();
        let under = Edge::new(&crown.bucket_page);
        for (key, row) in &self.buckets {
            let bucket = bucket_of_key(key).unwrap();
            if let Ok(Some(secret)) = BucketRow::decode(row).unwrap().open(&under, &deployment, &bucket) {
                opened.buckets.insert(bucket, secret);
            }
        }
        let under = Edge::new(top);
        for (start, row) in &self.mids {
            let (start, row) = (key_id(start), MidRow::decode(row).unwrap());
            if let Ok(mid) = row.open(&under, &deployment, &start) {
                self.open_mid(&deployment, row.id, &mid, opened);
            }
        }
    }

    fn open_mid(&self, deployment: &DeploymentId, mid: u64, key: &Secret, opened: &mut Opened) {
        let under = Edge::new(key);
        for (start, row) in &self.pages {
            let (start, row) = (key_id(start), PageRow::decode(row).unwrap());
            if let Ok(page) = row.open(&under, deployment, mid, &start) {
                self.open_page(deployment, (row.id, start), &page, opened);
            }
        }
    }

    fn open_page(&self, deployment: &DeploymentId, (page, start): (u64, KeyId), key: &Secret, opened: &mut Opened) {
        let under = Edge::new(key);
        for (id, row) in self.subjects.range((start.0.to_vec(), Vec::new())..).take(REACH) {
            let (id, row) = (key_id(id), SubjectRow::decode(row).unwrap());
            if let Ok(secret) = row.open(&under, deployment, page, &id) {
                opened.subjects.entry(id).or_default().entry(row.generation).or_default().insert(*secret);
            }
        }
    }
}

impl Opened {
    /// Whether he holds any key of a subject.
    pub fn holds(&self, id: &KeyId) -> bool {
        self.subjects.contains_key(id)
    }

    /// Whether he can open a value that was sealed for a subject.
    pub fn opens(&self, id: &KeyId, bucket: &BucketId, ad: &[u8], sealed: &[u8]) -> bool {
        let Some(bucket) = self.buckets.get(bucket) else { return false };
        self.subjects.get(id).into_iter().flatten().any(|(generation, secrets)| {
            secrets.iter().any(|secret| {
                let keys = SealingKeys::derive(&zeroize::Zeroizing::new(*secret), *generation, bucket);
                keys.open(ad, sealed).is_ok()
            })
        })
    }
}

fn key_id(bytes: &[u8]) -> KeyId {
    KeyId(bytes.try_into().unwrap())
}
