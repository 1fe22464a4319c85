//! Erased means erased for someone who has every disk image, before and after, and the root as it stands at the end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{Destroyed, EmbeddedStore, Keystore, Outcome};
use lethe::io::steps::Steps;
use lethe::keys::{BucketId, Grant, KeyId, KeyRequest};

use crate::attacker::Loot;
use crate::store::{Home, bucket, copy_folder, id, live, request, scratch};

const SUBJECTS: u64 = 2_000;
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
    let folder = scratch();
    let home = Home(folder.path().join("home"));
    // Grow in two halves, so that pages split while images are taken: erased rows have also stood under older pages.
    let plain = home.open();
    let mut sealed = create(&plain, 0..SUBJECTS / 2);
    drop(plain);
    let (store, copies) = imaged(&home, &folder.path().join("images"));
    sealed.extend(create(&store, SUBJECTS / 2..SUBJECTS));
    let before = home.copy(&folder.path().join("before"));

    let erased: Vec<KeyId> = (0..SUBJECTS).step_by(40).map(id).collect();
    for batch in erased.chunks(25) {
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
    let (gone, kept): (Vec<&Sealed>, Vec<&Sealed>) = sealed.iter().partition(|s| erased.contains(&s.id));
    assert_eq!((gone.len(), kept.len()), (50, 1_950));
    assert!(copies.len() > 20, "images were taken: {}", copies.len());
    // Without this the test could not fail: the same program, given the old root, opens them.
    assert_eq!(opened(&copies, &before.roots(), &gone), gone.len());
    assert_eq!(opened(&copies, &home.roots(), &gone), 0, "erased values were opened");
    assert_eq!(opened(&[home.store()], &home.roots(), &kept), kept.len(), "survivors were lost");
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
