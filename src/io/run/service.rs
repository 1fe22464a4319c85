//! The service: opens the store, starts the workers and the erasure worker, serves health and metrics, stops on a signal.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::erasure::ErasureWorker;
use super::health::{Beat, Health, Stop};
use super::retention::{WidthError, horizon, pin_widths};
use super::setback::WorkerError;
use super::upkeep::Upkeep;
use super::worker::{Shared, Worker};
use crate::io::clock::Clock;
use crate::io::http::{self, Observed};
use crate::io::kafka::{BatchLimits, Trouble};
use crate::io::keystore::{Keystore, StoreError};
use crate::io::setup::Loaded;
use crate::io::telemetry;
use crate::io::upkeep::{Control, Premises};

/// Why the service ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The key store can't be opened.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
    /// The configured retention doesn't fit the store.
    #[error("{0}")]
    Retention(#[from] WidthError),
    /// Kafka refused to let a worker begin.
    #[error("{0}")]
    Kafka(Trouble),
    /// A worker gave up.
    #[error("worker `{name}` gave up: {error}")]
    Worker {
        /// Which.
        name: String,
        /// Why.
        error: WorkerError,
    },
    /// A worker panicked outside the guarded core.
    #[error("worker `{0}` panicked; please report the place that the log names")]
    Panicked(String),
    /// The health endpoint can't be served.
    #[error("http on `{address}`: {error}\n  help: choose another `http.listen`, or stop what listens there")]
    Http {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

/// A started set of workers.
pub struct Running {
    /// Their state.
    pub health: Arc<Health>,
    threads: Vec<(String, JoinHandle<Result<(), WorkerError>>)>,
    stop: Stop,
}

impl Running {
    /// Starts everything that `loaded` asks for, on an open store.
    pub fn start(
        loaded: &Loaded,
        store: Arc<dyn Keystore>,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) -> Result<Self, ServiceError> {
        let settings = &loaded.settings;
        let shared = Arc::new(shared(loaded, Arc::clone(&store), Arc::clone(&clock))?);
        let erase = loaded.erase();
        let workers = if shared.routes.is_empty() { 0 } else { settings.workers };
        let health = Arc::new(Health::new(workers + usize::from(erase.is_some()) + 1, stop.clone()));
        let mut threads = Vec::new();
        let upkeep = upkeep(loaded, &store, &clock, health.beat(workers + usize::from(erase.is_some())), &stop)?;
        threads.push(spawn("upkeep".into(), move || upkeep.run()));
        for index in 0..workers {
            let name = index.to_string();
            let beat = health.beat(index);
            let (shared, stop) = (Arc::clone(&shared), stop.clone());
            let worker = Worker::open(name.clone(), shared, beat, stop).map_err(ServiceError::Kafka)?;
            threads.push(spawn(name, move || worker.run()));
        }
        if let Some((config, erase)) = erase {
            let worker = ErasureWorker::open(loaded, config, erase, store, clock, health.beat(workers), stop.clone());
            let worker = worker.map_err(|error| ServiceError::Worker { name: "erasure".into(), error })?;
            threads.push(spawn("erasure".into(), move || worker.run()));
        }
        Ok(Self { health, threads, stop })
    }

    /// Whether a worker has ended, asked to or not.
    pub fn ended(&self) -> bool {
        self.threads.iter().any(|(_, thread)| thread.is_finished())
    }

    /// Stops all workers and waits for them. The first failure is what is told.
    pub fn finish(self) -> Result<(), ServiceError> {
        let mut first = Ok(());
        // A worker that failed ends the service: the others finish their batch.
        for (name, thread) in self.threads {
            self.stop.request();
            let ended = match thread.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(ServiceError::Worker { name, error }),
                Err(_) => Err(ServiceError::Panicked(name)),
            };
            first = first.and(ended);
        }
        first
    }
}

/// The keeper of order: it begins only where the store was made with the widths that are configured.
fn upkeep(
    loaded: &Loaded,
    store: &Arc<dyn Keystore>,
    clock: &Arc<dyn Clock>,
    beat: Arc<Beat>,
    stop: &Stop,
) -> Result<Upkeep, ServiceError> {
    let horizon = horizon(&loaded.pipelines);
    pin_widths(&**store, &horizon)?;
    let control = loaded.settings.store.folder().and_then(|folder| match Control::listen(folder) {
        Ok(control) => Some(control),
        Err(error) => {
            tracing::warn!(%error, "`lethe keys` can't reach this process: stop it first, or give the store a shorter path");
            None
        }
    });
    let premises = Premises { store: Arc::clone(store), clock: Arc::clone(clock), horizon };
    let look_every_ms = loaded.settings.retention_check_seconds.saturating_mul(1_000);
    Ok(Upkeep::new(premises, look_every_ms, control, beat, stop.clone()))
}

/// What the workers share.
pub fn shared(loaded: &Loaded, store: Arc<dyn Keystore>, clock: Arc<dyn Clock>) -> Result<Shared, StoreError> {
    let settings = &loaded.settings;
    Ok(Shared {
        routes: loaded.routes(store.digest_key()?),
        store,
        client: loaded.client(),
        remotes: loaded.remotes(),
        audit_topic: Arc::clone(&settings.audit_topic),
        segment_bytes: loaded.segment_bytes(),
        limits: BatchLimits {
            records: settings.batch.records,
            bytes: settings.batch.bytes,
            linger_ms: settings.batch.linger_ms,
        },
        clock,
        lag: Arc::new(|topic, partition, lag| {
            let labels = [("topic", topic.to_owned()), ("partition", partition.to_string())];
            metrics::gauge!("lethe_consumer_lag_records", &labels).set(lag as f64);
        }),
    })
}

fn spawn(
    name: String,
    work: impl FnOnce() -> Result<(), WorkerError> + Send + 'static,
) -> (String, JoinHandle<Result<(), WorkerError>>) {
    #[expect(clippy::expect_used, reason = "the operating system has no thread left: nothing here could go on")]
    let thread = std::thread::Builder::new().name(format!("lethe-{name}")).spawn(work).expect("a thread");
    (name, thread)
}

/// The service as `lethe run` starts it.
pub struct Service;

impl Service {
    /// Runs until a signal or a failure.
    pub fn run(loaded: Loaded) -> Result<(), ServiceError> {
        let settings = &loaded.settings;
        telemetry::log(settings.log_format, settings.log_level);
        telemetry::quiet_panics();
        telemetry::no_core_dumps();
        let address = settings.listen;
        let metrics = telemetry::metrics()
            .map_err(|error| ServiceError::Http { address, error: std::io::Error::other(error) })?;
        let clock: Arc<dyn Clock> = Arc::new(crate::io::clock::SystemClock::default());
        let store = crate::io::setup::open_store(settings, Arc::clone(&clock))?;
        let stop = Stop::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ServiceError::Http { address, error })?;
        runtime.block_on(async {
            // The address is taken before the group is joined: a second process on it fails before it does anything.
            let listener = http::bind(address).await.map_err(|error| ServiceError::Http { address, error })?;
            let running = Running::start(&loaded, Arc::clone(&store), Arc::clone(&clock), stop.clone())?;
            tracing::info!(%address, workers = loaded.settings.workers, pipelines = loaded.pipelines.len(), "started");
            let observed = Observed { health: Arc::clone(&running.health), metrics, clock, store };
            let (quit, quitting) = tokio::sync::oneshot::channel::<()>();
            let server = tokio::spawn(http::serve(listener, observed, async {
                let _gone = quitting.await;
            }));
            tokio::select! {
                () = signalled() => tracing::info!("stopping: finishing the batch in hand"),
                () = ended(&running) => {}
            }
            stop.request();
            tokio::spawn(async {
                signalled().await;
                tracing::warn!("second signal: ending at once");
                std::process::exit(1);
            });
            let finished = tokio::task::spawn_blocking(|| running.finish()).await;
            let _served = quit.send(());
            let _closed = tokio::time::timeout(std::time::Duration::from_secs(2), server).await;
            finished.unwrap_or_else(|_| Err(ServiceError::Panicked("main".into())))
        })
    }
}

async fn ended(running: &Running) {
    while !running.ended() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
