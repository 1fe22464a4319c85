//! Measurements that users can repeat: what detection, one record, and the whole stream cost. Ratios and counts, since a
//! wall-clock rate says little about another machine.

mod keys;
mod stream;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::clock::{Clock, SystemClock};
use super::demo::PIPELINES;
use super::entropy::Entropy;
use super::keystore::StoreError;
use super::run::{ServiceError, shared};
use super::sample::Sampler;
use super::setup::{self, ConfigError};
use super::topics::{Topics, Unreachable, Wanted};
use crate::audit::{Chain, Source};
use crate::detect::{Detector, Hint, NamesMode};
use crate::event::{Position, RawRecord};
use crate::pipeline::test_keys;
use crate::sensitive::Sensitive;

use super::kafka::Trouble;
pub use keys::{KeysAsked, keys};
use stream::{Round, StreamBench, bare, sanitising};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] Unreachable),
    /// Kafka.
    #[error("{0}")]
    Kafka(#[from] Trouble),
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A topic.
    #[error("topic `{0}` could not be made: {1}")]
    Topic(String, String),
}

/// Scans every string of every JSON line of a file (or the line itself, where it is no JSON), `rounds` times; the best round
/// counts. Prints `detect MB/s FINDINGS`: megabytes are 10^6 bytes of decoded text.
pub fn detect(file: &Path, rounds: u32, names: NamesMode) -> Result<String, BenchError> {
    let wrong = |error| BenchError::File { path: file.display().to_string(), error };
    let content = std::fs::read_to_string(file).map_err(wrong)?;
    let mut texts = Vec::new();
    for line in content.lines() {
        strings(serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned())), None, &mut texts);
    }
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    let (detector, clock) = (super::evaluate::builtin(names), SystemClock::new());
    let (mut best, mut found) = (f64::INFINITY, 0);
    let mut findings = Vec::new();
    for _ in 0..rounds.max(1) {
        found = 0;
        let started = clock.monotonic_us();
        for (field, text) in &texts {
            findings.clear();
            detector.scan(text, Hint { field: field.as_deref() }, &mut findings);
            found += findings.len();
        }
        best = best.min((clock.monotonic_us() - started) as f64);
    }
    Ok(format!("detect {:.1} {found}", bytes as f64 / best.max(1.0)))
}

/// Every string in a value, with the member name above it.
fn strings(value: Value, field: Option<&str>, texts: &mut Vec<(Option<String>, String)>) {
    match value {
        Value::String(text) => texts.push((field.map(str::to_owned), text)),
        Value::Array(items) => items.into_iter().for_each(|item| strings(item, field, texts)),
        Value::Object(members) => members.into_iter().for_each(|(name, value)| strings(value, Some(&name), texts)),
        _ => {}
    }
}

/// Texts whose shape makes careless engines slow: what is repeated, by name.
const HOSTILE: &[(&str, &str)] = &[
    ("jwt", "eyJ-"),
    ("at", "a@"),
    ("dots", "1.2.3."),
    ("colons", "ab:ab:"),
    ("digits", "4111 "),
    ("hex", "deadbeef01"),
    ("plus", "+1 2 "),
    ("dash", "1-2-"),
    ("upper", "AB12CD34"),
    ("dates", "1-1-2001;"),
    ("members", "\"ssn\":\""),
    ("rows", "ssn,a\n1,1\n"),
    ("escapes", "%40&#64;"),
    ("keywords", "password "),
    ("names", "Anna "),
    ("dashes", "-----BEGIN "),
];

/// Scans each hostile text at 1 MiB and at 10 MiB: MB/s of both, and how much longer a byte takes in the longer one. Time is linear in
/// length where that stays near 1.
pub fn hostile() -> impl Iterator<Item = String> {
    let (detector, clock) = (Detector::builtin(), SystemClock::new());
    HOSTILE.iter().map(move |(name, unit)| {
        let rate = |bytes: usize| {
            let text = unit.repeat(bytes / unit.len());
            let mut best = f64::INFINITY;
            for _ in 0..2 {
                let mut findings = Vec::new();
                let started = clock.monotonic_us();
                detector.scan(&text, Hint::default(), &mut findings);
                best = best.min((clock.monotonic_us() - started).max(1) as f64);
            }
            text.len() as f64 / best
        };
        let (short, long) = (rate(1 << 20), rate(10 << 20));
        format!(
            "hostile-{name:10} {short:8.1} MB/s at 1 MiB  {long:8.1} MB/s at 10 MiB  {:.2} of the time a byte",
            short / long
        )
    })
}

/// One record through the core, stage by stage, on one thread.
pub fn record(events: u64) -> Result<String, BenchError> {
    let loaded = setup::loaded("defaults", setup::BARE, PIPELINES, &[])?;
    let keys = test_keys();
    let routes = loaded.routes(keys.digest_key());
    let topic: Arc<str> = "prompts.raw".into();
    let Some(pipeline) = routes.get(&topic) else { return Ok(String::new()) };
    let clock = SystemClock::new();
    let mut sampler = Sampler::new(42, 10_000, clock.wall_ms());
    let records: Vec<RawRecord> = (0..events)
        .map(|offset| {
            let sample = sampler.next_event();
            RawRecord {
                position: Position { topic: Arc::clone(&topic), partition: 0, offset: offset as i64 },
                timestamp_ms: Some(clock.wall_ms()),
                key: Some(Sensitive::new(sample.subject.into_bytes())),
                value: Some(Sensitive::new(sample.value)),
                headers: Vec::new(),
            }
        })
        .collect();
    let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Sensitive::len).sum();
    let mut chain = Chain::genesis(Source { topic: Arc::clone(&topic), partition: 0 });
    let (mut spent, mut out_bytes, mut findings) = ([0u64; 4], 0, 0u64);
    // In slices, as a worker does it.
    for slice in records.chunks(500) {
        let started = clock.monotonic_us();
        let plans: Vec<_> = slice.iter().map(|record| pipeline.plan(record)).collect();
        let planned = clock.monotonic_us();
        let requests: Vec<_> = plans.iter().flat_map(|plan| plan.keys().iter().cloned()).collect();
        let ring = keys.ring(&requests);
        let keyed = clock.monotonic_us();
        let effects: Vec<_> = plans.into_iter().map(|plan| plan.apply(&ring, 0)).collect();
        let applied = clock.monotonic_us();
        effects.iter().for_each(|effect| chain.append(&effect.fact));
        while chain.take_segment().is_some() {}
        let chained = clock.monotonic_us();
        for (sum, (from, to)) in
            spent.iter_mut().zip([(started, planned), (planned, keyed), (keyed, applied), (applied, chained)])
        {
            *sum += to - from;
        }
        for effect in &effects {
            out_bytes += effect.records.iter().map(|record| record.weight_bytes()).sum::<usize>();
            findings += effect.fact.findings.iter().map(|found| u64::from(found.count)).sum::<u64>();
        }
    }
    let [plan, keyed, applied, chained] = spent.map(|us| us as f64 / events.max(1) as f64);
    Ok(format!(
        "record {events} events of {} B with {:.2} findings -> {} B out\n  plan (decode, scan, judge, decide)  {:6.2} us\n  keys (offline: derived each time)   {:6.2} us\n  apply (protect, encode)             {:6.2} us\n  audit (fact, hash)                  {:6.2} us",
        bytes as u64 / events.max(1),
        findings as f64 / events.max(1) as f64,
        out_bytes as u64 / events.max(1),
        plan,
        keyed,
        applied,
        chained,
    ))
}

/// What `lethe bench stream` is asked.
pub struct Asked {
    /// A real broker.
    pub brokers: String,
    /// Sample events.
    pub events: u64,
    /// Workers.
    pub workers: usize,
    /// Rounds.
    pub rounds: u32,
    /// Partitions of each topic.
    pub partitions: i32,
}

/// The stream beside a bare loop, in turn. `say` prints a line, and says whether anyone still reads.
pub fn stream(asked: &Asked, say: &mut dyn FnMut(&str) -> bool) -> Result<(), BenchError> {
    let folder = tempfile::tempdir().map_err(|error| BenchError::File { path: "temporary folder".into(), error })?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = format!("{:08x}", u128::from_be_bytes(Entropy::new().id()) >> 96);
    let (input, copies) = (format!("bench.{run}.raw"), format!("bench.{run}.copies"));
    let pipeline = PIPELINES.first().map_or(String::new(), |(_, text)| {
        let text = text.replace("[prompts.raw]", &format!("[{input}]"));
        text.replace("prompts.sanitized.{region}", &format!("bench.{run}.sanitized.{{region}}"))
    });
    let (store, root) = (path("keys"), path("root"));
    let (audit, quarantine) = (format!("bench.{run}.audit"), format!("bench.{run}.quarantine"));
    let load = |group: &str| {
        let flags = [
            ("LETHE__KAFKA__BOOTSTRAP_SERVERS", asked.brokers.as_str()),
            ("LETHE__GROUP", group),
            ("LETHE__STORE__PATH", &store),
            ("LETHE__ROOT__PATH", &root),
            ("LETHE__TOPICS__AUDIT", &audit),
            ("LETHE__TOPICS__QUARANTINE", &quarantine),
        ];
        setup::loaded("defaults", setup::BARE, &[("prompts.yaml", &pipeline)], &flags)
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let loaded = load("bench")?;
    make_topics(&loaded, &copies, asked.partitions)?;
    say(&format!("publishing {} sample events", asked.events));
    let bench = StreamBench::fill(loaded.client(), input.as_str().into(), asked.events, clock.wall_ms())?;
    let keys = setup::open_store(&loaded.settings, Arc::clone(&clock))?;
    let copies: Arc<str> = copies.into();
    let mut ratios = Vec::new();
    for number in 1..=asked.rounds.max(1) {
        let group = |what: &str| format!("bench-{run}-{what}-{number}");
        let base = Arc::new(shared(&load(&group("bare"))?, Arc::clone(&keys), Arc::clone(&clock))?);
        let plain = bare(&bench, &group("bare"), &copies, &base)?;
        let ours = Arc::new(shared(&load(&group("lethe"))?, Arc::clone(&keys), Arc::clone(&clock))?);
        let lethe = sanitising(&bench, ours, asked.workers)?;
        let ratio = lethe.records_per_second() / plain.records_per_second();
        ratios.push(ratio);
        let show = |round: &Round| {
            format!(
                "{:>8.0} records/s, {:>5.1} us processor time a record",
                round.records_per_second(),
                round.cpu_us_per_record()
            )
        };
        if !say(&format!("round {number}: bare {}; lethe {}; ratio {ratio:.2}", show(&plain), show(&lethe))) {
            break;
        }
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    say(&format!(
        "stream ratio {median:.2} (median of {}), {} B an event, {} workers",
        ratios.len(),
        bench.bytes / bench.records.max(1),
        asked.workers
    ));
    Ok(())
}

fn make_topics(loaded: &setup::Loaded, copies: &str, partitions: i32) -> Result<(), BenchError> {
    let topics = Topics::open(&loaded.client())?;
    let mut wanted = loaded.wanted_topics();
    wanted.push(Wanted {
        name: copies.to_owned(),
        purpose: "copies".into(),
        access: "Write",
        config: Default::default(),
    });
    let plan = topics.plan(wanted)?;
    for (name, made) in topics.apply(&plan, partitions, 1)? {
        made.map_err(|error| BenchError::Topic(name, error))?;
    }
    Ok(())
}
