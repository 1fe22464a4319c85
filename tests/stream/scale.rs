//! Several processes of one consumer group on one database: they come, go and die, and the promises hold as for one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::deployment::{Deployment, LIMIT, Settings, stop};
use crate::postgres_server::Server;
use crate::restored::{echo, prompt, sealed};
use crate::support::{Cluster, Lethe, Message, Record, free_address, wait_for};
use crate::traffic::{LIMITS, MESSAGE_BYTES, Traffic, by_id};

const OUTPUTS: &[&str] = &["prompts.sanitized.eu", "prompts.sanitized.us", "quarantine"];
const SEALED_IN: &str = "prompts.sanitized.eu";
/// People of whom something comes all the time; the even ones are erased.
const PEOPLE: usize = 12;
const PERSON: &str = "test-person";
/// Parts in which everything is published, and what happens before which of them.
const PARTS: usize = 40;
const FOUR_FROM: usize = 8;
const KILL_AT: usize = 16;
const TWO_FROM: usize = 26;

/// The deployment, its running processes, and what is known of its inputs.
struct Fleet<'c> {
    deployment: Deployment<'c>,
    running: BTreeMap<usize, Lethe>,
    published: usize,
    /// Where the outputs of an erased person ended when the receipt was seen.
    receipted: BTreeMap<usize, BTreeMap<i32, i64>>,
}

impl Fleet<'_> {
    fn start(&mut self, instance: usize) {
        let (file, address) = (format!("lethe-{instance}.yaml"), free_address());
        let changes = [("instance", format!("process-{instance}")), ("http.listen", address.to_string())];
        let changes: Vec<(&str, &str)> = changes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.deployment.configure(&file, &changes);
        let mut lethe = self.deployment.launch(&file);
        lethe.wait_until_ready(address, LIMIT);
        self.running.insert(instance, lethe);
    }

    fn publish(&mut self, messages: &[Message]) {
        self.deployment.cluster.produce(&self.deployment.topic("prompts.raw"), messages);
        self.published += messages.len();
    }

    fn ask_to_erase(&self, person: usize) {
        let request = format!(r#"{{"request_id":"r-{person}","tenant":"acme","subject":"person-{person}"}}"#);
        self.deployment.cluster.produce(&self.deployment.topic("privacy.deletions"), &[Message::new(request)]);
    }

    /// Looks for new receipts; whoever has one gets more events at once.
    fn look_for_receipts(&mut self) {
        for receipt in self.deployment.read("erasure.receipts") {
            let receipt: Value = serde_json::from_str(receipt.text()).expect("a receipt");
            assert_eq!(receipt["receipt"]["outcome"], "destroyed", "{receipt}");
            let id = receipt["receipt"]["request"]["id"].as_str().expect("a request's id");
            let person: usize = id.strip_prefix("r-").and_then(|number| number.parse().ok()).expect("a number");
            if !self.receipted.contains_key(&person) {
                let ends = self.deployment.cluster.end_offsets(&self.deployment.topic(SEALED_IN));
                self.receipted.insert(person, ends);
                self.publish(&[event(person), event(person)]);
            }
        }
    }

    fn done(&self) -> usize {
        let committed =
            self.deployment.cluster.committed(&self.deployment.group(), &self.deployment.topic("prompts.raw"));
        committed.values().map(|it| usize::try_from(it.offset).expect("an offset")).sum()
    }

    fn wait_until_behind_by(&self, most: usize) {
        wait_for("the processes to go on", LIMIT * 2, || (self.done() + most >= self.published).then_some(()));
    }
}

fn event(person: usize) -> Message {
    let subject = format!("person-{person}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_millis();
    let message = Message::new(prompt("acme", &subject)).key(subject).header(PERSON, person.to_string());
    message.timestamp_ms(i64::try_from(now).expect("a time"))
}

fn person_of(input: &Record) -> Option<usize> {
    input.header(PERSON).and_then(|text| text.parse().ok())
}

#[test]
fn processes_that_come_and_go_on_one_database_lose_double_and_resurrect_nothing() {
    let count: usize =
        std::env::var("LETHE_TEST_SCALE").map_or(5_000, |text| text.parse().expect("a number of events"));
    let database = Server::shared().database();
    let settings = Settings {
        workers: 2,
        batch_records: 1_000,
        message_bytes: MESSAGE_BYTES,
        prompts: vec![LIMITS],
        database: Some(database.url.clone()),
        ..Settings::default()
    };
    let deployment = Deployment::new(Cluster::shared(), "scale", settings);
    deployment.make_topics(8);
    let mut fleet = Fleet { deployment, running: BTreeMap::new(), published: 0, receipted: BTreeMap::new() };
    let begun = Instant::now();
    fleet.start(0);
    let mut traffic = Traffic::new(7);
    for part in 0..PARTS {
        match part {
            FOUR_FROM => (1..4).for_each(|instance| fleet.start(instance)),
            KILL_AT => fleet.running.remove(&2).expect("it runs").kill(),
            TWO_FROM => stop(fleet.running.remove(&0).expect("it runs")),
            _ => {}
        }
        // One erasure while each change is under way, and some between.
        if let Some(at) = [4, FOUR_FROM, 12, KILL_AT, 20, TWO_FROM].iter().position(|at| *at == part) {
            fleet.ask_to_erase(at * 2);
        }
        let mut messages = traffic.take(count / PARTS);
        messages.extend((0..PEOPLE).map(event));
        fleet.publish(&messages);
        fleet.look_for_receipts();
        fleet.wait_until_behind_by(count / 4);
    }
    wait_for("the last receipts", LIMIT, || {
        fleet.look_for_receipts();
        (fleet.receipted.len() == PEOPLE / 2).then_some(())
    });
    fleet.wait_until_behind_by(0);
    let streamed = begun.elapsed();
    assert_eq!(fleet.running.keys().collect::<Vec<_>>(), [&1, &3]);

    let sealed_after = assert_once(&fleet);
    assert_restored(&fleet);
    println!(
        "{} events through 1, 4, 3 and 2 processes in {:.1} s, one killed, {} erasures; {sealed_after} of the erased sealed after the receipt",
        fleet.published,
        streamed.as_secs_f64(),
        fleet.receipted.len(),
    );
    let Fleet { deployment, running, published, .. } = fleet;
    running.into_values().for_each(stop);
    let report = deployment.verify_audit("lethe.yaml");
    let sources = report["sources"].as_array().expect("sources").iter();
    let prompts = sources.filter(|source| source.to_string().contains("prompts.raw"));
    let facts: u64 = prompts.map(|source| source["facts"].as_u64().expect("a count")).sum();
    assert_eq!(facts, published as u64, "{report}");
}

/// Every input has one outcome; nothing of the erased is sealed behind their receipts, everything of the others is.
fn assert_once(fleet: &Fleet<'_>) -> usize {
    let deployment = &fleet.deployment;
    let inputs = deployment.read("prompts.raw");
    assert_eq!(inputs.len(), fleet.published);
    let ids = by_id(&deployment.topic("prompts.raw"), &inputs);
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    let (mut sealed_after, mut redacted) = (0, HashSet::new());
    for name in OUTPUTS {
        for output in deployment.read(name) {
            let id = output.header("lethe-id").expect("every output names its input");
            *outcomes.entry(id.to_owned()).or_default() += 1;
            let Some(person) = person_of(ids[id]) else { continue };
            let sealed = sealed(&output).next().is_some();
            match fleet.receipted.get(&person) {
                Some(ends) => sealed_after += usize::from(sealed && output.offset >= ends[&output.partition]),
                None => assert!(sealed, "nothing is sealed for somebody who was not erased: {id}"),
            }
            if !sealed {
                redacted.insert(person);
            }
        }
    }
    let lost = ids.keys().filter(|id| !outcomes.contains_key(*id)).count();
    let twice = outcomes.values().filter(|times| **times > 1).count();
    assert_eq!((lost, twice), (0, 0), "inputs without an outcome, and with more than one");
    assert_eq!(sealed_after, 0, "sealed for the erased after their receipts");
    assert_eq!(redacted, (0..PEOPLE).step_by(2).collect(), "whose events came out without a seal");
    sealed_after
}

/// What was sealed before comes back for those who were not erased, and for nobody else.
fn assert_restored(fleet: &Fleet<'_>) {
    let deployment = &fleet.deployment;
    let inputs = deployment.read("prompts.raw");
    let ids = by_id(&deployment.topic("prompts.raw"), &inputs);
    let mut first: BTreeMap<usize, Record> = BTreeMap::new();
    for output in deployment.read(SEALED_IN) {
        let person = person_of(ids[output.header("lethe-id").expect("an id")]);
        if let Some(person) = person.filter(|_| sealed(&output).next().is_some()) {
            first.entry(person).or_insert(output);
        }
    }
    assert_eq!(first.len(), PEOPLE);
    let echoes: Vec<Message> =
        first.iter().map(|(person, output)| echo(output).header(PERSON, person.to_string())).collect();
    deployment.cluster.produce(&deployment.topic("responses.sanitized.eu"), &echoes);
    let restored = deployment.cluster.read_at_least(&deployment.topic("responses.restored.eu"), PEOPLE, LIMIT);
    let mut seen = HashSet::new();
    for record in restored {
        let person = person_of(&record).expect("a person");
        let shows = record.text().contains(r"\u0061da.lovelace\u0040example.org");
        assert_eq!(shows, person % 2 == 1, "person {person}: {}", record.text());
        seen.insert(person);
    }
    assert_eq!(seen.len(), PEOPLE);
}
