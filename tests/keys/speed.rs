//! Prints how fast the store in a database is, with one connection at a time; `lethe bench keys` does so for a folder. It asserts
//! nothing about time: `cargo test --release --features postgres --test keys -- --ignored --nocapture speed`.

use std::sync::Arc;
use std::time::Instant;

use lethe::io::clock::SystemClock;
use lethe::io::keystore::Keystore;
use lethe::keys::{Grant, KeyId, KeyRequest};

use crate::store::{id, request};

fn rate(name: &str, count: usize, work: impl FnOnce()) {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    let (began, cpu) = (Instant::now(), cpu_seconds());
    work();
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let (rate, each) = (count as f64 / seconds, cpu * 1e6 / count as f64);
    println!("{name:<33} {count:>9} in {seconds:>6.2} s {rate:>9.0} /s  CPU {each:>8.2} µs each, all threads");
}

#[test]
#[ignore = "prints figures; LETHE_BENCH_SUBJECTS sets the size"]
fn speed_of_a_database() {
    #[expect(clippy::disallowed_methods, reason = "a benchmark is told its size")]
    let subjects: u64 = std::env::var("LETHE_BENCH_SUBJECTS").ok().and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let home = crate::postgres::Home::new();
    let open = || {
        let clock = Arc::new(SystemClock::new());
        crate::postgres::open(&home.database.url, &home.roots(), clock, lethe::io::steps::Steps::default()).unwrap()
    };
    let store = open();
    let server = || -> f64 {
        let pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        home.database.sql(pids).lines().map(cpu_of).sum()
    };
    let rate = |name: &str, count: usize, work: &mut dyn FnMut()| {
        let before = server();
        rate(name, count, &mut *work);
        println!("{:>71} CPU {:>8.2} µs each, server", "", (server() - before) * 1e6 / count as f64);
    };
    let spread = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % subjects;
    for batch in [500, 1_000] {
        let (from, to) = if batch == 500 { (0, subjects / 2) } else { (subjects / 2, subjects) };
        rate(&format!("create, durable batches of {batch}"), (to - from) as usize, &mut || {
            for first in (from..to).step_by(batch) {
                let requests: Vec<_> =
                    (first..to.min(first + batch as u64)).map(|n| request(n, Grant::Create)).collect();
                store.ring(&requests).unwrap();
            }
        });
    }
    println!("{:?}", store.status().unwrap());
    home.database.sql("VACUUM ANALYZE");
    let store = {
        drop(store);
        open()
    };
    for batch in [500, 1_000] {
        let asked: Vec<KeyRequest> = (0..subjects).map(|n| request(spread(n), Grant::Create)).collect();
        rate(&format!("get or create, there, batches of {batch}"), asked.len(), &mut || {
            asked.chunks(batch).for_each(|batch| drop(store.ring(batch).unwrap()));
        });
    }
    let mixed: Vec<KeyRequest> =
        (0..50_000).map(|n| request(if n % 20 == 0 { subjects + n } else { spread(n) }, Grant::Create)).collect();
    rate("get or create, one in 20 new", mixed.len(), &mut || {
        mixed.chunks(500).for_each(|batch| drop(store.ring(batch).unwrap()));
    });
    let cached: Vec<KeyRequest> = (0..4_000).map(|n| request(spread(n), Grant::Open)).collect();
    cached.chunks(1_000).for_each(|batch| drop(store.ring(batch).unwrap()));
    rate("ring, cached, epoch read each batch", cached.len() * 50, &mut || {
        for _ in 0..50 {
            cached.chunks(1_000).for_each(|batch| drop(store.ring(batch).unwrap()));
        }
    });
    let ring = store.ring(cached.get(..1_000).unwrap()).unwrap();
    rate("still valid?", 2_000, &mut || (0..2_000).for_each(|_| assert!(store.still_valid(&ring))));
    let erased: Vec<KeyId> = (0..1_000).map(|n| id(spread(n + 500_000))).collect();
    rate("fence, batches of 100", erased.len(), &mut || {
        for batch in erased.chunks(100) {
            store.fence(&batch.iter().map(|id| (*id, 5_000)).collect::<Vec<_>>()).unwrap();
        }
    });
    rate("destroy, batches of 100", erased.len(), &mut || {
        erased.chunks(100).for_each(|batch| drop(store.destroy(batch).unwrap()));
    });
    rate("reopen", 1, &mut || drop(open()));
}

/// CPU time of all threads of this process: on a busy machine it says more than the clock.
fn cpu_seconds() -> f64 {
    cpu_of("self")
}

fn cpu_of(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
