//! What is under a legal hold stays, whoever asks; what waited for its end is carried out then; and a tenant or a retention
//! class can be forgotten as a whole, whoever turns up later with an old event.

use lethe::erasure::{Receipt, ReceiptOutcome};
use serde_json::{Value, json};

use crate::deployment::{Deployment, LIMIT, Settings, stop, told};
use crate::forgotten::{HOUR_MS, now_ms, raw, shows_originals};
use crate::restored::{echo, reference, sealed};
use crate::support::{Cluster, Lethe, Message, Record};

/// A running deployment and what is asked of it.
struct Office<'c> {
    deployment: Deployment<'c>,
}

impl Office<'_> {
    fn publish(&self, topic: &str, messages: &[Message]) {
        self.deployment.cluster.produce(&self.deployment.topic(topic), messages);
    }

    fn read(&self, topic: &str, count: usize) -> Vec<Record> {
        self.deployment.cluster.read_at_least(&self.deployment.topic(topic), count, LIMIT)
    }

    /// Publishes to one partition, so that requests keep their order.
    fn ask(&self, request: &Value) {
        self.publish("privacy.deletions", &[Message::new(request.to_string()).partition(0)]);
    }

    /// The answer to a request that is published now, in the order in which answers are written.
    fn answer(&self, request: &Value) -> Receipt {
        let before = self.answers().len();
        self.ask(request);
        self.read("erasure.receipts", before + 1);
        self.last(request["request_id"].as_str().expect("an id"))
    }

    fn answers(&self) -> Vec<Receipt> {
        let records = self.deployment.read("erasure.receipts");
        records.iter().map(|record| receipt(record.text().as_bytes())).collect()
    }

    fn last(&self, id: &str) -> Receipt {
        let found = self.answers().into_iter().rfind(|receipt| receipt.request.id.as_str() == id);
        found.unwrap_or_else(|| panic!("no answer to {id}"))
    }

    /// A command of Lethe's own that must succeed, and its answer.
    fn command(&self, command: &[&str]) -> Receipt {
        let output = self.deployment.command(command, "lethe.yaml");
        assert!(output.status.success(), "{}", told(&output));
        receipt(&output.stdout)
    }

    /// Whether this sealed prompt's echo is restored now.
    fn opens(&self, sanitized: &Record, restored: &mut usize) -> bool {
        self.publish("responses.sanitized.eu", &[echo(sanitized)]);
        *restored += 1;
        let all = self.read("responses.restored.eu", *restored);
        let own = reference(sanitized.text());
        let mut of_theirs = all.iter().filter(|record| reference(record.text()) == own);
        shows_originals(of_theirs.next_back().expect("an answer"))
    }

    /// What becomes of an old prompt of somebody: whether anything in it is sealed.
    fn seals(&self, subject: &str, tenant: &str, at_ms: i64) -> bool {
        let before = self.deployment.read("prompts.sanitized.eu").len();
        self.publish("prompts.raw", &[person(subject, tenant, at_ms)]);
        let all = self.read("prompts.sanitized.eu", before + 1);
        sealed(newest(&all, subject)).next().is_some()
    }
}

fn receipt(signed: &[u8]) -> Receipt {
    let value: Value = serde_json::from_slice(signed).expect("an answer");
    serde_json::from_value(value["receipt"].clone()).expect("a receipt")
}

fn person(subject: &str, tenant: &str, at_ms: i64) -> Message {
    raw(subject, at_ms).replace("\"acme\"", &format!("\"{tenant}\""))
}

/// People are told apart by their first letters: their ids leave in no place.
fn newest<'r>(records: &'r [Record], subject: &str) -> &'r Record {
    let of_theirs = records.iter().filter(|record| record.header("test-person") == Some(&subject[..1]));
    of_theirs.max_by_key(|record| (record.partition, record.offset)).expect("what came of it")
}

fn erase(id: &str, subject: &str) -> Value {
    json!({"request_id": id, "tenant": "acme", "subject": subject, "reason": "gdpr_17_1_b"})
}

const ALL_SCOPES: &str = "request: { scopes: [subject, tenant, retention_class] }\n";

fn office(stem: &str) -> Office<'static> {
    let index = (
        "output:\n  topic: prompts.sanitized.{region}",
        "index: [EMAIL]\noutput:\n  topic: prompts.sanitized.{region}",
    );
    let settings = Settings { erasure: ALL_SCOPES, prompts: vec![index], ..Settings::default() };
    let deployment = Deployment::new(Cluster::shared(), stem, settings);
    deployment.make_topics(1);
    Office { deployment }
}

#[test]
fn a_legal_hold_keeps_its_subject_and_nobody_else_and_ends() {
    let office = office("hold");
    let mut lethe = office.deployment.start();
    let then_ms = now_ms() - HOUR_MS;
    office.publish("prompts.raw", &["alice-4711", "robert-4712"].map(|subject| person(subject, "acme", then_ms)));
    let sanitized = office.read("prompts.sanitized.eu", 2);
    let (alice, robert) = (newest(&sanitized, "alice-4711"), newest(&sanitized, "robert-4712"));
    let mut restored = 0;

    // Placed on the command line, asked for in vain; the next request in the same partition is not kept waiting.
    office.deployment.workspace.write("alice.txt", "alice-4711");
    let place = ["hold", "place", "--reference", "case-9", "--tenant", "acme", "--subject-file", "alice.txt"];
    let why = ["--reason", "litigation", "--authority", "court:berlin", "--by", "legal"];
    let placed = office.command(&[place.as_slice(), &why].concat());
    assert_eq!(placed.outcome, ReceiptOutcome::HoldPlaced);
    let held = office.answer(&erase("r-1", "alice-4711"));
    assert_eq!((held.outcome, held.destroyed.is_none()), (ReceiptOutcome::Held, true));
    assert_eq!(held.hold.expect("a hold").authority.as_str(), "court:berlin");
    assert_eq!(office.answer(&erase("r-2", "robert-4712")).outcome, ReceiptOutcome::Destroyed);
    assert_eq!(
        office.answer(&json!({"request_id": "r-3", "tenant": "acme", "scope": "tenant"})).outcome,
        ReceiptOutcome::Held
    );
    assert!(office.opens(alice, &mut restored), "what is held must stay");
    assert!(!office.opens(robert, &mut restored), "what is not held must go");

    // It is told, and can't be had twice or lifted by another name.
    let told = office.command(&["erase", "status"]);
    let open = told.open.expect("open requests");
    assert_eq!((open.len(), told.holds.map_or(0, |holds| holds.len())), (2, 1));
    assert!(open.iter().all(|open| open.hold.as_ref().is_some_and(|hold| hold.as_str() == "case-9")));
    let mut other = json!({"action": "hold", "request_id": "h-2", "tenant": "acme", "subject": "robert-4712"});
    other.as_object_mut().expect("members").extend(
        json!({"hold": "case-9", "reason": "litigation", "authority": "court:paris", "by": "legal"})
            .as_object()
            .expect("members")
            .clone(),
    );
    assert_refused(&office.answer(&other), "request_hold_reused");
    let lift = |id: &str, hold: &str| json!({"action": "lift", "request_id": id, "tenant": "acme", "hold": hold, "by": "legal"});
    assert_refused(&office.answer(&lift("l-1", "case-10")), "request_hold_unknown");

    // A process that dies forgets neither hold nor requests; the end of the hold lets them go.
    lethe.kill();
    let lethe = office.deployment.start();
    assert_eq!(office.answer(&erase("r-1", "alice-4711")).outcome, ReceiptOutcome::Held);
    let before = office.answers().len();
    office.ask(&lift("l-2", "case-9"));
    office.read("erasure.receipts", before + 3);
    assert_eq!(office.last("l-2").requests, Some(2));
    let receipt = office.last("r-1");
    assert_eq!(receipt.outcome, ReceiptOutcome::Destroyed);
    assert!(receipt.request.received_at < receipt.destroyed.expect("what was destroyed").fenced_at);
    assert_eq!(office.last("r-3").scope, Some(lethe::erasure::Scope::Tenant));
    assert!(!office.opens(alice, &mut restored), "what was held must go when the hold is lifted");

    // Whoever asks once more is told what happened when.
    let again = office.answer(&erase("r-4", "alice-4711"));
    assert_eq!(again.outcome, ReceiptOutcome::NothingHeld);
    let done = again.destroyed.expect("what was done");
    assert!(done.generations.is_empty() && done.earlier.is_some_and(|earlier| earlier.generations == [1]));
    assert_eq!(office.command(&["hold", "list"]).holds.map(|holds| holds.len()), Some(0));
    end(lethe, &office);
}

#[test]
fn a_tenant_and_a_class_are_forgotten_as_a_whole() {
    let office = office("scope");
    let lethe = office.deployment.start();
    let then_ms = now_ms() - HOUR_MS;
    let people = [("alice-4711", "acme"), ("robert-4712", "acme"), ("dora-4713", "other")];
    office.publish("prompts.raw", &people.map(|(subject, tenant)| person(subject, tenant, then_ms)));
    let sanitized = office.read("prompts.sanitized.eu", 3);
    let [alice, robert, dora] = people.map(|(subject, _)| newest(&sanitized, subject));
    let mut restored = 0;
    assert!(office.opens(alice, &mut restored) && office.opens(robert, &mut restored));

    let tenant = office.command(&["erase", "--tenant", "acme", "--whole-tenant", "--reason", "contract_end"]);
    assert_eq!((tenant.outcome, tenant.subject), (ReceiptOutcome::Destroyed, None));
    assert_eq!(tenant.destroyed.expect("what was destroyed").subjects, Some(2));
    for gone in [alice, robert] {
        assert!(!office.opens(gone, &mut restored), "a subject of an erased tenant opens: {}", gone.text());
    }
    assert!(office.opens(dora, &mut restored), "a subject of another tenant was lost");
    assert!(!office.seals("erin-4714", "acme", then_ms), "an old event of a subject that comes later is sealed");
    assert!(office.seals("erin-4714", "other", then_ms), "another tenant's events are redacted");

    let class = office.command(&["erase", "--retention-class", "chat"]);
    assert_eq!(class.outcome, ReceiptOutcome::Destroyed);
    assert!(class.destroyed.expect("what was destroyed").buckets.is_some_and(|buckets| buckets >= 1));
    assert!(!office.opens(dora, &mut restored), "what was kept under an erased class opens");
    assert!(!office.seals("frank-4715", "other", then_ms), "an old event is sealed under an erased class");
    let unknown = json!({"request_id": "c-1", "scope": "retention_class", "retention_class": "nothing"});
    assert_refused(&office.answer(&unknown), "request_unknown_class");
    end(lethe, &office);
}

#[test]
fn an_identifier_names_a_person_until_they_are_forgotten() {
    let office = office("index");
    let lethe = office.deployment.start();
    let people = ["alice-4711", "robert-4712"];
    office.publish("prompts.raw", &people.map(|subject| person(subject, "acme", now_ms() - HOUR_MS)));
    office.publish("prompts.raw", &[person("dora-4713", "other", now_ms() - HOUR_MS)]);
    let sanitized = office.read("prompts.sanitized.eu", 3);
    let [alice, robert] = people.map(|subject| reference(newest(&sanitized, subject).text()).to_owned());
    // As a person would write it who has not seen how it was written there.
    office.deployment.workspace.write("email.txt", "Ada.Lovelace@EXAMPLE.org");
    let find = || -> Vec<String> {
        let asked = ["subject", "find", "--tenant", "acme", "--kind", "EMAIL", "--identifier-file", "email.txt"];
        office.command(&asked).subjects.expect("an answer").iter().map(|found| found.0.reference()).collect()
    };
    let mut both = vec![alice.clone(), robert];
    both.sort();
    let mut found = find();
    found.sort();
    assert_eq!(found, both, "the two of this tenant, and nobody of another");
    let by_email = |id: &str| {
        let email = json!({"kind": "EMAIL", "value": "ada.lovelace@example.org"});
        office.answer(&json!({"request_id": id, "tenant": "acme", "identifier": email}))
    };
    assert_refused(&by_email("i-1"), "request_identifier_ambiguous");
    assert_eq!(office.answer(&erase("r-1", "robert-4712")).outcome, ReceiptOutcome::Destroyed);
    assert_eq!(find(), std::slice::from_ref(&alice), "an erased subject is found by an identifier");
    let receipt = by_email("i-2");
    assert_eq!(receipt.subject.map(|id| id.reference()), Some(alice));
    assert_eq!(receipt.outcome, ReceiptOutcome::Destroyed);
    assert!(find().is_empty());
    assert_refused(&by_email("i-3"), "request_identifier_unknown");
    end(lethe, &office);
}

fn assert_refused(receipt: &Receipt, code: &str) {
    assert_eq!(receipt.outcome, ReceiptOutcome::Refused);
    assert_eq!(receipt.code.as_ref().map(|code| code.as_str().to_owned()).as_deref(), Some(code));
}

/// One answer and one fact a record, chained without a fault.
fn end(lethe: Lethe, office: &Office<'_>) {
    stop(lethe);
    let facts = office.deployment.facts("privacy.deletions");
    let records = facts.keys().map(|(_, offset)| *offset).max().map_or(0, |last| last + 1);
    assert_eq!(facts.len() as i64, records, "a record of the deletion topic has no fact");
    office.deployment.verify_audit("lethe.yaml");
}
