//! Tokens: `[EMAIL_7K3QF2]`. Kind in clear, a code of 24 symbols without vowels and look-alikes, bounded length.
//!
//! The code is read off a keyed digest of the value: its first symbols, as many as the scope needs to keep values apart by
//! chance, and more where two values of an event would still meet.

use std::ops::Range;

/// Within what equal values get equal tokens. The keys bound it too: another subject or retention bucket, another token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One event.
    Event,
    /// One conversation.
    Conversation,
    /// All events of the subject.
    Subject,
    /// All events of the tenant.
    Tenant,
}

/// Longest name of a kind.
pub const MAX_KIND_BYTES: usize = 64;
/// Longest token, and longest surrogate: what a restorer of a stream holds back at most.
pub const MAX_TOKEN_BYTES: usize = MAX_KIND_BYTES + MAX_CODE + 3;

const MAX_CODE: usize = 26;
/// Shorter codes are no tokens of ours.
const MIN_CODE: usize = 6;
const ALPHABET: &[u8; 24] = b"2346789BCDFGHJKMPQRTVWXY";

impl Scope {
    /// Symbols of a code where nothing collides.
    pub(super) fn code_symbols(self) -> usize {
        match self {
            Self::Event => 6,
            Self::Conversation => 8,
            Self::Subject => 10,
            Self::Tenant => 13,
        }
    }

    pub(super) fn label(self) -> &'static [u8] {
        match self {
            Self::Event => b"event",
            Self::Conversation => b"conversation",
            Self::Subject => b"subject",
            Self::Tenant => b"tenant",
        }
    }
}

/// The tokens that a digest can give: the shortest first, two symbols more each time.
pub(super) fn tokens<'k>(kind: &'k str, digest: &[u8; 32], symbols: usize) -> impl Iterator<Item = String> + use<'k> {
    let code = code(digest);
    let lengths = (symbols..MAX_CODE).step_by(2).chain([MAX_CODE]);
    lengths.map(move |length| {
        let mut token = String::with_capacity(kind.len() + length + 3);
        token.push('[');
        token.push_str(kind);
        token.push('_');
        token.extend(code.iter().take(length).map(|symbol| char::from(*symbol)));
        token.push(']');
        token
    })
}

/// All symbols of a digest's code: 13 from each of its first two 64-bit words (24^13 < 2^60).
fn code(digest: &[u8; 32]) -> [u8; MAX_CODE] {
    let mut code = [b'2'; MAX_CODE];
    for (symbols, word) in code.chunks_mut(13).zip(digest.chunks_exact(8)) {
        let mut word = u64::from_be_bytes(word.try_into().unwrap_or_default());
        for symbol in symbols {
            *symbol = ALPHABET.get((word % 24) as usize).copied().unwrap_or(b'2');
            word /= 24;
        }
    }
    code
}

/// Whether a text can stand as the kind of a token.
pub(super) fn is_kind(text: &str) -> bool {
    (1..=MAX_KIND_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Where a text has what looks like a token, ours or not.
pub(super) fn token_shaped(text: &str) -> impl Iterator<Item = Range<usize>> {
    memchr::memchr_iter(b'[', text.as_bytes()).filter_map(|start| {
        let rest = text.get(start + 1..)?;
        let window = rest.as_bytes().get(..rest.len().min(MAX_TOKEN_BYTES))?;
        let end = memchr::memchr(b']', window)?;
        let (kind, code) = rest.get(..end)?.rsplit_once('_')?;
        let is_code = (MIN_CODE..=MAX_CODE).contains(&code.len()) && code.bytes().all(|b| ALPHABET.contains(&b));
        (is_code && is_kind(kind)).then_some(start..start + end + 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_start_of_its_longer_forms_and_never_too_long() {
        let kind = "K".repeat(MAX_KIND_BYTES);
        let all: Vec<String> = tokens(&kind, &[0xab; 32], 6).collect();
        assert_eq!(
            all.iter().map(|token| token.len() - kind.len() - 3).collect::<Vec<_>>(),
            [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26]
        );
        for pair in all.windows(2) {
            assert!(pair[1].starts_with(pair[0].trim_end_matches(']')));
        }
        assert!(all.iter().all(|token| token.len() <= MAX_TOKEN_BYTES && token_shaped(token).count() == 1));
    }

    #[test]
    fn what_only_resembles_a_token_is_none() {
        for (text, count) in [
            ("[EMAIL_7K3QF2]", 1),
            ("x[[EMAIL_7K3QF2]][US_SSN_7K3QF2]", 2),
            ("[EMAIL_7K3QF]", 0),
            ("[EMAIL_7K3QFA]", 0),
            ("[email_7K3QF2]", 0),
            ("[_7K3QF2]", 0),
            ("[EMAIL]", 0),
            ("[IP_ADDRESS]", 0),
            ("[EMAIL_7K3QF2", 0),
            ("[EMAIL 7K3QF2]", 0),
        ] {
            assert_eq!(token_shaped(text).count(), count, "{text}");
        }
    }
}
