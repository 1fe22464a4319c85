//! The run loop: workers, the erasure worker, and the service that starts and stops them.


mod health;

mod tally;
mod worker;

pub use health::{Health, Stop};

pub use worker::WorkerError;
