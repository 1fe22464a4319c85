//! Originals back into records on standard input, for one audience; every record leads to a fact.

use std::fmt;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::clock::{Clock, SystemClock};
use super::kafka::{Client, From, Mirror, Resumed, Tap, Trouble, resume};
use super::keystore::{Keystore, StoreError};
use super::lines::Line;
use super::scrub::{ScrubError, keys_from};
use super::setup::{self, ConfigError};
use crate::audit::{Chain, Fact, Outcome, Source};
use crate::keys::{KeyRequest, KeyRing};
use crate::pipeline::{Ground, OfflineKeys, OutRecord, Pipeline};

/// Where the keys are.
pub enum Keys {
    /// The store that this settings file names. No other process may have it open.
    Store(PathBuf),
    /// The key file of `lethe scrub`.
    File(PathBuf),
}

/// What is asked for.
pub struct Options {
    /// For whom.
    pub audience: String,
    /// Keys.
    pub keys: Keys,
}

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub records: u64,
    /// Records of which something was refused.
    pub refused: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "something was refused in {} of {} records: see the facts", self.refused, self.records)
    }
}

/// Why nothing could be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
    /// The key file, or the streams.
    #[error(transparent)]
    Scrub(#[from] ScrubError),
    /// A line is no record.
    #[error("line {0} is no record\n  help: one JSON object a line, as `kcat -J` writes them: payload and headers")]
    Line(u64),
    /// Standard input or output.
    #[error("standard input or output: {0}")]
    Stream(#[from] std::io::Error),
    /// The audit topic.
    #[error("a restore without its fact is not done: {0}")]
    Audit(#[from] Trouble),
}

/// Facts of restores on the command line: a chain of its own in the audit topic, or lines on standard error.
pub(super) struct Facts {
    chain: Chain,
    topic: Option<(Mirror, Arc<str>)>,
}

enum Ring {
    Store(Arc<dyn Keystore>),
    Offline(OfflineKeys),
}

impl Ring {
    fn get(&self, requests: &[KeyRequest]) -> Result<KeyRing, StoreError> {
        match self {
            Self::Store(store) => store.ring(requests),
            Self::Offline(keys) => Ok(keys.ring(requests)),
        }
    }
}

/// Restores `input` to `output`: the payloads alone, one a line.
pub fn restore(options: &Options, input: impl BufRead, mut output: impl Write) -> Result<Counts, RestoreError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (ring, mut facts) = match &options.keys {
        Keys::File(path) => (Ring::Offline(keys_from(path)?), Facts::local()),
        Keys::Store(path) => {
            let loaded = setup::load(Some(path), &[])?;
            let store = setup::open_store(&loaded.settings, Arc::clone(&clock))?;
            let facts = Facts::published(&loaded.client(), &loaded.settings.audit_topic, &loaded.settings.instance)?;
            (Ring::Store(store), facts)
        }
    };
    let digest_key = match &ring {
        Ring::Store(store) => store.digest_key()?,
        Ring::Offline(keys) => keys.digest_key(),
    };
    let ground = Ground { quarantine: "none".into(), max_output_bytes: usize::MAX, digest_key };
    let pipeline = Pipeline::restorer(&options.audience, &ground);
    let mut counts = Counts::default();
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        counts.records += 1;
        let parsed: Line = serde_json::from_str(&line).map_err(|_| RestoreError::Line(counts.records))?;
        let number = i64::try_from(counts.records).unwrap_or(i64::MAX);
        let record = parsed.into_record(number, clock.wall_ms());
        let plan = pipeline.plan(&record);
        let keys = ring.get(plan.keys())?;
        let effects = plan.apply(&keys, clock.wall_ms());
        let refused = effects.fact.restore.as_ref().is_none_or(|restore| restore.refused > 0);
        counts.refused += u64::from(refused || effects.fact.outcome != Outcome::Restored);
        facts.append(&effects.fact)?;
        if let Some(out) = effects.records.first().filter(|_| effects.fact.restore.is_some()) {
            output.write_all(out.value.as_deref().unwrap_or_default())?;
            output.write_all(b"\n")?;
        }
    }
    output.flush()?;
    Ok(counts)
}

impl Facts {
    fn local() -> Self {
        Self { chain: Chain::genesis(Source { topic: "lethe.cli".into(), partition: 0 }), topic: None }
    }

    /// Facts of this instance's command line go on where they stopped.
    pub(super) fn published(client: &Client, topic: &Arc<str>, instance: &str) -> Result<Self, Trouble> {
        let source = Source { topic: format!("lethe.cli.{instance}").into(), partition: 0 };
        let (Resumed::Committed(head) | Resumed::Tail(head)) = resume(client, topic, &source, None, "")?;
        // Opened for its error alone: a missing audit topic must stop this before a key is asked for.
        Tap::open(client, &[topic], From::End)?;
        Ok(Self { chain: Chain::resume(source, head), topic: Some((Mirror::open(client)?, Arc::clone(topic))) })
    }

    /// Makes a fact durable: only then may be shown what it speaks of.
    pub(super) fn append(&mut self, fact: &Fact) -> Result<(), RestoreError> {
        match &self.topic {
            None => self.chain.append(fact),
            // A chain that goes on from run to run counts its own inputs: the same record may be opened twice.
            Some(_) => {
                let offset = i64::try_from(self.chain.head().seq).unwrap_or(i64::MAX);
                self.chain.append(&Fact { offset, ..fact.clone() });
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), RestoreError> {
        while let Some(segment) = self.chain.take_segment() {
            match &self.topic {
                None => {
                    std::io::stderr().write_all(&segment.value)?;
                    writeln!(std::io::stderr())?;
                }
                Some((producer, topic)) => {
                    producer.send(&OutRecord::bare(
                        Arc::clone(topic),
                        Some(segment.key.into_bytes()),
                        segment.value,
                    ))?;
                    producer.settle()?;
                }
            }
        }
        Ok(())
    }
}
