//! The only carrier of raw text. It has no `Display`, its `Debug` shows a length, and what it owns is zeroized on drop.
//!
//! Deliberately absent: `Deref`, `AsRef`, `Into`. Whoever wants the bytes says [`Sensitive::reveal`], and a reader can
//! search for that word.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroize;

/// Owned raw bytes: a record's value, key or header.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sensitive(Vec<u8>);

impl Sensitive {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves, for code that must read them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Sensitive {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sensitive({} bytes)", self.0.len())
    }
}

impl Drop for Sensitive {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Raw text, borrowed from a record where it could be, owned (and then zeroized) where escapes had to be decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct SensitiveStr<'a>(Cow<'a, str>);

impl<'a> SensitiveStr<'a> {
    /// Wraps borrowed or owned text.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for code that must read it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that borrows nothing.
    pub fn to_static(&self) -> SensitiveStr<'static> {
        SensitiveStr(Cow::Owned(self.0.clone().into_owned()))
    }
}

impl fmt::Debug for SensitiveStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SensitiveStr({} bytes)", self.0.len())
    }
}

impl Drop for SensitiveStr<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_no_text() {
        let shown = format!("{:?} {:?}", Sensitive::from("ada@example.org"), SensitiveStr::new("ada@example.org"));
        assert_eq!(shown, "Sensitive(15 bytes) SensitiveStr(15 bytes)");
    }
}
