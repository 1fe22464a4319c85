//! Originals come back exactly, to whom policy allows, and from nothing but the sidecar that was sealed for that subject.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::deployment::{Deployment, LIMIT, Settings, stop};
use crate::support::{Cluster, Message, Record};

/// Marks a record, so that what came of it is found again.
const CASE: &str = "test-case";

/// Not for the support desk.
const ACCOUNT: &str = "DE89 3704 0044 0532 0130 00";

/// An event of a subject: odd escapes, a number that is a phone number, and an account that is not for the support desk.
pub fn prompt(tenant: &str, subject: &str) -> String {
    let text = r#"{"tenant":"TENANT","region":"eu","user":{"id":"SUBJECT"},"conversation_id":"c-1","phone": 4930901820455,
        "messages":[{"role":"user","content":"Caf\u00e9\/Bar: \u0061da.lovelace\u0040example.org, +49 30 90182 0455, ACCOUNT"}]}"#;
    text.replace("TENANT", tenant).replace("SUBJECT", subject).replace("ACCOUNT", ACCOUNT)
}

/// What a model worker that repeats everything it was told publishes.
pub fn echo(sanitized: &Record) -> Message {
    let mut message = Message::new(sanitized.value.clone().expect("a value"));
    message = message.key(sanitized.key.clone().expect("a key"));
    for sealed in sealed(sanitized) {
        message = message.header("lethe-sealed", sealed);
    }
    message
}

/// The sidecars of a record.
pub fn sealed(record: &Record) -> impl Iterator<Item = Vec<u8>> {
    record.headers.iter().filter(|(name, _)| name == "lethe-sealed").filter_map(|(_, value)| value.clone())
}

/// The tokens of one kind in a text.
pub fn token<'t>(text: &'t str, kind: &str) -> &'t str {
    let start = text.find(&format!("[{kind}_")).unwrap_or_else(|| panic!("no {kind} token in {text}"));
    &text[start..=start + text[start..].find(']').expect("an end")]
}

/// The `sub_…` in a text.
pub fn reference(text: &str) -> &str {
    let start = text.find("sub_").expect("a subject ref");
    &text[start..start + 30]
}

fn with_case(topic: &[Record], case: &str) -> Record {
    let mut found = topic.iter().filter(|record| record.header(CASE) == Some(case));
    found.next().unwrap_or_else(|| panic!("nothing came of `{case}`")).clone()
}

#[test]
fn restore_gives_back_the_exact_original_and_refuses_everything_else() {
    let deployment = Deployment::new(Cluster::shared(), "restore", Settings::default());
    deployment.make_topics(2);
    let lethe = deployment.start();
    let publish = |topic: &str, messages: &[Message]| deployment.cluster.produce(&deployment.topic(topic), messages);
    let read = |topic: &str, count| deployment.cluster.read_at_least(&deployment.topic(topic), count, LIMIT);

    let people =
        [("one", "acme", "alice-4711"), ("other", "acme", "robert-4712"), ("elsewhere", "globex", "alice-4711")];
    publish(
        "prompts.raw",
        &people.map(|(case, tenant, subject)| Message::new(prompt(tenant, subject)).key(subject).header(CASE, case)),
    );
    let sanitized = read("prompts.sanitized.eu", people.len());
    for record in &sanitized {
        let text = record.text();
        assert!(
            !["lovelace", "4930", "90182", "3704", "4711", "4712"].iter().any(|clear| text.contains(clear)),
            "{text}"
        );
    }
    let [alice, robert, elsewhere] = people.map(|(case, ..)| with_case(&sanitized, case));
    let account = token(alice.text(), "IBAN");
    let sidecar: Vec<u8> = sealed(&alice).next().expect("a sidecar");

    // The whole way back: what the model says is sanitised again before it is restored.
    publish("responses.raw", &[echo(&alice).header(CASE, "whole")]);
    // And what somebody puts onto the sanitised topic itself.
    let hostile = hostile([&alice, &robert, &elsewhere], &sidecar);
    let messages: Vec<Message> =
        hostile.iter().map(|(case, message)| message.clone().header(CASE, case.as_str())).collect();
    publish("responses.sanitized.eu", &messages);

    let restored = read("responses.restored.eu", messages.len() + 1);
    let original = prompt("acme", reference(alice.text())).replace(ACCOUNT, account);
    assert_eq!(with_case(&restored, "whole").text(), original);
    assert!(original.contains("lovelace") && !restored.iter().any(|record| sealed(record).next().is_some()));

    let facts = deployment.facts("responses.sanitized.eu");
    let inputs = deployment.read("responses.sanitized.eu");
    for (case, _) in &hostile {
        let input = with_case(&inputs, case);
        assert_eq!(with_case(&restored, case).value, input.value, "{case}");
        let fact = &facts[&(input.partition, input.offset)];
        assert_eq!(fact["restore"]["restored"], 0, "{case}: {fact}");
        if case.starts_with("forged") {
            // No sidecar claims it: there is nothing to refuse, and nothing to restore.
            assert_eq!(fact["restore"]["unresolved"], 1, "{case}: {fact}");
        } else {
            assert_eq!(fact["outcome"], "refused", "{case}: {fact}");
        }
    }
    let whole = with_case(&inputs, "whole");
    let fact = &facts[&(whole.partition, whole.offset)]["restore"];
    assert_eq!((&fact["restored"], &fact["refused"], &fact["unresolved"]), (&3.into(), &1.into(), &0.into()), "{fact}");
    stop(lethe);
    deployment.verify_audit("lethe.yaml");
}

/// Answers that must restore nothing: each with what is wrong with it.
fn hostile([alice, robert, elsewhere]: [&Record; 3], sidecar: &[u8]) -> Vec<(String, Message)> {
    let saying = |tenant: &str, from: &Record, content: &str| {
        let user = reference(from.text());
        Message::new(format!(r#"{{"tenant":"{tenant}","region":"eu","user":{{"id":"{user}"}},"text":"{content}"}}"#))
    };
    let (email, account) = (token(alice.text(), "EMAIL"), token(alice.text(), "IBAN"));
    let with = |message: Message| message.header("lethe-sealed", sidecar);
    let mut cases = vec![
        ("forged".to_owned(), saying("acme", alice, "[EMAIL_2346789B]")),
        ("forged beside a sidecar".to_owned(), with(saying("acme", alice, "[EMAIL_2346789B]"))),
        ("of another subject".to_owned(), with(saying("acme", robert, email))),
        ("of another tenant".to_owned(), with(saying("globex", elsewhere, email))),
        ("of another tenant by ref".to_owned(), with(saying("globex", alice, email))),
        ("not for support".to_owned(), with(saying("acme", alice, account))),
        ("no sidecar at all".to_owned(), saying("acme", alice, email).header("lethe-sealed", "v1.*")),
    ];
    let text = std::str::from_utf8(sidecar).expect("ASCII");
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix("v1.").expect("version 1")).expect("base64url");
    // In an entry the token is followed by the mask of audiences, two bytes of length, and what is sealed.
    let behind = |token: &str| memchr::memmem::find(&bytes, token.as_bytes()).expect("an entry") + token.len();
    let (mask, first, last) = (behind(email), behind(email) + 3, behind(email) + 3 + 40);
    for (what, at, bit, token) in [
        ("tenant's length", 0, 0, email),
        ("tenant", 2, 0, email),
        ("key id", 12, 7, email),
        ("mask", mask, 2, email),
        ("audience let in", behind(account), 1, account),
        ("other audience let in", behind(account), 0, account),
        ("sealed length", mask + 2, 0, email),
        ("nonce", first, 5, email),
        ("ciphertext", last, 3, email),
    ] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let header = format!("v1.{}", URL_SAFE_NO_PAD.encode(flipped));
        cases.push((format!("flipped: {what}"), saying("acme", alice, token).header("lethe-sealed", header)));
    }
    cases
}
