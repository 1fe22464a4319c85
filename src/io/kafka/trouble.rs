//! What a failed Kafka call means for the transaction: try again, abort, start over with a new producer, or give up.
//!
//! After Jepsen's 2024 analysis of Kafka transactions: a call whose outcome is unknown (it timed out) may have happened. The
//! client we use has no KIP-890, so the old producer can't be trusted to tell; a new one with the same id fences it and
//! waits for the coordinator's verdict.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What to do after a failed call. Ordered by gravity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The same call may be made again.
    #[error("kafka asked for a retry ({0})")]
    Retry(String),
    /// The transaction must be aborted; the producer stays good.
    #[error("transaction must be aborted ({0})")]
    Abort(String),
    /// Nobody knows whether it happened, or the producer is broken: drop it, make a new one with the same id, rewind.
    #[error("outcome of a transaction is unknown, starting over with a new producer ({0})")]
    Renew(String),
    /// A newer producer with the same transactional id has taken over.
    #[error(
        "another process took over this transactional id ({0})\n  help: give every running process its own `instance` in lethe.yaml"
    )]
    Fenced(String),
    /// Nothing that can be tried again helps: configuration, authorisation.
    #[error("{0}")]
    Fatal(String),
}

impl Trouble {
    /// Judges an error of a transactional call.
    pub fn of(error: &KafkaError) -> Self {
        match error {
            KafkaError::Transaction(inner) => Self::judge(
                inner.code(),
                inner.is_retriable(),
                inner.txn_requires_abort(),
                inner.is_fatal(),
                inner.name(),
            ),
            // `commit_transaction` flushes first: what it could not flush may be on its way.
            KafkaError::Flush(code) => Self::Renew(code.to_string()),
            KafkaError::MessageProduction(code) => Self::judge(*code, false, true, false, code.to_string()),
            other => match other.rdkafka_error_code() {
                Some(code) => Self::judge(code, false, false, false, code.to_string()),
                None => Self::Fatal(other.to_string()),
            },
        }
    }

    /// Judges a record that `topic` did not take.
    pub fn of_delivery(topic: &str, error: &KafkaError) -> Self {
        use RDKafkaErrorCode as C;
        match error.rdkafka_error_code() {
            Some(code @ (C::UnknownTopic | C::UnknownTopicOrPartition | C::UnknownPartition)) => Self::Abort(format!(
                "{code}: topic `{topic}` is missing; `lethe topics plan` shows what else is, `lethe topics apply` creates it"
            )),
            _ => Self::of(error),
        }
    }

    fn judge(code: RDKafkaErrorCode, retriable: bool, abortable: bool, fatal: bool, name: String) -> Self {
        use RDKafkaErrorCode as C;
        match code {
            C::Fenced | C::ProducerFenced => Self::Fenced(name),
            C::TopicAuthorizationFailed
            | C::GroupAuthorizationFailed
            | C::ClusterAuthorizationFailed
            | C::TransactionalIdAuthorizationFailed => Self::Fatal(format!(
                "kafka refuses access ({name})\n  help: grant this user the ACLs that `lethe topics plan` lists"
            )),
            C::UnknownTopic | C::UnknownTopicOrPartition | C::UnknownPartition => Self::Abort(format!(
                "{name}: an output topic is missing; `lethe topics plan` shows which, `lethe topics apply` creates it"
            )),
            C::OperationTimedOut | C::RequestTimedOut | C::MessageTimedOut => Self::Renew(name),
            _ if fatal => Self::Renew(name),
            _ if abortable => Self::Abort(name),
            _ if retriable => Self::Retry(name),
            _ => Self::Renew(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_never_goes_on_with_the_old_producer() {
        use RDKafkaErrorCode as C;
        let judge = |code, retriable, abortable, fatal| Trouble::judge(code, retriable, abortable, fatal, "x".into());
        // librdkafka marks a timed-out commit as retriable; going on with the old handle is what Jepsen warns of.
        assert!(matches!(judge(C::OperationTimedOut, true, false, false), Trouble::Renew(_)));
        assert!(matches!(judge(C::RequestTimedOut, true, false, false), Trouble::Renew(_)));
        assert!(matches!(judge(C::CoordinatorLoadInProgress, true, false, false), Trouble::Retry(_)));
        assert!(matches!(judge(C::RebalanceInProgress, false, true, false), Trouble::Abort(_)));
        assert!(matches!(judge(C::ProducerFenced, false, false, true), Trouble::Fenced(_)));
        assert!(matches!(judge(C::OutOfOrderSequenceNumber, false, false, true), Trouble::Renew(_)));
        assert!(matches!(judge(C::TransactionalIdAuthorizationFailed, false, false, true), Trouble::Fatal(_)));
    }
}
