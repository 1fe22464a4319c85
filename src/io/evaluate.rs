//! Labelled sets from files, scanned and scored: what `lethe eval` does. What counts is decided in `detect::evaluate`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::clock::{Clock, SystemClock};
use super::setup::{self, ConfigError};
use crate::detect::evaluate::{
    self, BadLine, Labelled, Prediction, Rules, Scores, Span, predict, read_json, read_labelled, read_predictions,
};
use crate::detect::{Detector, DetectorConfig, NamesConfig, NamesMode};
use crate::pipeline::Work;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// The labelled set; `None`: the project's own.
    pub set: Option<PathBuf>,
    /// The pipeline whose rules are used.
    pub pipeline: Option<PathBuf>,
    /// Labels that count; `None`: those of the set.
    pub scope: Option<Vec<String>>,
    /// The least score that counts.
    pub least_score: f64,
    /// Labels to be read as others.
    pub merge: BTreeMap<String, String>,
}

/// Why nothing was scored.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file can't be read or written.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file holds something else.
    #[error("`{path}`: {error}")]
    Line {
        /// The file.
        path: String,
        /// Where and what.
        error: BadLine,
    },
    /// A file of labels is no JSON object of sets.
    #[error(
        "`{0}` does not say which labels are annotated\n  help: write {{\"SET\": {{\"annotated\": [\"EMAIL\"]}}}}, or use --scope"
    )]
    Meta(String),
    /// The pipeline.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pipeline finds nothing.
    #[error("`{0}` is no `kind: sanitize` pipeline\n  help: name one, such as pipelines/prompts.yaml")]
    NoSanitize(String),
    /// A run to compare with needs its set.
    #[error("`{0}` holds predictions, which need their labelled set\n  help: name the set, or compare JSON reports")]
    NoSet(String),
}

impl EvalError {
    /// Whether something written must be changed, not tried again.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Config(_) | Self::NoSanitize(_) | Self::NoSet(_))
    }
}

fn read(path: &Path) -> Result<String, EvalError> {
    std::fs::read_to_string(path).map_err(|error| EvalError::File { path: path.display().to_string(), error })
}

/// Writes a file.
pub fn write(path: &Path, text: &str) -> Result<(), EvalError> {
    std::fs::write(path, text).map_err(|error| EvalError::File { path: path.display().to_string(), error })
}

fn at<T>(path: &Path, rows: Result<T, BadLine>) -> Result<T, EvalError> {
    rows.map_err(|error| EvalError::Line { path: path.display().to_string(), error })
}

/// The built-in rules and the built-in model of names as eagerly as `names` says; or what a pipeline says.
pub fn detector(pipeline: Option<&Path>, names: NamesMode) -> Result<Arc<Detector>, EvalError> {
    let Some(path) = pipeline else { return Ok(Arc::new(builtin(names))) };
    let loaded = setup::load(None, &[path.to_owned()])?;
    let found = loaded.pipelines.into_iter().find_map(|config| match config.work {
        Work::Sanitize(sanitize) => Some(sanitize.detector),
        _ => None,
    });
    found.ok_or_else(|| EvalError::NoSanitize(path.display().to_string()))
}

/// The built-in rules and the built-in model of names.
pub fn builtin(names: NamesMode) -> Detector {
    let config = DetectorConfig { names: NamesConfig { mode: names, model: None }, ..DetectorConfig::default() };
    // INVARIANT: settings without a rule of the user's have no mistake.
    Detector::new(&config).unwrap_or_else(|_| Detector::builtin())
}

/// A labelled set and what counts in it.
pub struct Set {
    /// What it is called.
    pub name: String,
    rows: Vec<Labelled>,
    rules: Rules,
}

impl Set {
    /// Reads the set, and beside it `META.json`, which says which labels are annotated.
    pub fn read(asked: &Asked) -> Result<Self, EvalError> {
        let (name, rows, annotated) = match &asked.set {
            None => {
                let rows = evaluate::own_set();
                ("the project's own set".to_owned(), rows, None)
            }
            Some(path) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (name.clone(), at(path, read_labelled(&read(path)?))?, annotated(path, &name)?)
            }
        };
        let mut rules = Rules { least_score: asked.least_score, merge: asked.merge.clone(), ..Rules::of_labels(&rows) };
        if let Some(labels) = asked.scope.clone().or(annotated) {
            rules.scope = labels.into_iter().collect();
        }
        // Clean text: whatever is found is a false alarm.
        if rules.scope.is_empty() && rows.iter().all(|row| row.spans.is_empty()) {
            let builtin = Detector::builtin();
            let labels = builtin.kinds().iter().map(|kind| evaluate::label(&kind.name).to_owned());
            rules.scope = labels.collect::<BTreeSet<_>>();
        }
        Ok(Self { name, rows, rules })
    }

    /// Scans every text; `progress` hears of the share that is done, not more often than once a second.
    pub fn predict(&self, detector: &Detector, progress: &mut dyn FnMut(usize, usize)) -> Vec<Prediction> {
        let clock = SystemClock::new();
        let mut told = clock.monotonic_us();
        let mut predictions = Vec::with_capacity(self.rows.len());
        for (done, row) in self.rows.iter().enumerate() {
            predictions.push(predict(detector, row));
            if clock.monotonic_us() - told > 1_000_000 {
                told = clock.monotonic_us();
                progress(done + 1, self.rows.len());
            }
        }
        predictions
    }

    /// The score of predictions.
    pub fn score(&self, predictions: &[Prediction]) -> Scores {
        Scores::of(&self.rows, predictions, &self.rules)
    }
}

/// What `META.json` beside a set says of its labels.
fn annotated(set: &Path, name: &str) -> Result<Option<Vec<String>>, EvalError> {
    let path = set.with_file_name("META.json");
    if !path.is_file() {
        return Ok(None);
    }
    let wrong = || EvalError::Meta(path.display().to_string());
    let meta: Value = serde_json::from_str(&read(&path)?).map_err(|_| wrong())?;
    let Some(entry) = meta.get(name) else { return Ok(None) };
    let labels = entry.get("annotated").and_then(Value::as_array).ok_or_else(wrong)?;
    labels.iter().map(|label| label.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
}

/// Predictions as JSON lines.
pub fn lines(predictions: &[Prediction]) -> String {
    predictions.iter().filter_map(|row| serde_json::to_string(row).ok()).map(|line| line + "\n").collect()
}

/// Another run: a JSON report, or predictions for the same set.
pub fn other_run(path: &Path, set: Option<&Set>) -> Result<Scores, EvalError> {
    let text = read(path)?;
    if let Some(scores) = serde_json::from_str::<Value>(&text).ok().as_ref().and_then(read_json) {
        return Ok(scores);
    }
    let predictions = at(path, read_predictions(&text))?;
    set.map(|set| set.score(&predictions)).ok_or_else(|| EvalError::NoSet(path.display().to_string()))
}

/// Writes the project's own set and the labels that it annotates; says how many texts it has.
pub fn write_own_set(folder: &Path) -> Result<usize, EvalError> {
    let rows = evaluate::own_set();
    let labels = Rules::of_labels(&rows).scope;
    let meta = serde_json::json!({"own": {"annotated": labels}});
    std::fs::create_dir_all(folder).map_err(|error| EvalError::File { path: folder.display().to_string(), error })?;
    let line = |row: &Labelled| {
        let span = |span: &Span| serde_json::json!({"start": span.start, "end": span.end, "label": span.label});
        let spans: Vec<Value> = row.spans.iter().map(span).collect();
        format!("{}\n", serde_json::json!({"id": row.id, "text": row.text, "spans": spans}))
    };
    let lines: String = rows.iter().map(line).collect();
    write(&folder.join("own.jsonl"), &lines)?;
    write(&folder.join("META.json"), &format!("{meta:#}\n"))?;
    Ok(rows.len())
}
