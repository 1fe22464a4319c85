//! What the core costs, without a broker: `cargo bench`. Ratios to a SHA-256 of the same bytes in the same run say more about
//! another machine than the microseconds do.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use lethe::detect::{Detector, DetectorConfig, Hint};
use lethe::firewall::Judge;
use lethe::io::clock::{Clock, SystemClock};
use lethe::io::sample::Sampler;

const EVENTS: usize = 5_000;

fn main() {
    let clock = SystemClock::new();
    let mut sampler = Sampler::new(42, 10_000, 0);
    let texts: Vec<String> =
        (0..EVENTS).map(|_| String::from_utf8(sampler.next_event().value).unwrap_or_default()).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    // The best of several rounds: what the machine can do when nobody else uses it.
    let best_us = |work: &mut dyn FnMut(&str) -> usize| {
        let mut least = u64::MAX;
        let mut count = 0;
        for _ in 0..7 {
            let started = clock.monotonic_us();
            count = texts.iter().map(|text| work(text)).sum();
            least = least.min(clock.monotonic_us() - started);
        }
        (least.max(1), count)
    };
    let (hash_us, _) = best_us(&mut |text| ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().len());
    let show = |name: &str, us: u64, count: usize, what: &str| {
        let (each, speed) = (us as f64 / EVENTS as f64, bytes as f64 / us as f64);
        println!(
            "{name:<10} {each:7.2} us an event {speed:8.1} MB/s {:6.2} x sha256 {count:>9} {what}",
            us as f64 / hash_us as f64
        );
    };
    show("sha256", hash_us, 0, "");
    let judge = Judge::new();
    let (us, flagged) = best_us(&mut |text| usize::from(judge.judge(std::iter::once(text)).score >= 40));
    show("firewall", us, flagged, "flagged");
    let mut findings = Vec::new();
    let mut scan = |detector: &Detector, text: &str| {
        findings.clear();
        detector.scan(text, Hint::default(), &mut findings);
        findings.len()
    };
    let rules = Detector::builtin();
    let (us, found) = best_us(&mut |text| scan(&rules, text));
    show("rules", us, found, "findings");
    if let Ok(both) = Detector::new(&DetectorConfig::default()) {
        let (us, found) = best_us(&mut |text| scan(&both, text));
        show("and names", us, found, "findings");
        if let Some(naming) = both.naming() {
            let mut names = Vec::new();
            let (us, found) = best_us(&mut |text| {
                names.clear();
                // The built-in model never fails.
                naming.read(text, &mut names).map_or(0, |()| names.len())
            });
            show("names", us, found, "names");
        }
    }
    match lethe::io::bench::record(EVENTS as u64) {
        Ok(stages) => println!("{stages}"),
        Err(error) => println!("{error}"),
    }
}
