//! The only place that waits: run loop, Kafka, key store, root keepers, HTTP, telemetry, clock. It decides nothing.
