//! Reads segments back and trusts none of them: every hash is computed again from the exact bytes.
//!
//! What it can't see: facts cut off at the end (only a committed head tells: [`Verifier::compare_head`]), and a whole log
//! replaced by someone who also holds the consumer group's offsets. Signed checkpoints are what stands against that.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::segment::{Head, Source, Unpacked};
use super::{FACT_VERSION, Fingerprint, Outcome};

/// At most so many faults of one source are kept in full; the rest are counted.
const FAULTS_KEPT: usize = 100;

/// What can be wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A fact is not of the published form, or names a record of another partition.
    UnreadableFact,
    /// What was read doesn't begin at the first fact.
    MissingStart,
    /// Sequence numbers are missing.
    Gap,
    /// A sequence number comes again: two writers, or a repeated segment.
    Fork,
    /// A fact does not carry the hash of the one before: one of the two was changed.
    BrokenPrev,
    /// An input offset comes again, or comes late: a record with two outcomes.
    RepeatedOffset,
    /// The log ends before the committed head.
    MissingEnd,
    /// The log goes on behind the committed head.
    BeyondHead,
    /// The fact at the committed head has another hash.
    HeadDiffers,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// At which sequence number (that was expected, where there is none to read).
    pub seq: u64,
    /// At which source offset, where one could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
}

/// What was read of one source partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Which.
    pub source: Source,
    /// Facts read, sound or not.
    pub facts: u64,
    /// First sequence number read.
    pub first_seq: u64,
    /// First and last source offset with an outcome.
    pub offsets: Option<(i64, i64)>,
    /// Where the chain stands after the last fact.
    pub head: Head,
    /// How often the chain was taken up again after its committed head was lost.
    pub resumptions: u64,
    /// Inputs processed again after such a resumption.
    pub reprocessed: u64,
    /// Facts by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// The first faults.
    pub faults: Vec<Fault>,
    /// All faults.
    pub fault_count: u64,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// Segments read.
    pub segments: u64,
    /// Records that were no segments, or said that they belong to another partition than their key does.
    pub unreadable_segments: u64,
    /// One for each source partition, in order.
    pub sources: Vec<SourceReport>,
}

/// Takes segments: partitions in any order, within one as Kafka gives them.
#[derive(Debug, Default)]
pub struct Verifier {
    sources: BTreeMap<Source, Trace>,
    segments: u64,
    unreadable: u64,
    may_start_late: bool,
}

#[derive(Debug)]
struct Trace {
    report: SourceReport,
    /// Highest offset since the chain was last resumed: an input must come behind it.
    behind: Option<i64>,
    /// The committed head to compare with, and the hash read at its sequence number.
    committed: Option<(Head, Option<Fingerprint>)>,
}

#[derive(Deserialize)]
struct Link<'a> {
    v: u8,
    seq: u64,
    prev: Fingerprint,
    #[serde(borrow)]
    lethe_id: std::borrow::Cow<'a, str>,
    offset: i64,
    outcome: Outcome,
}

impl Verifier {
    /// A verifier that demands every chain from its first fact.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts chains whose beginning the audit topic's retention has removed: `first_seq` says where they begin.
    pub fn allow_late_start(mut self) -> Self {
        self.may_start_late = true;
        self
    }

    /// Names the head that is committed for a source. Given before the segments, it also fits a log that is still growing;
    /// given after them, the log must end exactly there.
    pub fn compare_head(&mut self, source: &Source, head: Head) {
        let trace = self.trace(source);
        let seen = (trace.report.head.seq == head.seq).then_some(trace.report.head.hash);
        trace.committed = Some((head, seen));
    }

    /// Reads one record of the audit topic.
    pub fn feed(&mut self, key: Option<&[u8]>, value: &[u8]) {
        self.segments += 1;
        let Ok(segment) = serde_json::from_slice::<Unpacked<'_>>(value) else {
            self.unreadable += 1;
            return;
        };
        let name = segment.source.to_string();
        if segment.v != FACT_VERSION || key != Some(name.as_bytes()) || segment.facts.is_empty() {
            self.unreadable += 1;
            return;
        }
        let late = self.may_start_late;
        let trace = self.trace(&segment.source);
        for fact in segment.facts {
            trace.read(fact.get(), &name, late);
        }
    }

    /// What was read, and what is wrong with it.
    pub fn report(self) -> Report {
        let sources: Vec<_> = self.sources.into_values().map(Trace::finish).collect();
        let sound = self.unreadable == 0 && sources.iter().all(|source| source.fault_count == 0);
        Report { sound, segments: self.segments, unreadable_segments: self.unreadable, sources }
    }

    fn trace(&mut self, source: &Source) -> &mut Trace {
        self.sources.entry(source.clone()).or_insert_with(|| Trace::new(source.clone()))
    }
}

impl Trace {
    fn new(source: Source) -> Self {
        let report = SourceReport {
            source,
            facts: 0,
            first_seq: 0,
            offsets: None,
            head: Head::GENESIS,
            resumptions: 0,
            reprocessed: 0,
            outcomes: BTreeMap::new(),
            faults: Vec::new(),
            fault_count: 0,
        };
        Self { report, behind: None, committed: None }
    }

    fn fault(&mut self, kind: FaultKind, seq: u64, offset: Option<i64>) {
        self.report.fault_count += 1;
        if self.report.faults.len() < FAULTS_KEPT {
            self.report.faults.push(Fault { kind, seq, offset });
        }
    }

    fn read(&mut self, bytes: &str, source: &str, may_start_late: bool) {
        self.report.facts += 1;
        let expected = self.report.head.seq.saturating_add(1);
        let link = serde_json::from_str::<Link<'_>>(bytes).ok().filter(|link| {
            let offset = link.lethe_id.strip_prefix(source).and_then(|rest| rest.strip_prefix('-'));
            link.v == FACT_VERSION && link.seq > 0 && offset.is_some_and(|text| text == link.offset.to_string())
        });
        let Some(link) = link else {
            return self.fault(FaultKind::UnreadableFact, expected, None);
        };
        *self.report.outcomes.entry(link.outcome.as_str()).or_default() += 1;
        if !self.follow(&link, expected, may_start_late) {
            return;
        }
        let hash = Fingerprint::of(bytes.as_bytes());
        self.report.head = Head { seq: link.seq, hash };
        if let Some((head, seen)) = &mut self.committed
            && head.seq == link.seq
        {
            *seen = Some(hash);
        }
        self.settle(&link);
    }

    /// Whether the fact is the chain's new end.
    fn follow(&mut self, link: &Link<'_>, expected: u64, may_start_late: bool) -> bool {
        let first = self.report.first_seq == 0;
        if first {
            self.report.first_seq = link.seq;
        }
        let offset = Some(link.offset);
        if first && link.seq > 1 {
            if !may_start_late {
                self.fault(FaultKind::MissingStart, 1, offset);
            }
        } else if link.seq < expected {
            self.fault(FaultKind::Fork, link.seq, offset);
            return false;
        } else if link.seq > expected {
            self.fault(FaultKind::Gap, expected, offset);
        } else if link.prev != self.report.head.hash {
            self.fault(FaultKind::BrokenPrev, link.seq, offset);
        }
        true
    }

    /// INVARIANT: within a chain the offsets of inputs rise; only a resumption, which is a fact itself, may go back.
    fn settle(&mut self, link: &Link<'_>) {
        if link.outcome == Outcome::Completed {
            return;
        }
        if !link.outcome.settles_an_input() {
            self.report.resumptions += 1;
            self.behind = link.offset.checked_sub(1);
            return;
        }
        if self.behind.is_some_and(|behind| link.offset <= behind) {
            return self.fault(FaultKind::RepeatedOffset, link.seq, Some(link.offset));
        }
        self.behind = Some(link.offset);
        let (first, last) = self.report.offsets.unwrap_or((link.offset, link.offset));
        if self.report.offsets.is_some() && link.offset <= last {
            self.report.reprocessed += 1;
        }
        self.report.offsets = Some((first.min(link.offset), last.max(link.offset)));
    }

    fn finish(mut self) -> SourceReport {
        let end = self.report.head;
        match self.committed {
            Some((head, _)) if head.seq > end.seq => self.fault(FaultKind::MissingEnd, end.seq.saturating_add(1), None),
            Some((head, Some(hash))) if head.hash != hash => self.fault(FaultKind::HeadDiffers, head.seq, None),
            Some((head, None)) => self.fault(FaultKind::BeyondHead, head.seq.saturating_add(1), None),
            _ => {}
        }
        self.report
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnreadableFact => "a fact that is not of the published form",
            Self::MissingStart => "the beginning of the chain is missing",
            Self::Gap => "facts are missing",
            Self::Fork => "a sequence number comes again",
            Self::BrokenPrev => "the hash of the fact before does not fit",
            Self::RepeatedOffset => "an input has a second outcome",
            Self::MissingEnd => "facts are missing up to the committed head",
            Self::BeyondHead => "facts stand behind the committed head",
            Self::HeadDiffers => "the fact at the committed head is another one",
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for source in &self.sources {
            let SourceReport { facts, head, first_seq, fault_count, .. } = source;
            write!(f, "{}: {facts} facts, seq {first_seq} to {}", source.source, head.seq)?;
            if let Some((first, last)) = source.offsets {
                write!(f, ", offsets {first} to {last}")?;
            }
            for (outcome, count) in &source.outcomes {
                write!(f, ", {outcome} {count}")?;
            }
            if source.reprocessed > 0 {
                write!(f, ", processed again {}", source.reprocessed)?;
            }
            writeln!(f, ", head {}", head.hash)?;
            for Fault { kind, seq, offset } in &source.faults {
                write!(f, "  FAULT at seq {seq}")?;
                if let Some(offset) = offset {
                    write!(f, " (offset {offset})")?;
                }
                writeln!(f, ": {kind}")?;
            }
            let hidden = fault_count.saturating_sub(source.faults.len() as u64);
            if hidden > 0 {
                writeln!(f, "  and {hidden} more")?;
            }
        }
        if self.unreadable_segments > 0 {
            writeln!(f, "FAULT: {} records are no segments of this audit log", self.unreadable_segments)?;
        }
        let verdict = if self.sound { "sound" } else { "NOT SOUND" };
        write!(f, "{verdict}: {} segments, {} source partitions", self.segments, self.sources.len())
    }
}
