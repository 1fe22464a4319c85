//! Exactly once, in order, with a chain without gaps, in bounded memory, whatever is killed; and the same bytes again.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::deployment::{Deployment, LIMIT, Settings, stop};
use crate::support::{Cluster, Isolation, Lethe, Record, wait_for};
use crate::traffic::{Due, LIMITS, MESSAGE_BYTES, Traffic, by_id, number_of};

const OUTPUTS: &[&str] = &["prompts.sanitized.eu", "prompts.sanitized.us", "quarantine"];
/// What the product promises, whatever the backlog.
const MEMORY_BYTES: usize = 512 << 20;

#[test]
fn every_input_has_exactly_one_outcome_whatever_is_killed() {
    let count = std::env::var("LETHE_TEST_EVENTS").map_or(20_000, |text| text.parse().expect("a number of events"));
    let settings = Settings { workers: 4, message_bytes: MESSAGE_BYTES, prompts: vec![LIMITS], ..Settings::default() };
    let deployment = Deployment::new(Cluster::shared(), "once", settings);
    deployment.make_topics(8);
    let begun = Instant::now();

    let done = AtomicUsize::new(0);
    let (due, peak) = thread::scope(|scope| {
        let producer = scope.spawn(|| publish(&deployment, count, &done));
        let peak = run_and_kill(&deployment, count, &done);
        (producer.join().expect("everything published"), peak)
    });
    let streamed = begun.elapsed();

    let inputs = deployment.read("prompts.raw");
    assert_eq!(inputs.len(), count);
    let topic = deployment.topic("prompts.raw");
    let ids = by_id(&topic, &inputs);
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    let mut rolled_back = 0;
    for name in OUTPUTS {
        let outputs = deployment.read(name);
        rolled_back += deployment.cluster.read(&deployment.topic(name), Isolation::Uncommitted).len() - outputs.len();
        for output in &outputs {
            let id = output.header("lethe-id").expect("every output names its input");
            let input = ids.get(id).unwrap_or_else(|| panic!("`{id}` is no input"));
            assert_due(due[number_of(input)], name, output);
            *outcomes.entry(id.to_owned()).or_default() += 1;
        }
        assert_order(name, &outputs, &ids);
    }
    let lost = ids.keys().filter(|id| !outcomes.contains_key(*id)).count();
    let twice = outcomes.values().filter(|times| **times > 1).count();
    assert_eq!((lost, twice), (0, 0), "inputs without an outcome, and with more than one");

    let report = deployment.verify_audit("lethe.yaml");
    let sources = report["sources"].as_array().expect("sources");
    let facts: u64 = sources.iter().map(|source| source["facts"].as_u64().expect("a count")).sum();
    assert_eq!((sources.len(), facts), (8, count as u64), "{report}");
    assert!(sources.iter().all(|source| source["resumptions"] == 0), "{report}");
    println!(
        "{count} events in {:.1} s with two kills and a stop; {rolled_back} records of aborted transactions stay unseen; \
         peak memory {} MiB; {} audit segments",
        streamed.as_secs_f64(),
        peak >> 20,
        report["segments"],
    );
    assert!(peak > 0 && peak < MEMORY_BYTES, "{peak} bytes of memory");
}

/// Publishes while the service works, never more than a third ahead of it.
fn publish(deployment: &Deployment<'_>, count: usize, done: &AtomicUsize) -> Vec<Due> {
    let mut traffic = Traffic::new(3);
    let topic = deployment.topic("prompts.raw");
    while traffic.due().len() < count {
        let step = (count / 40).clamp(1, count - traffic.due().len());
        deployment.cluster.produce(&topic, &traffic.take(step));
        let published = traffic.due().len();
        wait_for("the service to go on", LIMIT, || {
            (done.load(Ordering::Relaxed) + count / 3 >= published).then_some(())
        });
    }
    traffic.due().to_vec()
}

/// Runs the service until all is done; kills it at a fifth and at two fifths of the way, and stops it at three.
fn run_and_kill(deployment: &Deployment<'_>, count: usize, done: &AtomicUsize) -> usize {
    let mut peak = 0;
    let mut progress = |lethe: &Lethe, until: usize| {
        wait_for(&format!("{until} inputs to be done"), LIMIT * 4, || {
            peak = peak.max(peak_memory(lethe));
            let committed = deployment.cluster.committed(&deployment.group(), &deployment.topic("prompts.raw"));
            let sum = committed.values().map(|it| it.offset as usize).sum();
            done.store(sum, Ordering::Relaxed);
            (sum >= until).then_some(())
        });
    };
    for fifths in 1..=2 {
        let mut lethe = deployment.start();
        progress(&lethe, count * fifths / 5);
        lethe.kill();
    }
    let lethe = deployment.start();
    progress(&lethe, count * 3 / 5);
    stop(lethe);
    let lethe = deployment.start();
    progress(&lethe, count);
    stop(lethe);
    peak
}

/// `VmHWM` of a process: the most memory it ever had.
fn peak_memory(lethe: &Lethe) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", lethe.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.trim().parse().ok());
    kibibytes.map_or(0, |kibibytes: usize| kibibytes << 10)
}

fn assert_due(due: Due, topic: &str, output: &Record) {
    let found = match output.header("__connect.errors.exception.message") {
        None => topic.rsplit('.').next().expect("a region").to_owned(),
        Some(code) => code.to_owned(),
    };
    let expected = match due {
        Due::Output(region) => region,
        Due::Quarantine(code) => code,
    };
    assert_eq!(found, expected, "in `{topic}`: {:?}", output.header("lethe-id"));
}

/// Inputs of one key come out into one partition of each topic, in the order in which they went in.
fn assert_order(topic: &str, outputs: &[Record], inputs: &BTreeMap<String, &Record>) {
    let mut last: HashMap<&[u8], (i32, i64)> = HashMap::new();
    for output in outputs {
        let input = inputs[output.header("lethe-id").expect("an id")];
        let key = input.key.as_deref().expect("every input has a key");
        let (partition, offset) = last.insert(key, (output.partition, input.offset)).unwrap_or((output.partition, -1));
        assert_eq!(partition, output.partition, "one key in two partitions of `{topic}`");
        assert!(offset < input.offset, "input {} came out behind {offset} in `{topic}`", input.offset);
    }
}

#[test]
fn a_replay_gives_the_same_bytes() {
    let settings = Settings { message_bytes: MESSAGE_BYTES, prompts: vec![LIMITS], ..Settings::default() };
    let deployment = Deployment::new(Cluster::shared(), "replay", settings);
    deployment.make_topics(4);
    let mut traffic = Traffic::new(5);
    deployment.cluster.produce(&deployment.topic("prompts.raw"), &traffic.take(2_000));

    let lethe = deployment.start();
    deployment.wait_until_consumed("prompts.raw");
    stop(lethe);
    let first = outputs(&deployment);
    assert_eq!(first.len(), 2_000);

    // Another group reads everything from the start; other batches, another number of workers, the same keys.
    let group = deployment.topic("again");
    let (audit, workers) = (deployment.topic("again.audit"), "3");
    deployment.cluster.create_topic(&audit, 1, &[]);
    deployment.configure("again.yaml", &[("group", &group), ("topics.audit", &audit), ("workers", workers)]);
    let mut lethe = deployment.launch("again.yaml");
    lethe.wait_until_ready(deployment.admin, LIMIT);
    deployment.cluster.wait_until_consumed(&group, &deployment.topic("prompts.raw"), LIMIT);
    stop(lethe);

    let both = outputs(&deployment);
    assert_eq!(both.len(), first.len());
    for (id, records) in &both {
        let [one, other] = records.as_slice() else { panic!("{} outputs of `{id}`", records.len()) };
        assert_eq!(first[id], std::slice::from_ref(one), "{id}");
        assert_eq!(one, other, "{id}");
    }
    deployment.verify_audit("again.yaml");
}

type Written = (String, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

/// Topic, key, value and headers of all outputs by `lethe-id`, in the order in which they were written.
fn outputs(deployment: &Deployment<'_>) -> BTreeMap<String, Vec<Written>> {
    let mut found: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    for name in OUTPUTS {
        for record in deployment.read(name) {
            let id = record.header("lethe-id").expect("every output names its input").to_owned();
            found.entry(id).or_default().push(((*name).to_owned(), record.key, record.value, record.headers));
        }
    }
    found
}
