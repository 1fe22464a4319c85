//! What the name of a field says of the text under it: which words are context, and which rules the whole text is tried by.
//!
//! Names come again and again, so what was read of them last is kept, a few names a sheet; it never changes what is found. A publisher
//! may put anything into a name: kept are only those made of words that rules listen to, or that name the parts of events.

use super::words::{Groups, Vocabulary, head_at, in_word, word_len};

/// Names that are kept; a power of two.
const KEPT: usize = 64;

/// A name that is longer is read each time.
const NAME_BYTES: usize = 48;

/// What was read of a name.
#[derive(Debug, Default)]
pub(super) struct Field {
    name: Option<Box<str>>,
    /// The context sets of its words.
    pub groups: Groups,
    /// The rules that a whole text under it is tried by: those of whole fields, then those whose value follows it.
    pub rules: Vec<u16>,
}

impl Field {
    /// Reads a name.
    pub fn new(name: &str, vocabulary: &Vocabulary) -> Self {
        let mut buffer = [0u8; 96];
        let words = spaced(name.as_bytes(), &mut buffer);
        let kept = (name.len() <= NAME_BYTES && is_plain(words, vocabulary)).then(|| name.into());
        Self { name: kept, groups: vocabulary.groups(words), rules: rules(words, vocabulary) }
    }

    /// Whether no rule listens to it.
    pub fn is_silent(&self) -> bool {
        self.groups.is_empty() && self.rules.is_empty()
    }

    /// Whether it may be kept.
    pub fn is_kept(&self) -> bool {
        self.name.is_some()
    }

    /// Whether this was read of `name`.
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

/// Whether a name is made of words that say nothing of anybody: those that rules listen to, and those that name the parts of events.
fn is_plain(words: &[u8], vocabulary: &Vocabulary) -> bool {
    let part = |word: &[u8]| {
        matches!(
            word,
            b"answer"
                | b"arguments"
                | b"body"
                | b"completion"
                | b"content"
                | b"context"
                | b"data"
                | b"description"
                | b"input"
                | b"kind"
                | b"label"
                | b"lang"
                | b"message"
                | b"model"
                | b"output"
                | b"parts"
                | b"prompt"
                | b"query"
                | b"question"
                | b"reason"
                | b"response"
                | b"result"
                | b"role"
                | b"source"
                | b"status"
                | b"system"
                | b"text"
                | b"title"
                | b"tool"
                | b"type"
                | b"user"
                | b"value"
        )
    };
    words.split(|byte| *byte == b' ').all(|word| part(word) || vocabulary.find(head_at(word, 0), word.len()).is_some())
}

/// The names that were read last.
#[derive(Debug)]
pub(super) struct Fields(Vec<Field>);

impl Default for Fields {
    fn default() -> Self {
        Self((0..KEPT).map(|_| Field::default()).collect())
    }
}

impl Fields {
    /// Where a name is kept, if it is.
    #[expect(clippy::indexing_slicing, reason = "there are KEPT, a power of two")]
    pub fn slot(&mut self, name: &str) -> &mut Field {
        let hash = name.bytes().fold(name.len(), |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte));
        &mut self.0[(hash ^ hash >> 7) & (KEPT - 1)]
    }
}

/// Every phrase of a name that reaches its end, with the rules that listen to it.
fn rules(words: &[u8], vocabulary: &Vocabulary) -> Vec<u16> {
    let mut rules = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let len = word_len(words, at);
        let phrases = vocabulary.phrases(words, at, len.max(1));
        for (_, role) in phrases.filter(|(end, _)| *end == words.len()) {
            rules.extend(role.fields.iter().chain(&role.leads));
        }
        at += len + 1;
    }
    rules
}

/// A field name as lower-case words with single spaces: `patientDOB`, `patient_dob` and `patient-dob` alike.
fn spaced<'b>(name: &[u8], buffer: &'b mut [u8; 96]) -> &'b [u8] {
    let mut len = 0;
    let mut push = |byte: u8, len: &mut usize| {
        if let Some(slot) = buffer.get_mut(*len) {
            *slot = byte;
            *len += 1;
        }
    };
    let mut before = 0u8;
    for (i, byte) in name.iter().enumerate() {
        let hump = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_uppercase() && name.get(i + 1).is_some_and(u8::is_ascii_lowercase));
        if (!in_word(*byte) || hump) && len > 0 && in_word(before) {
            push(b' ', &mut len);
        }
        if in_word(*byte) {
            push(byte.to_ascii_lowercase(), &mut len);
        }
        before = *byte;
    }
    let all = buffer.get(..len).unwrap_or_default();
    all.strip_suffix(b" ").unwrap_or(all)
}

#[cfg(test)]
mod tests {
    use super::super::words::Builder;
    use super::*;

    #[test]
    fn a_name_that_may_say_who_it_is_about_is_not_kept_in_memory() {
        let mut builder = Builder::default();
        builder.add("phone", |role| role.fields.push(7));
        let vocabulary = builder.build();
        for (name, kept) in
            [("phone", true), ("userPhone", true), ("content", true), ("ada_phone", false), ("a@b.org", false)]
        {
            let field = Field::new(name, &vocabulary);
            assert_eq!(field.is(name), kept, "{name}");
            assert_eq!(field.rules.as_slice() == [7], name.ends_with("hone"), "{name}");
        }
    }
}
