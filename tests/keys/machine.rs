//! A state machine of fence, lease and epoch against a simple model, with the clock stepping, several workers holding rings,
//! and restarts.

use std::collections::HashMap;
use std::sync::Arc;

use lethe::io::clock::{Clock, ManualClock};
use lethe::io::keystore::Keystore;
use lethe::io::steps::Steps;
use lethe::keys::{Fence, Grant, KeyRequest, KeyRing, KeyState};
use proptest::prelude::*;

use crate::store::{Home, LEASE_MS, id, request, scratch};

const SUBJECTS: u64 = 4;

#[derive(Clone, Debug)]
enum Step {
    Ring { worker: usize, subject: u64, at_ms: i64, grant: Grant },
    Commit { worker: usize },
    Fence { subject: u64, through_ms: i64 },
    Destroy { subject: u64 },
    Rotate,
    Pass { ms: u32 },
    SetClockBack,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let grant = prop::sample::select(vec![Grant::Open, Grant::Create, Grant::Renew]);
    prop_oneof![
        6 => (0usize..3, 0..SUBJECTS, 0i64..100, grant)
            .prop_map(|(worker, subject, at_ms, grant)| Step::Ring { worker, subject, at_ms, grant }),
        4 => (0usize..3).prop_map(|worker| Step::Commit { worker }),
        2 => (0..SUBJECTS, 0i64..100).prop_map(|(subject, through_ms)| Step::Fence { subject, through_ms }),
        2 => (0..SUBJECTS).prop_map(|subject| Step::Destroy { subject }),
        1 => Just(Step::Rotate),
        2 => prop::sample::select(vec![10u32, 14_000, 16_000, 31_000]).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::SetClockBack),
        1 => Just(Step::Restart),
    ]
}

/// What the world may rely on.
#[derive(Default)]
struct Model {
    fences: HashMap<u64, Fence>,
    /// The newest generation that was ever handed out, and a value sealed under each.
    generations: HashMap<u64, u32>,
    sealed: HashMap<(u64, u32), Vec<u8>>,
    destroyed: HashMap<u64, u32>,
}

struct Held {
    ring: KeyRing,
    request: KeyRequest,
    subject: u64,
    asked_at_ms: u64,
}

impl Model {
    /// What must be true of a ring that the store calls valid, at the moment of a commit.
    fn check(&mut self, held: &Held, now_ms: u64) {
        assert!(now_ms - held.asked_at_ms < LEASE_MS, "a ring outlived its lease");
        let fence = self.fences.get(&held.subject);
        match held.ring.state(&held.request) {
            KeyState::Live(keys) => {
                let generation = keys.generation();
                if let Some(fence) = fence {
                    assert!(held.request.at_ms > fence.erased_through_ms, "a key for an event behind the fence");
                    assert!(generation > fence.generation, "a condemned generation was handed out");
                    assert_ne!(held.request.grant, Grant::Create, "a key without renewal");
                }
                assert!(self.destroyed.get(&held.subject).is_none_or(|gone| generation > *gone));
                self.generations.entry(held.subject).and_modify(|g| *g = generation.max(*g)).or_insert(generation);
                let fresh = keys.seal(b"m", b"value");
                let sealed = self.sealed.entry((held.subject, generation)).or_insert_with(|| fresh.clone());
                assert_eq!(*sealed, fresh, "one generation had two keys");
            }
            KeyState::Erased(found) => assert_eq!(Some(found), fence, "erased without a fence"),
            KeyState::Unknown => assert_eq!(held.request.grant, Grant::Open),
            KeyState::Expired => panic!("nothing expired here"),
        }
    }
}

fn run(steps: Vec<Step>, clock: &ManualClock, open: impl Fn() -> Box<dyn Keystore>) {
    let mut store: Option<Box<dyn Keystore>> = Some(open());
    let mut model = Model::default();
    let mut workers: [Option<Held>; 3] = [None, None, None];
    for step in steps {
        let Some(live) = store.as_ref() else { unreachable!() };
        match step {
            Step::Ring { worker, subject, at_ms, grant } => {
                let request = KeyRequest { at_ms, ..request(subject, grant) };
                let ring = live.ring(std::slice::from_ref(&request)).unwrap();
                assert!(live.still_valid(&ring), "a fresh ring is valid");
                let held = Held { ring, request, subject, asked_at_ms: clock.monotonic_ms() };
                model.check(&held, clock.monotonic_ms());
                workers[worker] = Some(held);
            }
            Step::Commit { worker } => {
                if let Some(held) = workers[worker].take().filter(|held| live.still_valid(&held.ring)) {
                    model.check(&held, clock.monotonic_ms());
                }
            }
            Step::Fence { subject, through_ms } => {
                let [fence] = live.fence(&[(id(subject), through_ms)]).unwrap()[..] else { unreachable!() };
                let was = model.fences.insert(subject, fence);
                assert!(fence.erased_through_ms >= through_ms);
                assert!(fence.generation >= model.generations.get(&subject).copied().unwrap_or(0));
                assert!(was.is_none_or(|was| was.erased_through_ms <= fence.erased_through_ms));
            }
            Step::Destroy { subject } => {
                if let Some(fence) = model.fences.get(&subject) {
                    live.destroy(&[id(subject)]).unwrap();
                    model.destroyed.insert(subject, fence.generation);
                }
            }
            Step::Rotate => drop(live.rotate(None, 1).unwrap()),
            Step::Pass { ms } => clock.step_ms(ms),
            Step::SetClockBack => clock.set_wall_ms(-1_000_000),
            Step::Restart => {
                workers = [None, None, None];
                drop(store.take());
                store = Some(open());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_ring_that_is_still_valid_holds_a_key_from_behind_a_fence(steps in prop::collection::vec(step(), 1..40)) {
        let folder = scratch();
        let home = Home(folder.path().join("home"));
        let clock = Arc::new(ManualClock::default());
        run(steps, &clock, || Box::new(home.open_with(&clock, Steps::default()).unwrap()));
    }
}

#[cfg(feature = "postgres")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_ring_of_a_database_that_is_still_valid_holds_a_key_from_behind_a_fence(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let home = crate::postgres::Home::new();
        let clock = Arc::new(ManualClock::default());
        run(steps, &clock, || Box::new(home.open_with(&clock, Steps::default()).unwrap()));
    }
}

#[test]
fn writers_of_the_same_and_neighbouring_subjects_lose_no_key_while_pages_are_re_keyed() {
    let folder = scratch();
    lose_no_key(&Home(folder.path().join("home")).open());
}

#[cfg(feature = "postgres")]
#[test]
fn writers_of_the_same_subjects_lose_no_key_in_a_database_either() {
    lose_no_key(&crate::postgres::Home::new().open());
}

fn lose_no_key(store: &dyn Keystore) {
    const EACH: u64 = 3_000;
    let sealed: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer: u64| {
                scope.spawn(move || {
                    let mut sealed = vec![Vec::new(); EACH as usize];
                    // Each begins elsewhere, all go through the same subjects.
                    let order: Vec<u64> = (0..EACH).map(|n| (n + writer * EACH / 3) % EACH).collect();
                    for batch in order.chunks(100) {
                        let requests: Vec<_> = batch.iter().map(|n| request(*n, Grant::Create)).collect();
                        let ring = store.ring(&requests).unwrap();
                        for (number, request) in batch.iter().zip(&requests) {
                            let KeyState::Live(keys) = ring.state(request) else { panic!("{number} has no key") };
                            sealed[*number as usize] = keys.seal(b"w", &number.to_be_bytes());
                        }
                    }
                    sealed
                })
            })
            .collect();
        for erased in EACH..EACH + 40 {
            store.ring(&[request(erased, Grant::Create)]).unwrap();
            store.fence(&[(id(erased), 5_000)]).unwrap();
            store.destroy(&[id(erased)]).unwrap();
        }
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    for number in 0..EACH {
        let asked = request(number, Grant::Open);
        let ring = store.ring(std::slice::from_ref(&asked)).unwrap();
        let KeyState::Live(keys) = ring.state(&asked) else { panic!("{number} was lost") };
        for writer in &sealed {
            assert!(keys.open(b"w", &writer[number as usize]).is_ok(), "{number} had two keys");
        }
    }
    assert_eq!(store.status().unwrap().subjects, EACH);
}
