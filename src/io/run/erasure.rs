//! The erasure worker: deletion requests in, keys destroyed, signed receipts out.
//!
//! Fence and destruction are durable in the key store as soon as a request is read. Its offset stays uncommitted until the
//! longest lease has passed; then receipt, fact and offset go out in one transaction, in order. A crash in between reads the
//! request again, finds its state in the store, and goes on from there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::chains::Chains;
use super::health::{Beat, Stop};
use super::setback::{Setback, WorkerError};
use super::way_back::WayBack;
use crate::audit::{Fact, Moment, Name, Outcome, PipelineRef, Source};
use crate::erasure::{
    Destruction, Effect, Input, Irreversibility, Machine, Phase, Receipt, Rejected, Request, RootKeeper, State, Step,
    sign,
};
use crate::event::{Position, RawRecord, TenantId};
use crate::io::clock::Clock;
use crate::io::kafka::{BatchLimits, Client, Intake, Outbox, Trouble};
use crate::io::keystore::{self, Keystore, StoreError};
use crate::io::setup::Loaded;
use crate::io::topics::Topics;
use crate::keys::rows::EpochRow;
use crate::keys::{DigestKey, KeyId};
use crate::pipeline::{Erase, OutRecord, PipelineConfig};
use crate::sensitive::Sensitive;

/// A request on its way, in the order of its partition.
struct Pending {
    position: Position,
    timestamp_ms: Option<i64>,
    work: Work,
}

enum Work {
    /// A refusal needs no waiting.
    Refused(Rejected, Moment),
    /// Destroyed; since when (monotonic) the leases run out.
    Settling(Box<State>, u64),
    /// Asked for again after its receipt: the same receipt is due, and no waiting. With the time of asking.
    Receipted(Box<Receipt>, Moment),
}

/// One thread that carries deletion requests out.
pub struct ErasureWorker {
    intake: Intake,
    outbox: Outbox,
    client: Client,
    receipts: Arc<str>,
    pipeline: PipelineRef,
    default_tenant: Option<TenantId>,
    machine: Machine,
    store: Arc<dyn Keystore>,
    provider: Box<str>,
    digest_key: DigestKey,
    clock: Arc<dyn Clock>,
    limits: BatchLimits,
    chains: Chains,
    pending: VecDeque<Pending>,
    purger: Option<Topics>,
    beat: Arc<Beat>,
    stop: Stop,
}

/// Requests of one epoch: they share one re-keying of the tree.
const MOST_REQUESTS: usize = 1_000;
/// Subjects destroyed in one call to the store.
const EPOCH_SUBJECTS: usize = 256;

impl ErasureWorker {
    /// Joins the group `{group}-erasure`.
    pub fn open(
        loaded: &Loaded,
        config: &PipelineConfig,
        erase: &Erase,
        store: Arc<dyn Keystore>,
        clock: Arc<dyn Clock>,
        beat: Arc<Beat>,
        stop: Stop,
    ) -> Result<Self, WorkerError> {
        let (client, settings) = (loaded.client(), &loaded.settings);
        let lag = Arc::new(|_: &str, _: i32, _: i64| {});
        let intake = Intake::open(&client, "-erasure", &config.topics, lag, Arc::clone(&clock));
        let intake = intake.map_err(WorkerError::Kafka)?;
        let machine = Machine::new(crate::erasure::Settings {
            lease_ms: settings.key_lease_seconds.saturating_mul(1_000),
            margin_ms: 1_000.min(settings.key_lease_seconds.saturating_mul(100)),
            ..Default::default()
        });
        let name = |text: &str| Name::new(text).unwrap_or(Name::fixed("erase"));
        let purger = erase.purge.then(|| Topics::open(&client).ok()).flatten();
        let signer = store.signing_key().map_err(WorkerError::Store)?.public_key();
        let public_key = STANDARD.encode(signer);
        tracing::info!(signer = %crate::erasure::key_id(&signer), public_key, "receipts are signed with this key");
        let chains = Chains::new(client.clone(), Arc::clone(&settings.audit_topic), loaded.segment_bytes());
        Ok(Self {
            intake,
            outbox: Outbox::open(&client, "erasure").map_err(WorkerError::Kafka)?,
            client,
            receipts: Arc::clone(&erase.receipts),
            pipeline: PipelineRef { name: name(&config.name), digest: name(&config.digest), names: None },
            default_tenant: erase.default_tenant.as_deref().and_then(TenantId::new),
            machine,
            provider: store.status().map_err(WorkerError::Store)?.root.provider().into(),
            digest_key: store.digest_key().map_err(WorkerError::Store)?,
            store,
            clock,
            limits: BatchLimits { records: MOST_REQUESTS, bytes: 4 << 20, linger_ms: settings.erasure_epoch_ms },
            chains,
            pending: VecDeque::new(),
            purger,
            beat,
            stop,
        })
    }

    /// Works until asked to stop, or until nothing helps.
    pub fn run(mut self) -> Result<(), WorkerError> {
        let mut setbacks = 0u32;
        while !self.stop.requested() {
            self.beat.tick(self.clock.monotonic_ms());
            let done = self.turn();
            if self.intake.joined() {
                self.beat.join();
            }
            match done {
                Ok(()) => {
                    setbacks = 0;
                    self.beat.trouble(!self.intake.reachable());
                }
                Err(setback) => {
                    setbacks += 1;
                    self.recover(setback, setbacks)?;
                }
            }

            metrics::gauge!("lethe_erasures_open").set(self.pending.len() as f64);
            metrics::gauge!("lethe_erasure_oldest_open_seconds").set(self.oldest_seconds());
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Setback> {
        let stop = self.stop.clone();
        let batch = self.intake.collect(self.limits, Duration::from_millis(100), &|| stop.requested())?;
        if !batch.revoked.is_empty() {
            self.chains.forget(&batch.revoked);
            self.pending.retain(|pending| !batch.revoked.contains(&Source::of(&pending.position)));
        }
        if !batch.records.is_empty() {
            self.receive(&batch.records)?;
        }
        self.settle()?;
        Ok(())
    }

    /// Reads requests, fences their subjects and destroys their keys: durable before this returns.
    fn receive(&mut self, records: &[RawRecord]) -> Result<(), StoreError> {
        let now = Moment(self.clock.wall_ms());
        let mut taken: Vec<(usize, State)> = Vec::new();
        let mut queue: Vec<Option<Pending>> = Vec::new();
        for record in records {
            let value = record.value.as_ref().map(Sensitive::reveal);
            let parsed = Request::parse(value, &record.position, now, &self.digest_key, self.default_tenant.as_ref());
            let step = match parsed {
                Ok(request) => self.machine.receive(self.known(&taken, &request)?, request, now),
                Err(rejected) => Err(rejected),
            };
            match step {
                Ok(Step { effect: Some(Effect::Receipt(receipt)), .. }) => queue.push(Some(Pending {
                    position: record.position.clone(),
                    timestamp_ms: record.timestamp_ms,
                    work: Work::Receipted(receipt, now),
                })),
                Ok(step) => {
                    taken.push((queue.len(), step.state));
                    queue.push(None);
                }
                Err(rejected) => queue.push(Some(Pending {
                    position: record.position.clone(),
                    timestamp_ms: record.timestamp_ms,
                    work: Work::Refused(rejected, now),
                })),
            }
        }
        self.fence(&mut taken)?;
        self.destroy(&mut taken)?;
        let since = self.clock.monotonic_ms();
        for (index, state) in taken {
            if let (Some(slot), Some(record)) = (queue.get_mut(index), records.get(index)) {
                *slot = Some(Pending {
                    position: record.position.clone(),
                    timestamp_ms: record.timestamp_ms,
                    work: Work::Settling(Box::new(state), since),
                });
            }
        }
        self.pending.extend(queue.into_iter().flatten());
        Ok(())
    }

    /// The state under a request's id: of this batch, where it is not in the store yet, else of the store.
    fn known(&self, taken: &[(usize, State)], request: &Request) -> Result<Option<State>, StoreError> {
        let same = |state: &&State| {
            let known = state.request();
            known.tenant == request.tenant && known.id == request.id
        };
        if let Some(state) = taken.iter().map(|(_, state)| state).rfind(same) {
            return Ok(Some(state.clone()));
        }
        let key = State::key(&request.tenant, &request.id);
        Ok(self.store.recall(&key)?.and_then(|bytes| State::from_bytes(&bytes)))
    }

    fn fence(&self, taken: &mut [(usize, State)]) -> Result<(), StoreError> {
        let due: Vec<(usize, (KeyId, i64))> = self.due(taken, |effect| match effect {
            Effect::Fence { key, through_ms } => Some((key, through_ms)),
            _ => None,
        });
        if due.is_empty() {
            return Ok(());
        }
        // The intent is durable before the fence: a crash in between knows what it was about.
        self.remember(taken.iter().map(|(_, state)| state))?;
        let fences = self.store.fence(&due.iter().map(|(_, what)| *what).collect::<Vec<_>>())?;
        let now = Moment(self.clock.wall_ms());
        for ((index, _), fence) in due.into_iter().zip(fences) {
            self.advance(taken, index, Input::Fenced(fence), now);
        }
        self.remember(taken.iter().map(|(_, state)| state))
    }

    fn destroy(&self, taken: &mut [(usize, State)]) -> Result<(), StoreError> {
        let due: Vec<(usize, KeyId)> = self.due(taken, |effect| match effect {
            Effect::Destroy { key } => Some(key),
            _ => None,
        });
        if due.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<KeyId> = due.iter().map(|(_, key)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut destroyed = HashMap::new();
        for keys in keys.chunks(EPOCH_SUBJECTS) {
            let done = self.store.destroy(keys)?;
            destroyed.extend(done.subjects.iter().map(|subject| (subject.id, self.destruction(subject, &done.epochs))));
        }
        let now = Moment(self.clock.wall_ms());
        for (index, key) in due {
            let Some(destruction) = destroyed.get(&key).cloned() else { continue };
            self.advance(taken, index, Input::Destroyed(destruction), now);
        }
        tracing::info!(subjects = keys.len(), "keys destroyed");
        self.remember(taken.iter().map(|(_, state)| state))
    }

    /// What the store has done, in the words of a receipt.
    fn destruction(&self, subject: &keystore::Destruction, epochs: &[(u64, EpochRow)]) -> Destruction {
        let (epoch, page) = match &subject.outcome {
            keystore::Outcome::Destroyed { epoch, before, .. } => (*epoch, Some(*before)),
            keystore::Outcome::NoneHeld => (0, None),
        };
        let row = epochs.iter().find(|(number, _)| *number == epoch).map(|(_, row)| row);
        let waits = row.filter(|row| row.irreversible_from_ms > row.destroyed_at_ms);
        // Where nothing had to be destroyed there is no epoch, and the root that stands says who keeps it.
        let provider = row.map_or(&*self.provider, |row| row.old_root.provider());
        let irreversible = match waits.and_then(|row| row.irreversible_from_ms) {
            Some(ms) => Irreversibility::Pending { until: Moment(ms) },
            None if provider == "file" => Irreversibility::FileOverwritten,
            None => Irreversibility::AtOnce,
        };
        Destruction {
            epoch,
            generations: page.map(|_| subject.fence.generation).into_iter().collect(),
            page: page.and_then(|print| Name::new(&print.to_string())),
            root: row.and_then(|row| Name::new(&row.old_top.to_string())),
            keeper: RootKeeper { provider: Name::new(provider).unwrap_or(Name::fixed("file")), irreversible },
            tried: None,
        }
    }

    fn due<T>(&self, taken: &[(usize, State)], wanted: impl Fn(Effect) -> Option<T>) -> Vec<(usize, T)> {
        let each = taken.iter().enumerate();
        each.filter_map(|(at, (_, state))| Some((at, wanted(self.machine.due(state)?)?))).collect()
    }

    fn advance(&self, taken: &mut [(usize, State)], at: usize, input: Input, now: Moment) {
        if let Some((_, state)) = taken.get_mut(at) {
            *state = self.machine.step(state.clone(), input, now).state;
        }
    }

    fn remember<'s>(&self, states: impl Iterator<Item = &'s State>) -> Result<(), StoreError> {
        for state in states {
            let key = State::key(&state.request().tenant, &state.request().id);
            self.store.remember(&key, &state.to_bytes(), state.phase() == Phase::Receipted)?;
        }
        Ok(())
    }

    /// Commits receipts of requests whose leases have run out, in order.
    fn settle(&mut self) -> Result<(), Setback> {
        let (now_ms, wait_ms) = (self.clock.monotonic_ms(), self.machine.settle_ms());
        let mut blocked: HashSet<Source> = HashSet::new();
        let mut ready: Vec<usize> = Vec::new();
        for (index, pending) in self.pending.iter().enumerate() {
            let source = Source::of(&pending.position);
            let due = match &pending.work {
                Work::Refused(..) | Work::Receipted(..) => true,
                Work::Settling(_, since) => now_ms.saturating_sub(*since) >= wait_ms,
            };
            if !due || blocked.contains(&source) {
                blocked.insert(source);
            } else {
                ready.push(index);
            }
        }
        if ready.is_empty() {
            return Ok(());
        }
        let receipted = self.commit(&ready, now_ms)?;
        self.remember(receipted.iter())?;
        let done: HashSet<usize> = ready.into_iter().collect();
        let mut index = 0;
        self.pending.retain(|_| {
            index += 1;
            !done.contains(&(index - 1))
        });
        self.beat.commit(done.len());
        Ok(())
    }

    /// One transaction: receipts, facts, offsets.
    fn commit(&mut self, ready: &[usize], now_ms: u64) -> Result<Vec<State>, Setback> {
        let at = Moment(self.clock.wall_ms());
        let signer = self.store.signing_key()?;
        let sources =
            ready.iter().filter_map(|index| self.pending.get(*index)).map(|p| Source::of(&p.position)).collect();
        let mut chains = self.chains.open(&self.intake, sources, |_, offset| {
            Ok(Fact::new(offset, Outcome::Resumed, at, self.pipeline.clone()))
        })?;
        let mut receipted = Vec::new();
        for index in ready {
            let Some(pending) = self.pending.get(*index) else { continue };
            let receipt = match &pending.work {
                Work::Refused(rejected, received) => Receipt::refusal(rejected, *received, self.machine.settings()),
                Work::Receipted(receipt, _) => (**receipt).clone(),
                Work::Settling(state, since) => {
                    let waited_ms = now_ms.saturating_sub(*since);
                    let step = self.machine.step((**state).clone(), Input::Waited { waited_ms }, at);
                    let Some(Effect::Receipt(receipt)) = step.effect else {
                        return Err(Trouble::Fatal("an erasure settled without a receipt".into()).into());
                    };
                    receipted.push(self.machine.step(step.state, Input::Committed, at).state);
                    *receipt
                }
            };
            metrics::counter!("lethe_erasures_total", "outcome" => receipt.outcome.code()).increment(1);
            let signed = sign(&receipt, &signer);
            let fact = receipt.fact(&signed, &pending.position, at, self.pipeline.clone());
            chains.append(Source::of(&pending.position), pending.position.offset, &fact);
            let key = receipt.subject.map(|id| id.reference().into_bytes());
            self.outbox.send(&OutRecord {
                topic: Arc::clone(&self.receipts),
                region: None,
                key,
                value: Some(signed),
                headers: vec![("lethe-id".into(), Some(pending.position.to_string().into_bytes()))],
                timestamp_ms: pending.timestamp_ms,
            })?;
        }
        let list = self.chains.write(&mut chains, &mut self.outbox)?;
        self.outbox.commit(&list, &self.intake.group()?)?;
        self.purge(&list);
        self.chains.keep(chains);
        Ok(receipted)
    }

    /// Deletes committed requests from their topic: they hold subject ids in clear. The promise of the receipt does not hang
    /// on it, so a cluster that refuses is told of once and asked no more.
    fn purge(&mut self, committed: &TopicPartitionList) {
        let Some(topics) = &self.purger else { return };
        if let Err(error) = topics.purge(committed) {
            tracing::warn!(%error, "deletion requests stay on their topic until its retention ends; Lethe's user needs `Delete` on it");
            self.purger = None;
        }
    }

    /// Back to the committed offsets; what the store remembers makes the second reading harmless.
    fn recover(&mut self, setback: Setback, setbacks: u32) -> Result<(), WorkerError> {
        self.chains.clear();
        self.pending.clear();
        self.beat.trouble(true);
        let trouble = setback.trouble()?;
        tracing::warn!(%trouble, setbacks, "erasures rolled back to the committed offsets");
        let way =
            WayBack { name: "erasure", client: &self.client, clock: &*self.clock, beat: &self.beat, stop: &self.stop };
        way.go(&trouble, setbacks, &mut self.outbox, &self.intake)
    }

    fn oldest_seconds(&self) -> f64 {
        let now = self.clock.wall_ms();
        let received = self.pending.front().map(|pending| match &pending.work {
            Work::Refused(_, received) | Work::Receipted(_, received) => received.0,
            Work::Settling(state, _) => state.times().received.0,
        });
        received.map_or(0.0, |received| now.saturating_sub(received) as f64 / 1_000.0)
    }
}
