//! How good the findings are: labelled texts in, tables of precision and recall out.
//!
//! A **labelled set** is JSON lines `{"id", "text", "spans": [{"start", "end", "label"}]}`, **predictions** are the same without
//! the text and with a score from 0 to 1. Offsets are characters (Unicode scalar values), not bytes. What is written here reads
//! and writes such lines; opening files is for others.

mod labels;
mod own;
mod report;
mod score;
mod shapes;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Detector, Hint};

pub use labels::{NAMES, label};
pub use own::own_set;
pub use report::{compare_html, compare_json, compare_text, html, json, read_json, text};
pub use score::{Documents, Rates, Row as ScoreRow, Rules, Scores, Tally};

/// A labelled or predicted stretch of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// What it is, in the words of labelled sets: see [`label`].
    pub label: String,
    /// Belief, 0 to 1; 1 where nothing is said.
    #[serde(default = "certain")]
    pub score: f64,
}

fn certain() -> f64 {
    1.0
}

/// One labelled text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// Unique in its set; a string or a number.
    pub id: Value,
    /// The text.
    pub text: String,
    /// What is in it; sets of clean text may leave it out.
    #[serde(default)]
    pub spans: Vec<Span>,
}

/// What was found in one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The text's id.
    pub id: Value,
    /// What was found.
    pub spans: Vec<Span>,
}

/// A line that is not what it should be. Says nothing of what the line holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no {expected}\n  help: {help}")]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// What it should be.
    pub expected: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// Reads a labelled set.
///
/// # Errors
/// The first line that is not a labelled text.
pub fn read_labelled(lines: &str) -> Result<Vec<Labelled>, BadLine> {
    rows(
        lines,
        "labelled text",
        r#"write one JSON object a line: {"id": "1", "text": "…", "spans": [{"start": 0, "end": 3, "label": "EMAIL"}]}, offsets in characters"#,
    )
}

/// Reads predictions.
///
/// # Errors
/// The first line that is not a prediction.
pub fn read_predictions(lines: &str) -> Result<Vec<Prediction>, BadLine> {
    rows(
        lines,
        "prediction",
        r#"write one JSON object a line: {"id": "1", "spans": [{"start": 0, "end": 3, "label": "EMAIL", "score": 0.9}]}"#,
    )
}

fn rows<T: for<'de> Deserialize<'de>>(
    lines: &str,
    expected: &'static str,
    help: &'static str,
) -> Result<Vec<T>, BadLine> {
    let written = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    written.map(|(at, line)| serde_json::from_str(line).map_err(|_| BadLine { line: at + 1, expected, help })).collect()
}

/// What a detector finds in a text, as labelled sets would say it.
pub fn predict(detector: &Detector, row: &Labelled) -> Prediction {
    let mut found = Vec::new();
    detector.scan(&row.text, Hint::default(), &mut found);
    // Findings come in order: one walk over the text turns bytes into characters.
    let mut characters = Characters { text: &row.text, byte: 0, count: 0 };
    let spans = found.iter().map(|finding| Span {
        start: characters.at(finding.start as usize),
        end: characters.at(finding.end as usize),
        label: label(&detector.info(finding.kind).name).to_owned(),
        score: f64::from(finding.confidence) / 100.0,
    });
    let spans = spans.collect();
    Prediction { id: row.id.clone(), spans }
}

/// Counts characters up to growing byte offsets.
struct Characters<'t> {
    text: &'t str,
    byte: usize,
    count: usize,
}

impl Characters<'_> {
    fn at(&mut self, byte: usize) -> usize {
        self.count += self.text.get(self.byte..byte).map_or(0, |part| part.chars().count());
        self.byte = byte;
        self.count
    }
}

#[cfg(test)]
mod tests;
