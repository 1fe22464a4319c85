//! Asks the erasure service as any application can: a record on the deletion topic; and waits for the answer on the receipts topic.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::clock::{Clock, SystemClock};
use super::entropy;
use super::kafka::{From, Mirror, Tap, Trouble};
use super::setup::Loaded;
use crate::pipeline::OutRecord;
use crate::sensitive::Sensitive;

/// What is asked for.
pub struct Asked {
    /// `erase`, `hold`, `lift` or `status`.
    pub action: &'static str,
    /// Tenant, where one is meant.
    pub tenant: Option<String>,
    /// File that holds the subject's id, `-` for standard input.
    pub subject_file: Option<PathBuf>,
    /// Kind of an identifier, and the file that holds its value.
    pub identifier: Option<(String, PathBuf)>,
    /// Further members as `schemas/deletion-request.schema.json` names them; those without a value are left out.
    pub members: Vec<(&'static str, Option<String>)>,
    /// The request's own id.
    pub request_id: Option<String>,
    /// How long to wait for the answer; `None`: not at all.
    pub wait: Option<Duration>,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// No pipeline erases.
    #[error("none of the pipelines is of `kind: erase`\n  help: name pipelines/erasure.yaml too")]
    NoPipeline,
    /// The subject can't be read.
    #[error("subject file `{0}`: {1}\n  help: put the subject's id, and nothing else, into it")]
    Subject(String, String),
    /// Kafka.
    #[error("{0}")]
    Kafka(#[from] Trouble),
    /// Nobody answered.
    #[error(
        "no receipt for request `{0}` within {1} s; it stays on the deletion topic and will be carried out\n  help: is `lethe run` running with the erase pipeline?"
    )]
    NoReceipt(String, u64),
    /// The answer is a refusal.
    #[error("request `{id}` was refused: `{code}`\n  help: docs/outcomes.md says what that means and what to do")]
    Refused {
        /// The request.
        id: String,
        /// Why.
        code: String,
    },
}

/// Publishes the request; gives the answer as text, if it was waited for.
pub fn ask(loaded: &Loaded, asked: Asked) -> Result<Option<String>, EraseError> {
    let (config, erase) = loaded.erase().ok_or(EraseError::NoPipeline)?;
    let topic = config.topics.first().cloned().ok_or(EraseError::NoPipeline)?;
    let request_id = asked.request_id.clone().unwrap_or_else(|| {
        let id = u128::from_be_bytes(entropy::Entropy::new().id());
        format!("cli-{id:032x}")
    });
    let request = request(&asked, &request_id)?;
    let client = loaded.client();
    let mut tap = Tap::open(&client, &[&erase.receipts], From::End)?;
    let producer = Mirror::open(&client)?;
    producer.send(&OutRecord::bare(Arc::clone(&topic), None, request.to_string().into_bytes()))?;
    producer.settle()?;
    let Some(wait) = asked.wait else { return Ok(None) };
    let clock = SystemClock::default();
    let deadline_ms = clock.monotonic_ms() + wait.as_millis() as u64;
    while clock.monotonic_ms() < deadline_ms {
        let Some(value) = tap.next(Duration::from_millis(200))?.and_then(|record| record.value) else { continue };
        let receipt: Option<Value> = serde_json::from_slice(&value).ok();
        let text = |path| receipt.as_ref().and_then(|receipt| receipt.pointer(path)?.as_str());
        if text("/receipt/request/id") != Some(request_id.as_str()) {
            continue;
        }
        if let Some(code) = text("/receipt/code").filter(|_| asked.action != "erase") {
            return Err(EraseError::Refused { id: request_id, code: code.to_owned() });
        }
        return Ok(Some(String::from_utf8_lossy(&value).into_owned()));
    }
    Err(EraseError::NoReceipt(request_id, wait.as_secs()))
}

fn request(asked: &Asked, request_id: &str) -> Result<Value, EraseError> {
    let mut members = Map::new();
    let mut put = |name: &str, value: &str| members.insert(name.to_owned(), json!(value));
    put("action", asked.action);
    put("request_id", request_id);
    if let Some(tenant) = &asked.tenant {
        put("tenant", tenant);
    }
    if let Some(path) = &asked.subject_file {
        let subject = read_subject(path)?;
        put("subject", std::str::from_utf8(subject.reveal()).unwrap_or_default().trim());
    }
    if let Some((kind, path)) = &asked.identifier {
        let value = read_subject(path)?;
        let value = std::str::from_utf8(value.reveal()).unwrap_or_default().trim();
        members.insert("identifier".into(), json!({ "kind": kind, "value": value }));
    }
    let mut put = |name: &str, value: &str| members.insert(name.to_owned(), json!(value));
    for (name, value) in &asked.members {
        if let Some(value) = value {
            put(name, value);
        }
    }
    Ok(Value::Object(members))
}

/// Reads a subject's id from a file, `-` for standard input.
pub(super) fn read_subject(path: &Path) -> Result<Sensitive, EraseError> {
    let wrong = |what: String| EraseError::Subject(path.display().to_string(), what);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    } else {
        bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    }
    let subject = Sensitive::new(bytes);
    let blank = subject.reveal().iter().all(u8::is_ascii_whitespace);
    if blank || std::str::from_utf8(subject.reveal()).is_err() {
        return Err(wrong("it is empty, or not UTF-8".into()));
    }
    Ok(subject)
}
