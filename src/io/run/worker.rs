//! A worker: one thread that owns one consumer and one transactional producer. Batch by batch it plans, fetches keys, applies
//! and commits; on trouble it goes back to the committed offsets and begins anew.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::chains::{Chains, Open};
use super::health::{Beat, Stop};
use super::setback::{Setback, WorkerError};
use super::tally::Tally;
use super::wards::Wards;
use super::way_back::WayBack;
use crate::audit::Source;
use crate::event::RawRecord;
use crate::io::clock::Clock;
use crate::io::kafka::{BatchLimits, Client, Intake, Lag, Mirror, Outbox, Trouble};
use crate::io::keystore::Keystore;
use crate::keys::{KeyRequest, KeyRing};
use crate::pipeline::{Effects, OutRecord, Pipeline, Plan};

/// What all workers share.
pub struct Shared {
    /// Which pipeline reads which topic.
    pub routes: HashMap<Arc<str>, Arc<Pipeline>>,
    /// The keys.
    pub store: Arc<dyn Keystore>,
    /// Who was erased as a whole, and who belongs to whom.
    pub wards: Wards,
    /// The home cluster.
    pub client: Client,
    /// Clusters of regions that are not at home.
    pub remotes: HashMap<Arc<str>, Client>,
    /// Where facts go.
    pub audit_topic: Arc<str>,
    /// The longest segment of facts.
    pub segment_bytes: usize,
    /// When a batch is full.
    pub limits: BatchLimits,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Told of consumer lag.
    pub lag: Lag,
}

/// Records planned, keyed and applied at a time. A batch is committed whole; worked through in slices, its memory stays in
/// the processor's cache and with the allocator.
const SLICE_RECORDS: usize = 500;

/// Time of each stage of one batch.
#[derive(Default)]
struct Spent {
    plan_us: u64,
    keys_us: u64,
    apply_us: u64,
    commit_us: u64,
}

impl Spent {
    fn publish(&self) {
        let stages =
            [("plan", self.plan_us), ("keys", self.keys_us), ("apply", self.apply_us), ("commit", self.commit_us)];
        for (stage, us) in stages {
            metrics::histogram!("lethe_stage_duration_seconds", "stage" => stage).record(us as f64 / 1e6);
        }
    }
}

/// One worker.
pub struct Worker {
    name: String,
    shared: Arc<Shared>,
    intake: Intake,
    outbox: Outbox,
    mirrors: HashMap<Arc<str>, Mirror>,
    chains: Chains,
    beat: Arc<Beat>,
    stop: Stop,
}

impl Worker {
    /// Fences the predecessor of the same name, then joins the group.
    pub fn open(name: String, shared: Arc<Shared>, beat: Arc<Beat>, stop: Stop) -> Result<Self, Trouble> {
        let outbox = Outbox::open(&shared.client, &name)?;
        let mut topics: Vec<Arc<str>> = shared.routes.keys().cloned().collect();
        topics.sort();
        let intake = Intake::open(&shared.client, "", &topics, Arc::clone(&shared.lag), Arc::clone(&shared.clock))?;
        let mirrors = shared
            .remotes
            .iter()
            .map(|(region, client)| Ok((Arc::clone(region), Mirror::open(client)?)))
            .collect::<Result<_, Trouble>>()?;
        let chains = Chains::new(shared.client.clone(), Arc::clone(&shared.audit_topic), shared.segment_bytes);
        Ok(Self { name, shared, intake, outbox, mirrors, chains, beat, stop })
    }

    /// Works until asked to stop, or until nothing helps.
    pub fn run(mut self) -> Result<(), WorkerError> {
        let mut setbacks = 0u32;
        while !self.stop.requested() {
            self.beat.tick(self.shared.clock.monotonic_ms());
            match self.turn() {
                Ok(()) => {
                    if setbacks > 0 {
                        tracing::info!(worker = %self.name, setbacks, "recovered");
                    }
                    setbacks = 0;
                    self.beat.trouble(!self.intake.reachable());
                }
                Err(setback) => {
                    setbacks += 1;
                    self.recover(setback, setbacks)?;
                }
            }
            if self.intake.joined() {
                self.beat.join();
            }
        }
        // What was collected but not committed is read again by whoever comes next.
        self.outbox.abort().or_else(|trouble| match trouble {
            Trouble::Fatal(_) => Err(WorkerError::Kafka(trouble)),
            _ => Ok(()),
        })
    }

    /// One batch, from poll to commit.
    fn turn(&mut self) -> Result<(), Setback> {
        let stop = self.stop.clone();
        let batch = self.intake.collect(self.shared.limits, Duration::from_millis(100), &|| stop.requested())?;
        self.chains.forget(&batch.revoked);
        if batch.records.is_empty() || self.stop.requested() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let clock = &shared.clock;
        let sources = batch.records.iter().map(|record| Source::of(&record.position)).collect();
        let mut chains = self.chains.open(&self.intake, sources, |source, offset| {
            Ok(shared.route(&source.topic)?.resumed(offset, clock.wall_ms()))
        })?;
        let mut tally = Tally::default();
        let mut spent = Spent::default();
        let mut rings = Vec::new();
        for slice in batch.records.chunks(SLICE_RECORDS) {
            rings.push(self.slice(&shared, slice, &mut chains, &mut tally, &mut spent)?);
        }

        let applied = clock.monotonic_us();
        let list = self.chains.write(&mut chains, &mut self.outbox)?;
        for mirror in self.mirrors.values() {
            mirror.settle()?;
        }
        let group = self.intake.group()?;
        for ring in &mut rings {
            shared.wards.confirm(&*shared.store, ring)?;
        }
        // The last look: those confirmed first may have been overtaken since.
        if !rings.iter().all(|ring| shared.store.still_valid(ring)) {
            return Err(Setback::StaleKeys);
        }
        self.outbox.commit(&list, &group)?;
        spent.commit_us = clock.monotonic_us() - applied;

        self.chains.keep(chains);
        tally.publish();
        self.beat.commit(batch.records.len());
        metrics::counter!("lethe_transactions_total", "outcome" => "committed").increment(1);
        metrics::histogram!("lethe_batch_records").record(batch.records.len() as f64);
        spent.publish();
        Ok(())
    }

    /// Plans, fetches keys, applies and sends some records of a batch. The keys come back: they must still be good at commit.
    fn slice(
        &mut self,
        shared: &Shared,
        records: &[RawRecord],
        chains: &mut Open,
        tally: &mut Tally,
        spent: &mut Spent,
    ) -> Result<KeyRing, Setback> {
        let started = shared.clock.monotonic_us();
        let plans: Vec<Plan<'_>> = records.iter().map(|record| shared.plan(record)).collect::<Result<_, _>>()?;
        let planned = shared.clock.monotonic_us();
        let mut requests: Vec<KeyRequest> = plans.iter().flat_map(|plan| plan.keys().iter().cloned()).collect();
        requests.sort_unstable_by(|a, b| (a.id, &a.bucket, a.at_ms).cmp(&(b.id, &b.bucket, b.at_ms)));
        requests.dedup();
        let mut ring = shared.store.ring(&requests)?;
        shared.wards.attach(&*shared.store, &mut ring)?;
        if shared.wards.enrol(&*shared.store, &ring, &plans)? {
            shared.wards.confirm(&*shared.store, &mut ring)?;
        }
        let keyed = shared.clock.monotonic_us();

        let now_ms = shared.clock.wall_ms();
        for (record, plan) in records.iter().zip(plans) {
            let effects = shared.apply(record, plan, &ring, now_ms)?;
            for out in &effects.records {
                self.send(out)?;
            }
            tally.count(&record.position.topic, &effects.fact);
            chains.append(Source::of(&record.position), record.position.offset, &effects.fact);
        }
        spent.plan_us += planned - started;
        spent.keys_us += keyed - planned;
        spent.apply_us += shared.clock.monotonic_us() - keyed;
        Ok(ring)
    }

    fn send(&mut self, record: &OutRecord) -> Result<(), Trouble> {
        match record.region.as_ref().and_then(|region| self.mirrors.get(region)) {
            Some(mirror) => mirror.send(record),
            None => self.outbox.send(record),
        }
    }

    /// Back to the committed offsets, by the way that the setback asks for. Offsets never move past what is not done.
    fn recover(&mut self, setback: Setback, setbacks: u32) -> Result<(), WorkerError> {
        self.chains.clear();
        let trouble = setback.trouble()?;
        tracing::warn!(worker = %self.name, %trouble, setbacks, "batch rolled back");
        // Two processes of one name fence each other for ever; one of them must go.
        if matches!(trouble, Trouble::Fenced(_)) && setbacks >= 3 {
            return Err(WorkerError::Kafka(trouble));
        }
        self.beat.trouble(setbacks > 1);
        let way = WayBack {
            name: &self.name,
            client: &self.shared.client,
            clock: &*self.shared.clock,
            beat: &self.beat,
            stop: &self.stop,
        };
        way.go(&trouble, setbacks, &mut self.outbox, &self.intake)
    }
}

impl Shared {
    /// A plan for a record. A broken invariant in the core becomes a quarantine of its own code: one record must not stop a partition.
    fn plan<'a>(&'a self, record: &'a RawRecord) -> Result<Plan<'a>, Trouble> {
        let pipeline = self.route(&record.position.topic)?;
        Ok(catch_unwind(AssertUnwindSafe(|| pipeline.plan(record))).unwrap_or_else(|_| pipeline.broken(record)))
    }

    /// Carries a plan out, with the same guard.
    fn apply(&self, record: &RawRecord, plan: Plan<'_>, ring: &KeyRing, now_ms: i64) -> Result<Effects, Trouble> {
        match catch_unwind(AssertUnwindSafe(|| plan.apply(ring, now_ms))) {
            Ok(effects) => Ok(effects),
            Err(_) => Ok(self.route(&record.position.topic)?.broken(record).apply(ring, now_ms)),
        }
    }

    fn route(&self, topic: &str) -> Result<&Pipeline, Trouble> {
        let pipeline = self.routes.get(topic).map(|pipeline| &**pipeline);
        pipeline
            .ok_or_else(|| Trouble::Fatal(format!("kafka delivered a record of `{topic}`, which was not subscribed")))
    }
}
