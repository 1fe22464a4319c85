//! [`Original`] as bytes that can be sealed, and back; and as text for another place than the one it came from.

use std::borrow::Cow;

use super::Original;
use super::{escape, json};
use crate::sensitive::Sensitive;

impl Original {
    /// Decoded UTF-8, the canonical escape of which is what stood in the event.
    pub const CANONICAL: u8 = 0;
    /// A JSON number literal.
    pub const NUMBER: u8 = 1;
    /// Raw JSON string content.
    pub const RAW: u8 = 2;

    /// Of the raw content of a string at `depth`, with what it decodes to: the shorter form where nothing is lost by it.
    pub(super) fn of_content(text: &str, raw: &str, depth: u8) -> Self {
        if escape::escape(text, depth) == raw {
            return Self { form: Self::CANONICAL, depth, bytes: text.into() };
        }
        Self { form: Self::RAW, depth, bytes: raw.into() }
    }

    /// The wire form: form, depth, bytes.
    pub fn to_bytes(&self) -> Sensitive {
        let mut bytes = Vec::with_capacity(2 + self.bytes.len());
        bytes.extend([self.form, self.depth]);
        bytes.extend_from_slice(self.bytes.reveal());
        Sensitive::new(bytes)
    }

    /// Reads the wire form. What it takes can be written into an event without breaking it; all else is `None`.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([form, depth], rest) = bytes.split_first_chunk::<2>()?;
        let original = Self { form: *form, depth: *depth, bytes: Sensitive::new(rest.to_vec()) };
        original.text().map(|_| ())?;
        Some(original)
    }

    /// What it says, decoded; `None` where it is not well formed.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        let text = std::str::from_utf8(self.bytes.reveal()).ok()?;
        match (self.form, self.depth) {
            (Self::CANONICAL, 0..=2) => Some(Cow::Borrowed(text)),
            (Self::NUMBER, 0..=2) => (json::number_bytes(text.as_bytes()) == Some(text.len())).then_some(text.into()),
            (Self::RAW, depth @ 1..=2) => escape::unescape_all(text, depth),
            _ => None,
        }
    }

    /// The raw bytes that stand for it within a string at `depth`.
    pub(super) fn content(&self, depth: u8) -> Cow<'_, str> {
        if self.form == Self::RAW && self.depth == depth {
            return String::from_utf8_lossy(self.bytes.reveal());
        }
        match self.text() {
            Some(Cow::Borrowed(text)) => escape::escape(text, depth),
            Some(Cow::Owned(text)) => Cow::Owned(escape::escape(&text, depth).into_owned()),
            // INVARIANT: only `Event::original` and `from_bytes` make originals, and both make well-formed ones. One
            // that someone assembled by hand writes nothing rather than something unescaped.
            None => Cow::Borrowed(""),
        }
    }

    /// The literal, if it is a number.
    pub(super) fn number(&self) -> Option<&str> {
        let literal = std::str::from_utf8(self.bytes.reveal()).ok()?;
        (self.form == Self::NUMBER && json::number_bytes(literal.as_bytes()) == Some(literal.len())).then_some(literal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_that_would_break_an_event_are_not_an_original() {
        let bytes: [&[u8]; 12] = [
            b"",
            b"\0",
            b"\x00\x03a",
            b"\x00\x01\xff",
            b"\x01\x01",
            b"\x01\x0112a",
            b"\x01\x0101",
            b"\x02\x00a",
            b"\x02\x01\"",
            b"\x02\x01\\",
            b"\x02\x02\\\"",
            b"\x03\x01a",
        ];
        for bytes in bytes {
            assert_eq!(Original::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_what_is_read_is_written_the_same(bytes: Vec<u8>, form in 0u8..4, depth in 0u8..4) {
            let mut wire = vec![form, depth];
            wire.extend(bytes);
            if let Some(original) = Original::from_bytes(&wire) {
                let again = original.to_bytes();
                prop_assert_eq!(again.reveal(), wire.as_slice());
                for depth in 0..=2 {
                    prop_assert!(escape::unescape_all(&original.content(depth), depth).is_some());
                }
            }
        }
    }
}
