//! The audit chains of one worker's partitions, from one commit to the next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rdkafka::Offset;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::audit::{Chain, Fact, Head, Source};
use crate::io::kafka::{Client, Intake, Outbox, Resumed, Trouble, resume};
use crate::pipeline::OutRecord;

/// Where the chains stand after the last commit. Whatever is rolled back never happened here.
pub struct Chains {
    client: Client,
    topic: Arc<str>,
    segment_bytes: usize,
    heads: HashMap<Source, Head>,
}

/// The chains of one batch, and what it has read of each source.
pub struct Open {
    chains: HashMap<Source, Chain>,
    offsets: HashMap<Source, i64>,
}

impl Chains {
    /// Chains of facts on `topic`, in records of up to `segment_bytes`.
    pub fn new(client: Client, topic: Arc<str>, segment_bytes: usize) -> Self {
        Self { client, topic, segment_bytes, heads: HashMap::new() }
    }

    /// Forgets partitions that belong to another worker now.
    pub fn forget(&mut self, revoked: &HashSet<Source>) {
        self.heads.retain(|source, _| !revoked.contains(source));
    }

    /// Forgets everything: after a rewind the committed state is read again.
    pub fn clear(&mut self) {
        self.heads.clear();
    }

    /// Takes up the chain of each source where the last commit left it. Where the committed head was lost, a fact of its own
    /// (`resumed`, at the next offset) says so.
    pub fn open(
        &self,
        intake: &Intake,
        sources: HashSet<Source>,
        resumed: impl Fn(&Source, i64) -> Result<Fact, Trouble>,
    ) -> Result<Open, Trouble> {
        let (known, missing): (Vec<_>, Vec<_>) = sources.into_iter().partition(|s| self.heads.contains_key(s));
        let known = known.into_iter().filter_map(|source| {
            let head = *self.heads.get(&source)?;
            Some((source.clone(), self.chain(source, head)))
        });
        let mut chains: HashMap<Source, Chain> = known.collect();
        if !missing.is_empty() {
            for (source, offset, metadata) in intake.committed(&missing)? {
                let chain = match resume(&self.client, &self.topic, &source, offset, &metadata)? {
                    Resumed::Committed(head) => self.chain(source.clone(), head),
                    Resumed::Tail(head) => {
                        let mut chain = self.chain(source.clone(), head);
                        chain.append(&resumed(&source, offset.unwrap_or(0))?);
                        chain
                    }
                };
                chains.insert(source, chain);
            }
        }
        Ok(Open { chains, offsets: HashMap::new() })
    }

    fn chain(&self, source: Source, head: Head) -> Chain {
        Chain::resume(source, head).with_budget_bytes(self.segment_bytes)
    }

    /// Sends what the chains hold, and gives the offsets with the heads beside them.
    pub fn write(&self, open: &mut Open, outbox: &mut Outbox) -> Result<TopicPartitionList, Trouble> {
        let mut list = TopicPartitionList::with_capacity(open.offsets.len());
        for (source, chain) in &mut open.chains {
            while let Some(segment) = chain.take_segment() {
                outbox.send(&OutRecord::bare(
                    Arc::clone(&self.topic),
                    Some(segment.key.into_bytes()),
                    segment.value,
                ))?;
            }
            let Some(offset) = open.offsets.get(source) else { continue };
            let mut element = list.add_partition(&source.topic, source.partition);
            element.set_offset(Offset::Offset(*offset)).map_err(|error| Trouble::Fatal(error.to_string()))?;
            element.set_metadata(chain.head().to_metadata());
        }
        Ok(list)
    }

    /// The batch is committed.
    pub fn keep(&mut self, open: Open) {
        self.heads.extend(open.chains.into_iter().map(|(source, chain)| (source, chain.head())));
    }
}

impl Open {
    /// Appends the fact of the record of `source` at `offset`.
    pub fn append(&mut self, source: Source, offset: i64, fact: &Fact) {
        if let Some(chain) = self.chains.get_mut(&source) {
            chain.append(fact);
        }
        self.offsets.insert(source, offset + 1);
    }
}
