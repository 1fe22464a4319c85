//! Lines in, clean lines out: the pipeline of a file on standard input, with keys of its own and no Kafka.

use std::fmt;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use super::clock::{Clock, SystemClock};
use super::entropy;
use super::lines::Line;
use super::setup::{self, ConfigError};
use crate::audit::Outcome;
use crate::event::{Attribute, Format, Position, RawHeader, RawRecord};
use crate::pipeline::{Ground, OfflineKeys, Pipeline, Work};
use crate::sensitive::Sensitive;

/// The shipped prompts pipeline.
pub const DEFAULT_PIPELINE: (&str, &str) = ("prompts.yaml", include_str!("../../pipelines/prompts.yaml"));

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// JSON where the line is a JSON object or array, else text.
    Auto,
    /// Text, whatever it looks like.
    Text,
    /// JSON.
    Json,
}

/// What is asked for.
pub struct Options {
    /// Pipeline file.
    pub pipeline: Option<PathBuf>,
    /// What a line is.
    pub form: Form,
    /// Tenant of lines that name none.
    pub tenant: String,
    /// Subject of lines that name none.
    pub subject: Option<String>,
    /// Region of lines that name none.
    pub region: Option<String>,
    /// 32 bytes from which all keys come.
    pub key_file: Option<PathBuf>,
    /// Whether records with headers are written.
    pub records: bool,
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines read.
    pub lines: u64,
    /// Lines left out.
    pub refused: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} lines were left out: they can't be handled safely (codes above)", self.refused, self.lines)
    }
}

/// Why the filter could not run.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The pipeline file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file names no sanitize pipeline.
    #[error("the file holds no `kind: sanitize` pipeline\n  help: name one, such as pipelines/prompts.yaml")]
    NothingToDo,
    /// The key file can't be used.
    #[error("key file `{path}`: {what}\n  help: make one with `head -c 32 /dev/urandom > {path} && chmod 600 {path}`")]
    Key {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// Standard input or output.
    #[error("standard input or output: {0}")]
    Stream(#[from] std::io::Error),
}

/// Keys from a file of 32 bytes that nobody else may read.
pub fn keys_from(path: &Path) -> Result<OfflineKeys, ScrubError> {
    let wrong = |what: String| ScrubError::Key { path: path.display().to_string(), what };
    let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others may read it: `chmod 600` it".into()));
        }
    }
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|error| wrong(error.to_string()))?);
    let secret: [u8; 32] =
        bytes.as_slice().try_into().map_err(|_| wrong(format!("it holds {} bytes, not 32", bytes.len())))?;
    let _ = metadata;
    Ok(OfflineKeys::new(Zeroizing::new(secret)))
}

/// Filters `input` to `output`.
pub fn scrub(options: &Options, input: impl BufRead, mut output: impl Write) -> Result<Counts, ScrubError> {
    let keys = match &options.key_file {
        Some(path) => keys_from(path)?,
        None => OfflineKeys::new(entropy::Entropy::new().secret()),
    };
    let (pipeline, text) = pipelines(options, &keys)?;
    let clock = SystemClock::default();
    let mut counts = Counts::default();
    for line in input.split(b'\n') {
        let mut line = line?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.is_empty() {
            output.write_all(b"\n")?;
            continue;
        }
        counts.lines += 1;
        let json = match options.form {
            Form::Auto => serde_json::from_slice::<Value>(&line).is_ok_and(|v| v.is_object() || v.is_array()),
            Form::Text => false,
            Form::Json => true,
        };
        let record = record(options, line, counts.lines, clock.wall_ms());
        let plan = if json { pipeline.plan(&record) } else { text.plan(&record) };
        let ring = keys.ring(plan.keys());
        let effects = plan.apply(&ring, clock.wall_ms());
        match effects.records.first() {
            Some(out) if effects.fact.outcome == Outcome::Sanitized => {
                if options.records {
                    serde_json::to_writer(&mut output, &Line::of(out)).map_err(std::io::Error::from)?;
                } else {
                    output.write_all(out.value.as_deref().unwrap_or_default())?;
                }
                output.write_all(b"\n")?;
            }
            _ => {
                counts.refused += 1;
                let code = effects.fact.code.as_ref().map_or("unknown", |code| code.as_str());
                writeln!(std::io::stderr(), "line {}: {code}", counts.lines)?;
            }
        }
    }
    output.flush()?;
    Ok(counts)
}

/// The line as a record; its tenant, subject and region stand in headers that the pipeline is told to read last.
fn record(options: &Options, line: Vec<u8>, number: u64, now_ms: i64) -> RawRecord {
    let header =
        |name: &str, value: &str| RawHeader { name: Sensitive::from(name), value: Some(Sensitive::from(value)) };
    let mut headers = vec![header("lethe-tenant", &options.tenant)];
    headers.extend(options.subject.as_deref().map(|subject| header("lethe-subject", subject)));
    headers.extend(options.region.as_deref().map(|region| header("lethe-region", region)));
    RawRecord {
        position: Position { topic: "stdin".into(), partition: 0, offset: i64::try_from(number).unwrap_or(i64::MAX) },
        timestamp_ms: Some(now_ms),
        key: None,
        value: Some(Sensitive::new(line)),
        headers,
    }
}

/// The pipeline twice: as it reads its events, and for plain text.
fn pipelines(options: &Options, keys: &OfflineKeys) -> Result<(Pipeline, Pipeline), ScrubError> {
    let loaded = match &options.pipeline {
        Some(path) => setup::load(None, std::slice::from_ref(path))?,
        None => setup::loaded("defaults", setup::BARE, &[DEFAULT_PIPELINE], &[])?,
    };
    let ground = Ground { quarantine: "none".into(), max_output_bytes: usize::MAX, digest_key: keys.digest_key() };
    for mut config in loaded.pipelines {
        let Work::Sanitize(sanitize) = &mut config.work else { continue };
        let shape = std::mem::take(&mut sanitize.reading.shape)
            .or_header(Attribute::Tenant, "lethe-tenant")
            .or_header(Attribute::Subject, "lethe-subject")
            .or_header(Attribute::Region, "lethe-region");
        // A line that is said to be JSON and isn't must not pass as text: its escapes would hide what stands in it.
        sanitize.reading.shape = shape.clone().with_format(Format::Json);
        if options.region.is_none() && sanitize.policy.residency.default.is_none() {
            let first = sanitize.policy.residency.destinations.first().map(|to| Arc::clone(&to.region));
            sanitize.policy.residency.default = first;
        }
        let json = Pipeline::build(&config, &ground).ok_or(ScrubError::NothingToDo)?;
        let Work::Sanitize(sanitize) = &mut config.work else { continue };
        sanitize.reading.shape = shape.with_format(Format::Text);
        let text = Pipeline::build(&config, &ground).ok_or(ScrubError::NothingToDo)?;
        return Ok((json, text));
    }
    Err(ScrubError::NothingToDo)
}
