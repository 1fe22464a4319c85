//! Headers of what goes out: the publisher's own, then Lethe's, which nobody else may set.

use crate::event::RawRecord;

/// Whether a header is Lethe's to write: an input's own is dropped.
pub(super) fn reserved(name: &str) -> bool {
    let name = name.trim();
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("lethe-"))
}

/// The texts of all `lethe-sealed` headers of a record.
pub(super) fn sealed_headers(record: &RawRecord) -> impl Iterator<Item = &str> {
    record
        .headers
        .iter()
        .filter(|header| header.name.reveal().eq_ignore_ascii_case(b"lethe-sealed"))
        .filter_map(|header| std::str::from_utf8(header.value.as_ref()?.reveal()).ok())
}

/// Headers being put together.
pub(super) struct Outgoing(Vec<(String, Option<Vec<u8>>)>);

impl Outgoing {
    pub(super) fn new(headers: Vec<(String, Option<Vec<u8>>)>) -> Self {
        Self(headers)
    }

    /// Sets a header unless the publisher did.
    pub(super) fn default(&mut self, name: &str, value: &str) {
        if !self.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.add(name, value);
        }
    }

    /// Sets a header, whatever the publisher said.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.add(name, value);
    }

    /// Adds a header; others of that name stay.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), Some(value.as_bytes().to_vec())));
    }

    pub(super) fn done(self) -> Vec<(String, Option<Vec<u8>>)> {
        self.0
    }
}
