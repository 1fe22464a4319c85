//! What the embedded key store costs at a size: create, fetch, erase, memory, disk, reopening; and what the measured slopes come
//! to at a hundred million subjects.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::BenchError;
use crate::io::clock::{Clock, SystemClock};
use crate::io::keystore::{EmbeddedStore, Keystore, Options, StoreError};
use crate::io::kms::FileKeeper;
use crate::keys::{BucketId, Grant, KeyId, KeyRequest};

/// Subjects of one batch of the stream.
const BATCH: usize = 1_000;
/// Subjects erased in one epoch.
const EPOCH: usize = 100;
const FAR: u64 = 100_000_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct KeysAsked {
    /// How many subjects.
    pub subjects: u64,
    /// Where the store is made; it must be empty, and is removed afterwards. `None`: a temporary folder.
    pub folder: Option<PathBuf>,
}

/// One stretch of work.
struct Stretch {
    count: u64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Stretch {
    fn rate(&self) -> f64 {
        self.count as f64 / self.seconds.max(1e-9)
    }

    fn cpu_us(&self) -> f64 {
        self.cpu_seconds * 1e6 / (self.count as f64).max(1.0)
    }

    fn line(&self, name: &str) -> String {
        let (rate, cpu_us) = (self.rate(), self.cpu_us());
        format!(
            "{name:<36} {:>10} in {:>7.2} s  {rate:>10.0} /s  CPU {cpu_us:>8.2} us each, all threads",
            self.count, self.seconds
        )
    }
}

/// Measures; `say` gets line after line, and ends it by returning false.
pub fn keys(asked: &KeysAsked, say: &mut dyn FnMut(&str) -> bool) -> Result<(), BenchError> {
    let made = asked.folder.is_none().then(tempfile::tempdir).transpose();
    let made = made.map_err(|error| BenchError::File { path: "a temporary folder".into(), error })?;
    let folder = match (&asked.folder, &made) {
        (Some(folder), _) => folder.clone(),
        (None, Some(made)) => made.path().to_owned(),
        (None, None) => PathBuf::new(),
    };
    if folder.join("store").exists() {
        return Err(StoreError::Occupied(folder).into());
    }
    let measured =
        Bench { subjects: asked.subjects.max(BATCH as u64), folder: folder.clone(), clock: SystemClock::new() };
    let done = measured.run(say);
    for made in ["store", "roots"] {
        // Left behind it would fill the disk; that the folder is not there is no failure.
        drop(std::fs::remove_dir_all(folder.join(made)));
    }
    done
}

struct Bench {
    subjects: u64,
    folder: PathBuf,
    clock: SystemClock,
}

impl Bench {
    fn run(&self, say: &mut dyn FnMut(&str) -> bool) -> Result<(), BenchError> {
        let store = self.open()?;
        let mut slope = Slope::default();
        slope.note(0);
        let quarter = self.subjects.div_ceil(4 * BATCH as u64) * BATCH as u64;
        let (mut from, mut last) = (0, None);
        while from < self.subjects {
            let to = (from + quarter).min(self.subjects);
            let stretch = self.create(&store, from..to)?;
            slope.note(to);
            if !say(&format!("{}  {}", stretch.line(&format!("create, to {to}")), memory())) {
                return Ok(());
            }
            (from, last) = (to, Some(stretch));
        }
        let status = store.status()?;
        let disk = folder_bytes(&self.folder.join("store"));
        say(&format!(
            "{} subjects, {} pages, {} mids; {:.0} MB on disk, {:.0} bytes a subject",
            status.subjects,
            status.pages,
            status.mids,
            disk as f64 / 1e6,
            disk as f64 / self.subjects as f64
        ));
        self.fetch(&store, say)?;
        let erased = self.erase(&store, say)?;
        say(&format!("memory: {}", memory()));
        drop(store);
        let (reopened, store) = self.timed(1, || self.open())?;
        say(&reopened.line("reopen"));
        say(&format!("memory: {}", memory()));
        drop(store);
        self.extrapolate(say, last.as_ref(), &slope, disk, reopened.seconds, erased.seconds / erased.count as f64);
        Ok(())
    }

    fn open(&self) -> Result<EmbeddedStore, StoreError> {
        let keeper = Arc::new(FileKeeper::open(&self.folder.join("roots"))?);
        EmbeddedStore::open(Options::new(self.folder.join("store")), keeper, Arc::new(SystemClock::new()))
    }

    fn timed<T>(&self, count: u64, work: impl FnOnce() -> Result<T, StoreError>) -> Result<(Stretch, T), StoreError> {
        let (began_us, cpu) = (self.clock.monotonic_us(), cpu_seconds());
        let made = work()?;
        let seconds = (self.clock.monotonic_us() - began_us) as f64 / 1e6;
        Ok((Stretch { count, seconds, cpu_seconds: cpu_seconds() - cpu }, made))
    }

    fn create(&self, store: &EmbeddedStore, numbers: std::ops::Range<u64>) -> Result<Stretch, StoreError> {
        let count = numbers.end - numbers.start;
        let (stretch, ()) = self.timed(count, || {
            for first in numbers.clone().step_by(BATCH) {
                let last = (first + BATCH as u64).min(numbers.end);
                let requests: Vec<_> = (first..last).map(|number| request(number, Grant::Create)).collect();
                store.ring(&requests)?;
            }
            Ok(())
        })?;
        Ok(stretch)
    }

    fn fetch(&self, store: &EmbeddedStore, say: &mut dyn FnMut(&str) -> bool) -> Result<(), StoreError> {
        let ring = |requests: &[KeyRequest]| requests.chunks(BATCH).try_for_each(|batch| store.ring(batch).map(drop));
        let uncached: Vec<_> = (0..200_000).map(|n| request(self.spread(n), Grant::Open)).collect();
        let (stretch, ()) = self.timed(uncached.len() as u64, || ring(&uncached))?;
        say(&stretch.line("ring, mostly uncached"));
        let cached: Vec<_> = (0..20_000).map(|n| request(self.spread(n), Grant::Open)).collect();
        ring(&cached)?;
        let (stretch, ()) = self.timed(cached.len() as u64 * 50, || (0..50).try_for_each(|_| ring(&cached)))?;
        say(&stretch.line("ring, cached"));
        Ok(())
    }

    fn erase(&self, store: &EmbeddedStore, say: &mut dyn FnMut(&str) -> bool) -> Result<Stretch, StoreError> {
        let erased: Vec<KeyId> = (0..1_000).map(|n| id(self.spread(n + 500_000))).collect();
        let (stretch, ()) = self.timed(erased.len() as u64, || {
            erased.chunks(EPOCH).try_for_each(|batch| {
                store.fence(&batch.iter().map(|id| (*id, i64::MAX)).collect::<Vec<_>>())?;
                store.destroy(batch).map(drop)
            })
        })?;
        let each_ms = stretch.seconds * 1e3 / stretch.count as f64;
        say(&format!("{}  = {each_ms:.2} ms a subject", stretch.line("erase (fence, destroy), batches of 100")));
        Ok(stretch)
    }

    fn spread(&self, number: u64) -> u64 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % self.subjects
    }

    fn extrapolate(
        &self,
        say: &mut dyn FnMut(&str) -> bool,
        last: Option<&Stretch>,
        slope: &Slope,
        disk: u64,
        reopen_seconds: f64,
        erase_seconds: f64,
    ) {
        let times = FAR as f64 / self.subjects as f64;
        let mut line = format!("at {FAR} subjects, by these slopes:");
        if let Some(last) = last {
            let hours = FAR as f64 / last.rate() / 3_600.0;
            line.push_str(&format!(
                " create {hours:.1} h at the last quarter's rate ({:.1} h of CPU),",
                last.cpu_us() * 1e2 / 3_600.0
            ));
        }
        let memory = slope.at(FAR);
        line.push_str(&format!(
            " disk {:.1} GB, memory {:.0} MB, reopen {:.1} s, erase {:.2} ms a subject",
            disk as f64 * times / 1e9,
            memory / 1e6,
            reopen_seconds * times,
            erase_seconds * 1e3
        ));
        say(&line);
    }
}

/// Resident memory by number of subjects: a line through the last two points, since the caches fill first.
#[derive(Default)]
struct Slope(Vec<(u64, f64)>);

impl Slope {
    fn note(&mut self, subjects: u64) {
        self.0.push((subjects, resident_bytes()));
    }

    fn at(&self, subjects: u64) -> f64 {
        let mut points = self.0.iter().rev();
        let (Some((x1, y1)), Some((x0, y0))) = (points.next(), points.next()) else { return 0.0 };
        let rise = (y1 - y0).max(0.0) / (x1 - x0).max(1) as f64;
        y1 + rise * (subjects - x1.min(&subjects)) as f64
    }
}

fn id(number: u64) -> KeyId {
    let digest = ring::digest::digest(&ring::digest::SHA256, &number.to_be_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    KeyId(id)
}

fn request(number: u64, grant: Grant) -> KeyRequest {
    thread_local! {
        static BUCKET: BucketId = BucketId { class: "bench".into(), index: 1 };
    }
    KeyRequest { id: id(number), bucket: BUCKET.with(BucketId::clone), at_ms: 1_000, grant }
}

/// CPU time of all threads of this process: on a busy machine it says more than the clock.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn status_lines() -> impl Iterator<Item = (String, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines: Vec<_> = status.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1_024.0))
    })
}

fn resident_bytes() -> f64 {
    status_lines().find(|(name, _)| name == "VmRSS").map_or(0.0, |(_, bytes)| bytes)
}

fn memory() -> String {
    let of = |wanted: &str| status_lines().find(|(name, _)| name == wanted).map_or(0.0, |(_, bytes)| bytes / 1e6);
    format!("resident {:.0} MB, peak {:.0} MB", of("VmRSS"), of("VmHWM"))
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => folder_bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
