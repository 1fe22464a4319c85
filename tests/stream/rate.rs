//! From request to receipt while the stream runs at full speed: a measurement, which prints its figures.
//!
//! `LETHE__ERASURE__EPOCH_MS=1000` gathers requests as the product does (the tests' deployment: 50 ms).
//! `LETHE_TEST_EVENTS` sets how many events each round has (60,000), `LETHE_TEST_RATE` the erasures a minute (1,000).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use crate::deployment::{Deployment, Settings, stop};
use crate::forgotten::{now_ms, raw};
use crate::support::{Cluster, Message, unique, wait_for};

const SUBJECTS: usize = 20_000;
const FOREVER: Duration = Duration::from_secs(900);
/// The deployment's lease and its margin, and two seconds; its epoch comes on top.
const DUE_MS: usize = 1_000 + 100 + 2_000;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs the backlog that stands on the topic, and gives records a second from the first commit to the last.
fn drain(deployment: &Deployment<'_>, upto: i64) -> f64 {
    let (group, topic) = (deployment.group(), deployment.topic("prompts.raw"));
    let consumed =
        || deployment.cluster.committed(&group, &topic).values().map(|committed| committed.offset).sum::<i64>();
    let begun = consumed();
    let (first, from) = wait_for("the first commit", FOREVER, || {
        let now = consumed();
        (now > begun).then(|| (Instant::now(), now))
    });
    wait_for("the last commit", FOREVER, || (consumed() >= upto).then_some(()));
    (upto - from) as f64 / first.elapsed().as_secs_f64()
}

fn fill(deployment: &Deployment<'_>, events: usize) {
    let at_ms = now_ms();
    for from in (0..events).step_by(5_000) {
        let some = from..events.min(from + 5_000);
        let messages: Vec<Message> = some.map(|n| raw(&format!("person-{:06}", n % SUBJECTS), at_ms)).collect();
        deployment.cluster.produce(&deployment.topic("prompts.raw"), &messages);
    }
}

#[test]
#[ignore = "a measurement of minutes: run it alone, on a quiet machine"]
fn receipts_come_in_time_beside_the_stream_at_full_speed() {
    let (events, rate) = (number("LETHE_TEST_EVENTS", 60_000), number("LETHE_TEST_RATE", 1_000));
    let deployment = Deployment::new(Cluster::shared(), "rate", Settings { workers: 1, ..Settings::default() });
    deployment.make_topics(1);
    let mut alone = Vec::new();
    let mut beside = Vec::new();
    let (asked, waited) = (Mutex::new(HashMap::new()), Mutex::new(Vec::new()));
    let mut upto = 0;
    // Keys are made first, so that all measured rounds find the store alike.
    for round in 0..5 {
        fill(&deployment, events);
        upto += events as i64;
        let lethe = deployment.start();
        if round % 2 == 0 {
            let rate = drain(&deployment, upto);
            if round > 0 {
                alone.push(rate);
            }
        } else {
            beside.push(with_erasures(&deployment, upto, round * 5_000, rate, &asked, &waited));
        }
        stop(lethe);
    }
    let due = DUE_MS + number("LETHE__ERASURE__EPOCH_MS", 50);
    let mut waited = waited.into_inner().expect("latencies");
    waited.sort_unstable();
    let at = |percent: usize| waited[(waited.len() - 1) * percent / 100];
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let drop = 100.0 * (1.0 - mean(&beside) / mean(&alone));
    println!(
        "{} erasures at {rate} a minute: request to receipt p50 {} ms, p99 {} ms, most {} ms, due {due} ms",
        waited.len(),
        at(50),
        at(99),
        at(100)
    );
    println!("stream alone {alone:.0?} records/s, beside erasures {beside:.0?}: {drop:.1} % less",);
    assert!(asked.into_inner().expect("requests").is_empty(), "a request has no receipt");
}

fn with_erasures(
    deployment: &Deployment<'_>,
    upto: i64,
    from: usize,
    rate: usize,
    asked: &Mutex<HashMap<String, Instant>>,
    waited: &Mutex<Vec<u128>>,
) -> f64 {
    let (done, drained) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let consumer: BaseConsumer = deployment
                .cluster
                .client()
                .set("group.id", unique("rate"))
                .set("isolation.level", "read_committed")
                .set("fetch.wait.max.ms", "10")
                .set("auto.offset.reset", "earliest")
                .create()
                .expect("a consumer");
            consumer.subscribe(&[&deployment.topic("erasure.receipts")]).expect("a subscription");
            while !done.load(Ordering::Relaxed) || !asked.lock().expect("requests").is_empty() {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) else { continue };
                let receipt: Value = serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
                let id = receipt["receipt"]["request"]["id"].as_str().expect("an id");
                if let Some(since) = asked.lock().expect("requests").remove(id) {
                    waited.lock().expect("latencies").push(since.elapsed().as_millis());
                }
            }
        });
        scope.spawn(|| {
            // One producer for all: a new one each time would be most of the load.
            let producer: BaseProducer =
                deployment.cluster.client().set("linger.ms", "0").create().expect("a producer");
            let topic = deployment.topic("privacy.deletions");
            let mut number = from;
            while !drained.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let id = format!("r-{number}");
                let request =
                    json!({"request_id": id, "tenant": "acme", "subject": format!("person-{:06}", number % SUBJECTS)});
                asked.lock().expect("requests").insert(id, Instant::now());
                let text = request.to_string();
                let record = BaseRecord::<(), str>::to(&topic).payload(&text);
                producer.send(record).map_err(|(error, _)| error).expect("a request sent");
                producer.poll(Duration::ZERO);
                number += 1;
                thread::sleep(Duration::from_secs_f64(60.0 / rate as f64).saturating_sub(begun.elapsed()));
            }
            producer.flush(Duration::from_secs(30)).expect("all requests sent");
            done.store(true, Ordering::Relaxed);
        });
        let rate = drain(deployment, upto);
        drained.store(true, Ordering::Relaxed);
        rate
    })
}
