//! What can go wrong in one turn of a worker, and whether trying again can help.

use crate::io::kafka::Trouble;
use crate::io::keystore::StoreError;

/// What went wrong in one turn.
pub enum Setback {
    /// Kafka.
    Kafka(Trouble),
    /// The key store.
    Store(StoreError),
    /// Keys were held too long or an erasure moved the epoch: the batch is done again with fresh keys.
    StaleKeys,
}

impl From<Trouble> for Setback {
    fn from(trouble: Trouble) -> Self {
        Self::Kafka(trouble)
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a worker gave up. Everything that time may heal is retried inside.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Kafka says that trying again is no use.
    #[error(transparent)]
    Kafka(Trouble),
    /// The key store says so.
    #[error(transparent)]
    Store(StoreError),
}

impl Setback {
    /// What it means for the transaction; an error where the worker must give up. The offsets stay where they are either way.
    pub fn trouble(self) -> Result<Trouble, WorkerError> {
        match self {
            Self::StaleKeys => Ok(Trouble::Abort("keys went stale".into())),
            Self::Store(error) if error.is_final() => Err(WorkerError::Store(error)),
            Self::Store(error) => {
                tracing::error!(%error, "key store fails, offsets stay where they are");
                metrics::counter!("lethe_store_errors_total", "reason" => error.code()).increment(1);
                Ok(Trouble::Abort("the key store fails".into()))
            }
            Self::Kafka(trouble @ Trouble::Fatal(_)) => Err(WorkerError::Kafka(trouble)),
            Self::Kafka(trouble) => Ok(trouble),
        }
    }
}
