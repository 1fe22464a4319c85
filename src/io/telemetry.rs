//! Logs, metrics and the panic hook. None of them ever holds payload text.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::pipeline::{LogFormat, LogLevel};

/// Starts logging to standard error. A second call does nothing.
pub fn log(format: LogFormat, level: LogLevel) {
    let filter = EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Colours are for people: a file or a log collector would keep the escapes.
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    let _already_started = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
}

/// A panic says where, and nothing else: the standard message may quote the text that it stumbled over.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "unknown".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
        tracing::error!(place, "broken invariant (panic); please report this place");
        metrics::counter!("lethe_panics_total").increment(1);
    }));
}

/// Core dumps hold keys and prompts: this process makes none, and no debugger of the same user reads its memory.
pub fn no_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if setrlimit(Resource::Core, none).is_err() || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
            tracing::warn!("core dumps could not be switched off; set `ulimit -c 0`");
        }
    }
}

/// Starts the metrics and describes them. The handle renders the Prometheus text format.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    const RECORDS: &[f64] = &[1.0, 10.0, 100.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full("lethe_batch_records".into()), RECORDS)?
        .install_recorder()?;
    metrics::describe_counter!("lethe_records_total", "Input records by topic, outcome and code");
    metrics::describe_counter!("lethe_detections_total", "Findings by kind and treatment");
    metrics::describe_counter!(
        "lethe_transactions_total",
        "Kafka transactions: committed, aborted, or renewed producers"
    );
    metrics::describe_counter!("lethe_store_errors_total", "Key store failures by reason");
    metrics::describe_counter!("lethe_panics_total", "Broken invariants caught");
    metrics::describe_counter!("lethe_erasures_total", "Erasure requests by outcome");
    metrics::describe_histogram!("lethe_batch_records", "Records in a committed batch");
    metrics::describe_histogram!("lethe_stage_duration_seconds", "Time of each stage of a batch");
    metrics::describe_gauge!("lethe_consumer_lag_records", "Records behind the last stable offset");
    metrics::describe_gauge!("lethe_erasures_open", "Erasure requests without a receipt yet");
    metrics::describe_gauge!("lethe_erasure_oldest_open_seconds", "Age of the oldest request without a receipt");
    metrics::describe_counter!("lethe_retention_expired_buckets_total", "Retention buckets whose keys were destroyed");
    metrics::describe_gauge!("lethe_retention_live_buckets", "Retention buckets with keys, by class");
    metrics::describe_gauge!(
        "lethe_retention_unclaimed_buckets",
        "Buckets of a class that no pipeline defines: nothing expires them"
    );
    metrics::describe_gauge!("lethe_retention_oldest_overdue_seconds", "How late the oldest expiry of keys is");
    metrics::describe_gauge!("lethe_build_info", "Version of this build, always 1");
    metrics::gauge!("lethe_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}
