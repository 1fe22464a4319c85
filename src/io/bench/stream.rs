//! The stream beside a bare consume–transact–produce loop, in turn, on the same broker and the same records. Both use the
//! same clients, batch limits and transactions; the bare loop copies bytes and does nothing else.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::audit::Source;
use crate::io::clock::Clock;
use crate::io::kafka::{Client, Intake, Mirror, Outbox, Trouble};
use crate::io::run::{Health, Shared, Stop, Worker};
use crate::io::sample::Sampler;
use crate::pipeline::OutRecord;

/// One measured run.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Records.
    pub records: u64,
    /// Payload bytes in.
    pub bytes: u64,
    /// Wall time from the first batch to the last commit, seconds.
    pub wall_seconds: f64,
    /// Processor time of this process (all its threads, librdkafka's included), seconds.
    pub cpu_seconds: f64,
}

impl Round {
    /// Records a second.
    pub fn records_per_second(&self) -> f64 {
        self.records as f64 / self.wall_seconds.max(1e-9)
    }

    /// Processor time a record, microseconds.
    pub fn cpu_us_per_record(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records.max(1) as f64
    }
}

/// The benchmark's input.
pub struct StreamBench {
    /// How the cluster is reached.
    pub client: Client,
    /// Input topic.
    pub topic: Arc<str>,
    /// Records in it.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl StreamBench {
    /// Publishes `records` sample events.
    pub fn fill(client: Client, topic: Arc<str>, records: u64, now_ms: i64) -> Result<Self, Trouble> {
        let producer = Mirror::open(&client)?;
        let mut sampler = Sampler::new(42, 10_000, now_ms);
        let mut bytes = 0;
        for _ in 0..records {
            let sample = sampler.next_event();
            bytes += sample.value.len() as u64;
            producer.send(&OutRecord::bare(Arc::clone(&topic), Some(sample.subject.into_bytes()), sample.value))?;
        }
        producer.settle()?;
        Ok(Self { client, topic, records, bytes })
    }

    fn round(&self, clock: &Arc<dyn Clock>, run: impl FnOnce() -> Result<(), Trouble>) -> Result<Round, Trouble> {
        let (wall, cpu) = (clock.monotonic_us(), cpu_us());
        run()?;
        Ok(Round {
            records: self.records,
            bytes: self.bytes,
            wall_seconds: (clock.monotonic_us() - wall) as f64 / 1e6,
            cpu_seconds: cpu_us().saturating_sub(cpu) as f64 / 1e6,
        })
    }
}

/// Copies every record to `to` in transactions. The clock starts when the group has assigned partitions.
pub fn bare(bench: &StreamBench, group: &str, to: &Arc<str>, shared: &Shared) -> Result<Round, Trouble> {
    let client = Client { group: group.to_owned(), ..bench.client.clone() };
    let topics = [Arc::clone(&bench.topic)];
    let mut intake = Intake::open(&client, "", &topics, Arc::new(|_, _, _| {}), Arc::clone(&shared.clock))?;
    let mut outbox = Outbox::open(&client, "bare")?;
    let mut first = loop {
        let batch = intake.collect(shared.limits, Duration::from_millis(100), &|| false)?;
        if !batch.records.is_empty() {
            break Some(batch);
        }
    };
    bench.round(&shared.clock, || {
        let mut done = 0;
        while done < bench.records {
            let batch = match first.take() {
                Some(batch) => batch,
                None => intake.collect(shared.limits, Duration::from_millis(100), &|| false)?,
            };
            let mut offsets = TopicPartitionList::new();
            for record in &batch.records {
                outbox.send(&OutRecord {
                    topic: Arc::clone(to),
                    region: None,
                    key: record.key.as_ref().map(|key| key.reveal().to_vec()),
                    value: record.value.as_ref().map(|value| value.reveal().to_vec()),
                    headers: Vec::new(),
                    timestamp_ms: record.timestamp_ms,
                })?;
                let source = Source::of(&record.position);
                let next = Offset::Offset(record.position.offset + 1);
                if offsets.set_partition_offset(&source.topic, source.partition, next).is_err() {
                    let added = offsets.add_partition_offset(&source.topic, source.partition, next);
                    added.map_err(|error| Trouble::Fatal(error.to_string()))?;
                }
            }
            if !batch.records.is_empty() {
                outbox.commit(&offsets, &intake.group()?)?;
                done += batch.records.len() as u64;
            }
        }
        Ok(())
    })
}

/// The same records through `workers` real workers.
pub fn sanitising(bench: &StreamBench, shared: Arc<Shared>, workers: usize) -> Result<Round, Trouble> {
    let stop = Stop::default();
    let health = Arc::new(Health::new(workers, stop.clone()));
    let clock = Arc::clone(&shared.clock);
    let mut threads = Vec::new();
    for index in 0..workers {
        let worker = Worker::open(format!("bench-{index}"), Arc::clone(&shared), health.beat(index), stop.clone())?;
        threads.push(std::thread::spawn(move || worker.run()));
    }
    let wait = |until: u64| {
        while health.committed() < until && threads.iter().all(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    // The first batch starts the clock; its records count as done, which favours nobody by more than one batch.
    wait(1);
    let early = health.committed();
    let round = bench.round(&clock, || {
        wait(bench.records);
        Ok(())
    });
    stop.request();
    for thread in threads {
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Trouble::Fatal(error.to_string())),
            Err(_) => return Err(Trouble::Fatal("a worker panicked".into())),
        }
    }
    let mut round = round?;
    round.bytes = round.bytes * (round.records - early) / round.records.max(1);
    round.records -= early;
    Ok(round)
}

/// Processor time of this process so far, microseconds.
fn cpu_us() -> u64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(spent.tv_sec * 1_000_000 + spent.tv_nsec / 1_000).unwrap_or(0)
}
