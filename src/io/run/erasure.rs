//! The erasure worker: deletion requests in, keys destroyed, signed receipts out.
//!
//! Fence and destruction are durable in the key store as soon as a request is read. Its offset stays uncommitted until the
//! longest lease has passed; then receipt, fact and offset go out in one transaction, in order. A crash in between reads the
//! request again, finds its state in the store, and goes on from there.

mod carrier;
mod register;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::topic_partition_list::TopicPartitionList;

use self::carrier::{Carrier, classes};
use self::register::{Lookup, Register};
use super::chains::Chains;
use super::health::{Beat, Stop};
use super::setback::{Setback, WorkerError};
use super::way_back::WayBack;
use crate::audit::{Fact, Moment, Name, Outcome, PipelineRef, Source};
use crate::erasure::{
    Admission, Effect, Hold, Input, Instruction, Lift, Lifted, Machine, Origin, Phase, Question, Receipt, Refusal,
    Rejected, Request, State, Step, Target, sign,
};
use crate::event::{Position, RawRecord, TenantId};
use crate::io::clock::Clock;
use crate::io::kafka::{BatchLimits, Client, Intake, Outbox, Trouble};
use crate::io::keystore::{Keystore, StoreError};
use crate::io::setup::Loaded;
use crate::io::topics::Topics;
use crate::keys::DigestKey;
use crate::pipeline::{Erase, OutRecord, PipelineConfig};
use crate::sensitive::Sensitive;

/// A record of the deletion topic on its way, in the order of its partition.
struct Pending {
    position: Position,
    timestamp_ms: Option<i64>,
    /// What is answered to the record itself, where that is no erasure's receipt: a refusal, a hold, a receipt asked for again.
    answer: Option<Box<Receipt>>,
    /// Requests whose receipts go out with this record's offset: its own, or those that it lets go.
    carried: Vec<Carried>,
}

struct Carried {
    state: State,
    /// Since when (monotonic) the leases run out.
    since_ms: u64,
}

/// One thread that carries deletion requests out.
pub struct ErasureWorker {
    intake: Intake,
    outbox: Outbox,
    client: Client,
    receipts: Arc<str>,
    pipeline: PipelineRef,
    admission: Admission,
    carrier: Carrier,
    register: Register,
    /// Whether requests were looked through whose receipts a crash left committed and not written down.
    tidy: bool,
    store: Arc<dyn Keystore>,
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
            admission: Admission {
                default_tenant: erase.default_tenant.as_deref().and_then(TenantId::new),
                scopes: erase.scopes.clone(),
            },
            carrier: Carrier::new(
                Arc::clone(&store),
                machine,
                Arc::clone(&clock),
                store.digest_key().map_err(WorkerError::Store)?.index_key(),
                classes(&loaded.pipelines),
            )
            .map_err(WorkerError::Store)?,
            register: Register::open(Arc::clone(&store)).map_err(WorkerError::Store)?,
            tidy: false,
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
        if !self.tidy && self.intake.joined() {
            self.tidy_up()?;
            self.tidy = true;
        }
        if !batch.records.is_empty() {
            self.receive(&batch.records)?;
        }
        self.sweep()?;
        self.settle()?;
        let now = Moment(self.clock.wall_ms());
        self.register.publish(now, self.clock.monotonic_ms())?;
        Ok(())
    }

    /// A receipt is committed together with its offset, and written down as such after that. Where a crash came in between, the
    /// committed offset tells.
    fn tidy_up(&mut self) -> Result<(), Setback> {
        let mut settled: Vec<State> = self.register.open_requests()?;
        settled.retain(|state| state.phase() == Phase::Settled);
        let source = |state: &State| {
            let origin = state.origin()?;
            Some(Source { topic: origin.topic.as_str().into(), partition: origin.partition })
        };
        let sources: HashSet<Source> = settled.iter().filter_map(source).collect();
        if sources.is_empty() {
            return Ok(());
        }
        let committed: HashMap<Source, Option<i64>> = self
            .intake
            .committed(&sources.into_iter().collect::<Vec<_>>())?
            .into_iter()
            .map(|(source, offset, _)| (source, offset))
            .collect();
        let behind = |state: &State| {
            let offset = source(state).and_then(|source| *committed.get(&source)?);
            state.origin().zip(offset).is_some_and(|(origin, committed)| origin.offset < committed)
        };
        settled.retain(behind);
        for state in &mut settled {
            self.carrier.advance(state, Input::Committed);
        }
        Ok(self.carrier.remember(settled.iter())?)
    }

    /// Reads instructions in order, then fences and destroys what they ask for: durable before this returns.
    fn receive(&mut self, records: &[RawRecord]) -> Result<(), StoreError> {
        let now = Moment(self.clock.wall_ms());
        let mut queue: Vec<Pending> = Vec::with_capacity(records.len());
        let mut noted: Vec<State> = Vec::new();
        for record in records {
            let value = record.value.as_ref().map(Sensitive::reveal);
            let index = Lookup { store: &*self.store, index: &self.carrier.index, failed: RefCell::new(None) };
            let read = Instruction::parse(value, &record.position, now, &self.digest_key, &self.admission, &index);
            if let Some(error) = index.failed.into_inner() {
                return Err(error);
            }
            let (answer, carried) = match read {
                Ok(Instruction::Erase(request)) => self.erase(&queue, &mut noted, request, &record.position, now)?,
                Ok(Instruction::Hold(hold)) => (Some(self.hold(hold, now)?), Vec::new()),
                Ok(Instruction::Lift(lift)) => self.lift(&mut noted, &lift, &record.position, now)?,
                Ok(Instruction::Status(question)) => (Some(self.tell(&question, now)?), Vec::new()),
                Ok(Instruction::Find(found)) => {
                    (Some(Receipt::found(&found, now, self.carrier.machine.settings())), Vec::new())
                }
                Err(rejected) => (Some(self.refuse(&rejected, now)), Vec::new()),
            };
            queue.push(Pending {
                position: record.position.clone(),
                timestamp_ms: record.timestamp_ms,
                answer: answer.map(Box::new),
                carried: carried.into_iter().map(|state| Carried { state, since_ms: 0 }).collect(),
            });
        }
        self.carrier.remember(noted.iter())?;
        let carried = queue.iter_mut().flat_map(|pending| &mut pending.carried);
        let mut states: Vec<&mut State> = carried.map(|carried| &mut carried.state).collect();
        if !states.is_empty() {
            self.carrier.carry(&mut states)?;
        }
        let since_ms = self.clock.monotonic_ms();
        for carried in queue.iter_mut().flat_map(|pending| &mut pending.carried) {
            carried.since_ms = since_ms;
        }
        self.pending.extend(queue);
        Ok(())
    }

    fn refuse(&self, rejected: &Rejected, now: Moment) -> Receipt {
        Receipt::refusal(rejected, now, self.carrier.machine.settings())
    }

    /// What becomes of a request: carried out, kept waiting, or answered at once.
    fn erase(
        &self,
        queue: &[Pending],
        noted: &mut Vec<State>,
        request: Request,
        position: &Position,
        now: Moment,
    ) -> Result<(Option<Receipt>, Vec<State>), StoreError> {
        let reject = |code| Rejected { code, id: request.id.clone(), tenant: request.tenant.clone() };
        if let Target::RetentionClass { class, .. } = &request.target
            && !self.carrier.knows(class)
        {
            return Ok((Some(self.refuse(&reject(Refusal::RequestUnknownClass), now)), Vec::new()));
        }
        let known = self.known(queue, noted, &request)?;
        let fresh = known.is_none();
        let Step { mut state, effect } = match self.carrier.machine.receive(known, request, now) {
            Ok(step) => step,
            Err(rejected) => return Ok((Some(self.refuse(&rejected, now)), Vec::new())),
        };
        if fresh {
            state = state.from_record(position);
        }
        match (state.phase(), effect) {
            (Phase::Receipted, Some(Effect::Receipt(receipt))) => return Ok((Some(*receipt), Vec::new())),
            (Phase::Received | Phase::Verified | Phase::Held, _) => {}
            _ => return Ok((None, vec![state])),
        }
        if let Some(hold) = self.register.against(state.request()) {
            self.carrier.advance(&mut state, Input::Hold { reference: hold.reference.clone() });
            let answer = Receipt::held(&state, hold, self.carrier.machine.settings());
            noted.push(state);
            return Ok((Some(answer), Vec::new()));
        }
        // Held once, and nobody holds it any more.
        self.carrier.advance(&mut state, Input::Release { origin: Origin::of(position) });
        Ok((None, vec![state]))
    }

    fn hold(&mut self, hold: Hold, now: Moment) -> Result<Receipt, StoreError> {
        let known = self.register.hold(hold.tenant.as_ref(), &hold.reference);
        if known.is_some_and(|known| !known.stands() || !known.same(&hold)) {
            let rejected = Rejected { code: Refusal::RequestHoldReused, id: hold.request, tenant: hold.tenant };
            return Ok(self.refuse(&rejected, now));
        }
        let id = hold.request.clone();
        let stands = known.cloned();
        if stands.is_none() {
            self.register.keep(hold.clone())?;
            tracing::info!(hold = %hold.reference, authority = %hold.authority, "legal hold placed");
        }
        let hold = stands.unwrap_or(hold);
        let waiting = self.register.open_requests()?.iter().filter(|state| waits_for(state, &hold)).count();
        Ok(Receipt::hold(&id, &hold, waiting as u64, now, self.carrier.machine.settings()))
    }

    /// The end of a hold: it is durable before any request is let go. Read again after a crash, the record finds the requests
    /// that it had let go by their origin.
    fn lift(
        &mut self,
        noted: &mut Vec<State>,
        lift: &Lift,
        position: &Position,
        now: Moment,
    ) -> Result<(Option<Receipt>, Vec<State>), StoreError> {
        // Requests of this batch that the hold keeps waiting are looked for in the store.
        self.carrier.remember(std::mem::take(noted).iter())?;
        let known = self.register.hold(lift.tenant.as_ref(), &lift.hold).cloned();
        let own = |hold: &Hold| hold.lifted.as_ref().is_none_or(|lifted| lifted.request == lift.id);
        let Some(mut hold) = known.filter(own) else {
            let rejected =
                Rejected { code: Refusal::RequestHoldUnknown, id: lift.id.clone(), tenant: lift.tenant.clone() };
            return Ok((Some(self.refuse(&rejected, now)), Vec::new()));
        };
        if hold.stands() {
            hold.lifted = Some(Lifted { at: now, by: lift.by.clone(), request: lift.id.clone() });
            self.register.keep(hold.clone())?;
            tracing::info!(hold = %hold.reference, "legal hold lifted");
        }
        let mut freed = Vec::new();
        for mut state in self.register.open_requests()? {
            let resumed = state.phase() != Phase::Held && state.origin().is_some_and(|origin| origin.is(position));
            let free = state.phase() == Phase::Held && self.register.against(state.request()).is_none();
            if free {
                self.carrier.advance(&mut state, Input::Release { origin: Origin::of(position) });
            }
            if free || resumed {
                freed.push(state);
            }
        }
        let settings = self.carrier.machine.settings();
        let answer = Receipt::hold(&lift.id, &hold, freed.len() as u64, now, settings);
        self.carrier.remember(freed.iter())?;
        Ok((Some(answer), freed))
    }

    fn tell(&self, question: &Question, now: Moment) -> Result<Receipt, StoreError> {
        let (open, holds) = self.register.about(question)?;
        let settings = self.carrier.machine.settings();
        Ok(Receipt::told(&question.id, question.tenant.as_ref(), open, holds, now, settings))
    }

    /// The state under a request's id: of this batch, where it is not in the store yet, else of the store.
    fn known(&self, queue: &[Pending], noted: &[State], request: &Request) -> Result<Option<State>, StoreError> {
        let same = |state: &&State| {
            let known = state.request();
            known.tenant == request.tenant && known.id == request.id
        };
        let carried = queue.iter().flat_map(|pending| &pending.carried).map(|carried| &carried.state);
        if let Some(state) = carried.chain(noted).rfind(same) {
            return Ok(Some(state.clone()));
        }
        let key = State::key(request.tenant.as_ref(), &request.id);
        Ok(self.store.recall(&key)?.and_then(|bytes| State::from_bytes(&bytes)))
    }

    /// Some more of what is too large for one turn.
    fn sweep(&mut self) -> Result<(), StoreError> {
        for carried in self.pending.iter_mut().flat_map(|pending| &mut pending.carried) {
            if carried.state.phase() == Phase::Fenced {
                self.carrier.sweep(&mut carried.state)?;
                carried.since_ms = self.clock.monotonic_ms();
            }
        }
        Ok(())
    }

    /// Commits receipts of requests whose leases have run out, in order.
    fn settle(&mut self) -> Result<(), Setback> {
        let (now_ms, wait_ms) = (self.clock.monotonic_ms(), self.carrier.machine.settle_ms());
        let mut blocked: HashSet<Source> = HashSet::new();
        let mut ready: Vec<usize> = Vec::new();
        for (index, pending) in self.pending.iter().enumerate() {
            let source = Source::of(&pending.position);
            let due = pending.carried.iter().all(|carried| match carried.state.phase() {
                Phase::Destroyed => now_ms.saturating_sub(carried.since_ms) >= wait_ms,
                phase => phase > Phase::Destroyed,
            });
            if !due || blocked.contains(&source) {
                blocked.insert(source);
            } else {
                ready.push(index);
            }
        }
        if ready.is_empty() {
            return Ok(());
        }
        self.certify(&ready, now_ms)?;
        let receipted = self.commit(&ready)?;
        self.carrier.remember(receipted.iter())?;
        let done: HashSet<usize> = ready.into_iter().collect();
        let mut index = 0;
        self.pending.retain(|_| {
            index += 1;
            !done.contains(&(index - 1))
        });
        self.beat.commit(done.len());
        Ok(())
    }

    /// Writes the receipts down before they are committed: a crash in between gives the same bytes again.
    fn certify(&mut self, ready: &[usize], now_ms: u64) -> Result<(), StoreError> {
        for index in ready {
            let Some(pending) = self.pending.get_mut(*index) else { continue };
            for Carried { state, since_ms } in &mut pending.carried {
                let waited_ms = now_ms.saturating_sub(*since_ms);
                if state.phase() == Phase::Destroyed {
                    self.carrier.forget_identifiers(state)?;
                }
                self.carrier.advance(state, Input::Waited { waited_ms });
            }
        }
        let ready = ready.iter().filter_map(|index| self.pending.get(*index));
        self.carrier.remember(ready.flat_map(|pending| &pending.carried).map(|carried| &carried.state))
    }

    /// One transaction: receipts, facts, offsets. Gives the requests that are receipted by it.
    fn commit(&mut self, ready: &[usize]) -> Result<Vec<State>, Setback> {
        let at = Moment(self.clock.wall_ms());
        let signer = self.store.signing_key()?;
        let sources =
            ready.iter().filter_map(|index| self.pending.get(*index)).map(|p| Source::of(&p.position)).collect();
        let mut chains = self.chains.open(&self.intake, sources, |_, offset| {
            Ok(Fact::new(offset, Outcome::Resumed, at, self.pipeline.clone()))
        })?;
        let mut receipted = Vec::new();
        for pending in ready.iter().filter_map(|index| self.pending.get(*index)) {
            let mut receipts: Vec<(Receipt, bool)> = Vec::new();
            for carried in &pending.carried {
                let Some(Effect::Receipt(receipt)) = self.carrier.machine.due(&carried.state) else {
                    return Err(Trouble::Fatal("an erasure settled without a receipt".into()).into());
                };
                // Beside an answer to the record itself there is no room for a second outcome of its offset.
                receipts.push((*receipt, pending.answer.is_some()));
                let committed = self.carrier.machine.step(carried.state.clone(), Input::Committed, at);
                receipted.push(committed.state);
            }
            receipts.extend(pending.answer.as_deref().map(|answer| (answer.clone(), false)));
            for (receipt, let_go) in receipts {
                metrics::counter!("lethe_erasures_total", "outcome" => receipt.outcome.code()).increment(1);
                let signed = sign(&receipt, &signer);
                let mut fact = receipt.fact(&signed, &pending.position, at, self.pipeline.clone());
                if let_go {
                    fact.outcome = Outcome::Completed;
                }
                chains.append(Source::of(&pending.position), pending.position.offset, &fact);
                self.outbox.send(&OutRecord {
                    topic: Arc::clone(&self.receipts),
                    region: None,
                    key: receipt.subject.map(|id| id.reference().into_bytes()),
                    value: Some(signed),
                    headers: vec![("lethe-id".into(), Some(pending.position.to_string().into_bytes()))],
                    timestamp_ms: pending.timestamp_ms,
                })?;
            }
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
        self.tidy = false;
        self.beat.trouble(true);
        let trouble = setback.trouble()?;
        // Of several instances another may have placed a hold meanwhile.
        if let Err(error) = self.register.reload() {
            tracing::warn!(%error, "holds could not be read again; those that are known stand");
        }
        tracing::warn!(%trouble, setbacks, "erasures rolled back to the committed offsets");
        let way =
            WayBack { name: "erasure", client: &self.client, clock: &*self.clock, beat: &self.beat, stop: &self.stop };
        way.go(&trouble, setbacks, &mut self.outbox, &self.intake)
    }
}

/// Whether a hold is why a request waits.
fn waits_for(state: &State, hold: &Hold) -> bool {
    state.phase() == Phase::Held && hold.against(state.request())
}
