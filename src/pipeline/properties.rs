//! librdkafka properties: which pass through, which would break a promise, and which must not stand in a file in clear.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::Report;

/// Where the value of a property comes from. Resolving it is up to those who may read files and the environment.
#[derive(Clone, PartialEq, Eq)]
pub enum Property {
    /// As written.
    Literal(String),
    /// The content of a file.
    File(String),
    /// An environment variable.
    Environment(String),
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A literal may be a password that someone put under a name that we don't know.
        match self {
            Self::Literal(text) => write!(f, "Literal({} bytes)", text.len()),
            Self::File(path) => write!(f, "File({path:?})"),
            Self::Environment(name) => write!(f, "Environment({name:?})"),
        }
    }
}

/// What Lethe sets itself: a user's value would break exactly-once, order, or the settings' own meaning.
const OWN: [(&str, &str); 17] = [
    ("enable.auto.commit", "offsets are committed with the outputs, in one transaction"),
    ("enable.auto.offset.store", "offsets are committed with the outputs, in one transaction"),
    ("auto.commit.interval.ms", "offsets are committed with the outputs, in one transaction"),
    ("auto.commit.enable", "offsets are committed with the outputs, in one transaction"),
    ("transactional.id", "it is made of `group`, `instance` and the worker's number"),
    ("transaction.timeout.ms", "set `transaction.timeout_ms`"),
    ("isolation.level", "only committed records are read"),
    ("enable.idempotence", "the transactional producer needs it"),
    ("enable.gapless.guarantee", "the transactional producer decides it"),
    ("acks", "the transactional producer needs all of them"),
    ("request.required.acks", "the transactional producer needs all acknowledgements"),
    ("max.in.flight", "the idempotent producer decides it, or order per key is lost"),
    ("max.in.flight.requests.per.connection", "the idempotent producer decides it, or order per key is lost"),
    ("group.protocol", "transactions need the classic protocol here"),
    ("group.id", "set `group`"),
    ("partitioner", "equal keys go where a Java client would send them"),
    ("enable.partition.eof", "the run loop decides it"),
];

/// Properties whose values are secrets.
const SECRETS: [&str; 8] = [
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "ssl_key",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
];

/// Checks a map of properties standing at a path.
pub(super) fn check(
    written: BTreeMap<String, Value>,
    at: &[String],
    report: &mut Report<'_>,
) -> BTreeMap<String, Property> {
    let mut properties = BTreeMap::new();
    for (name, value) in written {
        let mut here = at.to_vec();
        here.push(name.clone());
        if let Some((_, why)) = OWN.iter().find(|(own, _)| *own == name) {
            let help = if why.starts_with("set ") { format!("{why} instead") } else { format!("leave it out: {why}") };
            report.certain(&here, format!("`{name}` is not yours to set"), help);
        }
        if name == "partition.assignment.strategy" && value.as_str() != Some("cooperative-sticky") {
            report.certain(
                &here,
                "only `cooperative-sticky` is supported",
                "leave it out, or write `cooperative-sticky`",
            );
        }
        let property = property(value);
        if let Property::Literal(_) = property
            && SECRETS.contains(&name.as_str())
        {
            let help = format!("write `{name}: {{file: /run/secrets/…}}` or `{name}: {{env: NAME}}`");
            report.certain(&here, format!("`{name}` is a secret and stands in clear"), help);
        }
        properties.insert(name, property);
    }
    properties
}

fn property(value: Value) -> Property {
    match value {
        Value::String(text) => Property::Literal(text),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
            match (text("file"), text("env")) {
                (Some(path), _) => Property::File(path),
                (None, Some(name)) => Property::Environment(name),
                (None, None) => Property::Literal(String::new()),
            }
        }
        other => Property::Literal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_shows_in_debug_output() {
        let shown = format!("{:?}", property(Value::from("hunter2-hunter2")));
        assert_eq!(shown, "Literal(15 bytes)");
    }
}
