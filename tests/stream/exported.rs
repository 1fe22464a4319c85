//! What a person has a right to know, they get: everything, exactly, and nobody else's; and the clear text that came in does not
//! outlive its use where the operator says so.

use serde_json::Value;

use crate::deployment::{Deployment, LIMIT, Settings, stop, told};
use crate::forgotten::{HOUR_MS, now_ms, raw};
use crate::restored::reference;
use crate::support::{Cluster, Committed, Message, wait_for};

#[test]
fn a_package_holds_everything_of_one_person_and_nothing_of_others() {
    let deployment = Deployment::new(Cluster::shared(), "export", Settings::default());
    deployment.make_topics(2);
    let lethe = deployment.start();
    let then_ms = now_ms() - HOUR_MS;
    let of = |subject: &str| raw(subject, then_ms);
    deployment
        .cluster
        .produce(&deployment.topic("prompts.raw"), &[of("alice-4711"), of("robert-4712"), of("alice-4711")]);
    let sanitized = deployment.cluster.read_at_least(&deployment.topic("prompts.sanitized.eu"), 3, LIMIT);
    let alices: Vec<_> = sanitized.iter().filter(|record| record.header("test-person") == Some("a")).collect();
    let alice = reference(alices[0].text()).to_owned();
    stop(lethe);
    deployment.workspace.write("alice.txt", "alice-4711");
    let export = |audience: &str, out: &str, config: &str| {
        let who = ["subject", "export", "--tenant", "acme", "--subject-file", "alice.txt"];
        deployment.command(&[who.as_slice(), &["--audience", audience, "--out", out]].concat(), config)
    };

    // Nobody may unless the settings say who.
    let refused = export("owner", "off.json", "lethe.yaml");
    assert!(
        refused.status.code() == Some(1) && told(&refused).contains("exports are not allowed here"),
        "{}",
        told(&refused)
    );
    let allowed = std::fs::read_to_string(deployment.workspace.path().join("lethe.yaml")).expect("settings");
    deployment.workspace.write("export.yaml", format!("{allowed}export: {{ audience: owner }}\n"));
    let refused = export("support", "support.json", "export.yaml");
    assert!(refused.status.code() == Some(1) && told(&refused).contains("may not export"), "{}", told(&refused));
    assert!(!deployment.workspace.path().join("support.json").exists(), "a refused export leaves a file");

    let package = |out: &str| -> Value {
        let made = export("owner", out, "export.yaml");
        assert!(made.status.success(), "{}", told(&made));
        let text = std::fs::read(deployment.workspace.path().join(out)).expect("a package");
        let package: Value = serde_json::from_slice(&text).expect("JSON");
        let schema: Value =
            serde_json::from_str(include_str!("../../schemas/subject-export.schema.json")).expect("a schema");
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(&package).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        package
    };
    let whole = package("alice.json");
    let records = whole["records"].as_array().expect("records");
    assert_eq!((records.len(), &whole["manifest"]["records"]), (2, &Value::from(2)));
    assert_eq!(whole["manifest"]["subject"], alice.as_str());
    for record in records {
        assert_eq!((&record["closed"], &record["as_audited"]), (&Value::from(0), &Value::from(true)), "{record}");
        let said = record["content"]["messages"][0]["content"].as_str().expect("what she said");
        assert_eq!(said, "Café/Bar: ada.lovelace@example.org, +49 30 90182 0455, DE89 3704 0044 0532 0130 00");
    }
    assert!(!whole.to_string().contains("robert"), "somebody else is in the package");
    let again = export("owner", "alice.json", "export.yaml");
    assert!(again.status.code() == Some(1), "a package was written over another");
    let audit = deployment.read("audit");
    let facts =
        audit.iter().filter(|segment| segment.text().contains("lethe.cli.")).map(|segment| segment.text().to_owned());
    assert_eq!(facts.filter(|text| text.contains(&alice)).count(), 2, "an opened record without a fact");

    // After her erasure the package says what it can't say, and why.
    let lethe = deployment.start();
    let erased = deployment.command(&["erase", "--tenant", "acme", "--subject-file", "alice.txt"], "lethe.yaml");
    assert!(erased.status.success(), "{}", told(&erased));
    stop(lethe);
    let closed = package("erased.json");
    for record in closed["records"].as_array().expect("records") {
        assert!(record["closed"].as_u64() > Some(0) && record["restored"] == 0, "{record}");
        assert!(record["why"].to_string().contains("erased_subject"), "{record}");
        assert!(!record["content"].to_string().contains("lovelace"), "{record}");
    }
    deployment.verify_audit("lethe.yaml");
}

#[test]
fn raw_input_goes_behind_the_commit_and_waits_for_whoever_still_reads_it() {
    let purge =
        ("output:\n  topic: prompts.sanitized.{region}", "purge: true\noutput:\n  topic: prompts.sanitized.{region}");
    let deployment =
        Deployment::new(Cluster::shared(), "purge", Settings { prompts: vec![purge], ..Settings::default() });
    deployment.make_topics(1);
    let topic = deployment.topic("prompts.raw");
    let people: Vec<Message> = (0..20).map(|_| raw("alice-4711", now_ms())).collect();
    deployment.cluster.produce(&topic, &people);
    let other = deployment.topic("other-group");
    deployment.cluster.commit(&other, &topic, 0, 5);

    let lethe = deployment.start();
    deployment.wait_until_consumed("prompts.raw");
    let earliest = |at: i64| {
        wait_for(&format!("purge up to {at}"), LIMIT, || (deployment.cluster.earliest(&topic, 0) == at).then_some(()));
    };
    earliest(5);
    deployment.cluster.commit(&other, &topic, 0, 20);
    earliest(20);
    let receipt = deployment.workspace.write("alice.txt", "alice-4711");
    let told_by = deployment
        .command(&["erase", "--tenant", "acme", "--subject-file", &receipt.display().to_string()], "lethe.yaml");
    assert!(told_by.status.success(), "{}", told(&told_by));
    let receipt: Value = serde_json::from_slice(&told_by.stdout).expect("a receipt");
    let purged = &receipt["receipt"]["destroyed"]["raw_input_purged"][0];
    assert_eq!((&purged["topic"], &purged["before"]), (&Value::from(topic.as_str()), &Value::from(20)), "{receipt}");
    stop(lethe);
    let committed: Option<Committed> = deployment.cluster.committed(&deployment.group(), &topic).remove(&0);
    assert_eq!(committed.map(|committed| committed.offset), Some(20));
}
