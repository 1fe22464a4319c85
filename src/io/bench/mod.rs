//! Measurements that users can repeat: what detection, one record, and the whole stream cost. Ratios and counts, since a
//! wall-clock rate says little about another machine.

mod stream;

pub use stream::{Round, StreamBench, bare, sanitising};
