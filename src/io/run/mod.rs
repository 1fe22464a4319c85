//! The run loop: workers, the erasure worker, the upkeep of the key store, and the service that starts and stops them.

mod chains;
mod erasure;
mod health;
mod retention;
mod service;
mod setback;
mod tally;
mod upkeep;
mod way_back;
mod worker;

pub use health::{Health, Stop};
pub use retention::{WidthError, horizon, pin_widths};
pub use service::{Running, Service, ServiceError, shared};
pub use setback::WorkerError;
pub use worker::{Shared, Worker};
