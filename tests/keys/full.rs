//! The disk is full in the middle of an epoch: nothing is lost, nothing is reported as destroyed, and the store goes on from its
//! last durable commit once there is room.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::Arc;

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{Keystore, StoreError};
use lethe::io::kms::{FileKeeper, RootKeeper};
use lethe::io::steps::Steps;
use lethe::keys::{Grant, KeyId, KeyState};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::store::{Home, id, live, request, state};

/// How many more bytes each file may take: none, and less than an epoch writes.
const ROOM: [u64; 4] = [0, 5_000, 20_000, 40_000];

#[test]
fn an_epoch_that_finds_no_room_is_begun_anew_when_there_is_some() {
    // A file beyond the limit is an error only for who ignores the signal; `exec` hands that on.
    let this = std::env::current_exe().unwrap();
    let ran = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" --exact --ignored --nocapture full::inside"#])
        .arg(this)
        .output()
        .unwrap();
    let [out, err] = [&ran.stdout, &ran.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(ran.status.success() && out.contains("1 passed"), "{out}{err}");
}

fn limit_files_to(bytes: Option<u64>) {
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(hard), maximum: hard }).unwrap();
}

/// Bytes on disk of the largest file: the journal, whose length says nothing since it is set in advance.
fn largest_file(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        about if about.is_dir() => largest_file(&entry.path()),
        about => about.blocks() * 512,
    };
    entries.map(size).max().unwrap_or(0)
}

#[test]
#[ignore = "run by its parent, which ignores the signal"]
fn inside() {
    for room in ROOM {
        // On a disk, not in memory: the limit counts for every file there is.
        let folder = tempfile::tempdir().unwrap();
        let home = Home(folder.path().to_owned());
        let open = || home.open_with(&Arc::new(ManualClock::default()), Steps::default()).unwrap();
        let store = open();
        let sealed: Vec<_> = (0..700).map(|n| live(&store, &request(n, Grant::Create)).seal(b"f", b"v")).collect();
        let erased: Vec<KeyId> = (0..20).map(id).collect();
        store.fence(&erased.iter().map(|id| (*id, 5_000)).collect::<Vec<_>>()).unwrap();
        limit_files_to(Some(largest_file(&home.store()) + room));
        let failed = store.destroy(&erased);
        limit_files_to(None);
        if let Err(error) = &failed {
            assert!(error.to_string().contains("\nhelp: "), "{error}");
            // What is on the disk is not known now: nothing goes on before the store is opened again.
            assert!(matches!(store.destroy(&erased), Err(StoreError::Broken)) || !error.is_final());
        } else {
            assert!(room > 0, "without any room an epoch was written");
        }
        drop(store);
        let store = open();
        for (number, sealed) in (0..700).zip(&sealed) {
            match state(&store, &request(number, Grant::Open)).unwrap() {
                KeyState::Live(keys) => {
                    assert!(number >= 20 && keys.open(b"f", sealed).is_ok(), "{number}, room {room}")
                }
                KeyState::Erased(_) => assert!(number < 20, "{number} was lost, room {room}"),
                other => panic!("{number} is {other:?}, room {room}"),
            }
        }
        let destroyed = store.destroy(&erased).unwrap();
        assert!(destroyed.epochs.iter().all(|(_, row)| row.destroyed_at_ms.is_some()));
        drop(store);
        assert_eq!(FileKeeper::open(&home.roots()).unwrap().list().unwrap().len(), 1, "room {room}");
    }
}
