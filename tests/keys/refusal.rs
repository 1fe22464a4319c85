//! What a store refuses, and that it says what to do.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{Keystore, StoreError};
use lethe::io::kms::{FileKeeper, KeeperError, RootKeeper};
use lethe::io::steps::Steps;
use lethe::keys::{DeploymentId, Grant, KeyRequest, KeyState, SigningKey};

use crate::store::{Home, LEASE_MS, copy_folder, id, live, request, scratch, state};

fn refused(home: &Home) -> StoreError {
    let opened = home.open_with(&Arc::new(ManualClock::default()), Steps::default());
    let error = opened.expect_err("it must be refused");
    let text = error.to_string();
    assert!(text.contains("\nhelp: "), "no remedy: {text}");
    error
}

fn home() -> (tempfile::TempDir, Home) {
    let folder = scratch();
    let home = Home(folder.path().join("home"));
    (folder, home)
}

#[test]
fn a_second_process_is_refused_and_told_why() {
    let (_folder, home) = home();
    let store = home.open();
    assert!(matches!(refused(&home), StoreError::Keeper(KeeperError::Locked(_))));
    // Also when it brings a root folder of its own.
    let other = Arc::new(FileKeeper::open(&home.0.join("other-roots")).unwrap());
    let options = lethe::io::keystore::Options::new(home.store());
    let opened = lethe::io::keystore::EmbeddedStore::open(options, other, Arc::new(ManualClock::default()));
    assert!(matches!(opened, Err(StoreError::Locked(_))));
    drop(store);
    home.open();
}

#[test]
fn an_old_backup_fails_closed_and_leaves_the_current_root_alone() {
    let (folder, home) = home();
    let store = home.open();
    live(&store, &request(1, Grant::Create));
    live(&store, &request(2, Grant::Create));
    let backup = folder.path().join("backup");
    copy_folder(&home.store(), &backup);
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    drop(store);
    let current = folder.path().join("current");
    std::fs::rename(home.store(), &current).unwrap();
    copy_folder(&backup, &home.store());
    assert!(matches!(refused(&home), StoreError::OldCopy { .. }));
    std::fs::remove_dir_all(home.store()).unwrap();
    std::fs::rename(&current, home.store()).unwrap();
    live(&home.open(), &request(2, Grant::Open));
}

#[test]
fn a_backup_serves_until_an_epoch_replaces_its_root_and_nobody_after() {
    let (folder, home) = home();
    let store = home.open();
    let sealed: Vec<_> = (0..600).map(|n| live(&store, &request(n, Grant::Create)).seal(b"b", b"v")).collect();
    store.remember("request-1", b"held", false).unwrap();
    let backup = folder.path().join("backup");
    store.backup(&backup).unwrap();
    assert!(store.backup(&backup).unwrap() <= 1, "nothing has changed but the mark");
    let foreign = Home(folder.path().join("foreign"));
    drop(foreign.open());
    for taken in [foreign.store(), home.roots()] {
        let refused = store.backup(&taken).expect_err("a backup overwrites nothing else").to_string();
        assert!(refused.contains("not a backup") && refused.contains("\nhelp: "), "{refused}");
    }
    drop(store);
    let restored = Home(folder.path().join("restored"));
    copy_folder(&backup, &restored.store());
    copy_folder(&home.roots(), &restored.roots());
    let store = restored.open();
    for (number, sealed) in (0..600).zip(&sealed) {
        assert!(live(&store, &request(number, Grant::Open)).open(b"b", sealed).is_ok());
    }
    assert_eq!(store.open_requests().unwrap().len(), 1);
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    drop(store);
    std::fs::remove_dir_all(restored.store()).unwrap();
    copy_folder(&backup, &restored.store());
    assert!(matches!(refused(&restored), StoreError::OldCopy { .. }));
}

#[test]
fn rotation_goes_through_every_page_and_nobody_notices() {
    let (_folder, home) = home();
    rotate_all(&home.open());
}

#[cfg(feature = "postgres")]
#[test]
fn rotation_goes_through_every_page_of_a_database_and_nobody_notices() {
    rotate_all(&crate::postgres::Home::new().open());
}

fn rotate_all(store: &dyn Keystore) {
    let sealed: Vec<_> = (0..1_500).map(|n| live(store, &request(n, Grant::Create)).seal(b"r", b"v")).collect();
    let (pages, roots) = (store.status().unwrap().pages, store.status().unwrap().root);
    assert!(pages > 4);
    let (mut from, mut rotated) = (None, 0);
    loop {
        let turn = store.rotate(from, 3).unwrap();
        rotated += turn.pages;
        from = turn.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(rotated, pages);
    assert_ne!(store.status().unwrap().root, roots);
    for (number, sealed) in (0..1_500).zip(&sealed) {
        assert!(live(store, &request(number, Grant::Open)).open(b"r", sealed).is_ok());
    }
}

#[test]
fn a_root_that_is_missing_foreign_altered_or_exposed_is_named_as_such() {
    let (folder, home) = home();
    let other = Home(folder.path().join("other"));
    drop((home.open(), other.open()));
    let kept = folder.path().join("kept");
    std::fs::rename(home.roots(), &kept).unwrap();
    assert!(matches!(refused(&home), StoreError::RootMissing(_)));
    std::fs::remove_dir_all(home.roots()).unwrap();
    copy_folder(&other.roots(), &home.roots());
    assert!(matches!(refused(&home), StoreError::ForeignKeeper { .. }));
    // The refusal destroyed nothing.
    assert_eq!(FileKeeper::open(&home.roots()).unwrap().list().unwrap().len(), 1);
    std::fs::remove_dir_all(home.roots()).unwrap();
    std::fs::rename(&kept, home.roots()).unwrap();

    let files = std::fs::read_dir(home.roots()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|e| e == "root")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let error = refused(&home);
    assert!(matches!(error, StoreError::Keeper(KeeperError::Exposed { .. })));
    assert!(error.to_string().contains("chmod 600"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(home.roots(), PermissionsExt::from_mode(0o750)).unwrap();
    assert!(refused(&home).to_string().contains("chmod 700"));
    std::fs::set_permissions(home.roots(), PermissionsExt::from_mode(0o700)).unwrap();

    let whole = std::fs::read(&file).unwrap();
    let mut altered = whole.clone();
    altered[40] ^= 1;
    std::fs::write(&file, &altered).unwrap();
    assert!(matches!(refused(&home), StoreError::Keeper(KeeperError::Damaged(_))));
    std::fs::write(&file, &whole).unwrap();
    home.open();
}

#[test]
fn a_root_of_the_right_name_and_the_wrong_secret_opens_nothing() {
    let (folder, home) = home();
    drop(home.open());
    let keeper = FileKeeper::open(&folder.path().join("elsewhere")).unwrap();
    let stranger = keeper.create(&DeploymentId([9; 16])).unwrap();
    let stranger = folder.path().join("elsewhere").join(format!("{stranger}.root"));
    let ours = std::fs::read_dir(home.roots()).unwrap().map(|entry| entry.unwrap().path());
    let ours = ours.into_iter().find(|path| path.extension().is_some_and(|e| e == "root")).unwrap();
    std::fs::copy(stranger, ours).unwrap();
    assert!(matches!(refused(&home), StoreError::Keeper(KeeperError::Wrong(_))));
}

#[test]
fn a_half_copied_store_is_refused_and_not_begun_anew() {
    let (folder, home) = home();
    let store = home.open();
    let requests: Vec<KeyRequest> = (0..2_000).map(|number| request(number, Grant::Create)).collect();
    store.ring(&requests).unwrap();
    drop(store);
    let whole = folder.path().join("whole");
    copy_folder(&home.store(), &whole);
    // Each file in turn is missing: opened with all subjects, or refused; never silently without them.
    for missing in files(&whole) {
        std::fs::remove_dir_all(home.store()).unwrap();
        copy_folder(&whole, &home.store());
        std::fs::remove_file(home.store().join(&missing)).unwrap();
        let opened = home.open_with(&Arc::new(ManualClock::default()), Steps::default());
        match opened {
            Ok(store) => {
                let subjects = requests.iter().filter(|asked| {
                    let asked = KeyRequest { grant: Grant::Open, ..(*asked).clone() };
                    matches!(state(&store, &asked), Ok(KeyState::Live(_)))
                });
                assert_eq!(subjects.count(), 2_000, "without {missing:?}");
            }
            Err(error) => assert!(error.to_string().contains("\nhelp: "), "without {missing:?}: {error}"),
        }
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn nothing_is_destroyed_without_its_fence() {
    let (_folder, home) = home();
    destroy_unfenced(&home.open());
    #[cfg(feature = "postgres")]
    destroy_unfenced(&crate::postgres::Home::new().open());
}

fn destroy_unfenced(store: &dyn Keystore) {
    live(store, &request(1, Grant::Create));
    assert!(matches!(store.destroy(&[id(1)]), Err(StoreError::Unfenced(_))));
    live(store, &request(1, Grant::Open));
}

#[test]
fn a_ring_is_void_when_its_lease_is_over_or_something_was_fenced() {
    let (_folder, home) = home();
    let clock = Arc::new(ManualClock::default());
    outlive(&home.open_with(&clock, Steps::default()).unwrap(), &clock);
    #[cfg(feature = "postgres")]
    outlive(&crate::postgres::Home::new().open_with(&clock, Steps::default()).unwrap(), &clock);
}

fn outlive(store: &dyn Keystore, clock: &ManualClock) {
    let ring = store.ring(&[request(1, Grant::Create)]).unwrap();
    clock.step_ms(LEASE_MS as u32 - 1);
    assert!(store.still_valid(&ring));
    clock.set_wall_ms(0);
    clock.step_ms(1);
    assert!(!store.still_valid(&ring));
    let ring = store.ring(&[request(1, Grant::Open)]).unwrap();
    assert!(store.still_valid(&ring));
    store.fence(&[(id(2), 5_000)]).unwrap();
    assert!(!store.still_valid(&ring));
}

#[test]
fn digest_and_signing_keys_stay_the_same_through_epochs_and_restarts() {
    let (_folder, home) = home();
    keep_identity(&|| Box::new(home.open()));
    #[cfg(feature = "postgres")]
    {
        let home = crate::postgres::Home::new();
        keep_identity(&|| Box::new(home.open()));
    }
}

fn keep_identity(open: &dyn Fn() -> Box<dyn Keystore>) {
    let store = open();
    live(&*store, &request(1, Grant::Create));
    let digest = store.digest_key().unwrap().record_key(b"k");
    let public = store.signing_key().unwrap().public_key();
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    store.rotate(None, 10).unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.digest_key().unwrap().record_key(b"k"), digest);
    let signature = store.signing_key().unwrap().sign(b"receipt");
    assert!(SigningKey::verify(&public, b"receipt", &signature));
}

#[test]
fn no_key_shows_in_debug_text() {
    let (_folder, home) = home();
    let store = home.open();
    let ring = store.ring(&[request(1, Grant::Create)]).unwrap();
    let shown = format!("{ring:?} {store:?} {:?} {:?}", store.digest_key().unwrap(), store.signing_key().unwrap());
    assert!(shown.len() < 700, "{shown}");
    assert!(shown.contains("Live(SealingKeys(generation 1))"), "{shown}");
}
