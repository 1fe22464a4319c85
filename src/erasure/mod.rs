//! The life of a deletion request as a state machine, to its signed receipt. It touches no Kafka and no store.
