//! Erased means erased for someone who has every disk image, before and after, and the root as it stands at the end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{Destroyed, EmbeddedStore, Keystore, Outcome};
use lethe::io::steps::Steps;
use lethe::keys::{BucketId, Grant, KeyId, KeyRequest};

use crate::attacker::Loot;
use crate::store::{Home, bucket, copy_folder, id, live, request, scratch};

/// `LETHE_TEST_RESIDUE` sets another number: at 100,000 it erases 1,000 of them.
const SUBJECTS: u64 = 2_000;
/// From here on images are taken of the erasures alone: those of all creations would fill the disk.
const LARGE: u64 = 10_000;
const AD: &[u8] = b"residue";

struct Sealed {
    id: KeyId,
    bucket: BucketId,
    bytes: Vec<u8>,
}

fn seal(store: &dyn Keystore, request: &KeyRequest) -> Sealed {
    let bytes = live(store, request).seal(AD, b"ada@example.org");
    Sealed { id: request.id, bucket: request.bucket.clone(), bytes }
}

fn opened(copies: &[PathBuf], roots: &std::path::Path, sealed: &[&Sealed]) -> usize {
    let opened = Loot::read(copies).open(roots);
    sealed.iter().filter(|s| opened.opens(&s.id, &s.bucket, AD, &s.bytes)).count()
}

fn create(store: &dyn Keystore, numbers: std::ops::Range<u64>) -> Vec<Sealed> {
    let requests: Vec<KeyRequest> = numbers.map(|n| request(n, Grant::Create)).collect();
    for batch in requests.chunks(250) {
        store.ring(batch).unwrap();
    }
    requests.iter().map(|request| seal(store, request)).collect()
}

/// A store whose every durable write is imaged before and after.
fn imaged(home: &Home, images: &std::path::Path) -> (EmbeddedStore, Arc<Mutex<Vec<PathBuf>>>) {
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (from, to, taken) = (home.store(), images.to_owned(), copies.clone());
    let steps = Steps::new(move |_| {
        let mut taken = taken.lock().unwrap();
        let copy = to.join(taken.len().to_string());
        if from.exists() {
            copy_folder(&from, &copy);
            taken.push(copy);
        }
        Ok(())
    });
    (home.open_with(&Arc::new(ManualClock::default()), steps).unwrap(), copies)
}

#[test]
fn every_copy_and_the_final_root_open_nothing_of_the_erased_and_all_of_the_others() {
    let subjects = size();
    let large = subjects >= LARGE;
    let folder = if large { tempfile::tempdir().unwrap() } else { scratch() };
    let home = Home(folder.path().join("home"));
    // Grow in two halves, so that pages split while images are taken: erased rows have also stood under older pages.
    let plain = home.open();
    let half = if large { subjects } else { subjects / 2 };
    let mut sealed = create(&plain, 0..half);
    drop(plain);
    let (store, copies) = imaged(&home, &folder.path().join("images"));
    sealed.extend(create(&store, half..subjects));
    let before = home.copy(&folder.path().join("before"));

    let erased: Vec<KeyId> = (0..subjects).step_by(if large { 100 } else { 40 }).map(id).collect();
    for batch in erased.chunks(if large { 100 } else { 25 }) {
        let through: Vec<_> = batch.iter().map(|id| (*id, 5_000)).collect();
        store.fence(&through).unwrap();
        let destroyed = store.destroy(batch).unwrap();
        assert_eq!(destroyed, store.destroy(batch).unwrap(), "a repeated call reports the same");
        check_report(&destroyed, batch);
    }
    drop(store);
    let copies = {
        let mut copies = copies.lock().unwrap().clone();
        copies.extend([before.store(), home.store()]);
        copies
    };
    let ids: std::collections::HashSet<&KeyId> = erased.iter().collect();
    let (gone, kept): (Vec<&Sealed>, Vec<&Sealed>) = sealed.iter().partition(|s| ids.contains(&s.id));
    assert_eq!((gone.len(), gone.len() + kept.len()), (erased.len(), subjects as usize));
    assert!(copies.len() > 20, "images were taken: {}", copies.len());
    // Without this the test could not fail: the same program, given the old root, opens them.
    assert_eq!(opened(&copies, &before.roots(), &gone), gone.len());
    assert_eq!(opened(&copies, &home.roots(), &gone), 0, "erased values were opened");
    assert_eq!(opened(&[home.store()], &home.roots(), &kept), kept.len(), "survivors were lost");
    let (gone, kept, copies) = (gone.len(), kept.len(), copies.len());
    println!("{copies} copies and the final root: 0 of {gone} erased opened; the newest copy opens all {kept} others");
}

fn size() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size")]
    let named = std::env::var("LETHE_TEST_RESIDUE").ok();
    named.map_or(SUBJECTS, |text| text.parse().unwrap())
}

/// The same where the root never leaves an HSM: the attacker has every copy of the store, and may use the HSM as it is now.
#[cfg(feature = "pkcs11")]
mod hsm {
    use super::*;
    use crate::keepers::{self, hsm};

    #[test]
    fn whoever_may_use_the_hsm_today_opens_nothing_of_the_erased() {
        hsm::with_token("residue::hsm::in_softhsm");
    }

    #[test]
    #[ignore = "run by its parent, with a token of its own"]
    fn in_softhsm() {
        let folder = scratch();
        let keeper = hsm::open_token();
        let path = folder.path().join("store");
        let store = keepers::open(&path, &keeper).unwrap();
        let sealed = create(&store, 0..600);
        let copy = |name: &str| {
            let to = folder.path().join(name);
            copy_folder(&path, &to);
            to
        };
        let opened = |copies: &[PathBuf], sealed: &[&Sealed]| {
            let opened = Loot::read(copies).open_with(&*keeper);
            sealed.iter().filter(|s| opened.opens(&s.id, &s.bucket, AD, &s.bytes)).count()
        };
        let mut copies = vec![copy("0")];
        let (gone, kept): (Vec<&Sealed>, Vec<&Sealed>) = sealed.iter().partition(|s| s.id.0[0] % 16 == 0);
        // Without this the test could not fail: while the old root is there, he opens all.
        assert_eq!(opened(&copies, &gone), gone.len());
        for (at, batch) in gone.chunks(10).enumerate() {
            let ids: Vec<KeyId> = batch.iter().map(|sealed| sealed.id).collect();
            store.fence(&ids.iter().map(|id| (*id, 5_000)).collect::<Vec<_>>()).unwrap();
            copies.push(copy(&format!("{at} fenced")));
            store.destroy(&ids).unwrap();
            copies.push(copy(&format!("{at} destroyed")));
        }
        drop(store);
        copies.push(copy("last"));
        assert!(gone.len() > 20);
        assert_eq!(opened(&copies, &gone), 0, "erased values were opened");
        assert_eq!(opened(&[copy("newest")], &kept), kept.len(), "survivors were lost");
    }
}

fn check_report(destroyed: &Destroyed, ids: &[KeyId]) {
    assert_eq!(destroyed.subjects.iter().map(|subject| subject.id).collect::<Vec<_>>(), ids);
    let [(epoch, row)] = destroyed.epochs.as_slice() else { panic!("one epoch a call") };
    assert!(row.destroyed_at_ms.is_some() && row.irreversible_from_ms.is_some() && !row.caveat.is_empty());
    assert!(row.old_root != row.new_root && row.old_top != row.new_top);
    for subject in &destroyed.subjects {
        assert_eq!(subject.fence.generation, 1);
        let Outcome::Destroyed { epoch: of, before, after, .. } = &subject.outcome else { panic!("it had a key") };
        assert!(of == epoch && before != after);
    }
}

#[test]
fn a_key_renewed_before_its_destruction_survives_it_and_the_condemned_one_does_not() {
    let folder = scratch();
    let home = Home(folder.path().join("home"));
    let store = home.open();
    let old = seal(&store, &request(1, Grant::Create));
    let oldest = home.copy(&folder.path().join("oldest"));
    store.fence(&[(id(1), 5_000)]).unwrap();
    let later = KeyRequest { at_ms: 5_001, ..request(1, Grant::Renew) };
    let new = seal(&store, &later);
    let before = home.copy(&folder.path().join("before"));
    store.destroy(&[id(1)]).unwrap();
    assert!(live(&store, &later).open(AD, &new.bytes).is_ok());
    drop(store);
    let copies = [oldest.store(), before.store(), home.store()];
    assert_eq!(opened(&copies, &before.roots(), &[&old, &new]), 2);
    assert_eq!(opened(&copies, &home.roots(), &[&old]), 0);
    assert_eq!(opened(&copies, &home.roots(), &[&new]), 1);
}

#[test]
fn an_expired_bucket_opens_for_nobody_and_its_neighbour_for_those_who_have_the_root() {
    let folder = scratch();
    let home = Home(folder.path().join("home"));
    let store = home.open();
    let next = KeyRequest { bucket: bucket("short", 2), ..request(1, Grant::Create) };
    let (past, present) = (seal(&store, &request(1, Grant::Create)), seal(&store, &next));
    let before = home.copy(&folder.path().join("before"));
    let expired = store.expire(&[bucket("short", 1), bucket("never", 7)]).unwrap();
    assert_eq!((expired.buckets.len(), expired.epoch.is_some()), (2, true));
    assert!(store.expire(&[bucket("short", 1)]).unwrap().buckets.is_empty());
    drop(store);
    let copies = [before.store(), home.store()];
    assert_eq!(opened(&copies, &before.roots(), &[&past, &present]), 2);
    assert_eq!(opened(&copies, &home.roots(), &[&past]), 0);
    assert_eq!(opened(&copies, &home.roots(), &[&present]), 1);
}
