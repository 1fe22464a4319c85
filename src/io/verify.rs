//! Feeds the audit verifier: from the topic, beside the heads in the committed offsets, or from a file.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::config::FromClientConfig;
use rdkafka::consumer::BaseConsumer;

use super::kafka::{ClientRole, Tap, Trouble, committed};
use super::setup::{self, ConfigError};
use crate::audit::{Head, Report, Source, Verifier};

/// Where the facts are.
pub enum Evidence {
    /// Segments as JSON lines.
    File(PathBuf),
    /// The audit topic that this settings file names.
    Topic(PathBuf),
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Kafka did not answer.
    #[error("{0}")]
    Kafka(#[from] Trouble),
    /// The file can't be read.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Verifies everything there is.
pub fn verify(evidence: &Evidence, late_start: bool) -> Result<Report, VerifyError> {
    let mut verifier = Verifier::new();
    if late_start {
        verifier = verifier.allow_late_start();
    }
    match evidence {
        Evidence::File(path) => {
            let bytes =
                std::fs::read(path).map_err(|error| VerifyError::File { path: path.display().to_string(), error })?;
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                // A file holds values alone: a segment's key is what the segment says of itself.
                let key = Source::in_segment(line).map(|source| source.to_string());
                verifier.feed(key.as_deref().map(str::as_bytes), line);
            }
        }
        Evidence::Topic(config) => {
            let loaded = setup::load(Some(config), &[])?;
            let client = loaded.client();
            // The heads are read before the log, which may only have grown since; whose heads, a first look at it tells.
            let topic = &loaded.settings.audit_topic;
            let first_look = Tap::read_to_end(&client, topic)?;
            let sources: BTreeSet<Source> =
                first_look.iter().filter_map(|record| Source::in_segment(record.value.as_deref()?)).collect();
            drop(first_look);
            let sources: Vec<Source> = sources.into_iter().collect();
            for suffix in ["", "-erasure"] {
                let mut member = client.config(ClientRole::Reader);
                member.set("group.id", format!("{}{suffix}", client.group));
                let reader = BaseConsumer::from_config(&member).map_err(|error| Trouble::Fatal(error.to_string()))?;
                for (source, _, metadata) in committed(&reader, &sources, Duration::from_secs(15))? {
                    if let Some(head) = Head::parse(&metadata) {
                        verifier.compare_head(&source, head);
                    }
                }
            }
            for record in Tap::read_to_end(&client, topic)? {
                verifier.feed(record.key.as_deref(), record.value.as_deref().unwrap_or_default());
            }
        }
    }
    Ok(verifier.report())
}
