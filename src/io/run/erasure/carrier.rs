//! Carries requests from verified to destroyed: fences first, then destruction in shared epochs, each step durable before the
//! next. A tenant's subjects are destroyed page by page, so that nobody else waits for a large one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::audit::{Moment, Name};
use crate::erasure::{
    Destruction, Effect, Input, Irreversibility, Machine, Phase, Priority, Purged, RootKeeper, State, Swept, Target,
};
use crate::io::clock::Clock;
use crate::io::keystore::{self, Keystore, Noted, Progress, Space, StoreError};
use crate::keys::rows::EpochRow;
use crate::keys::{BucketId, IndexKey, KeyId};
use crate::pipeline::{PipelineConfig, Work};
use crate::policy::RetentionClass;

/// Subjects destroyed in one call to the store.
const EPOCH_SUBJECTS: usize = 256;
/// Such pages of one tenant in one turn.
const SWEEP_PAGES: usize = 4;
/// Partitions of raw input that a receipt names at most.
const PURGED_MOST: usize = 256;

pub(super) struct Carrier {
    pub store: Arc<dyn Keystore>,
    pub machine: Machine,
    pub clock: Arc<dyn Clock>,
    pub index: IndexKey,
    classes: HashMap<String, RetentionClass>,
    /// Who keeps the root.
    provider: Box<str>,
}

/// The retention classes of all pipelines, by name.
pub(super) fn classes(pipelines: &[PipelineConfig]) -> HashMap<String, RetentionClass> {
    let mut classes = HashMap::new();
    for config in pipelines {
        if let Work::Sanitize(sanitize) = &config.work {
            let rules = &sanitize.policy.retention;
            let all = rules.classes.iter().chain([&rules.default]);
            classes.extend(all.map(|class| (class.name.to_string(), class.clone())));
        }
    }
    classes
}

impl Carrier {
    pub fn new(
        store: Arc<dyn Keystore>,
        machine: Machine,
        clock: Arc<dyn Clock>,
        index: IndexKey,
        classes: HashMap<String, RetentionClass>,
    ) -> Result<Self, StoreError> {
        let provider = store.status()?.root.provider().into();
        Ok(Self { store, machine, clock, index, classes, provider })
    }

    /// Whether some pipeline keeps events under this class.
    pub fn knows(&self, class: &Name) -> bool {
        self.classes.contains_key(class.as_str())
    }

    /// Fences and destroys what is due of these requests: durable before this returns. Tenants are only fenced.
    pub fn carry(&self, states: &mut [&mut State]) -> Result<(), StoreError> {
        self.begin(states)?;
        self.fence(states)?;
        self.destroy_subjects(states)?;
        self.destroy_classes(states)?;
        self.remember(states.iter().map(|state| &**state))
    }

    /// Writes down how far requests have come, all in one.
    pub fn remember<'s>(&self, states: impl Iterator<Item = &'s State>) -> Result<(), StoreError> {
        let progress = states.map(|state| Progress {
            request: State::key(state.request().tenant.as_ref(), &state.request().id),
            bytes: state.to_bytes(),
            settled: state.phase() == Phase::Receipted,
        });
        let progress: Vec<Progress> = progress.collect();
        if progress.is_empty() { Ok(()) } else { self.store.remember_all(&progress) }
    }

    /// Moves one request on.
    pub fn advance(&self, state: &mut State, input: Input) {
        *state = self.machine.step(state.clone(), input, Moment(self.clock.wall_ms())).state;
    }

    /// The intent, and the epoch it was formed in, are durable before the fence: a crash in between knows what it was about.
    fn begin(&self, states: &mut [&mut State]) -> Result<(), StoreError> {
        if !states.iter().any(|state| state.phase() == Phase::Verified) {
            return Ok(());
        }
        let epoch = self.store.ring(&[])?.epoch;
        for state in states.iter_mut() {
            self.advance(state, Input::Began { epoch });
        }
        self.remember(states.iter().map(|state| &**state))
    }

    fn fence(&self, states: &mut [&mut State]) -> Result<(), StoreError> {
        let mut due: Vec<(usize, KeyId, i64)> = Vec::new();
        let mut notes = Vec::new();
        for (at, state) in states.iter().enumerate() {
            let Some(Effect::Fence { target, through_ms }) = self.machine.due(state) else { continue };
            due.push((at, target.key(), through_ms));
            let standing = || keystore::limits(&*self.store);
            match &target {
                Target::Subject { .. } => {}
                Target::Tenant { key } => notes.push(keystore::tenant_limit(&standing()?, key, through_ms)),
                Target::RetentionClass { class, .. } => {
                    let Some(class) = self.classes.get(class.as_str()) else { continue };
                    let index = bucket_of(class, through_ms);
                    notes.push(keystore::class_limit(&standing()?, &class.name, index));
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        // A limit is durable before the fence moves the epoch: whoever sees the new epoch finds it.
        self.store.note(&notes)?;
        let fences = self.store.fence(&due.iter().map(|(_, key, through)| (*key, *through)).collect::<Vec<_>>())?;
        for ((at, ..), fence) in due.into_iter().zip(fences) {
            if let Some(state) = states.get_mut(at) {
                self.advance(state, Input::Fenced(fence));
            }
        }
        self.remember(states.iter().map(|state| &**state))
    }

    fn destroy_subjects(&self, states: &mut [&mut State]) -> Result<(), StoreError> {
        let mut due: Vec<(usize, Priority, KeyId)> = Vec::new();
        for (at, state) in states.iter().enumerate() {
            if let Some(Effect::Destroy { target: Target::Subject { key } }) = self.machine.due(state) {
                due.push((at, state.request().priority, key));
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<(Priority, KeyId)> = due.iter().map(|(_, priority, key)| (*priority, *key)).collect();
        keys.sort_unstable();
        let mut seen = std::collections::HashSet::new();
        keys.retain(|(_, key)| seen.insert(*key));
        let keys: Vec<KeyId> = keys.into_iter().map(|(_, key)| key).collect();
        let purged = self.purged()?;
        let mut destroyed = HashMap::new();
        for keys in keys.chunks(EPOCH_SUBJECTS) {
            let done = self.store.destroy(keys)?;
            let told = |subject: &keystore::Destruction| {
                let told = self.destruction(subject, &done.epochs);
                (subject.id, Destruction { purged: purged.clone(), ..told })
            };
            destroyed.extend(done.subjects.iter().map(told));
        }
        for (at, _, key) in due {
            if let (Some(state), Some(destruction)) = (states.get_mut(at), destroyed.get(&key)) {
                self.advance(state, Input::Destroyed(destruction.clone()));
            }
        }
        tracing::info!(subjects = keys.len(), "keys destroyed");
        Ok(())
    }

    /// All live buckets of the class up to the fence, in one epoch.
    fn destroy_classes(&self, states: &mut [&mut State]) -> Result<(), StoreError> {
        for state in states.iter_mut() {
            let Some(Effect::Destroy { target: Target::RetentionClass { class: name, key } }) = self.machine.due(state)
            else {
                continue;
            };
            let Some(class) = self.classes.get(name.as_str()) else { continue };
            let last = bucket_of(class, state.erased_through().0);
            let live = |(bucket, live): &(BucketId, bool)| *live && bucket.class == class.name && bucket.index <= last;
            let buckets: Vec<BucketId> = self.store.buckets()?.into_iter().filter(live).map(|(id, _)| id).collect();
            let expired = self.store.expire(&buckets)?;
            let none = keystore::Destruction {
                id: key,
                fence: crate::keys::Fence { erased_through_ms: state.erased_through().0, generation: 0 },
                outcome: keystore::Outcome::NoneHeld,
            };
            let epochs: Vec<(u64, EpochRow)> = expired.epoch.into_iter().collect();
            let destruction = Destruction {
                epoch: epochs.first().map_or(0, |(epoch, _)| *epoch),
                root: epochs.first().and_then(|(_, row)| Name::new(&row.old_top.to_string())),
                buckets: Some(buckets.len() as u64),
                purged: self.purged()?,
                ..self.destruction(&none, &epochs)
            };
            tracing::info!(class = %name, buckets = buckets.len(), "a retention class's keys destroyed");
            self.advance(state, Input::Destroyed(destruction));
        }
        Ok(())
    }

    /// Some more of a tenant's subjects; and the end, when there are none left. Subjects that enrol meanwhile have seen the
    /// epoch move, and sealed nothing.
    pub fn sweep(&self, state: &mut State) -> Result<(), StoreError> {
        let Some(Effect::Destroy { target: Target::Tenant { key: tenant } }) = self.machine.due(state) else {
            return Ok(());
        };
        let mut swept = state.swept();
        for _ in 0..SWEEP_PAGES {
            let after = swept.after.map(|after| [tenant.0, after.0].concat());
            let page = self.store.notes(Space::Members, &tenant.0, after.as_deref(), EPOCH_SUBJECTS)?;
            let ids: Vec<KeyId> = page.iter().filter_map(|note| member(note, &tenant)).collect();
            if ids.is_empty() {
                return self.end_sweep(state, tenant, swept);
            }
            self.sweep_page(state, &ids, &mut swept)?;
            self.advance(state, Input::Swept(swept.clone()));
            self.remember(std::iter::once(&*state))?;
        }
        Ok(())
    }

    fn sweep_page(&self, state: &State, ids: &[KeyId], swept: &mut Swept) -> Result<(), StoreError> {
        let through_ms = state.erased_through().0;
        self.store.fence(&ids.iter().map(|id| (*id, through_ms)).collect::<Vec<_>>())?;
        let done = self.store.destroy(ids)?;
        for subject in &done.subjects {
            let now =
                matches!(&subject.outcome, keystore::Outcome::Destroyed { epoch, .. } if *epoch > state.began_epoch());
            swept.subjects += 1;
            swept.destroyed += u64::from(now);
            if now {
                swept.last = Some(self.destruction(subject, &done.epochs));
            }
        }
        swept.after = ids.last().copied();
        Ok(())
    }

    /// The tenant's own key goes last: tokens that are equal across its subjects are taken from it.
    fn end_sweep(&self, state: &mut State, tenant: KeyId, swept: Swept) -> Result<(), StoreError> {
        let done = self.store.destroy(&[tenant])?;
        let own = done.subjects.first().map(|subject| self.destruction(subject, &done.epochs));
        let Some(told) =
            own.filter(|own| own.epoch > state.began_epoch()).or(swept.last).or_else(|| self.nothing(tenant))
        else {
            return Ok(());
        };
        let subjects = Some(swept.destroyed);
        let destruction = Destruction { generations: Vec::new(), page: None, subjects, purged: self.purged()?, ..told };
        tracing::info!(subjects = swept.destroyed, "a tenant's keys destroyed");
        self.advance(state, Input::Destroyed(destruction));
        self.remember(std::iter::once(&*state))
    }

    /// Removes what the blind index has of the erased. The leases have run out: nobody enters any more of it.
    pub fn forget_identifiers(&self, state: &State) -> Result<(), StoreError> {
        match &state.request().target {
            Target::Subject { key } => {
                keystore::forget_index(&*self.store, &self.index, key, state.condemned_generation())?;
            }
            Target::RetentionClass { .. } => {}
            Target::Tenant { key: tenant } => {
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let page = self.store.notes(Space::Members, &tenant.0, after.as_deref(), EPOCH_SUBJECTS)?;
                    let ids: Vec<KeyId> = page.iter().filter_map(|note| member(note, tenant)).collect();
                    if ids.is_empty() {
                        break;
                    }
                    // What is destroyed already is told again: with the generation up to which it is.
                    self.store.fence(&ids.iter().map(|id| (*id, state.erased_through().0)).collect::<Vec<_>>())?;
                    for subject in self.store.destroy(&ids)?.subjects {
                        keystore::forget_index(&*self.store, &self.index, &subject.id, subject.fence.generation)?;
                    }
                    after = page.last().map(|(key, _)| key.clone());
                }
            }
        }
        Ok(())
    }

    fn nothing(&self, key: KeyId) -> Option<Destruction> {
        let fence = crate::keys::Fence { erased_through_ms: 0, generation: 0 };
        let none = keystore::Destruction { id: key, fence, outcome: keystore::Outcome::NoneHeld };
        Some(self.destruction(&none, &[]))
    }

    /// How far raw input is purged now.
    fn purged(&self) -> Result<Vec<Purged>, StoreError> {
        let notes = self.store.notes(Space::Purged, &[], None, PURGED_MOST)?;
        Ok(notes.iter().filter_map(keystore::purged_of).collect())
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
            earlier: None,
            subjects: None,
            buckets: None,
            purged: Vec::new(),
        }
    }
}

/// The bucket that a class's events of this time are in.
fn bucket_of(class: &RetentionClass, at_ms: i64) -> u32 {
    crate::policy::Retention {
        class: Arc::clone(&class.name),
        seconds: class.keep_seconds,
        bucket_seconds: class.bucket_seconds,
    }
    .bucket_index(at_ms)
}

fn member((key, _): &Noted, tenant: &KeyId) -> Option<KeyId> {
    key.strip_prefix(tenant.0.as_slice())?.try_into().ok().map(KeyId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};

    use crate::erasure::{Admission, Instruction, Request, Scope, Settings, Unindexed};
    use crate::event::Position;
    use crate::io::clock::ManualClock;
    use crate::io::keystore::{EmbeddedStore, Note, Options, index_notes, subjects_of};
    use crate::io::kms::FileKeeper;
    use crate::io::steps::{Steps, Stopped};
    use crate::keys::{Grant, Identifier, KeyRequest, KeyState};

    const THROUGH_MS: i64 = 5_000;
    const EMAIL: Identifier<'static> = Identifier { tenant: "acme", kind: "EMAIL", value: "ada@example.org" };

    fn bucket(class: &str) -> BucketId {
        BucketId { class: class.into(), index: 0 }
    }

    fn of(id: KeyId, class: &str, grant: Grant) -> KeyRequest {
        KeyRequest { id, bucket: bucket(class), at_ms: 1_000, grant }
    }

    /// A deployment's people: two of a tenant, one who is erased alone, one whom nobody erases.
    struct World {
        carrier: Carrier,
        store: Arc<dyn Keystore>,
        members: [KeyId; 2],
        alone: KeyId,
        other: KeyId,
    }

    fn world(folder: &Path, steps: Steps) -> Result<World, StoreError> {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let keeper = Arc::new(FileKeeper::open_with(&folder.join("roots"), steps.clone())?);
        let options = Options { steps, ..Options::new(folder.join("store")) };
        let store: Arc<dyn Keystore> = Arc::new(EmbeddedStore::open(options, keeper, Arc::clone(&clock))?);
        let digests = store.digest_key()?;
        let tenant = |name: &str| crate::event::TenantId::new(name).unwrap();
        let id = |name: &str, subject: &str| digests.key_id(&tenant(name), subject.as_bytes());
        let class = |name: &str| RetentionClass { name: name.into(), keep_seconds: 60, bucket_seconds: 3_600 };
        let classes = ["short", "long"].map(|name| (name.to_owned(), class(name)));
        let machine = Machine::new(Settings::default());
        let carrier = Carrier::new(Arc::clone(&store), machine, clock, digests.index_key(), classes.into())?;
        let members = [id("acme", "ada"), id("acme", "bob")];
        Ok(World { carrier, store, members, alone: id("other", "cleo"), other: id("other", "dan") })
    }

    fn requests(store: &dyn Keystore) -> Vec<Request> {
        let admission =
            Admission { scopes: vec![Scope::Subject, Scope::Tenant, Scope::RetentionClass], ..Admission::default() };
        let digests = store.digest_key().unwrap();
        let asked = [
            json!({"request_id": "r-1", "tenant": "acme", "scope": "tenant"}),
            json!({"request_id": "r-2", "tenant": "other", "subject": "cleo"}),
            json!({"request_id": "r-3", "scope": "retention_class", "retention_class": "short"}),
        ];
        let position = Position { topic: "deletions".into(), partition: 0, offset: 1 };
        let read = |mut value: Value| {
            value["erase_through"] = "1970-01-01T00:00:05Z".into();
            let text = value.to_string();
            let now = Moment(THROUGH_MS + 1);
            match Instruction::parse(Some(text.as_bytes()), &position, now, &digests, &admission, &Unindexed).unwrap() {
                Instruction::Erase(request) => request,
                other => panic!("{other:?}"),
            }
        };
        asked.map(read).into()
    }

    /// Makes everybody's keys, and enrols them as the run loop does. Done again, it gives nobody erased a key.
    fn live(world: &World) -> Result<(), StoreError> {
        let World { store, carrier, members: [ada, bob], alone, other } = world;
        let asked: Vec<KeyRequest> = [ada, bob, alone, other].map(|id| of(*id, "long", Grant::Create)).into();
        let ring = store.ring(&asked)?;
        store.ring(&[of(*other, "short", Grant::Create)])?;
        let tenant = store.digest_key()?.tenant_key_id(&crate::event::TenantId::new("acme").unwrap());
        let member = |id: &KeyId| Note::put(Space::Members, [tenant.0, id.0].concat(), Vec::new());
        store.note(&[member(ada), member(bob)])?;
        if matches!(ring.state(&of(*ada, "long", Grant::Create)), KeyState::Live(_)) {
            store.note(&index_notes(&[carrier.index.entry(EMAIL, ada, 1)]))?;
        }
        Ok(())
    }

    /// What the worker does from the first reading of its requests to their receipts.
    fn erase(world: &World) -> Result<Vec<State>, StoreError> {
        let (carrier, now) = (&world.carrier, Moment(THROUGH_MS + 1));
        let mut states = Vec::new();
        for request in requests(&*world.store) {
            let key = State::key(request.tenant.as_ref(), &request.id);
            let known = world.store.recall(&key)?.and_then(|bytes| State::from_bytes(&bytes));
            states.push(carrier.machine.receive(known, request, now).unwrap().state);
        }
        carrier.carry(&mut states.iter_mut().collect::<Vec<_>>())?;
        for state in &mut states {
            while state.phase() == Phase::Fenced {
                carrier.sweep(state)?;
            }
            if state.phase() == Phase::Destroyed {
                carrier.forget_identifiers(state)?;
            }
            carrier.advance(state, Input::Waited { waited_ms: u64::MAX });
        }
        carrier.remember(states.iter())?;
        for state in &mut states {
            carrier.advance(state, Input::Committed);
        }
        carrier.remember(states.iter())?;
        Ok(states)
    }

    fn check(world: &World, states: &[State], at: &str) {
        let World { store, carrier, members: [ada, bob], alone, other } = world;
        let state = |request: &KeyRequest| store.ring(std::slice::from_ref(request)).unwrap().state(request).clone();
        for gone in [ada, bob, alone] {
            let found = state(&of(*gone, "long", Grant::Open));
            assert!(matches!(found, KeyState::Erased(_)), "{at}: {gone:?} is {found:?}");
        }
        assert!(matches!(state(&of(*other, "long", Grant::Open)), KeyState::Live(_)), "{at}: a bystander was lost");
        let class = state(&of(*other, "short", Grant::Open));
        assert!(matches!(class, KeyState::Expired), "{at}: the class is {class:?}");
        assert!(subjects_of(&**store, &carrier.index, EMAIL).unwrap().is_empty(), "{at}: the index knows the erased");
        assert!(store.notes(Space::Index, &[], None, 10).unwrap().is_empty(), "{at}: half an entry is left");
        let limits = keystore::limits(&**store).unwrap();
        assert_eq!((limits.tenants.len(), limits.classes.get("short")), (1, Some(&0)), "{at}");
        assert!(states.iter().all(|state| state.phase() == Phase::Receipted), "{at}");
        assert!(store.open_requests().unwrap().is_empty(), "{at}");
    }

    #[test]
    fn stopped_at_any_step_an_erasure_of_any_scope_is_taken_up_where_it_stood() {
        // In memory where the machine has such: stores are opened by the hundred.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let steps = Steps::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let clean = world(&folder.path().join("clean"), steps).unwrap();
        live(&clean).unwrap();
        let before = count.load(Ordering::SeqCst);
        check(&clean, &erase(&clean).unwrap(), "clean");
        let steps = before..count.load(Ordering::SeqCst);
        assert!(steps.len() > 40, "{} steps", steps.len());
        for stop in steps {
            let home = folder.path().join(stop.to_string());
            let reached = AtomicUsize::new(0);
            let hook =
                Steps::new(
                    move |name| {
                        if reached.fetch_add(1, Ordering::SeqCst) >= stop { Err(Stopped(name)) } else { Ok(()) }
                    },
                );
            let stopped = world(&home, hook).unwrap();
            live(&stopped).unwrap();
            let at = format!("step {stop}");
            let ended = erase(&stopped);
            assert!(ended.is_err(), "{at} did not stop");
            drop((ended, stopped));
            let again = world(&home, Steps::default()).unwrap();
            check(&again, &erase(&again).unwrap(), &at);
            // A replayed backlog brings nobody back.
            live(&again).unwrap();
            check(&again, &[], &at);
            drop(again);
            std::fs::remove_dir_all(&home).unwrap();
        }
    }
}
