//! Everything that is held of one person, restored, as one JSON package (GDPR Art. 15 and 20; `schemas/subject-export.schema.json`).
//!
//! The audit facts say which records are about the subject and where they went; those are read back from their topics and opened
//! for the audience that `export.audience` names. What can't be opened stays a token, and the package says why. Each record
//! that is opened leads to a fact first, as with every restore.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::clock::{Clock, SystemClock};
use super::erase::{EraseError, read_subject};
use super::kafka::{Client, Tap, Tapped, Trouble};
use super::keystore::{Keystore, StoreError};
use super::restore::{Facts, RestoreError};
use super::setup::{self, Loaded};
use crate::audit::{Fact, Fingerprint, Moment, Name, Outcome};
use crate::event::{Position, RawHeader, RawRecord, TenantId};
use crate::keys::KeyId;
use crate::pipeline::{Ground, Pipeline, Work};
use crate::sensitive::Sensitive;

/// Name and version of the form of a package.
pub const SCHEMA: &str = "lethe-subject-export/1";

/// What is asked for.
pub struct Asked {
    /// Whose customer.
    pub tenant: String,
    /// File that holds the subject's id, `-` for standard input.
    pub subject_file: PathBuf,
    /// For whom: must be the audience that the settings name.
    pub audience: String,
    /// The package; must not exist yet.
    pub out: PathBuf,
}

/// What a package holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records of the subject that were found.
    pub records: usize,
    /// Of which something could not be opened.
    pub closed: usize,
    /// Records that facts speak of, and their topics hold no more.
    pub missing: usize,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The settings allow nobody.
    #[error("exports are not allowed here\n  help: set `export.audience` to an audience that may have everything back")]
    Off,
    /// The caller is somebody else.
    #[error("audience `{0}` may not export\n  help: `export.audience` of lethe.yaml names the one that may")]
    NotAllowed(String),
    /// No such audience.
    #[error(
        "no pipeline declares the audience `{0}`\n  help: declare it under `restore.audiences`, and name the pipelines' files"
    )]
    UnknownAudience(String),
    /// Not a tenant.
    #[error("`{0}` is no tenant id\n  help: 1 to 128 of `A-Za-z0-9._:-`")]
    Tenant(String),
    /// The subject can't be read.
    #[error("{0}")]
    Subject(#[from] EraseError),
    /// The store.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
    /// Kafka.
    #[error("{0}")]
    Kafka(#[from] Trouble),
    /// A fact could not be written.
    #[error("{0}")]
    Audit(#[from] RestoreError),
    /// The package can't be written.
    #[error("package `{0}`: {1}\n  help: name a file that does not exist yet, in a folder that this user may write to")]
    Out(String, std::io::Error),
}

/// A package: the manifest, then the records.
#[derive(Serialize)]
struct Package {
    manifest: Manifest,
    records: Vec<Held>,
}

#[derive(Serialize)]
struct Manifest {
    schema: &'static str,
    made_at: Moment,
    tenant: String,
    subject: String,
    audience: String,
    topics: Vec<Read>,
    records: usize,
    /// SHA-256 of the JSON text of `records`, as it stands in the package.
    records_sha256: Fingerprint,
    missing: Vec<Missing>,
    not_covered: Vec<&'static str>,
}

/// What was read of one partition.
#[derive(Serialize)]
struct Read {
    topic: String,
    partition: i32,
    records: u64,
    first_offset: i64,
    last_offset: i64,
}

/// A record that a fact speaks of, and its topic holds no more.
#[derive(Serialize)]
struct Missing {
    source: String,
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_at: Option<Moment>,
    /// `not_on_topic`: expired, compacted or deleted there.
    why: &'static str,
}

#[derive(Serialize)]
struct Held {
    source: String,
    topic: String,
    partition: i32,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Moment>,
    /// Whether the record is, byte for byte, the one that the fact speaks of.
    as_audited: bool,
    restored: u32,
    /// Originals that did not open; `why` says so.
    closed: u32,
    why: Vec<Name>,
    content_sha256: Fingerprint,
    /// JSON where it is JSON, else a text.
    content: Value,
}

/// A fact about a record of the subject.
struct Known {
    fact: Fact,
    topic: String,
}

/// Collects the package and writes it.
pub fn export(loaded: &Loaded, asked: &Asked) -> Result<Counts, ExportError> {
    allowed(loaded, &asked.audience)?;
    let tenant = TenantId::new(&asked.tenant).ok_or_else(|| ExportError::Tenant(asked.tenant.clone()))?;
    let subject = read_subject(&asked.subject_file)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = setup::open_store(&loaded.settings, Arc::clone(&clock))?;
    let digests = store.digest_key()?;
    let text = std::str::from_utf8(subject.reveal()).unwrap_or_default().trim();
    let id = KeyId::from_reference(text).unwrap_or_else(|| digests.key_id(&tenant, text.as_bytes()));
    // Made first: whoever may not write there learns it before anything is opened.
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&asked.out);
    let mut file = file.map_err(|error| ExportError::Out(asked.out.display().to_string(), error))?;

    let client = loaded.client();
    let known = known(&client, &loaded.settings.audit_topic, &tenant, id)?;
    let ground = Ground { quarantine: "none".into(), max_output_bytes: usize::MAX, digest_key: digests };
    let facts = Facts::published(&client, &loaded.settings.audit_topic, &loaded.settings.instance)?;
    let mut opener =
        Opener { pipeline: Pipeline::restorer(&asked.audience, &ground), store, clock: Arc::clone(&clock), facts };
    let (held, topics) = opener.collect(loaded, &known)?;

    let found: BTreeSet<&str> = held.iter().map(|held| held.source.as_str()).collect();
    let missing = known.iter().filter(|(source, _)| !found.contains(source.as_str()));
    let missing: Vec<Missing> = missing
        .map(|(source, known)| Missing {
            source: source.clone(),
            topic: known.topic.clone(),
            event_at: known.fact.event_at,
            why: "not_on_topic",
        })
        .collect();
    let counts = Counts {
        records: held.len(),
        closed: held.iter().filter(|held| held.closed > 0).count(),
        missing: missing.len(),
    };
    let written = |error: std::io::Error| ExportError::Out(asked.out.display().to_string(), error);
    let records = serde_json::to_vec(&held).map_err(|error| written(error.into()))?;
    let manifest = Manifest {
        schema: SCHEMA,
        made_at: Moment(clock.wall_ms()),
        tenant: tenant.to_string(),
        subject: id.reference(),
        audience: asked.audience.clone(),
        topics,
        records: held.len(),
        records_sha256: Fingerprint::of(&records),
        missing,
        not_covered: vec!["raw_input", "quarantine", "external_copies", "records_without_subject"],
    };
    let package = Package { manifest, records: held };
    let text = serde_json::to_vec(&package).map_err(|error| written(error.into()))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(written)?;
    Ok(counts)
}

/// Who may: the one audience that the settings name, if a pipeline declares it.
fn allowed(loaded: &Loaded, audience: &str) -> Result<(), ExportError> {
    let allowed = loaded.settings.export_audience.as_deref().ok_or(ExportError::Off)?;
    if allowed != audience {
        return Err(ExportError::NotAllowed(audience.to_owned()));
    }
    let declares = |work: &Work| match work {
        Work::Sanitize(sanitize) => sanitize.policy.audiences.iter().any(|known| **known == *audience),
        Work::Restore(_) | Work::Erase(_) => false,
    };
    if loaded.pipelines.iter().any(|config| declares(&config.work)) {
        return Ok(());
    }
    Err(ExportError::UnknownAudience(audience.to_owned()))
}

/// The facts about what was written of the subject, by `lethe-id`.
fn known(
    client: &Client,
    audit_topic: &str,
    tenant: &TenantId,
    subject: KeyId,
) -> Result<BTreeMap<String, Known>, ExportError> {
    #[derive(Deserialize)]
    struct Segment<'s> {
        #[serde(borrow)]
        facts: Vec<&'s RawValue>,
    }
    #[derive(Deserialize)]
    struct Identified {
        lethe_id: String,
    }
    let reference = subject.reference();
    let mut known = BTreeMap::new();
    Tap::scan(client, audit_topic, |record| {
        let Some(value) = record.value.as_deref() else { return };
        // Most segments say nothing of this subject: they are not taken apart.
        if memchr::memmem::find(value, reference.as_bytes()).is_none() {
            return;
        }
        let Ok(segment) = serde_json::from_slice::<Segment<'_>>(value) else { return };
        for text in segment.facts {
            let fact: Result<Fact, _> = serde_json::from_str(text.get());
            let id: Result<Identified, _> = serde_json::from_str(text.get());
            let (Ok(fact), Ok(id)) = (fact, id) else { continue };
            let theirs = fact.subject == Some(subject) && fact.tenant.as_ref() == Some(tenant);
            if theirs
                && fact.outcome == Outcome::Sanitized
                && let Some(topic) = fact.destination.as_ref().map(Name::to_string)
            {
                known.insert(id.lethe_id, Known { fact, topic });
            }
        }
    })?;
    Ok(known)
}

struct Opener {
    pipeline: Pipeline,
    store: Arc<dyn Keystore>,
    clock: Arc<dyn Clock>,
    facts: Facts,
}

impl Opener {
    /// Reads the topics that the facts name, each on its region's cluster, and opens what is the subject's.
    fn collect(
        &mut self,
        loaded: &Loaded,
        known: &BTreeMap<String, Known>,
    ) -> Result<(Vec<Held>, Vec<Read>), ExportError> {
        let (home, remotes) = (loaded.client(), loaded.remotes());
        let places: BTreeSet<(String, Option<String>)> = known
            .values()
            .map(|known| (known.topic.clone(), known.fact.region.as_ref().map(Name::to_string)))
            .collect();
        let (mut held, mut read) = (Vec::new(), BTreeMap::new());
        let mut seen = BTreeSet::new();
        for (topic, region) in places {
            let remote = region.and_then(|region| remotes.get(region.as_str()));
            let mut failed = Ok(());
            Tap::scan(remote.unwrap_or(&home), &topic, |record| {
                let Some(known) = record.header("lethe-id").and_then(|id| known.get(id)).filter(|k| k.topic == topic)
                else {
                    return;
                };
                if failed.is_err() || !seen.insert((topic.clone(), record.partition, record.offset)) {
                    return;
                }
                note(&mut read, &record);
                match self.open(&record, known) {
                    Ok(opened) => held.push(opened),
                    Err(error) => failed = Err(error),
                }
            })?;
            failed?;
        }
        Ok((held, read.into_values().collect()))
    }

    fn open(&mut self, record: &Tapped, known: &Known) -> Result<Held, ExportError> {
        let raw = raw(record, known.fact.event_at);
        let plan = self.pipeline.plan(&raw);
        let ring = self.store.ring(plan.keys())?;
        let effects = plan.apply(&ring, self.clock.wall_ms());
        self.facts.append(&effects.fact)?;
        let value = record.value.as_deref().unwrap_or_default();
        let content = effects.records.first().filter(|_| effects.fact.restore.is_some());
        let content = content.and_then(|out| out.value.as_deref()).unwrap_or(value);
        let restore = effects.fact.restore.as_ref();
        let mut why = effects.fact.notes.clone();
        why.extend(effects.fact.code.clone());
        Ok(Held {
            source: record.header("lethe-id").unwrap_or_default().to_owned(),
            topic: record.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            event_at: known.fact.event_at,
            class: known.fact.class.as_ref().map(|class| class.level.clone()),
            expires_at: known.fact.retention.as_ref().and_then(|kept| kept.expires_at),
            as_audited: known.fact.output_sha256 == Some(Fingerprint::of(value)),
            restored: restore.map_or(0, |restore| restore.restored),
            closed: restore.map_or(0, |restore| restore.refused + restore.unresolved),
            why,
            content_sha256: Fingerprint::of(content),
            content: serde_json::from_slice(content)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(content).into_owned())),
        })
    }
}

fn note(read: &mut BTreeMap<(String, i32), Read>, record: &Tapped) {
    let entry = read.entry((record.topic.clone(), record.partition)).or_insert_with(|| Read {
        topic: record.topic.clone(),
        partition: record.partition,
        records: 0,
        first_offset: record.offset,
        last_offset: record.offset,
    });
    entry.records += 1;
    entry.first_offset = entry.first_offset.min(record.offset);
    entry.last_offset = entry.last_offset.max(record.offset);
}

/// The record as a pipeline reads it; its time is the event's, from the fact.
fn raw(record: &Tapped, at: Option<Moment>) -> RawRecord {
    let sensitive = |bytes: &Vec<u8>| Sensitive::new(bytes.clone());
    RawRecord {
        position: Position { topic: record.topic.as_str().into(), partition: record.partition, offset: record.offset },
        timestamp_ms: at.map(|at| at.0),
        key: record.key.as_ref().map(sensitive),
        value: record.value.as_ref().map(sensitive),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| RawHeader {
                name: Sensitive::new(name.clone().into_bytes()),
                value: Some(sensitive(value)),
            })
            .collect(),
    }
}
