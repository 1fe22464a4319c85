//! Asks for an erasure as any application can: a record on the deletion topic; and waits for its receipt.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::clock::{Clock, SystemClock};
use super::entropy;
use super::kafka::{From, Mirror, Tap, Trouble};
use super::setup::Loaded;
use crate::pipeline::OutRecord;
use crate::sensitive::Sensitive;

/// What is asked for.
pub struct Asked {
    /// Tenant.
    pub tenant: String,
    /// File that holds the subject's id, `-` for standard input.
    pub subject_file: PathBuf,
    /// Why.
    pub reason: Option<String>,
    /// The request's own id.
    pub request_id: Option<String>,
    /// How long to wait for the receipt; `None`: not at all.
    pub wait: Option<Duration>,
}

/// Why no receipt came.
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
}

/// Publishes the request; gives the receipt as text, if it was waited for.
pub fn ask(loaded: &Loaded, asked: Asked) -> Result<Option<String>, EraseError> {
    let (config, erase) = loaded.erase().ok_or(EraseError::NoPipeline)?;
    let topic = config.topics.first().cloned().ok_or(EraseError::NoPipeline)?;
    let subject = read_subject(&asked.subject_file)?;
    let subject = std::str::from_utf8(subject.reveal()).unwrap_or_default().trim();
    let request_id = asked.request_id.unwrap_or_else(|| {
        let id = u128::from_be_bytes(entropy::Entropy::new().id());
        format!("cli-{id:032x}")
    });
    let mut request = json!({ "request_id": request_id, "tenant": asked.tenant, "subject": subject });
    if let (Some(reason), Some(members)) = (asked.reason, request.as_object_mut()) {
        members.insert("reason".into(), reason.into());
    }
    let client = loaded.client();
    let mut tap = Tap::open(&client, &[&erase.receipts], From::End)?;
    let producer = Mirror::open(&client)?;
    producer.send(&OutRecord {
        topic: Arc::clone(&topic),
        region: None,
        key: None,
        value: Some(request.to_string().into_bytes()),
        headers: Vec::new(),
        timestamp_ms: None,
    })?;
    producer.settle()?;
    let Some(wait) = asked.wait else { return Ok(None) };
    let clock = SystemClock::default();
    let deadline_ms = clock.monotonic_ms() + wait.as_millis() as u64;
    while clock.monotonic_ms() < deadline_ms {
        let Some(value) = tap.next(Duration::from_millis(200))?.and_then(|record| record.value) else { continue };
        let receipt: Option<Value> = serde_json::from_slice(&value).ok();
        let id = receipt.as_ref().and_then(|receipt| receipt.pointer("/receipt/request/id")?.as_str());
        if id == Some(request_id.as_str()) {
            return Ok(Some(String::from_utf8_lossy(&value).into_owned()));
        }
    }
    Err(EraseError::NoReceipt(request_id, wait.as_secs()))
}

fn read_subject(path: &PathBuf) -> Result<Sensitive, EraseError> {
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
