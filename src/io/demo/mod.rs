//! The demo: a broker in this process (or a real one), the shipped pipelines, sample traffic, a stand-in for the model, an
//! erasure half-way, and a judge who looks for every planted value in everything that came out.

mod ground;
mod ledger;
mod model;
mod screen;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

pub use ground::{DemoError, Ground, PIPELINES};
pub use ledger::Ledger;
pub use model::answer;
use screen::{Screen, answer_text};

use super::clock::Clock;
use super::kafka::{Client, From, Mirror, Tap, Tapped, Trouble};
use super::run::Stop;
use super::sample::Sampler;
use crate::pipeline::OutRecord;

/// Topics of the shipped pipelines.
pub const TOPICS: &[&str] = &[
    "prompts.raw",
    "responses.raw",
    "privacy.deletions",
    "prompts.sanitized.eu",
    "prompts.sanitized.us",
    "responses.sanitized.eu",
    "responses.sanitized.us",
    "responses.restored.eu",
    "responses.restored.us",
    "lethe.audit",
    "lethe.quarantine",
    "erasure.receipts",
];

/// What the demo is asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Stop after so many events; `None` goes on until asked to stop.
    pub events: Option<u64>,
    /// Events a second; 0 is as fast as it goes.
    pub rate: u64,
    /// Seed of the sample traffic.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// Events published.
    pub published: u64,
    /// Planted values that came out where they must not, by kind.
    pub leaks: Vec<(String, u64)>,
    /// Planted values looked for.
    pub looked_for: u64,
    /// Outputs by topic.
    pub outputs: Vec<(String, u64)>,
    /// Answers with originals back.
    pub restored: u64,
    /// Whether the erased subject's answer stayed closed afterwards.
    pub stayed_closed: Option<bool>,
}

impl Summary {
    /// Whether the demo showed what it promises.
    pub fn good(&self) -> bool {
        self.leaks.is_empty() && self.stayed_closed != Some(false) && self.restored > 0
    }
}

/// How many events are shown in full before the demo goes quiet (with `--events`).
const SHOWN: usize = 4;

/// Plays the demo against a running service.
pub fn play(client: &Client, script: Script, clock: &Arc<dyn Clock>, stop: &Stop) -> Result<Summary, Trouble> {
    let quiet = Stop::default();
    let responses: Arc<str> = "responses.raw".into();
    std::thread::scope(|scope| {
        let (ender, worker) = (quiet.clone(), quiet.clone());
        let model = scope.spawn(move || {
            model::answer(client, &["prompts.sanitized.eu", "prompts.sanitized.us"], &responses, &worker)
        });
        let mut stage = Stage::open(client, script, Arc::clone(clock))?;
        let played = stage.play(stop);
        ender.request();
        let modelled = model.join().map_err(|_| Trouble::Fatal("the model's stand-in panicked".into()))?;
        played.and(modelled)?;
        stage.summary()
    })
}

/// Everything the demo holds while it runs.
struct Stage<'a> {
    client: &'a Client,
    script: Script,
    clock: Arc<dyn Clock>,
    producer: Mirror,
    tap: Tap,
    sampler: Sampler,
    ledger: Ledger,
    screen: Screen,
    raw: HashMap<i64, Vec<u8>>,
    answers: HashMap<i64, Tapped>,
    shown: usize,
    published: u64,
    restored_seen: u64,
    victim: Option<Victim>,
    stayed_closed: Option<bool>,
}

/// Who is erased half-way.
struct Victim {
    subject: String,
    at: i64,
    answer: Option<Tapped>,
}

impl<'a> Stage<'a> {
    fn open(client: &'a Client, script: Script, clock: Arc<dyn Clock>) -> Result<Self, Trouble> {
        let watched = TOPICS.get(3..9).unwrap_or_default();
        Ok(Self {
            client,
            script,
            producer: Mirror::open(client)?,
            tap: Tap::open(client, watched, From::End)?,
            sampler: Sampler::new(script.seed, 200, clock.wall_ms()),
            clock,
            ledger: Ledger::default(),
            screen: Screen::default(),
            raw: HashMap::new(),
            answers: HashMap::new(),
            shown: 0,
            published: 0,
            restored_seen: 0,
            victim: None,
            stayed_closed: None,
        })
    }

    fn play(&mut self, stop: &Stop) -> Result<(), Trouble> {
        let half = self.script.events.map_or(20, |events| events / 2);
        let wanted = self.script.events.unwrap_or(u64::MAX);
        let step = if self.script.rate == 0 { 200 } else { 1 };
        while self.published < wanted && !stop.requested() {
            for _ in 0..step.min(wanted - self.published) {
                self.publish()?;
            }
            let pause_us = 1_000_000_u64.checked_div(self.script.rate).unwrap_or(0);
            self.watch(Duration::from_micros(pause_us))?;
            if self.published >= half && self.stayed_closed.is_none() {
                self.erase(stop)?;
            }
        }
        self.producer.settle()?;
        if !stop.requested() || self.script.events.is_none() {
            self.drain()?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Trouble> {
        let sample = self.sampler.next_event();
        self.ledger.plant(&sample);
        if let Some(at) = ledger::time_of(&sample.value) {
            if self.victim.is_none() {
                self.victim = Some(Victim { subject: sample.subject.clone(), at, answer: None });
            }
            if self.raw.len() < 10_000 {
                self.raw.insert(at, sample.value.clone());
            }
        }
        self.published += 1;
        self.producer.send(&OutRecord {
            topic: "prompts.raw".into(),
            region: None,
            key: Some(sample.subject.into_bytes()),
            value: Some(sample.value),
            headers: vec![("tenant".to_owned(), Some(sample.tenant.as_bytes().to_vec()))],
            timestamp_ms: None,
        })
    }

    /// Reads outputs for a while.
    fn watch(&mut self, span: Duration) -> Result<bool, Trouble> {
        let until = self.clock.monotonic_ms() + span.as_millis() as u64;
        let mut any = false;
        loop {
            let left = until.saturating_sub(self.clock.monotonic_ms());
            match self.tap.next(Duration::from_millis(left.min(200)))? {
                Some(record) => {
                    any = true;
                    self.see(record)?;
                }
                None if left == 0 => return Ok(any),
                None => {}
            }
        }
    }

    fn see(&mut self, record: Tapped) -> Result<(), Trouble> {
        let io = |error: std::io::Error| Trouble::Fatal(format!("standard output: {error}"));
        let at = record.value.as_deref().and_then(ledger::time_of).unwrap_or_default();
        let restored = record.topic.starts_with("responses.restored");
        if restored {
            self.ledger.welcome(&record);
            self.restored_seen += 1;
        } else {
            self.ledger.inspect(&record);
        }
        if record.topic.starts_with("responses.sanitized")
            && let Some(victim) = &mut self.victim
            && victim.at == at
            && victim.answer.is_none()
        {
            victim.answer = Some(record.clone());
        }
        let show = self.script.events.is_none() || self.shown < SHOWN;
        if record.topic.starts_with("prompts.sanitized") && show {
            if let Some(raw) = self.raw.get(&at) {
                self.screen.prompt(raw, &record).map_err(io)?;
                self.shown += 1;
                self.answers.insert(at, record);
            }
        } else if restored && self.answers.remove(&at).is_some() {
            self.screen.restored(&record).map_err(io)?;
        }
        Ok(())
    }

    /// Erases the first subject, waits for the receipt, and has the old answer restored once more.
    fn erase(&mut self, stop: &Stop) -> Result<(), Trouble> {
        let io = |error: std::io::Error| Trouble::Fatal(format!("standard output: {error}"));
        self.producer.settle()?;
        for _ in 0..300 {
            if self.victim.as_ref().is_none_or(|victim| victim.answer.is_some()) || stop.requested() {
                break;
            }
            self.watch(Duration::from_millis(200))?;
        }
        let Some(Victim { subject, answer: Some(answer), .. }) = self.victim.take() else {
            self.stayed_closed = Some(false);
            return Ok(());
        };
        self.screen
            .title(&format!("Erasure: `{subject}` asks to be forgotten (published to `privacy.deletions`)"))
            .map_err(io)?;
        let mut receipts = Tap::open(self.client, &["erasure.receipts"], From::End)?;
        let request = json!({ "request_id": "demo-1", "tenant": "acme", "subject": subject, "reason": "gdpr_17_1_b" });
        self.producer.send(&OutRecord::bare("privacy.deletions".into(), None, request.to_string().into_bytes()))?;
        self.producer.settle()?;
        let mut receipt = None;
        for _ in 0..300 {
            self.watch(Duration::ZERO)?;
            receipt = receipts.next(Duration::from_millis(100))?;
            if receipt.is_some() || stop.requested() {
                break;
            }
        }
        let Some(receipt) = receipt else {
            self.screen.say("  no receipt within 30 s").map_err(io)?;
            self.stayed_closed = Some(false);
            return Ok(());
        };
        let text = String::from_utf8_lossy(receipt.value.as_deref().unwrap_or_default()).into_owned();
        self.screen.say(&format!("  receipt (signed): {text}")).map_err(io)?;
        self.restore_again(answer).map_err(|trouble| match trouble {
            Trouble::Retry(what) => Trouble::Fatal(what),
            other => other,
        })
    }

    /// Publishes the subject's old answer again: its sealed header must open no more.
    fn restore_again(&mut self, answer: Tapped) -> Result<(), Trouble> {
        let io = |error: std::io::Error| Trouble::Fatal(format!("standard output: {error}"));
        let restored_topic = answer.topic.replace("sanitized", "restored");
        let mut again = Tap::open(self.client, &[&restored_topic], From::End)?;
        let sealed: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "lethe-sealed" || name == "tenant")
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        let marker = ("demo-again".to_owned(), Some(b"1".to_vec()));
        self.producer.send(&OutRecord {
            topic: answer.topic.as_str().into(),
            region: None,
            key: answer.key.clone(),
            value: answer.value.clone(),
            headers: sealed.into_iter().chain([marker]).collect(),
            timestamp_ms: None,
        })?;
        self.producer.settle()?;
        for _ in 0..300 {
            self.watch(Duration::ZERO)?;
            let Some(record) = again.next(Duration::from_millis(100))? else { continue };
            if record.header("demo-again").is_none() {
                continue;
            }
            let closed = record.value == answer.value;
            self.screen
                .say(&format!("  the same answer again:  {}", answer_text(record.value.as_deref().unwrap_or_default())))
                .map_err(io)?;
            let verdict = if closed { "nothing comes back: the key is destroyed" } else { "SOMETHING CAME BACK" };
            self.screen.say(&format!("  {verdict}\n")).map_err(io)?;
            self.stayed_closed = Some(closed);
            return Ok(());
        }
        self.stayed_closed = Some(false);
        Ok(())
    }

    /// Waits until the pipelines have nothing more to say.
    fn drain(&mut self) -> Result<(), Trouble> {
        let mut silent = 0;
        while silent < 8 {
            silent = if self.watch(Duration::from_millis(500))? { 0 } else { silent + 1 };
        }
        Ok(())
    }

    fn summary(mut self) -> Result<Summary, Trouble> {
        for topic in ["lethe.audit", "lethe.quarantine", "erasure.receipts"] {
            let records = Tap::read_to_end(self.client, topic)?;
            self.ledger.inspect_evidence(&records);
        }
        let sorted = |map: HashMap<String, u64>| {
            let mut list: Vec<(String, u64)> = map.into_iter().collect();
            list.sort();
            list
        };
        let leaks = self.ledger.leaks.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        Ok(Summary {
            published: self.published,
            leaks: sorted(leaks),
            looked_for: self.ledger.looked_for,
            outputs: sorted(self.ledger.outputs),
            restored: self.ledger.restored,
            stayed_closed: self.stayed_closed,
        })
    }
}
