//! The key store is looked after while the stream runs: what has passed its retention opens no more, keys rotate without a gap,
//! and receipts are checked by whoever holds the published keys.

use std::fs;

use serde_json::Value;

use crate::deployment::{Deployment, LIMIT, Settings, stop, told};
use crate::forgotten::{alices, now_ms, raw, shows_originals, since};
use crate::restored::{echo, reference};
use crate::support::{Cluster, Message, http_get, wait_for};

const KEEP_SECONDS: i64 = 3_600;
const BUCKET_SECONDS: i64 = 60;

/// A time whose bucket expires in 10 to 70 seconds.
fn about_to_expire_ms() -> i64 {
    let index = (now_ms() / 1_000 + 70 - KEEP_SECONDS) / BUCKET_SECONDS - 1;
    (index * BUCKET_SECONDS + BUCKET_SECONDS / 2) * 1_000
}

#[test]
fn what_has_passed_its_retention_opens_no_more_and_keys_rotate_without_a_gap() {
    let settings = Settings { chat: "{ keep: 1h, bucket: 1m }", ..Settings::default() };
    let deployment = Deployment::new(Cluster::shared(), "upkeep", settings);
    deployment.make_topics(2);
    let publish = |topic: &str, messages: &[Message]| deployment.cluster.produce(&deployment.topic(topic), messages);
    let read = |topic: &str, count| deployment.cluster.read_at_least(&deployment.topic(topic), count, LIMIT);
    let keys = |arguments: &[&str]| {
        let ran = deployment.command(&[["keys"].as_slice(), arguments].concat(), "lethe.yaml");
        assert!(ran.status.success(), "{}", told(&ran));
        String::from_utf8(ran.stdout).expect("text")
    };
    let status = || -> Value { serde_json::from_str(&keys(&["status", "--json"])).expect("a status") };

    let lethe = deployment.start();
    publish("prompts.raw", &[raw("alice-4711", about_to_expire_ms()), raw("robert-4712", now_ms())]);
    let sanitized = read("prompts.sanitized.eu", 2);
    publish("responses.raw", &sanitized.iter().map(echo).collect::<Vec<_>>());
    let answers = read("responses.sanitized.eu", 2);
    let restored = read("responses.restored.eu", 2);
    assert!(restored.iter().all(shows_originals), "{restored:?}");

    wait_for("the bucket's expiry", LIMIT, || {
        let (_, metrics) = http_get(deployment.admin, "/metrics")?;
        metrics.contains(r#"lethe_retention_expired_buckets_total{class="chat"} 1"#).then_some(())
    });
    publish("responses.sanitized.eu", &answers.iter().map(echo).collect::<Vec<_>>());
    let again = since(&restored, read("responses.restored.eu", 4));
    let alice = reference(alices(&sanitized).text());
    for record in &again {
        let expired = record.text().contains(alice);
        assert_eq!(shows_originals(record), !expired, "expired: {expired}: {}", record.text());
    }

    // The service has the store open: it is asked.
    let before = status();
    let chat = before["retention"].as_array().expect("classes").iter().find(|of| of["class"] == "chat").expect("chat");
    assert_eq!((&chat["expired"], &before["oldest_overdue_seconds"]), (&1.into(), &0.into()), "{before}");
    let rotated = keys(&["rotate", "--all"]);
    assert!(rotated.contains("signing: done") && rotated.contains("pages: "), "{rotated}");
    let after = status();
    assert!(after["root"] != before["root"] && after["signer"] != before["signer"], "{after}");
    assert_eq!((&after["signers"], &after["rotation"]), (&2.into(), &Value::Null));
    publish("responses.sanitized.eu", &answers.iter().map(echo).collect::<Vec<_>>());
    let all = read("responses.restored.eu", 6);
    assert_eq!(all.iter().filter(|record| shows_originals(record)).count(), 4, "a gap in restore");
    let backup = deployment.folder("backup");
    keys(&["backup", &backup]);

    receipts_are_checked_offline(&deployment, &keys(&["history"]));
    stop(lethe);

    // The root is another one since: the backup opens nothing, and says whom it would have lost.
    let list = deployment.folder("lost");
    let refused = deployment.command(&["keys", "restore", &backup, "--list", &list], "lethe.yaml");
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("its root is destroyed"), "{}", told(&refused));
    assert_eq!(fs::read_to_string(&list).expect("a list").lines().count(), 1, "robert alone: alice was erased");
    keys(&["rotate", "--root"]);
    deployment.verify_audit("lethe.yaml");
}

fn receipts_are_checked_offline(deployment: &Deployment<'_>, history: &str) {
    let request = r#"{"request_id":"r-1","tenant":"acme","subject":"alice-4711"}"#;
    deployment.cluster.produce(&deployment.topic("privacy.deletions"), &[Message::new(request)]);
    let receipts = deployment.cluster.read_at_least(&deployment.topic("erasure.receipts"), 1, LIMIT);
    let receipt = receipts[0].text();
    let (_, published) = http_get(deployment.admin, "/keys/history").expect("an answer");
    let parsed: Value = serde_json::from_str(history).expect("a history");
    assert_eq!(serde_json::from_str::<Value>(&published).expect("the same history"), parsed);
    let [first, second] = [0, 1].map(|at| parsed["keys"][at]["public_key"].as_str().expect("a key").to_owned());

    let write = |name: &str, text: &str| deployment.workspace.write(name, text).display().to_string();
    let whole = write("receipt.json", &format!("{receipt}\n"));
    let changed = write("changed.json", &receipt.replace("destroyed", "destroyer"));
    let history = write("keys.json", history);
    let [first, second] = [write("first.key", &first), write("second.key", &second)];
    for (receipt, flag, file, holds) in [
        (&whole, "--history", &history, true),
        (&whole, "--public-key", &second, true),
        (&whole, "--public-key", &first, false),
        (&changed, "--history", &history, false),
        (&whole, "--history", &first, false),
    ] {
        let checked = deployment.workspace.run(&["erase", "verify", receipt, flag, file]);
        assert_eq!(checked.status.code(), Some(i32::from(!holds)), "{flag} {file}: {}", told(&checked));
        assert_eq!(told(&checked).contains("HOLDS: "), holds, "{}", told(&checked));
    }
}
