//! Keys in a database: several processes at once, a server that comes and goes, and an attacker who reads its files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use lethe::io::clock::{Clock, ManualClock, SystemClock};
use lethe::io::keystore::{Connecting, End, Keystore, PostgresOptions, PostgresStore, StoreError, migrate};
use lethe::io::kms::{FileKeeper, KeeperError};
use lethe::io::steps::Steps;
use lethe::keys::rows::Table;
use lethe::keys::{Grant, KeyState, SealingKeys};
use lethe::sensitive::Sensitive;

use crate::attacker::Loot;
use crate::postgres_server::{Database, Server, program, sql};
use crate::sieve::{sift, sift_folder};
use crate::store::{LEASE_MS, bucket, copy_folder, id, live, request, scratch, state};

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
fn a_fail_over_to_a_synchronous_standby_loses_no_key_and_brings_nobody_back() {
    let primary = Server::private();
    let home = Home::on(&primary);
    let standby = primary.standby();
    let both = format!("{},{}", primary.address(), standby.address());
    let url = format!("{}?target_session_attrs=read-write", home.database.url.replace(primary.address(), &both));
    let store = open(&url, &home.roots(), Arc::new(SystemClock::new()), Steps::default()).unwrap();
    let sealed: Vec<_> = (0..600).map(|n| live(&store, &request(n, Grant::Create)).seal(b"o", b"v")).collect();
    store.fence(&[(id(1), 5_000)]).unwrap();
    store.destroy(&[id(1)]).unwrap();
    primary.kill();
    // The standby takes no writes yet.
    for _ in 0..2 {
        let error = store.ring(&[request(2, Grant::Open)]).unwrap_err();
        assert!(!error.is_final() && error.to_string().contains("\nhelp: "), "{error}");
    }
    standby.promote();
    for (number, sealed) in (0..600).zip(&sealed) {
        match state(&store, &request(number, Grant::Open)).unwrap() {
            KeyState::Live(keys) => assert!(number != 1 && keys.open(b"o", sealed).is_ok(), "{number}"),
            other => assert!(number == 1 && matches!(other, KeyState::Erased(_)), "{number} is {other:?}"),
        }
    }
    live(&store, &request(5_000, Grant::Create));
    store.fence(&[(id(2), 5_000)]).unwrap();
    store.destroy(&[id(2)]).unwrap();
    assert_eq!(store.status().unwrap().subjects, 599);
    // The primary of before hangs from a root that is gone.
    primary.restart();
    assert!(matches!(refused(&home.database.url, &home.roots()), StoreError::OldCopy { .. }));
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

/// A value that was sealed for a subject.
struct Sealed {
    number: u64,
    bytes: Vec<u8>,
}

/// How many of these values he opens, who has found all that and has these roots.
fn opened(loot: &Loot, roots: &Path, sealed: &[&Sealed]) -> usize {
    let opened = loot.open(roots);
    sealed.iter().filter(|s| opened.opens(&id(s.number), &bucket("short", 1), b"residue", &s.bytes)).count()
}

/// A base backup with the log that belongs to it, as an operator takes it.
fn base_backup(home: &Home, to: &Path) {
    let mut command = program("pg_basebackup");
    let done = command.args(["-X", "stream", "-c", "fast", "-d", &home.database.url, "-D"]).arg(to).status().unwrap();
    assert!(done.success(), "{done}");
}

#[test]
fn base_backups_the_whole_log_and_the_final_root_open_nothing_of_the_erased_and_all_of_the_others() {
    let subjects = size("LETHE_TEST_SUBJECTS", 2_000);
    let server = Server::private();
    let home = Home::on(&server);
    let loot = Arc::new(Mutex::new(Loot::default()));
    let images = Arc::new(AtomicUsize::new(0));
    let steps = {
        // At every step, every heap file of the store as it lies on the disk.
        let (loot, images, data, url) = (loot.clone(), images.clone(), server.data(), home.database.url.clone());
        Steps::new(move |name| {
            // Not at each of the many batches, but at all else.
            if !name.starts_with("new keys") || images.load(Ordering::SeqCst) % 50 == 0 {
                let files = "CHECKPOINT; SELECT pg_relation_filepath(oid) FROM pg_class WHERE relname LIKE 'lethe_%' AND relkind = 'r'";
                for file in sql(&url, files).lines() {
                    let bytes = std::fs::read(data.join(file)).unwrap_or_default();
                    loot.lock().unwrap().keep(&sift(&bytes));
                }
            }
            images.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    };
    let store = open(&home.database.url, &home.roots(), Arc::new(ManualClock::default()), steps).unwrap();
    let mut sealed = Vec::new();
    for first in (0..subjects).step_by(250) {
        let requests: Vec<_> = (first..first + 250).map(|n| request(n, Grant::Create)).collect();
        let ring = store.ring(&requests).unwrap();
        for (number, request) in (first..).zip(&requests) {
            let KeyState::Live(keys) = ring.state(request) else { panic!("{number} has no key") };
            sealed.push(Sealed { number, bytes: keys.seal(b"residue", b"ada@example.org") });
        }
    }
    let scratch = scratch();
    let (before, after, roots_before) =
        (scratch.path().join("before"), scratch.path().join("after"), scratch.path().join("roots"));
    base_backup(&home, &before);
    copy_folder(&home.roots(), &roots_before);

    let erased: Vec<u64> = (0..subjects).step_by(if subjects > 50_000 { 100 } else { 40 }).collect();
    for batch in erased.chunks(if subjects > 50_000 { 250 } else { 25 }) {
        let ids: Vec<_> = batch.iter().map(|number| id(*number)).collect();
        store.fence(&ids.iter().map(|id| (*id, 5_000)).collect::<Vec<_>>()).unwrap();
        store.destroy(&ids).unwrap();
    }
    drop(store);
    base_backup(&home, &after);
    let mut loot = std::mem::take(&mut *loot.lock().unwrap());
    loot.keep(&sift_folder(&before));
    // The server's own folder: all that was ever logged, and the heap with its dead rows.
    loot.keep(&sift_folder(&server.data()));
    let mut newest = Loot::default();
    newest.keep(&sift_folder(&after));
    loot.keep(&sift_folder(&after));

    let (gone, kept): (Vec<&Sealed>, Vec<&Sealed>) = sealed.iter().partition(|s| erased.contains(&s.number));
    println!("{} erased, {} kept, {} steps", gone.len(), kept.len(), images.load(Ordering::SeqCst));
    assert!(gone.len() >= 50 && images.load(Ordering::SeqCst) > 20);
    // Without this the test could not fail: the same program, given the old root, opens them.
    assert_eq!(opened(&loot, &roots_before, &gone), gone.len(), "the attacker is blind");
    assert_eq!(opened(&loot, &home.roots(), &gone), 0, "erased values were opened");
    assert_eq!(opened(&newest, &home.roots(), &kept), kept.len(), "survivors were lost");
}

/// A size from the environment, for the large variants.
fn size(variable: &str, usual: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size")]
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

const WRITER: &str = "LETHE_TEST_WRITER";
/// Subjects a batch.
const TOGETHER: u64 = 200;

/// What a key seals: the same bytes for the same key.
fn print_of(keys: &SealingKeys, number: u64) -> [u8; 16] {
    let digest = ring::digest::digest(&ring::digest::SHA256, &keys.seal(b"w", &number.to_be_bytes()));
    digest.as_ref()[..16].try_into().unwrap()
}

/// Not a test: the other process of the next one, which tells it what to do.
#[test]
#[ignore = "runs as a process of another test"]
fn a_writer() {
    #[expect(clippy::disallowed_methods, reason = "it is told what to do")]
    let Ok(told) = std::env::var(WRITER) else { return };
    let told: Vec<&str> = told.split('|').collect();
    let [url, roots, file, from, subjects] = told[..] else { panic!("five words") };
    let (from, subjects): (u64, u64) = (from.parse().unwrap(), subjects.parse().unwrap());
    let store = open(url, Path::new(roots), Arc::new(SystemClock::new()), Steps::default()).unwrap();
    let mut prints = vec![0; subjects as usize * 16];
    for first in (0..subjects).step_by(TOGETHER as usize) {
        let numbers: Vec<u64> = (first..subjects.min(first + TOGETHER)).map(|n| (n + from) % subjects).collect();
        let requests: Vec<_> = numbers.iter().map(|n| request(*n, Grant::Create)).collect();
        let ring = loop {
            match store.ring(&requests) {
                Ok(ring) => break ring,
                Err(StoreError::Busy(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        for (number, request) in numbers.iter().zip(&requests) {
            let KeyState::Live(keys) = ring.state(request) else { panic!("{number} has no key") };
            prints[*number as usize * 16..][..16].copy_from_slice(&print_of(keys, *number));
        }
    }
    std::fs::write(file, prints).unwrap();
}

#[test]
fn what_was_read_before_a_commit_of_the_same_process_is_no_sign_that_the_store_went_back() {
    let home = Home::new();
    // The fence is stored when the tree has been read without it; the reader goes on when the fence is known.
    let (read, fenced) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let racing = Arc::new(AtomicBool::new(false));
    let steps = {
        let (read, fenced, racing) = (read.clone(), fenced.clone(), racing.clone());
        Steps::new(move |name| {
            match name {
                "fence not yet durable" => {
                    racing.store(true, Ordering::SeqCst);
                    read.wait();
                }
                "changes read" if racing.swap(false, Ordering::SeqCst) => {
                    read.wait();
                    fenced.wait();
                }
                _ => {}
            }
            Ok(())
        })
    };
    let store = home.open_with(&Arc::new(ManualClock::default()), steps).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            store.fence(&[(id(7), 5_000)]).unwrap();
            fenced.wait();
        });
        while !racing.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        assert_eq!(store.buckets().unwrap(), []);
    });
    assert!(matches!(state(&store, &request(7, Grant::Open)), Ok(KeyState::Erased(_))));
}

#[test]
fn two_processes_lose_no_key_while_pages_are_re_keyed_and_rotated() {
    let operations = size("LETHE_TEST_OPS", 12_000);
    let subjects = operations / 2;
    let home = Home::new();
    let store = open(&home.database.url, &home.roots(), Arc::new(SystemClock::new()), Steps::default()).unwrap();
    let folder = scratch();
    let files: Vec<PathBuf> = (0..2).map(|writer| folder.path().join(writer.to_string())).collect();
    let mut writers: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(writer, file)| {
            // Each begins elsewhere, both go through the same subjects.
            let from = (subjects * writer as u64) / 2;
            let (url, roots) = (&home.database.url, home.roots());
            let told = format!("{url}|{}|{}|{from}|{subjects}", roots.display(), file.display());
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "postgres::a_writer", "--ignored", "--nocapture"]);
            command.env(WRITER, told).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let (mut rotated, mut epochs, mut from) = (0, 0, None);
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        let erased = request(subjects + epochs, Grant::Create);
        live(&store, &erased);
        store.fence(&[(erased.id, 5_000)]).unwrap();
        store.destroy(&[erased.id]).unwrap();
        let turned = store.rotate(from, 4).unwrap();
        (rotated, epochs, from) = (rotated + turned.pages, epochs + 1, turned.next);
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    drop(store);
    let store = open(&home.database.url, &home.roots(), Arc::new(SystemClock::new()), Steps::default()).unwrap();
    let prints: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let mut lost = 0;
    for first in (0..subjects).step_by(1_000) {
        let numbers = first..subjects.min(first + 1_000);
        let requests: Vec<_> = numbers.clone().map(|n| request(n, Grant::Open)).collect();
        let ring = store.ring(&requests).unwrap();
        for (number, request) in numbers.zip(&requests) {
            let print = match ring.state(request) {
                KeyState::Live(keys) => print_of(keys, number),
                _ => [0; 16],
            };
            lost += prints.iter().filter(|prints| prints[number as usize * 16..][..16] != print).count();
        }
    }
    println!(
        "{operations} operations of two processes, {epochs} erasures and {rotated} pages re-keyed meanwhile: {lost} lost"
    );
    assert_eq!(lost, 0, "keys were lost or made twice");
    assert!(epochs > 2);
    assert_eq!(store.status().unwrap().subjects, subjects);
}

#[test]
fn a_store_moves_into_a_database_and_back_with_everything_that_was_sealed() {
    let folder = scratch();
    let home = crate::store::Home(folder.path().join("home"));
    let store = home.open();
    let sealed: Vec<_> = (0..1_200).map(|n| live(&store, &request(n, Grant::Create)).seal(b"m", b"v")).collect();
    store.fence(&[(id(3), 5_000)]).unwrap();
    store.destroy(&[id(3)]).unwrap();
    store.remember("open", b"held", false).unwrap();
    store.remember("done", b"receipted", true).unwrap();
    let (status, digest) = (store.status().unwrap(), store.digest_key().unwrap().record_key(b"k"));
    let database = Server::shared().database();
    let connecting = Connecting { url: Sensitive::from(database.url.as_str()), authorities: None, connections: 4 };
    let ends = [End::Folder(home.store()), End::Database(connecting), End::Folder(folder.path().join("back"))];
    let keeper = || FileKeeper::open_shared(&home.roots(), Steps::default()).unwrap();
    let mut rows = 0;
    let in_use =
        migrate((&ends[0], &ends[1]), &FileKeeper::open(&folder.path().join("other")).unwrap(), &mut |_, _| {});
    assert!(matches!(in_use, Err(StoreError::Locked(_))), "{in_use:?}");
    drop(store);
    let foreign =
        migrate((&ends[0], &ends[1]), &FileKeeper::open(&folder.path().join("other")).unwrap(), &mut |_, _| {});
    assert!(matches!(foreign, Err(StoreError::RootMissing(_))), "{foreign:?}");
    let done = migrate((&ends[0], &ends[1]), &keeper(), &mut |_, arrived| rows += arrived).unwrap();
    assert!(done.rows > 1_200 && rows >= done.rows, "{done:?}");

    // The old one is closed, and says where it went; nothing is moved twice, and nothing over anything.
    let old = home.open_with(&Arc::new(ManualClock::default()), Steps::default()).unwrap_err();
    assert!(matches!(&old, StoreError::Moved { .. }) && old.to_string().contains("help:"), "{old}");
    assert!(matches!(migrate((&ends[0], &ends[2]), &keeper(), &mut |_, _| {}), Err(StoreError::Moved { .. })));
    let other = crate::store::Home(folder.path().join("another"));
    drop(other.open());
    let filled =
        migrate((&End::Folder(other.store()), &ends[1]), &FileKeeper::open(&other.roots()).unwrap(), &mut |_, _| {});
    assert!(matches!(filled, Err(StoreError::Filled(_))), "{filled:?}");

    let check = |store: &dyn Keystore| {
        let now = store.status().unwrap();
        assert_eq!((now.deployment, &now.root, now.epoch), (status.deployment, &status.root, status.epoch));
        assert_eq!(
            (now.subjects, now.pages, now.last_epoch),
            (status.subjects, status.pages, status.last_epoch.clone())
        );
        assert_eq!(store.digest_key().unwrap().record_key(b"k"), digest);
        for (number, sealed) in (0..).zip(&sealed) {
            match state(store, &request(number, Grant::Open)).unwrap() {
                KeyState::Live(keys) => assert!(keys.open(b"m", sealed).is_ok(), "{number}"),
                other => assert!(number == 3 && matches!(other, KeyState::Erased(_)), "{number} is {other:?}"),
            }
        }
        assert_eq!(store.open_requests().unwrap(), [("open".to_owned(), b"held".to_vec())]);
        assert_eq!(store.recall("done").unwrap().as_deref(), Some(b"receipted".as_slice()));
    };
    let store = open(&database.url, &home.roots(), Arc::new(ManualClock::default()), Steps::default()).unwrap();
    check(&store);
    let in_use = migrate((&ends[1], &ends[2]), &keeper(), &mut |_, _| {});
    assert!(matches!(in_use, Err(StoreError::InUse(_))), "{in_use:?}");
    drop(store);
    // Back, and interrupted on the way as if the process had died: the target opens for nobody, and the same call goes on.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        migrate((&ends[1], &ends[2]), &keeper(), &mut |table, _| assert!(table != Table::Subjects, "cut off here"))
    }));
    assert!(cut.is_err());
    let back = crate::store::Home(folder.path().join("home2"));
    copy_folder(&folder.path().join("back"), &back.store());
    copy_folder(&home.roots(), &back.roots());
    let half = back.open_with(&Arc::new(ManualClock::default()), Steps::default()).unwrap_err();
    assert!(matches!(half, StoreError::HalfMigrated(_)), "{half}");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let done = migrate((&ends[1], &ends[2]), &keeper(), &mut |_, _| {}).unwrap();
    assert!(done.before > 0, "{done:?}");
    std::fs::remove_dir_all(back.store()).unwrap();
    copy_folder(&folder.path().join("back"), &back.store());
    let store = back.open();
    check(&store);
    store.rotate(None, 100).unwrap();
    check_rotated(&store, &sealed);
}

fn check_rotated(store: &dyn Keystore, sealed: &[Vec<u8>]) {
    for (number, sealed) in (0..).zip(sealed).filter(|(number, _)| *number != 3) {
        assert!(live(store, &request(number, Grant::Open)).open(b"m", sealed).is_ok());
    }
}
