//! The root keeper refuses, dawdles or is gone while the stream runs: the stream goes on, deletion requests wait with their offsets
//! where they are, nothing is receipted; and they are carried out as soon as it is back.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::deployment::{Deployment, LIMIT, Settings, stop, told};
use crate::fake_vault::{Mood, Vault};
use crate::forgotten::{now_ms, raw};
use crate::support::{Cluster, Message};

#[test]
fn while_the_root_keeper_fails_requests_wait_and_the_stream_goes_on() {
    let vault = Vault::start();
    let deployment = Deployment::new(Cluster::shared(), "keeper", Settings::default());
    let token = deployment.workspace.write("token", format!("{}\n", vault.token)).display().to_string();
    let kept = format!(
        "{}, kind: vault, timeout_seconds: 1, vault: {{ address: \"{}\", token: {{ file: {token} }} }}",
        deployment.folder("root"),
        vault.address
    );
    deployment.configure("lethe.yaml", &[("root.path", &kept)]);
    deployment.make_topics(1);
    let publish = |topic: &str, messages: &[Message]| deployment.cluster.produce(&deployment.topic(topic), messages);
    let read = |topic: &str, count| deployment.cluster.read_at_least(&deployment.topic(topic), count, LIMIT);

    let lethe = deployment.start();
    publish("prompts.raw", &[raw("alice-4711", now_ms()), raw("robert-4712", now_ms()), raw("carol-4713", now_ms())]);
    read("prompts.sanitized.eu", 3);
    let group = format!("{}-erasure", deployment.group());
    let mut sanitized = 3;
    for (at, (mood, subject)) in
        [(Mood::Denies, "alice-4711"), (Mood::Slow, "robert-4712"), (Mood::Down, "carol-4713")].into_iter().enumerate()
    {
        vault.set(mood);
        let request = format!(r#"{{"request_id":"r-{at}","tenant":"acme","subject":"{subject}"}}"#);
        publish("privacy.deletions", &[Message::new(request)]);
        thread::sleep(Duration::from_secs(4));
        // New people get keys, though no epoch can be turned.
        publish("prompts.raw", &[raw(&format!("david-{at}"), now_ms())]);
        sanitized += 1;
        read("prompts.sanitized.eu", sanitized);
        assert_eq!(deployment.read("erasure.receipts").len(), at, "{mood:?}: a receipt for what was not destroyed");
        let committed = deployment.cluster.committed(&group, &deployment.topic("privacy.deletions"));
        assert!(committed.values().all(|committed| committed.offset == at as i64), "{mood:?}: the request was let go");
        vault.set(Mood::Well);
        read("erasure.receipts", at + 1);
        assert_eq!(vault.keys().len(), 1, "{mood:?}: a root is left over");
    }
    for record in deployment.read("erasure.receipts") {
        let receipt: Value = serde_json::from_str(record.text()).expect("a receipt");
        let keeper = &receipt["receipt"]["destroyed"]["root_keeper"];
        assert_eq!((&keeper["provider"], &keeper["irreversible"]), (&"vault".into(), &"at_once".into()), "{receipt}");
    }
    stop(lethe);

    // Without its root the service does not begin, and begins nothing anew.
    vault.set(Mood::Down);
    let status = deployment.command(&["keys", "status"], "lethe.yaml");
    assert!(!status.status.success() && told(&status).contains("can't be reached"), "{}", told(&status));
    vault.set(Mood::Well);
    vault.burn();
    let status = deployment.command(&["keys", "status"], "lethe.yaml");
    assert!(told(&status).contains("holds no root at all") && vault.keys().is_empty(), "{}", told(&status));
}
