//! Keys in a database: several processes at once, a server that comes and goes, and an attacker who reads its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lethe::io::clock::{Clock, ManualClock, SystemClock};
use lethe::io::keystore::{Connecting, Keystore, PostgresOptions, PostgresStore, StoreError};
use lethe::io::kms::{FileKeeper, KeeperError};
use lethe::io::steps::Steps;
use lethe::keys::{Grant, KeyState};
use lethe::sensitive::Sensitive;

use crate::postgres_server::{Database, Server};
use crate::store::{LEASE_MS, bucket, id, live, request, scratch, state};

/// A database, and a folder for the roots.
pub struct Home {
    pub database: Database,
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self::on(Server::shared())
    }

    pub fn on(server: &Server) -> Self {
        Self { database: server.database(), folder: scratch() }
    }

    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("roots")
    }

    pub fn open_with(&self, clock: &Arc<ManualClock>, steps: Steps) -> Result<PostgresStore, StoreError> {
        open(&self.database.url, &self.roots(), clock.clone(), steps)
    }

    pub fn open(&self) -> PostgresStore {
        self.open_with(&Arc::new(ManualClock::default()), Steps::default()).unwrap()
    }
}

/// Opens the store of a database.
pub fn open(url: &str, roots: &Path, clock: Arc<dyn Clock>, steps: Steps) -> Result<PostgresStore, StoreError> {
    let keeper = Arc::new(FileKeeper::open_shared(roots, steps.clone())?);
    let connecting = Connecting { url: Sensitive::from(url), authorities: None, connections: 8 };
    let options =
        PostgresOptions { key_lease_ms: LEASE_MS, cached_keys: 4_096, steps, ..PostgresOptions::new(connecting) };
    PostgresStore::open(options, keeper, clock)
}

fn refused(url: &str, roots: &Path) -> StoreError {
    let opened = open(url, roots, Arc::new(ManualClock::default()), Steps::default());
    let error = opened.expect_err("it must be refused");
    let text = error.to_string();
    assert!(text.contains("\nhelp: "), "no remedy: {text}");
    let password = url.split(['@', ':']).nth(2).unwrap();
    assert!(password.len() > 4 && !text.contains(password), "the password shows: {text}");
    error
}

#[test]
fn what_one_process_makes_fences_or_destroys_the_other_knows() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    // Far more than a page: both split pages, in turns, and each follows the other.
    for first in (0..2_400).step_by(200) {
        let requests: Vec<_> = (first..first + 200).map(|n| request(n, Grant::Create)).collect();
        let (ring, again) = if first % 400 == 0 {
            (one.ring(&requests).unwrap(), other.ring(&requests).unwrap())
        } else {
            (other.ring(&requests).unwrap(), one.ring(&requests).unwrap())
        };
        for request in &requests {
            let (KeyState::Live(one), KeyState::Live(other)) = (ring.state(request), again.state(request)) else {
                panic!("{request:?} has no key");
            };
            assert_eq!(one.seal(b"a", b"v"), other.seal(b"a", b"v"), "two keys for one subject");
        }
    }
    assert!(one.status().unwrap().pages > 4);
    assert_eq!(one.status().unwrap(), other.status().unwrap());

    let ring = other.ring(&[request(7, Grant::Open)]).unwrap();
    assert!(other.still_valid(&ring));
    one.fence(&[(id(7), 5_000)]).unwrap();
    assert!(!other.still_valid(&ring), "a ring outlived a fence of another process");
    assert!(matches!(state(&other, &request(7, Grant::Open)), Ok(KeyState::Erased(_))));
    one.destroy(&[id(7)]).unwrap();
    assert_eq!(one.destroy(&[id(7)]).unwrap(), other.destroy(&[id(7)]).unwrap());
    other.expire(&[bucket("short", 1)]).unwrap();
    assert!(matches!(state(&one, &request(8, Grant::Open)), Ok(KeyState::Expired)));
    one.rotate(None, 3).unwrap();
    let next = lethe::keys::KeyRequest { bucket: bucket("short", 2), ..request(8, Grant::Create) };
    let sealed = live(&other, &next).seal(b"a", b"v");
    assert!(live(&one, &next).open(b"a", &sealed).is_ok());
    assert_eq!(one.status().unwrap().subjects, 2_399);
    assert_eq!(one.status().unwrap(), other.status().unwrap());
}

#[test]
fn processes_that_start_at_once_found_one_deployment() {
    let home = Home::new();
    let found: Vec<_> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..4).map(|_| scope.spawn(|| home.open().status().unwrap().deployment)).collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    assert!(found.iter().all(|deployment| *deployment == found[0]), "{found:?}");
    assert_eq!(home.database.sql("SELECT count(*) FROM lethe_state"), "1");
}

#[test]
fn an_old_copy_a_foreign_or_missing_root_and_a_newer_schema_are_refused_by_name() {
    let home = Home::new();
    let store = home.open();
    live(&store, &request(1, Grant::Create));
    live(&store, &request(2, Grant::Create));
    drop(store);
    let old = home.database.copy();
    let store = home.open();
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    drop(store);
    assert!(matches!(refused(&old.url, &home.roots()), StoreError::OldCopy { .. }));
    // The refusal has destroyed nothing.
    live(&home.open(), &request(2, Grant::Open));

    let other = Home::new();
    drop(other.open());
    assert!(matches!(refused(&home.database.url, &other.roots()), StoreError::ForeignKeeper { .. }));
    assert!(matches!(refused(&Home::new().database.url, &other.roots()), StoreError::Orphan { .. }));
    let nowhere = scratch();
    assert!(matches!(
        refused(&home.database.url, nowhere.path()),
        StoreError::Keeper(KeeperError::Exposed { .. }) | StoreError::RootMissing(_)
    ));
    home.database.sql("UPDATE lethe_schema SET version = 99");
    assert!(matches!(refused(&home.database.url, &home.roots()), StoreError::Newer { found: 99, .. }));
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_told_with_a_remedy_and_without_the_password() {
    let home = Home::new();
    let url = &home.database.url;
    let (before, after) = url.split_once('@').unwrap();
    let roots = home.roots();
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
    assert!(matches!(refused(&url.replace(port, "1"), &roots), StoreError::Unreachable { .. }));
    assert!(matches!(
        refused(&format!("{}wrong@{after}", &before[..before.len() - 5]), &roots),
        StoreError::Refused { .. }
    ));
    assert!(matches!(refused(&format!("{url}_absent"), &roots), StoreError::Refused { .. }));
    // No TLS here, and it was asked for.
    assert!(matches!(refused(&format!("{url}?sslmode=require"), &roots), StoreError::Unreachable { .. }));
    let error = open("postgresql://user:hunter2@[", &roots, Arc::new(ManualClock::default()), Steps::default());
    let text = error.unwrap_err().to_string();
    assert!(text.contains("help:") && !text.contains("hunter2"), "{text}");
    // Whoever may only look can't found a deployment.
    let reader = format!("reader_{}", home.database.name());
    home.database
        .sql(&format!("CREATE ROLE {reader} LOGIN PASSWORD 'reading'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let (_, host) = url.split_once('@').unwrap();
    let as_reader = format!("postgresql://{reader}:reading@{host}");
    assert!(matches!(refused(&as_reader, &roots), StoreError::Refused { .. }));
    home.database.sql(&format!("DROP ROLE {reader}"));
}

#[test]
fn a_store_that_was_replaced_or_has_gone_back_is_not_worked_on() {
    let home = Home::new();
    let store = home.open();
    live(&store, &request(1, Grant::Create));
    let ring = store.ring(&[request(1, Grant::Open)]).unwrap();
    // As a standby that had not got everything would stand after a fail-over.
    home.database.sql("UPDATE lethe_state SET version = version - 1, epoch = epoch - 1");
    assert!(!store.still_valid(&ring));
    assert!(matches!(store.ring(&[request(1, Grant::Open)]), Err(StoreError::WentBack { .. })));
    assert!(matches!(store.ring(&[request(2, Grant::Create)]), Err(StoreError::WentBack { .. })));
    home.database.sql(
        "UPDATE lethe_state SET version = version + 2, epoch = epoch + 2, deployment = decode(repeat('07', 16), 'hex')",
    );
    let error = store.ring(&[request(1, Grant::Open)]).unwrap_err();
    assert!(matches!(error, StoreError::OtherDeployment { .. }) && error.is_final(), "{error}");
}

#[test]
fn with_the_server_killed_nothing_goes_on_and_with_the_server_back_everything_does() {
    let server = Server::private();
    let home = Home::on(&server);
    let clock = Arc::new(SystemClock::new());
    let store = open(&home.database.url, &home.roots(), clock, Steps::default()).unwrap();
    let sealed: Vec<_> = (0..700).map(|n| live(&store, &request(n, Grant::Create)).seal(b"f", b"v")).collect();
    let ring = store.ring(&[request(1, Grant::Open)]).unwrap();
    assert!(store.still_valid(&ring));
    server.kill();
    assert!(!store.still_valid(&ring), "a ring without its server is valid");
    // Cached or not: without the epoch nobody knows what was erased meanwhile.
    for asked in [request(1, Grant::Open), request(5_000, Grant::Create)] {
        let error = store.ring(&[asked]).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }) && !error.is_final(), "{error}");
        assert!(error.to_string().contains("\nhelp: "), "{error}");
    }
    assert!(store.fence(&[(id(1), 5_000)]).is_err());
    assert!(store.destroy(&[id(1)]).is_err());
    server.restart();
    for (number, sealed) in (0..700).zip(&sealed) {
        assert!(live(&store, &request(number, Grant::Open)).open(b"f", sealed).is_ok());
    }
    live(&store, &request(5_000, Grant::Create));
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    assert!(matches!(state(&store, &request(1, Grant::Open)), Ok(KeyState::Erased(_))));
}

#[test]
fn connections_that_are_cut_in_the_middle_lose_no_key_and_double_none() {
    let home = Home::new();
    let store = home.open();
    let done = std::sync::atomic::AtomicBool::new(false);
    let sealed = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid()";
                home.database.sql(text);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let mut sealed = Vec::new();
        let mut setbacks = 0;
        for first in (0..3_000).step_by(100) {
            let requests: Vec<_> = (first..first + 100).map(|n| request(n, Grant::Create)).collect();
            let ring = loop {
                match store.ring(&requests) {
                    Ok(ring) => break ring,
                    Err(error) => assert!(!error.is_final(), "{error}"),
                }
                setbacks += 1;
            };
            for request in &requests {
                let KeyState::Live(keys) = ring.state(request) else { panic!("{request:?} has no key") };
                sealed.push(keys.seal(b"c", b"v"));
            }
            let erased = request(10_000 + first, Grant::Create);
            while store.ring(std::slice::from_ref(&erased)).is_err() {}
            while store.fence(&[(erased.id, 5_000)]).is_err() {}
            while store.destroy(&[erased.id]).is_err() {}
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(setbacks > 0, "no connection was cut");
        sealed
    });
    let store = home.open();
    for (number, sealed) in (0..3_000).zip(&sealed) {
        assert!(live(&store, &request(number, Grant::Open)).open(b"c", sealed).is_ok(), "{number}");
    }
    assert_eq!(store.status().unwrap().subjects, 3_000);
    assert_eq!(home.database.sql("SELECT count(*) FROM lethe_subjects"), "3000");
}
