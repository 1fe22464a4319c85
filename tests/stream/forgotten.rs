//! Whoever asks to be forgotten is: nothing that was sealed for them opens again, wherever a copy of it or of the store comes
//! from; and everybody else's still does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lethe::erasure::{Receipt, ReceiptOutcome, verify};
use lethe::io::clock::SystemClock;
use lethe::io::setup;
use serde_json::Value;

use crate::deployment::{Deployment, LIMIT, Settings, stop};
use crate::restored::{echo, prompt, reference, sealed};
use crate::support::{Cluster, Message, Record};

const HOUR_MS: i64 = 3_600_000;

/// Requests in the order of their one partition, and how each must end: outcome, code.
const REQUESTS: &[(&str, &str, &str)] = &[
    (r#"{"request_id":"r-1","tenant":"acme","subject":"alice-4711","reason":"gdpr_17_1_b"}"#, "destroyed", ""),
    (r#"{"request_id":"r-1","tenant":"acme","subject":"alice-4711","reason":"gdpr_17_1_b"}"#, "destroyed", ""),
    (r#"{"request_id":"r-1","tenant":"acme","subject":"robert-4712"}"#, "refused", "request_id_reused"),
    (r#"{"request_id":"r-2","tenant":"acme","subject":"nobody-4713"}"#, "nothing_held", ""),
    (r#"{"tenant":"acme","subject":"#, "refused", "request_not_json"),
    (r#"{"tenant":"acme"}"#, "refused", "request_missing_subject"),
    (r#"{"subject":"robert-4712"}"#, "refused", "request_missing_tenant"),
    (r#"{"tenant":"acme","subject":"robert-4712","reason":"because"}"#, "refused", "request_unknown_reason"),
    (
        r#"{"tenant":"acme","subject":"robert-4712","erase_through":"2999-01-01T00:00:00Z"}"#,
        "refused",
        "request_future_fence",
    ),
    ("", "refused", "request_empty"),
];
/// Later, when the first has its receipt.
const AGAIN: &[(&str, &str, &str)] = &[
    (r#"{"request_id":"r-1","tenant":"acme","subject":"alice-4711"}"#, "destroyed", ""),
    (r#"{"request_id":"r-1","tenant":"acme","subject":"robert-4712"}"#, "refused", "request_id_reused"),
    (r#"{"request_id":"r-2","tenant":"acme","subject":"nobody-4713"}"#, "nothing_held", ""),
];

#[test]
fn after_the_receipt_nothing_of_that_subject_opens() {
    let deployment = Deployment::new(Cluster::shared(), "forget", Settings::default());
    deployment.make_topics(2);
    let publish = |topic: &str, messages: &[Message]| deployment.cluster.produce(&deployment.topic(topic), messages);
    let read = |topic: &str, count| deployment.cluster.read_at_least(&deployment.topic(topic), count, LIMIT);

    // Both live, and both are restored.
    let lethe = deployment.start();
    let then_ms = now_ms() - HOUR_MS;
    let backlog = ["alice-4711", "robert-4712"].map(|subject| raw(subject, then_ms));
    publish("prompts.raw", &backlog);
    let sanitized = read("prompts.sanitized.eu", 2);
    publish("responses.raw", &sanitized.iter().map(echo).collect::<Vec<_>>());
    let answers = read("responses.sanitized.eu", 2);
    let restored = read("responses.restored.eu", 2);
    assert!(restored.iter().all(shows_originals), "{restored:?}");
    stop(lethe);
    copy_folder(&deployment.workspace.path().join("keys"), &deployment.workspace.path().join("keys.before"));

    // One is forgotten.
    let lethe = deployment.start();
    let requests = |list: &[(&str, &str, &str)]| {
        list.iter().map(|(text, ..)| Message::new(*text).partition(0)).collect::<Vec<_>>()
    };
    publish("privacy.deletions", &requests(REQUESTS));
    read("erasure.receipts", REQUESTS.len());
    publish("privacy.deletions", &requests(AGAIN));
    let mut receipts = read("erasure.receipts", REQUESTS.len() + AGAIN.len());
    receipts.sort_by_key(|receipt| offset_in_id(receipt.header("lethe-id").expect("an id")));

    // Old answers, the old backlog, and what the forgotten one says from now on.
    publish("responses.sanitized.eu", &answers.iter().map(echo).collect::<Vec<_>>());
    publish("prompts.raw", &backlog);
    publish("prompts.raw", &[raw("alice-4711", now_ms())]);
    let again = since(&restored, read("responses.restored.eu", 4));
    let replayed = since(&sanitized, read("prompts.sanitized.eu", 5));
    let alice = reference(alices(&sanitized).text()).to_owned();
    for record in &again {
        let forgotten = reference(record.text()) == alice;
        assert_eq!(shows_originals(record), !forgotten, "{}", record.text());
    }
    for record in &replayed {
        let forgotten = reference(record.text()) == alice;
        assert_eq!(sealed(record).next().is_none(), forgotten, "{}", record.text());
        assert_eq!(record.text().contains("[EMAIL]"), forgotten, "{}", record.text());
    }
    stop(lethe);
    let about = |facts: Vec<Value>, note: &str| {
        let noted = facts.iter().filter(|fact| fact["notes"].to_string().contains(note)).count();
        let theirs = facts.iter().filter(|fact| fact["subject"] == alice.as_str()).count();
        (noted, theirs)
    };
    assert_eq!(about(deployment.facts("prompts.raw").into_values().collect(), "erased_subject"), (2, 3));
    assert_eq!(about(deployment.facts("responses.sanitized.eu").into_values().collect(), "erased_subject"), (1, 2));

    assert_receipts(&deployment, &receipts, &alice);
    deployment.verify_audit("lethe.yaml");

    // A copy of the store from before hangs from a root that is gone.
    deployment.configure("before.yaml", &[("store.path", &deployment.folder("keys.before"))]);
    let mut old = deployment.launch("before.yaml");
    assert_eq!(old.wait(LIMIT).code(), Some(1));
    assert!(old.stderr().contains("old copy") && old.stderr().contains("help:"), "{}", old.stderr());
    // And trying has not harmed the store that is in use.
    stop(deployment.start());
}

/// One receipt and one fact a request, signed, with the outcome that is due.
fn assert_receipts(deployment: &Deployment<'_>, receipts: &[Record], alice: &str) {
    let public_key = public_key(deployment);
    let facts = deployment.facts("privacy.deletions");
    let due: Vec<_> = REQUESTS.iter().chain(AGAIN).collect();
    assert_eq!((receipts.len(), facts.len()), (due.len(), due.len()));
    let mut certificates = Vec::new();
    for ((record, (request, outcome, code)), ((_, offset), fact)) in receipts.iter().zip(due).zip(&facts) {
        let signed = record.value.as_deref().expect("a value");
        let receipt: Receipt = verify(signed, &public_key).unwrap_or_else(|error| panic!("{request}: {error}"));
        assert_eq!(offset_in_id(record.header("lethe-id").expect("an id")), *offset);
        assert_eq!(receipt.outcome.code(), *outcome, "{request}");
        assert_eq!(receipt.code.as_ref().map_or("", |code| code.as_str()), *code, "{request}");
        assert_eq!(fact["erasure"]["result"], *outcome, "{request}: {fact}");
        assert_eq!(fact["erasure"]["certificate"], receipt.certificate.as_str(), "{request}: {fact}");
        if receipt.outcome == ReceiptOutcome::Destroyed {
            assert_eq!(receipt.subject.map(|id| id.reference()).as_deref(), Some(alice), "{request}");
            let done = receipt.destroyed.as_ref().expect("what was destroyed");
            assert_eq!(done.generations, [1], "{request}");
            assert!(done.root_fingerprint.is_some() && done.page_fingerprint.is_some(), "{request}");
            assert!(done.caches.waited_ms >= done.caches.lease_ms, "{request}");
            assert!(done.fenced_at <= done.destroyed_at && done.destroyed_at <= done.settled_at, "{request}");
            certificates.push(receipt.certificate);
        }
        let mut forged = signed.to_vec();
        let at = forged.len() / 2;
        forged[at] ^= 1;
        assert!(verify(&forged, &public_key).is_err(), "a changed receipt verifies: {request}");
    }
    assert!(certificates.len() == 3 && certificates.iter().all(|one| *one == certificates[0]), "{certificates:?}");
}

/// The key that receipts are signed with, from the stopped deployment's own store.
fn public_key(deployment: &Deployment<'_>) -> Vec<u8> {
    let path = |name: &str| deployment.workspace.path().join(name);
    let pipelines: Vec<PathBuf> = ["pipelines/erasure.yaml"].map(path).to_vec();
    let loaded = setup::load(Some(&path("lethe.yaml")), &pipelines).unwrap_or_else(|error| panic!("{error}"));
    let store = setup::open_store(&loaded.settings, Arc::new(SystemClock::default())).expect("the store opens");
    store.signing_key().expect("a key").public_key().to_vec()
}

pub fn raw(subject: &str, timestamp_ms: i64) -> Message {
    Message::new(prompt("acme", subject)).key(subject).timestamp_ms(timestamp_ms).header("test-person", &subject[..1])
}

pub fn alices(records: &[Record]) -> &Record {
    records.iter().find(|record| record.header("test-person") == Some("a")).expect("what came of her event")
}

pub fn shows_originals(record: &Record) -> bool {
    record.text().contains(r"\u0061da.lovelace\u0040example.org")
}

fn offset_in_id(id: &str) -> i64 {
    id.rsplit('-').next().and_then(|text| text.parse().ok()).expect("an offset")
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("a time")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Records that are not among those read before.
pub fn since(known: &[Record], all: Vec<Record>) -> Vec<Record> {
    all.into_iter().filter(|record| !known.contains(record)).collect()
}
