//! What stands in a key store, for people and for machines: no key, no subject.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::order::Premises;
use super::rotation::Rotation;
use crate::audit::Moment;
use crate::io::keystore::StoreError;
use serde_json::Value;

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeysStatus {
    /// When it was looked at.
    pub at: Moment,
    /// Whose store it is.
    pub deployment: String,
    /// Who keeps the root: `file`, `pkcs11`, `aws_kms`, `vault`.
    pub root_keeper: String,
    /// The root that everything hangs from.
    pub root: String,
    /// Moved by each fence, erasure, expiry and rotation.
    pub epoch: u64,
    /// The newest epoch that changed the root.
    pub last_epoch: Option<Epoch>,
    /// Subjects with a live key.
    pub subjects: u64,
    /// Nodes of the tree.
    pub mids: usize,
    /// Nodes of the tree.
    pub pages: usize,
    /// Erasure requests that are not settled.
    pub open_requests: usize,
    /// Retention.
    pub retention: Vec<Class>,
    /// Classes with live buckets that no pipeline defines.
    pub unclaimed: Vec<Unclaimed>,
    /// How late the oldest expiry is.
    pub oldest_overdue_seconds: u64,
    /// SHA-256 of the public key that signs receipts.
    pub signer: String,
    /// How many keys have signed so far.
    pub signers: usize,
    /// A rotation that is not finished.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rotation: Option<Value>,
}

/// An epoch that changed the root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number.
    pub number: u64,
    /// When the new tree was durable.
    pub committed_at: Moment,
    /// When the keeper had destroyed the old root; absent while it hasn't.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root_destroyed_at: Option<Moment>,
    /// From when on that can't be undone, by the keeper's word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub irreversible_from: Option<Moment>,
    /// What the keeper says it does not cover.
    pub caveat: String,
}

/// One retention class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Its name.
    pub class: String,
    /// How long originals may come back.
    pub keep_seconds: u64,
    /// Width of its buckets.
    pub bucket_seconds: u64,
    /// Buckets with a secret.
    pub live: usize,
    /// Buckets whose secret is destroyed.
    pub expired: usize,
    /// When the next one goes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_expiry: Option<Moment>,
}

/// A class that no pipeline defines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclaimed {
    /// Its name.
    pub class: String,
    /// Buckets with a secret.
    pub live: usize,
}

/// Looks at a store.
pub fn status(on: &Premises) -> Result<KeysStatus, StoreError> {
    let now = Moment(on.clock.wall_ms());
    let stands = on.store.status()?;
    let now_seconds = u64::try_from(now.0).unwrap_or(0) / 1_000;
    let outlook = on.horizon.outlook(&on.store.buckets()?, now_seconds);
    let signers = on.store.signers()?;
    let at = |seconds: u64| Moment(i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX));
    Ok(KeysStatus {
        at: now,
        deployment: stands.deployment.to_string(),
        root_keeper: stands.root.provider().to_owned(),
        root: stands.root.name().to_owned(),
        epoch: stands.epoch,
        last_epoch: stands.last_epoch.map(|(number, row)| Epoch {
            number,
            committed_at: Moment(row.committed_at_ms),
            root_destroyed_at: row.destroyed_at_ms.map(Moment),
            irreversible_from: row.irreversible_from_ms.map(Moment),
            caveat: row.caveat,
        }),
        subjects: stands.subjects,
        mids: stands.mids,
        pages: stands.pages,
        open_requests: on.store.open_requests()?.len(),
        retention: outlook
            .classes
            .iter()
            .map(|of| Class {
                class: of.class.name.to_string(),
                keep_seconds: of.class.keep_seconds,
                bucket_seconds: of.class.bucket_seconds,
                live: of.live,
                expired: of.expired,
                next_expiry: of.next_seconds.map(at),
            })
            .collect(),
        unclaimed: outlook
            .unclaimed
            .iter()
            .map(|(class, live)| Unclaimed { class: class.to_string(), live: *live })
            .collect(),
        oldest_overdue_seconds: outlook.oldest_overdue_seconds,
        signer: signers.last().map(|last| crate::erasure::key_id(&last.public_key).to_string()).unwrap_or_default(),
        signers: signers.len(),
        rotation: Rotation::resume(&*on.store)?.map(|rotation| rotation.summary()),
    })
}

impl fmt::Display for KeysStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "deployment  {}", self.deployment)?;
        writeln!(f, "root        {} ({})", self.root, self.root_keeper)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        if let Some(last) = &self.last_epoch {
            let ended = match (last.root_destroyed_at, last.irreversible_from) {
                (Some(at), Some(from)) if from > at => {
                    format!("its old root scheduled at {at}, can be brought back until {from}")
                }
                (Some(at), _) => format!("its old root destroyed at {at}"),
                (None, _) => "its old root still exists: the next epoch or start destroys it".into(),
            };
            writeln!(f, "last turn   epoch {} at {}, {ended}", last.number, last.committed_at)?;
            if !last.caveat.is_empty() {
                writeln!(f, "            not covered: {}", last.caveat)?;
            }
        }
        writeln!(f, "subjects    {} on {} pages, {} mids", self.subjects, self.pages, self.mids)?;
        writeln!(f, "requests    {} open", self.open_requests)?;
        writeln!(f, "signer      {} ({} so far)", self.signer, self.signers)?;
        for of in &self.retention {
            let next = of.next_expiry.map_or_else(|| "none".to_owned(), |at| at.to_string());
            writeln!(
                f,
                "retention   {}: {} buckets live, {} expired, next expiry {next}",
                of.class, of.live, of.expired
            )?;
        }
        for of in &self.unclaimed {
            writeln!(
                f,
                "retention   {}: {} buckets live, and no pipeline here defines this class: they stay",
                of.class, of.live
            )?;
        }
        write!(f, "overdue     {} s", self.oldest_overdue_seconds)?;
        if let Some(rotation) = &self.rotation {
            write!(f, "\nrotation    not finished: {rotation}")?;
        }
        Ok(())
    }
}
