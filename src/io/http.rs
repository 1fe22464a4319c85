//! `/livez`, `/readyz`, `/startupz`, `/metrics` and `/keys/history` on one address. Nothing here needs a secret or a payload: the
//! history holds the public halves of the keys that sign receipts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use super::clock::Clock;
use super::keystore::Keystore;
use super::run::Health;
use super::upkeep;

/// What the handlers look at.
#[derive(Clone)]
pub struct Observed {
    /// State of the workers.
    pub health: Arc<Health>,
    /// The metrics.
    pub metrics: PrometheusHandle,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Knows which keys have signed.
    pub store: Arc<dyn Keystore>,
}

/// Serves until `shutdown` resolves.
pub async fn serve(
    listener: tokio::net::TcpListener,
    observed: Observed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/keys/history", get(history))
        .with_state(observed);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// Binds the address.
pub async fn bind(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(address).await
}

async fn livez(State(observed): State<Observed>) -> (StatusCode, &'static str) {
    answer(observed.health.alive(observed.clock.monotonic_ms()), "alive\n", "a worker is stuck\n")
}

async fn readyz(State(observed): State<Observed>) -> (StatusCode, &'static str) {
    answer(observed.health.ready(), "ready\n", "not joined, draining, or a dependency fails\n")
}

fn answer(good: bool, yes: &'static str, no: &'static str) -> (StatusCode, &'static str) {
    if good { (StatusCode::OK, yes) } else { (StatusCode::SERVICE_UNAVAILABLE, no) }
}

async fn history(State(observed): State<Observed>) -> (StatusCode, [(HeaderName, &'static str); 1], String) {
    let store = observed.store;
    // The store may wait for its root keeper: not on the thread that answers `/livez`.
    let history = tokio::task::spawn_blocking(move || upkeep::history(&*store)).await;
    let json = [(CONTENT_TYPE, "application/json")];
    match history.ok().and_then(Result::ok).and_then(|history| serde_json::to_string(&history).ok()) {
        Some(text) => (StatusCode::OK, json, text),
        None => (StatusCode::SERVICE_UNAVAILABLE, json, "null".into()),
    }
}

async fn metrics(State(observed): State<Observed>) -> String {
    observed.metrics.run_upkeep();
    observed.metrics.render()
}
