//! Stopped before and after every durable write, whole list: the old state or the new one, nobody lost, nobody back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{Keystore, Note, Renewal, Space, StoreCopy, StoreError};
use lethe::io::kms::{FileKeeper, RootKeeper};
use lethe::io::steps::{Steps, Stopped};
use lethe::io::upkeep::{Part, Rotation, UpkeepError};
use lethe::keys::{Grant, KeyId, KeyRequest, KeyState};

use crate::store::{Home, bucket, copy_folder, id, request, scratch};

const AD: &[u8] = b"crash";
const FIRST: u64 = 480;
const MORE: u64 = 560;
const ERASED: [u64; 3] = [3, 141, 400];
const THROUGH_MS: i64 = 5_000;

/// What the caller was told, and may rely on from then on.
#[derive(Default)]
struct Told {
    sealed: HashMap<u64, Vec<u8>>,
    past: Option<Vec<u8>>,
    fenced: bool,
    destroyed: bool,
    expired: bool,
    signers: Vec<[u8; 32]>,
    noted: bool,
    done: bool,
}

fn in_past(number: u64) -> KeyRequest {
    KeyRequest { bucket: bucket("past", 1), ..request(number, Grant::Create) }
}

fn create(store: &dyn Keystore, numbers: std::ops::Range<u64>, told: &mut Told) -> Result<(), StoreError> {
    let requests: Vec<KeyRequest> = numbers.clone().map(|number| request(number, Grant::Create)).collect();
    let ring = store.ring(&requests)?;
    for (number, request) in numbers.zip(&requests) {
        match ring.state(request) {
            KeyState::Live(keys) => drop(told.sealed.insert(number, keys.seal(AD, &number.to_be_bytes()))),
            // A fence may be durable though the call that set it was stopped.
            KeyState::Erased(_) if ERASED.contains(&number) => {}
            other => panic!("{number} is {other:?}"),
        }
    }
    Ok(())
}

/// Everything that writes, told step by step.
fn live_a_life(store: &dyn Keystore, backup: Option<&Path>, told: &mut Told) -> Result<(), StoreError> {
    create(store, 0..FIRST, told)?;
    if let KeyState::Live(keys) = store.ring(&[in_past(7)])?.state(&in_past(7)) {
        told.past = Some(keys.seal(AD, b"past"));
    }
    let ids: Vec<KeyId> = ERASED.iter().map(|number| id(*number)).collect();
    let through: Vec<(KeyId, i64)> = ids.iter().map(|id| (*id, THROUGH_MS)).collect();
    store.fence(&through)?;
    told.fenced = true;
    store.remember("request-1", b"fenced", false)?;
    // More subjects while the erasure waits: the page splits with condemned rows in it.
    create(store, FIRST..MORE, told)?;
    store.destroy(&ids)?;
    told.destroyed = true;
    store.remember("request-1", b"destroyed", true)?;
    store.expire(&[bucket("past", 1)])?;
    told.expired = true;
    let notes = [b"one", b"two"].map(|key| Note::put(Space::Members, *key, *b"member"));
    store.note(&notes)?;
    told.noted = true;
    let signer = store.signing_key()?.public_key();
    told.signers.push(signer);
    rotate(store)?;
    told.signers.push(store.signing_key()?.public_key());
    // A copy, then the same copy brought up to date after another epoch.
    let back_up = || backup.map_or(Ok(0), |backup| store.backup(backup));
    back_up()?;
    store.renew(Renewal::Root)?;
    back_up()?;
    told.done = true;
    Ok(())
}

/// As `lethe keys rotate --all`, and as it goes on after a stop.
fn rotate(store: &dyn Keystore) -> Result<(), StoreError> {
    let unwrap = |error| match error {
        UpkeepError::Store(error) => error,
        other => panic!("{other}"),
    };
    let mut rotation = Rotation::begin(store, &Part::ALL, 0).map_err(unwrap)?;
    while rotation.step(store)?.is_some() {}
    Ok(())
}

fn check(store: &dyn Keystore, told: &Told, at: &str) {
    check_notes(store, told, at);
    for (number, sealed) in &told.sealed {
        let asked = request(*number, Grant::Open);
        let state = store.ring(std::slice::from_ref(&asked)).unwrap().state(&asked).clone();
        let erased = ERASED.contains(number);
        match state {
            KeyState::Live(keys) => {
                assert!(!(erased && told.fenced), "{at}: erased subject {number} has a key");
                assert_eq!(keys.open(AD, sealed).unwrap().reveal(), number.to_be_bytes(), "{at}");
            }
            KeyState::Erased(fence) => {
                assert!(erased, "{at}: subject {number} was lost");
                assert_eq!(fence.erased_through_ms, THROUGH_MS);
            }
            other => panic!("{at}: subject {number} is {other:?}"),
        }
    }
    let past = in_past(7);
    if let Some(sealed) = &told.past {
        match store.ring(std::slice::from_ref(&past)).unwrap().state(&past) {
            KeyState::Live(keys) => {
                assert!(!told.expired, "{at}: the expired bucket is back");
                assert!(keys.open(AD, sealed).is_ok(), "{at}");
            }
            KeyState::Expired => {}
            other => panic!("{at}: the past is {other:?}"),
        }
    }
}

/// Every key that was ever said to sign is in the history, and the last one there is the one that signs.
fn check_signers(store: &dyn Keystore, told: &Told, at: &str) {
    let signers = store.signers().unwrap();
    for told in &told.signers {
        assert!(signers.iter().any(|signer| signer.public_key == *told), "{at}: a signing key is not in the history");
    }
    assert_eq!(signers.last().unwrap().public_key, store.signing_key().unwrap().public_key(), "{at}");
    assert_eq!(signers.iter().filter(|signer| signer.until_ms.is_none()).count(), 1, "{at}");
}

/// A copy is whole, or refused; and it never begins a store of its own.
fn check_backup(home: &Home, backup: &Path, at: &str) {
    if !backup.exists() {
        return;
    }
    match StoreCopy::open(backup).and_then(|copy| copy.facts()) {
        Ok(_) => {
            let copy = Home(home.0.join("restored"));
            copy_folder(backup, &copy.store());
            copy_folder(&home.roots(), &copy.roots());
            match copy.open_with(&Arc::new(ManualClock::default()), Steps::default()) {
                Ok(store) => assert!(store.status().unwrap().subjects >= MORE - ERASED.len() as u64, "{at}"),
                Err(error) => assert!(matches!(error, StoreError::OldCopy { .. }), "{at}: {error}"),
            }
            std::fs::remove_dir_all(&copy.0).unwrap();
        }
        Err(error) => assert!(matches!(error, StoreError::Incomplete { .. } | StoreError::Absent(_)), "{at}: {error}"),
    }
}

/// Both notes of one call, or neither; and none that the caller was told of is gone.
fn check_notes(store: &dyn Keystore, told: &Told, at: &str) {
    let notes = store.notes(Space::Members, b"", None, 10).unwrap();
    assert!(notes.len() == 2 || (notes.is_empty() && !told.noted), "{at}: {notes:?}");
    let second = store.notes(Space::Members, b"", notes.first().map(|(key, _)| &**key), 10).unwrap();
    assert_eq!(second.first(), notes.get(1), "{at}");
    assert!(store.notes(Space::Members, b"three", None, 10).unwrap().is_empty(), "{at}");
    assert_eq!(store.noted(Space::Members, b"one").unwrap().is_some(), !notes.is_empty(), "{at}");
    assert_eq!(store.noted(Space::Holds, b"one").unwrap(), None, "{at}: a note stands in two spaces");
}

fn roots_held(home: &Home) -> usize {
    FileKeeper::open(&home.roots()).unwrap().list().unwrap().len()
}

#[test]
fn stopped_at_any_step_it_holds_the_old_state_or_the_new_one() {
    let folder = scratch();
    let clock = Arc::new(ManualClock::default());
    // A clean life first: it counts the steps, and lists them.
    let names = Arc::new(Mutex::new(Vec::new()));
    let list = names.clone();
    let steps = Steps::new(move |name| {
        list.lock().unwrap().push(name);
        Ok(())
    });
    let clean = Home(folder.path().join("clean"));
    let mut told = Told::default();
    live_a_life(&clean.open_with(&clock, steps).unwrap(), Some(&clean.0.join("backup")), &mut told).unwrap();
    check(&clean.open(), &told, "clean");
    let names = names.lock().unwrap().clone();
    assert!(names.len() > 120, "{names:?}");

    for (stop, name) in names.iter().enumerate() {
        let at = format!("step {stop} (`{name}`)");
        let home = Home(folder.path().join(stop.to_string()));
        let image = folder.path().join(format!("{stop}-image"));
        let (reached, from, to) = (AtomicUsize::new(0), home.clone(), image.clone());
        let steps = Steps::new(move |name| {
            let step = reached.fetch_add(1, Ordering::SeqCst);
            if step == stop && from.store().exists() {
                from.copy(&to);
            }
            if step >= stop { Err(Stopped(name)) } else { Ok(()) }
        });
        let mut told = Told::default();
        let backup = home.0.join("backup");
        let lived = home.open_with(&clock, steps).and_then(|store| live_a_life(&store, Some(&backup), &mut told));
        assert!(lived.is_err() || name.starts_with("counts"), "{at} did not stop");
        // As the process left it, and as the disk looked at that very moment.
        for home in [home, Home(image.clone())].into_iter().filter(|home| home.store().exists()) {
            let mut store = home.open();
            check(&store, &told, &at);
            check_signers(&store, &told, &at);
            // And whatever was interrupted can be taken up again.
            let mut again = Told { fenced: told.fenced, past: told.past.clone(), ..Told::default() };
            again.signers.clone_from(&told.signers);
            let backup = home.0.join("backup");
            if backup.exists() {
                drop(store);
                check_backup(&home, &backup, &at);
                store = home.open();
            }
            live_a_life(&store, Some(&backup), &mut again).unwrap_or_else(|error| panic!("{at}: {error}"));
            check_signers(&store, &again, &at);
            again.sealed.retain(|number, _| !ERASED.contains(number) || told.fenced);
            check(&store, &again, &at);
            assert!(again.done && store.open_requests().unwrap().is_empty(), "{at}");
            drop(store);
            check_backup(&home, &backup, &at);
            assert_eq!(roots_held(&home), 1, "{at}: a root is left over");
            std::fs::remove_dir_all(&home.0).unwrap();
        }
    }
}

/// The same in a database: a process that is stopped loses its connection, and what was not committed is rolled back.
#[cfg(feature = "postgres")]
#[test]
fn stopped_at_any_step_a_database_holds_the_old_state_or_the_new_one() {
    let clock = Arc::new(ManualClock::default());
    let names = Arc::new(Mutex::new(Vec::new()));
    let list = names.clone();
    let steps = Steps::new(move |name| {
        list.lock().unwrap().push(name);
        Ok(())
    });
    let clean = crate::postgres::Home::new();
    let mut told = Told::default();
    live_a_life(&clean.open_with(&clock, steps).unwrap(), None, &mut told).unwrap();
    check(&clean.open(), &told, "clean");
    let names = names.lock().unwrap().clone();
    assert!(names.len() > 35, "{names:?}");

    // A step that comes again and again is taken when it comes first, second and last; `LETHE_TEST_STEPS=all` takes every one.
    let all = std::env::var_os("LETHE_TEST_STEPS").is_some();
    let due = |stop: usize, name: &str| {
        let before = names.iter().take(stop).filter(|other| **other == name).count();
        all || before < 2 || !names.iter().skip(stop + 1).any(|other| *other == name)
    };
    for (stop, name) in names.iter().enumerate().filter(|(stop, name)| due(*stop, name)) {
        let at = format!("step {stop} (`{name}`)");
        let home = crate::postgres::Home::new();
        let reached = AtomicUsize::new(0);
        let steps = Steps::new(move |name| {
            let step = reached.fetch_add(1, Ordering::SeqCst);
            if step >= stop { Err(Stopped(name)) } else { Ok(()) }
        });
        let mut told = Told::default();
        let lived = home.open_with(&clock, steps).and_then(|store| live_a_life(&store, None, &mut told));
        assert!(lived.is_err(), "{at} did not stop");
        let store = home.open();
        check(&store, &told, &at);
        let mut again = Told { fenced: told.fenced, past: told.past.clone(), ..Told::default() };
        live_a_life(&store, None, &mut again).unwrap_or_else(|error| panic!("{at}: {error}"));
        again.sealed.retain(|number, _| !ERASED.contains(number) || told.fenced);
        check(&store, &again, &at);
        assert!(again.done && store.open_requests().unwrap().is_empty(), "{at}");
        drop(store);
        assert_eq!(FileKeeper::open(&home.roots()).unwrap().list().unwrap().len(), 1, "{at}: a root is left over");
    }
}
