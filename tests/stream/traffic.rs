//! What is published in the tests: the sampler's events, and every tenth one broken in a way of its own.

use std::collections::BTreeMap;

use lethe::io::sample::Sampler;

use crate::support::{Message, Record};

/// Values above this are too large for the pipeline; see [`LIMITS`].
const VALUE_BYTES: usize = 65_536;
/// The producer's `message.max.bytes` where outputs are to become too large for it.
pub const MESSAGE_BYTES: usize = 100_000;
/// The change to `prompts.yaml` that goes with it.
pub const LIMITS: (&str, &str) = ("value_bytes: 1MiB", "value_bytes: 64KiB");

/// Header that numbers inputs.
const NUMBER: &str = "test-number";

/// What must become of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The sanitised topic of its region.
    Output(&'static str),
    /// Quarantine, under this code.
    Quarantine(&'static str),
}

/// A seeded run of events; the number of an event decides what is wrong with it.
pub struct Traffic {
    sampler: Sampler,
    due: Vec<Due>,
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self { sampler: Sampler::new(seed, 400, 1_760_000_000_000), due: Vec::new() }
    }

    /// The next `count` events.
    pub fn take(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.next()).collect()
    }

    /// What must become of each event so far, by number.
    pub fn due(&self) -> &[Due] {
        &self.due
    }

    fn next(&mut self) -> Message {
        let sample = self.sampler.next_event();
        let number = self.due.len();
        let text = String::from_utf8(sample.value).expect("samples are UTF-8");
        let (due, value) = match (number % 10, number / 10 % 10) {
            (9, 0) => (Due::Quarantine("not_json"), Some(text.as_bytes()[..text.len() / 2].to_vec())),
            (9, 1) => (Due::Quarantine("not_utf8"), Some([text.as_bytes(), &[0xff, 0xfe]].concat())),
            (9, 2) => (Due::Quarantine("empty"), Some(Vec::new())),
            (9, 3) => (Due::Quarantine("tombstone"), None),
            (9, 4) => (Due::Quarantine("region_unknown"), Some(replaced(&text, "region", "\"atlantis\""))),
            (9, 5) => (Due::Quarantine("missing_tenant"), Some(replaced(&text, "tenant", "null"))),
            (9, 6) => (Due::Quarantine("too_deep"), Some(replaced(&text, "model", &nested(100)))),
            (9, 7) => (Due::Quarantine("too_large"), Some(replaced(&text, "model", &long(VALUE_BYTES)))),
            (9, 8) => (Due::Quarantine("output_too_large"), Some(replaced(&text, "model", &addresses(1_500)))),
            // The same subject twice, and not the same: a parser that takes the last would seal under another's key.
            (9, _) => (Due::Quarantine("ambiguous_attribute"), Some(doubled(&text))),
            _ => (Due::Output(sample.region), Some(text.into_bytes())),
        };
        self.due.push(due);
        let message = value.map_or_else(Message::tombstone, Message::new);
        message.key(sample.subject).header(NUMBER, number.to_string())
    }
}

/// The number of an input.
pub fn number_of(record: &Record) -> usize {
    record.header(NUMBER).and_then(|text| text.parse().ok()).expect("an input with a number")
}

/// Inputs by their `lethe-id`.
pub fn by_id<'r>(topic: &str, inputs: &'r [Record]) -> BTreeMap<String, &'r Record> {
    inputs.iter().map(|input| (format!("{topic}-{}-{}", input.partition, input.offset), input)).collect()
}

/// The event with another value for one of its members.
fn replaced(event: &str, member: &str, value: &str) -> Vec<u8> {
    let start = event.find(&format!("\"{member}\":")).expect("a member of samples") + member.len() + 3;
    let end = start + event[start..].find([',', '}']).expect("an end");
    [&event[..start], value, &event[end..]].concat().into_bytes()
}

fn doubled(event: &str) -> Vec<u8> {
    let again = ",\"user\":{\"id\":\"somebody-else\"}}";
    [&event[..event.len() - 1], again].concat().into_bytes()
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn long(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes))
}

/// Small in clear, and large with a token and a sealed original for each.
fn addresses(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|index| format!("person{index}@example.org")).collect();
    format!("\"{}\"", list.join(" "))
}
