//! What Lethe depends on goes away: it says so with a remedy, offsets stay, and it goes on without hand work where it can.

use std::collections::BTreeMap;

use crate::deployment::{Deployment, LIMIT, Settings, stop};
use crate::support::{Cluster, Lethe, free_address, http_get, wait_for};
use crate::traffic::{LIMITS, MESSAGE_BYTES, Traffic};

/// How often each input came out, by `lethe-id`.
fn outcomes(deployment: &Deployment<'_>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for topic in ["prompts.sanitized.eu", "prompts.sanitized.us", "quarantine"] {
        for record in deployment.read(topic) {
            *found.entry(record.header("lethe-id").expect("an id").to_owned()).or_default() += 1;
        }
    }
    found
}

fn assert_each_once(deployment: &Deployment<'_>, count: usize) {
    let outcomes = outcomes(deployment);
    assert_eq!(outcomes.len(), count, "inputs with an outcome");
    assert!(outcomes.values().all(|times| *times == 1), "inputs with two");
}

#[test]
fn a_broker_that_was_gone_needs_no_hand_work_when_it_is_back() {
    let cluster = Cluster::own();
    let settings =
        Settings { batch_records: 100, message_bytes: MESSAGE_BYTES, prompts: vec![LIMITS], ..Settings::default() };
    let deployment = Deployment::new(&cluster, "gone", settings);
    deployment.make_topics(4);
    let mut traffic = Traffic::new(7);
    let topic = deployment.topic("prompts.raw");
    cluster.produce(&topic, &traffic.take(3_000));

    let lethe = deployment.start();
    wait_for("the first inputs", LIMIT, || {
        let committed = cluster.committed(&deployment.group(), &topic);
        (committed.values().map(|it| it.offset).sum::<i64>() >= 500).then_some(())
    });
    cluster.kill();
    wait_for("to be not ready", LIMIT, || http_get(deployment.admin, "/readyz").filter(|(status, _)| *status == 503));
    assert_eq!(http_get(deployment.admin, "/livez").map(|(status, _)| status), Some(200), "a restart would not help");
    cluster.restart();
    cluster.produce(&topic, &traffic.take(500));
    deployment.wait_until_consumed("prompts.raw");
    wait_for("to be ready", LIMIT, || http_get(deployment.admin, "/readyz").filter(|(status, _)| *status == 200));
    stop(lethe);
    assert_each_once(&deployment, 3_500);
    deployment.verify_audit("lethe.yaml");
}

#[test]
fn a_missing_output_topic_moves_no_offset_and_is_named() {
    let deployment = Deployment::new(Cluster::shared(), "missing", Settings { workers: 1, ..Settings::default() });
    let missing = deployment.topic("prompts.sanitized.us");
    for name in crate::deployment::ALL_TOPICS.iter().map(|name| deployment.topic(name)).filter(|name| *name != missing)
    {
        deployment.cluster.create_topic(&name, 1, &[]);
    }
    let lethe = deployment.start();
    let mut traffic = Traffic::new(9);
    deployment.cluster.produce(&deployment.topic("prompts.raw"), &traffic.take(100));

    wait_for("the log to name the topic and the remedy", LIMIT, || {
        let log = lethe.stderr() + &lethe.stdout();
        log.lines().any(|line| line.contains(&missing) && line.contains("lethe topics apply")).then_some(())
    });
    wait_for("to be not ready", LIMIT, || http_get(deployment.admin, "/readyz").filter(|(status, _)| *status == 503));
    assert_eq!(deployment.cluster.committed(&deployment.group(), &deployment.topic("prompts.raw")), BTreeMap::new());
    assert_eq!(deployment.read("prompts.sanitized.eu"), [], "half a batch came out");

    deployment.make_topics(1);
    deployment.wait_until_consumed("prompts.raw");
    wait_for("to be ready", LIMIT, || http_get(deployment.admin, "/readyz").filter(|(status, _)| *status == 200));
    stop(lethe);
    assert_each_once(&deployment, 100);
    deployment.verify_audit("lethe.yaml");
}

#[test]
fn a_store_that_can_not_be_opened_ends_with_a_remedy_and_without_harm() {
    let deployment = Deployment::new(Cluster::shared(), "store", Settings::default());
    deployment.make_topics(1);
    deployment.cluster.produce(&deployment.topic("prompts.raw"), &Traffic::new(11).take(10));
    let other = free_address().to_string();

    let lethe = deployment.start();
    deployment.configure("second.yaml", &[("http.listen", &other)]);
    refused(deployment.launch("second.yaml"), "in use by another process");
    deployment.wait_until_consumed("prompts.raw");
    stop(lethe);

    let root = deployment.folder("nowhere");
    deployment.configure("rootless.yaml", &[("root.path", &root)]);
    refused(deployment.launch("rootless.yaml"), "holds no root at all");

    // A root that belongs to another store: made by looking at that one.
    let (keys, root) = (deployment.folder("other.keys"), deployment.folder("other.root"));
    deployment.configure("other.yaml", &[("store.path", &keys), ("root.path", &root)]);
    let checked = deployment.command(&["check"], "other.yaml");
    assert!(checked.status.success(), "{}", crate::deployment::told(&checked));
    deployment.configure("foreign.yaml", &[("root.path", &root)]);
    refused(deployment.launch("foreign.yaml"), "other deployments");

    let lethe = deployment.start();
    deployment.cluster.produce(&deployment.topic("prompts.raw"), &Traffic::new(12).take(10));
    deployment.wait_until_consumed("prompts.raw");
    stop(lethe);
    assert_each_once(&deployment, 20);
}

/// It ends by itself with exit code 1, says why, and what to do.
fn refused(mut lethe: Lethe, why: &str) {
    let status = lethe.wait(LIMIT);
    let said = lethe.stderr();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(why) && said.contains("help:"), "{said}");
}
