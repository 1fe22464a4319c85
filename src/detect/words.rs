//! The vocabulary: every word that some rule listens to, found by one hash of its first bytes.
//!
//! A **word** is a run of letters and digits; a **phrase** is one or more words with one or two of space, `_`, `-`, `.`, `'`, `/` or nothing between
//! them. Case is folded by setting bit 5 of each byte, which is right for ASCII letters and for the Latin-1 letters in UTF-8.

use std::collections::HashMap;

/// Which sets of context words a phrase belongs to: one bit a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups([u64; 4]);

impl Groups {
    /// How many sets there can be.
    pub const MOST: usize = 256;

    /// The set with this number alone.
    pub fn one(set: usize) -> Self {
        let mut bits = [0; 4];
        if let Some(word) = bits.get_mut(set / 64) {
            *word = 1 << (set % 64);
        }
        Self(bits)
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether some set is in both.
    #[inline]
    pub fn meets(self, other: Self) -> bool {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        a & e | b & f | c & g | d & h != 0
    }
}

impl std::ops::BitOr for Groups {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        Self([a | e, b | f, c | g, d | h])
    }
}

/// What a phrase means to the rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Role {
    /// The context sets it is in.
    pub groups: Groups,
    /// Rules whose value may follow it.
    pub leads: Vec<u16>,
    /// Rules that fire on a whole text under a field of this name.
    pub fields: Vec<u16>,
    /// Rules that start at the phrase itself.
    pub starts: Vec<u16>,
    /// Whether it is a first name in the lists.
    pub first_name: bool,
}

#[derive(Debug)]
struct Phrase {
    /// The first word, folded.
    head: Box<[u8]>,
    /// The words after it, folded.
    tail: Vec<Box<[u8]>>,
    role: Role,
}

/// Bits of a word's hash; the filters have as many cells.
const HASH_BITS: u32 = 16;

/// Bits of the hash that choose a slot of phrases.
const SLOT_BITS: u32 = 12;

/// One bit for each hash.
#[derive(Debug)]
struct Filter(Box<[u64]>);

impl Filter {
    fn new() -> Self {
        Self(vec![0; 1 << (HASH_BITS - 6)].into())
    }

    fn set(&mut self, key: u32) {
        if let Some(cell) = self.0.get_mut((key >> 6) as usize) {
            *cell |= 1 << (key & 63);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a key has HASH_BITS bits and the filter as many cells")]
    fn has(&self, key: u32) -> bool {
        self.0[(key >> 6) as usize] >> (key & 63) & 1 == 1
    }
}

/// The key of a phrase's first word together with the first byte of its second.
#[inline]
fn pair(key: u32, next: u8) -> u32 {
    (key.wrapping_mul(31) ^ u32::from(next | 0x20).wrapping_mul(0x9E37)) & ((1 << HASH_BITS) - 1)
}

/// What may join the words of a phrase.
#[inline]
fn joins(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| b" _-.'/".contains(byte))
}

/// All phrases, keyed by their first word.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// First words of the phrases that start something.
    heads: Filter,
    /// Those that do so alone.
    alone: Filter,
    /// Those that do so with a second word: see [`pair`].
    pairs: Filter,
    /// First words of the phrases that are context.
    context: Filter,
    /// First names, which count only where they begin with a capital.
    names: Filter,
    /// Start of the phrases of a hash slot in `phrases`; one entry more than slots.
    slots: Box<[u32]>,
    phrases: Vec<Phrase>,
}

/// Collects phrases before they are frozen.
#[derive(Default)]
pub(super) struct Builder {
    roles: HashMap<Vec<Box<[u8]>>, Role>,
}

/// Folds case.
pub(super) fn fold(word: &[u8]) -> Box<[u8]> {
    word.iter().map(|byte| byte | 0x20).collect()
}

/// Whether a text folds to `folded`.
pub(super) fn same(word: &[u8], folded: &[u8]) -> bool {
    word.len() == folded.len() && word.iter().zip(folded).all(|(a, b)| a | 0x20 == *b)
}

const WORD_BYTES: [bool; 256] = word_bytes();

const fn word_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
        {
            table[byte] = (byte as u8).is_ascii_alphanumeric() || byte >= 0x80;
        }
        byte += 1;
    }
    table
}

/// Whether a byte can be in a word.
#[inline]
#[expect(clippy::indexing_slicing, reason = "hot: a u8 in a table of 256")]
pub(super) fn in_word(byte: u8) -> bool {
    WORD_BYTES[usize::from(byte)]
}

/// Which bits of a word's first eight bytes count, by its length.
const KEPT: [u64; 9] =
    [0, 0xFF, 0xFFFF, 0xFF_FFFF, 0xFFFF_FFFF, 0xFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF, 0xFF_FFFF_FFFF_FFFF, u64::MAX];

/// The hash of a word: its first eight bytes, folded, and its length.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
#[expect(clippy::indexing_slicing, reason = "hot loop: a length of at most eight in a table of nine")]
fn hash(head: u64, len: usize) -> u32 {
    let folded = (head | 0x2020_2020_2020_2020) & KEPT[len.min(8)];
    let mixed = (folded ^ (len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed >> (64 - HASH_BITS)) as u32
}

/// The first eight bytes at `at`, zero past the end.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
pub(super) fn head_at(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte)),
    }
}

/// The hash of the word of length `len` at `at`.
pub(super) fn hash_word(text: &[u8], at: usize, len: usize) -> u32 {
    hash(head_at(text, at), len)
}

/// The slot of phrases of a hash.
fn slot(hash: u32) -> usize {
    (hash >> (HASH_BITS - SLOT_BITS)) as usize
}

/// The first byte of the word after the one that ends at `end`.
#[inline]
fn second_word(text: &[u8], end: usize) -> u8 {
    let from = end + 1 + usize::from(joins(text.get(end + 1)));
    text.get(from).copied().unwrap_or(0)
}

/// The length of the word that starts at `at`.
pub(super) fn word_len(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| in_word(**byte)).count()
}

impl Builder {
    /// Notes what a phrase means. Words of the phrase are separated by single spaces; the joined form is noted too.
    pub fn add(&mut self, phrase: &str, note: impl Fn(&mut Role)) {
        let words: Vec<Box<[u8]>> = phrase.split(' ').map(|word| fold(word.as_bytes())).collect();
        if words.len() > 1 {
            note(self.roles.entry(vec![words.concat().into()]).or_default());
        }
        note(self.roles.entry(words).or_default());
    }

    /// Freezes the vocabulary.
    pub fn build(self) -> Vocabulary {
        let [mut heads, mut alone, mut pairs, mut context, mut names] = std::array::from_fn(|_| Filter::new());
        let mut phrases: Vec<(u32, Phrase)> = Vec::with_capacity(self.roles.len());
        for (words, role) in self.roles {
            let mut words = words.into_iter();
            let Some(head) = words.next() else { continue };
            let tail: Vec<Box<[u8]>> = words.collect();
            let key = hash(head_at(&head, 0), head.len());
            if role.first_name {
                names.set(key);
            }
            if !role.groups.is_empty() {
                context.set(key);
            }
            if !role.leads.is_empty() || !role.starts.is_empty() {
                heads.set(key);
                match tail.first().and_then(|next| next.first()) {
                    Some(next) => pairs.set(pair(key, *next)),
                    None => alone.set(key),
                }
            }
            phrases.push((key, Phrase { head, tail, role }));
        }
        // Longer phrases first, so that the first match is the longest; the rest of the order only makes builds alike.
        phrases.sort_by(|(a, x), (b, y)| {
            (slot(*a), y.tail.len(), &x.head, &x.tail).cmp(&(slot(*b), x.tail.len(), &y.head, &y.tail))
        });
        let mut slots = vec![0u32; (1 << SLOT_BITS) + 1].into_boxed_slice();
        for (key, _) in &phrases {
            if let Some(slot) = slots.get_mut(slot(*key) + 1) {
                *slot += 1;
            }
        }
        slots.iter_mut().fold(0, |sum, slot| {
            *slot += sum;
            *slot
        });
        Vocabulary {
            heads,
            alone,
            pairs,
            context,
            names,
            slots,
            phrases: phrases.into_iter().map(|(_, phrase)| phrase).collect(),
        }
    }
}

impl Vocabulary {
    /// Bytes that it takes, about.
    pub fn memory_bytes(&self) -> usize {
        self.slots.len() * 4 + self.phrases.len() * (size_of::<Phrase>() + 16)
    }

    /// Whether this word may begin a phrase that starts something, by its first eight bytes and its length. Cheap and
    /// without a branch; may say yes wrongly, never no.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    pub fn may_start(&self, head: u64, len: usize, capital: bool) -> bool {
        let key = hash(head, len);
        self.heads.has(key) | (capital & self.names.has(key))
    }

    /// Looks closer at a word that [`Self::may_start`] let pass.
    pub fn starts(&self, text: &[u8], at: usize, len: usize) -> bool {
        let key = hash(head_at(text, at), len);
        self.alone.has(key) || self.names.has(key) || self.pairs.has(pair(key, second_word(text, at + len)))
    }

    /// Every phrase that begins with the word at `at`, longest first: its end and what it means.
    pub fn phrases<'v>(
        &'v self,
        text: &'v [u8],
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = (usize, &'v Role)> + 'v {
        let slot = slot(hash(head_at(text, at), len));
        let from = self.slots.get(slot).map_or(0, |slot| *slot as usize);
        let to = self.slots.get(slot + 1).map_or(0, |slot| *slot as usize);
        let word = text.get(at..at + len).unwrap_or_default();
        self.phrases.get(from..to).unwrap_or_default().iter().filter_map(move |phrase| {
            if !same(word, &phrase.head) {
                return None;
            }
            let mut end = at + len;
            for part in &phrase.tail {
                let from = end + 1 + usize::from(joins(text.get(end + 1)));
                let next = text.get(from..from + part.len())?;
                let border = text.get(from + part.len()).is_none_or(|byte| !in_word(*byte));
                if !joins(text.get(end)) || !same(next, part) || !border {
                    return None;
                }
                end = from + part.len();
            }
            Some((end, &phrase.role))
        })
    }

    /// The set of `wanted` that a phrase of `text` nearest to its end belongs to: where sets meet, the nearest phrase decides.
    pub fn nearest(&self, text: &[u8], wanted: Groups) -> Groups {
        let mut end = text.len();
        while end > 0 {
            let word = text.get(..end).unwrap_or_default();
            let gap = word.iter().rev().take_while(|byte| !in_word(**byte)).count();
            let word = word.get(..end - gap).unwrap_or_default();
            let len = word.iter().rev().take_while(|byte| in_word(**byte)).count();
            let start = end - gap - len;
            let found = self.phrases(text, start, len).fold(Groups::default(), |all, (_, role)| all | role.groups);
            if len > 0 && found.meets(wanted) {
                return found;
            }
            end = start;
        }
        Groups::default()
    }

    /// The context sets of all phrases in `text`.
    pub fn groups(&self, text: &[u8]) -> Groups {
        let mut groups = Groups::default();
        let mut rest = text;
        // INVARIANT: no phrase begins with a digit.
        while let Some(gap) = rest.iter().position(|byte| in_word(*byte)) {
            let at = text.len() - rest.len() + gap;
            let len = word_len(text, at);
            if self.context.has(hash(head_at(text, at), len)) {
                groups = self.phrases(text, at, len).fold(groups, |all, (_, role)| all | role.groups);
            }
            rest = text.get(at + len..).unwrap_or_default();
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let mut builder = Builder::default();
        builder.add("social security number", |role| role.groups = Groups::one(0));
        builder.add("social", |role| role.groups = Groups::one(1));
        builder.add("geboren", |role| role.leads.push(7));
        builder.add("désirée", |role| role.first_name = true);
        builder.build()
    }

    #[test]
    fn phrases_are_found_however_their_words_are_joined_or_cased() {
        let vocabulary = vocabulary();
        for text in ["Social Security Number", "social_security-number", "SOCIAL.SECURITY.NUMBER"] {
            assert_eq!(vocabulary.groups(text.as_bytes()), Groups::one(0) | Groups::one(1), "{text}");
        }
        assert_eq!(vocabulary.groups(b"socialSecurityNumber"), Groups::one(0));
        assert_eq!(vocabulary.groups(b"social security numbers"), Groups::one(1));
        assert!(vocabulary.groups(b"antisocial").is_empty());
    }

    #[test]
    fn a_word_that_starts_something_always_passes_the_filter() {
        let vocabulary = vocabulary();
        let passes = |text: &str, len: usize| {
            let bytes = text.as_bytes();
            vocabulary.may_start(head_at(bytes, 0), len, true) && vocabulary.starts(bytes, 0, len)
        };
        assert!(passes("GEBOREN am", 7));
        let text = "DÉSIRÉE";
        assert!(passes(text, text.len()));
        assert!(vocabulary.phrases(text.as_bytes(), 0, text.len()).any(|(_, role)| role.first_name));
    }
}
