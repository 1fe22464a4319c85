//! Counts of one batch, added to the metrics once its transaction is committed: what was rolled back was never counted.

use std::collections::HashMap;
use std::sync::Arc;

use crate::audit::Fact;

/// Counters of one batch.
#[derive(Default)]
pub struct Tally {
    records: HashMap<(Arc<str>, &'static str, String), u64>,
    detections: HashMap<(String, String), u64>,
}

impl Tally {
    /// Counts one record's outcome. Labels are names from configuration and fixed codes: their number is bounded.
    pub fn count(&mut self, topic: &Arc<str>, fact: &Fact) {
        let code = fact.code.as_ref().map_or("ok", |code| code.as_str());
        let key = (Arc::clone(topic), fact.outcome.as_str(), code.to_owned());
        *self.records.entry(key).or_default() += 1;
        for finding in &fact.findings {
            let key = (finding.kind.to_string(), finding.treatment.to_string());
            *self.detections.entry(key).or_default() += u64::from(finding.count);
        }
    }

    /// Adds the counts to the process's metrics.
    pub fn publish(self) {
        for ((topic, outcome, code), count) in self.records {
            metrics::counter!("lethe_records_total", "topic" => topic.to_string(), "outcome" => outcome, "code" => code)
                .increment(count);
        }
        for ((kind, treatment), count) in self.detections {
            metrics::counter!("lethe_detections_total", "kind" => kind, "treatment" => treatment).increment(count);
        }
    }
}
