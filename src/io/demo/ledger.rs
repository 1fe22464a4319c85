//! What was planted, and whether any of it came out: the demo's and the tests' judge.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use serde_json::Value;

use crate::io::kafka::Tapped;
use crate::io::sample::{Planted, Sample};

/// Planted values by the event they are in, and what was seen of them.
#[derive(Default)]
pub struct Ledger {
    /// By the event's `time_ms`, which is unique in a run.
    planted: HashMap<i64, Vec<Planted>>,
    /// Values searched for everywhere but in their own event's output: a bounded sample.
    watched: Vec<String>,
    /// Planted values that came out where they must not, by kind.
    pub leaks: HashMap<&'static str, u64>,
    /// Planted values that were looked for.
    pub looked_for: u64,
    /// Outputs by topic.
    pub outputs: HashMap<String, u64>,
    /// Restored answers in which an original stood again.
    pub restored: u64,
}

const MOST_WATCHED: usize = 20_000;

impl Ledger {
    /// Notes what an event holds.
    pub fn plant(&mut self, sample: &Sample) {
        let Some(at) = time_of(&sample.value) else { return };
        if self.watched.len() < MOST_WATCHED {
            self.watched.extend(sample.planted.iter().map(|planted| planted.value.clone()));
        }
        self.planted.insert(at, sample.planted.clone());
    }

    /// Looks at a sanitised record: nothing planted in its event may be in it, or in its key and headers.
    pub fn inspect(&mut self, record: &Tapped) {
        *self.outputs.entry(record.topic.clone()).or_default() += 1;
        let Some(planted) = record.value.as_deref().and_then(time_of).and_then(|at| self.planted.get(&at)) else {
            return;
        };
        for value in planted {
            self.looked_for += 1;
            if holds(record, &value.value) {
                *self.leaks.entry(value.kind).or_default() += 1;
            }
        }
    }

    /// Looks at a restored record: here originals are meant to stand.
    pub fn welcome(&mut self, record: &Tapped) {
        *self.outputs.entry(record.topic.clone()).or_default() += 1;
        let planted = record.value.as_deref().and_then(time_of).and_then(|at| self.planted.get(&at));
        if planted.is_some_and(|planted| planted.iter().any(|p| p.kind != "SUBJECT" && holds(record, &p.value))) {
            self.restored += 1;
        }
    }

    /// Looks for every watched value in records that belong to no single event: facts, quarantine, receipts.
    pub fn inspect_evidence(&mut self, records: &[Tapped]) {
        let Ok(search) = AhoCorasick::new(&self.watched) else { return };
        for record in records {
            *self.outputs.entry(record.topic.clone()).or_default() += 1;
            let headers = record.headers.iter().map(|(_, value)| value.as_slice());
            let texts = record.key.iter().chain(&record.value).map(Vec::as_slice).chain(headers);
            for text in texts {
                self.looked_for += 1;
                if search.is_match(text) {
                    *self.leaks.entry("in evidence").or_default() += 1;
                }
            }
        }
    }

    /// How many planted values came out.
    pub fn leaked(&self) -> u64 {
        self.leaks.values().sum()
    }
}

/// The `time_ms` of a sample event or an answer to one.
pub fn time_of(value: &[u8]) -> Option<i64> {
    serde_json::from_slice::<Value>(value).ok()?.get("time_ms")?.as_i64()
}

fn holds(record: &Tapped, value: &str) -> bool {
    let finder = memchr::memmem::Finder::new(value);
    let headers = record.headers.iter().map(|(_, value)| value.as_slice());
    record.key.iter().chain(&record.value).map(Vec::as_slice).chain(headers).any(|text| finder.find(text).is_some())
}
