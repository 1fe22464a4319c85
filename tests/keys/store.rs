//! A store in a temporary folder, its root keeper beside it, and a clock that stands still.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{EmbeddedStore, Keystore, Options, StoreError};
use lethe::io::kms::{FileKeeper, KeeperError};
use lethe::io::steps::Steps;
use lethe::keys::{BucketId, Grant, KeyId, KeyRequest, KeyState, SealingKeys};

pub const LEASE_MS: u64 = 30_000;

/// A temporary folder, in memory where the machine has such: a test opens stores by the hundred.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Where a store and its roots lie.
#[derive(Clone, Debug)]
pub struct Home(pub PathBuf);

impl Home {
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    pub fn roots(&self) -> PathBuf {
        self.0.join("roots")
    }

    pub fn open_with(&self, clock: &Arc<ManualClock>, steps: Steps) -> Result<EmbeddedStore, StoreError> {
        let keeper = Arc::new(unlocked(|| FileKeeper::open_with(&self.roots(), steps.clone()))?);
        let options = Options { key_lease_ms: LEASE_MS, cached_keys: 4_096, steps, ..Options::new(self.store()) };
        EmbeddedStore::open(options, keeper, clock.clone())
    }

    pub fn open(&self) -> EmbeddedStore {
        self.open_with(&Arc::new(ManualClock::default()), Steps::default()).unwrap()
    }

    /// Copies everything to another home.
    pub fn copy(&self, to: &Path) -> Self {
        let copy = Self(to.to_owned());
        copy_folder(&self.store(), &copy.store());
        copy_folder(&self.roots(), &copy.roots());
        copy
    }
}

/// Copies a folder as it lies there, also while it is in use: what an image of the disk at this moment would show.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            // A file that the store has just dropped is not on the image.
            drop(fs::copy(entry.path(), to));
        }
    }
}

/// A key id as a keyed digest would give it: spread evenly.
pub fn id(number: u64) -> KeyId {
    let digest = ring::digest::digest(&ring::digest::SHA256, &number.to_be_bytes());
    KeyId(digest.as_ref()[..16].try_into().unwrap())
}

pub fn bucket(class: &str, index: u32) -> BucketId {
    BucketId { class: class.into(), index }
}

pub fn request(number: u64, grant: Grant) -> KeyRequest {
    KeyRequest { id: id(number), bucket: bucket("short", 1), at_ms: 1_000, grant }
}

/// The state of one request.
pub fn state(store: &dyn Keystore, request: &KeyRequest) -> Result<KeyState, StoreError> {
    Ok(store.ring(std::slice::from_ref(request))?.state(request).clone())
}

/// The keys of a request that must be live.
pub fn live(store: &dyn Keystore, request: &KeyRequest) -> Arc<SealingKeys> {
    match state(store, request).unwrap() {
        KeyState::Live(keys) => keys,
        other => panic!("{request:?} is {other:?}"),
    }
}

/// Other tests start processes: between its fork and its exec, a child holds every lock that was held here, for a moment.
fn unlocked(open: impl Fn() -> Result<FileKeeper, KeeperError>) -> Result<FileKeeper, KeeperError> {
    let mut opened = open();
    for _ in 0..100 {
        if !matches!(opened, Err(KeeperError::Locked(_))) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        opened = open();
    }
    opened
}
