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

/// Bits of the hash of a name; the filter has as many cells.
const NAME_BITS: u32 = 16;

/// Bits of that hash that names of one slot may differ in.
const NAME_SLOT_SHIFT: u32 = 4;

/// Bits of the hash that choose a bucket of first words.
const BUCKET_BITS: u32 = 11;

/// How many buckets there are.
const BUCKETS: usize = 1 << BUCKET_BITS;

/// First words that one bucket can hold.
const LANES: usize = 4;

/// One in the lowest bit of each lane.
const ONES: u64 = 0x0001_0001_0001_0001;

/// What may join the words of a phrase.
#[inline]
fn joins(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| b" _-.'/".contains(byte))
}

/// A first word: the phrases that begin with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// What words it is known by.
    key: u64,
    /// Where its phrases start in `Vocabulary::phrases`.
    first: u16,
    /// How many they are.
    count: u16,
    /// Whether one of them starts a rule.
    pub starts: bool,
    /// Whether one of them is context.
    pub context: bool,
}

/// The number of a [`Head`].
pub(super) type HeadNumber = u16;

/// All phrases, keyed by their first word.
///
/// Words are looked up by fingerprint: a bucket is one `u64` of four lanes, so that a word costs one load and a compare of
/// all lanes at once. Two first words may share a fingerprint; who asks for phrases compares the bytes.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Multiplied into hashes: chosen so that no bucket overflows.
    seed: u64,
    buckets: Box<[u64; BUCKETS]>,
    /// By bucket and lane.
    heads: Box<[Head]>,
    /// The context sets of all phrases of a head.
    groups: Box<[Groups]>,
    phrases: Vec<Phrase>,
    /// One bit a hash of a first name.
    name_filter: Box<[u64; 1 << (NAME_BITS - 6)]>,
    /// First names, folded, by hash and text.
    names: Vec<(u64, Box<[u8]>)>,
    /// Where the names of each slot of hashes start; one entry more than slots.
    name_slots: Box<[u16]>,
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

/// How many first bytes a word is known by.
const KEY_BYTES: usize = 7;

/// What a word is known by: its first seven bytes, folded, and its length.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn key(head: u64, len: usize) -> u64 {
    let kept = (1u64 << (8 * len.min(KEY_BYTES))) - 1;
    (head | 0x2020_2020_2020_2020) & kept | (len as u64) << 56
}

/// The seed of hashes that nobody looks up in buckets.
const PLAIN_SEED: u64 = 0xD6E8_FEB8_6659_FD93;

/// Sixteen bits that are never zero, for the lanes of a bucket.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn fingerprint(hash: u64) -> u64 {
    hash >> 32 & 0xFFFF | 1
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn bucket(hash: u64) -> usize {
    (hash >> (64 - BUCKET_BITS)) as usize
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

/// The hash of the word of length `len` at `at`, sixteen bits.
pub(super) fn hash_word(text: &[u8], at: usize, len: usize) -> u32 {
    (key(head_at(text, at), len).wrapping_mul(PLAIN_SEED) >> 48) as u32
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
        let mut names: Vec<(u64, Box<[u8]>)> = Vec::new();
        let mut phrases: Vec<(u64, Phrase)> = Vec::with_capacity(self.roles.len());
        for (words, role) in self.roles {
            if role.first_name {
                let name: Box<[u8]> = words.join(&b' ').into();
                names.push((name_hash(key_of(words.first().map_or(&[], |word| word))), name));
            }
            let mut words = words.into_iter();
            if let Some(head) = words.next().filter(|_| !role.is_empty()) {
                phrases.push((key_of(&head), Phrase { head, tail: words.collect(), role }));
            }
        }
        names.sort();
        let mut name_filter = Box::new([0u64; 1 << (NAME_BITS - 6)]);
        for (hash, _) in &names {
            if let Some(cell) = name_filter.get_mut((hash >> 6) as usize) {
                *cell |= 1 << (hash & 63);
            }
        }
        let slots = 0..=1u64 << (NAME_BITS - NAME_SLOT_SHIFT);
        let name_slots =
            slots.map(|slot| names.partition_point(|(hash, _)| hash >> NAME_SLOT_SHIFT < slot) as u16).collect();
        // Longer phrases first, so that the first match is the longest; the rest of the order only makes builds alike.
        phrases.sort_by(|(a, x), (b, y)| (a, y.tail.len(), &x.head, &x.tail).cmp(&(b, x.tail.len(), &y.head, &y.tail)));
        let mut heads: Vec<(Head, Groups)> = Vec::new();
        for (index, (key, phrase)) in phrases.iter().enumerate() {
            if heads.last().is_none_or(|(last, _)| last.key != *key) {
                heads.push((Head { key: *key, first: index as u16, ..Head::default() }, Groups::default()));
            }
            if let Some((head, groups)) = heads.last_mut() {
                head.count += 1;
                head.starts |= !phrase.role.leads.is_empty() || !phrase.role.starts.is_empty();
                head.context |= !phrase.role.groups.is_empty();
                *groups = *groups | phrase.role.groups;
            }
        }
        let phrases = phrases.into_iter().map(|(_, phrase)| phrase).collect();
        let (seed, buckets, table) = spread(&heads);
        let (heads, groups): (Vec<Head>, Vec<Groups>) = table.into_iter().unzip();
        Vocabulary {
            seed,
            buckets,
            heads: heads.into(),
            groups: groups.into(),
            phrases,
            name_filter,
            names,
            name_slots,
        }
    }
}

impl Role {
    /// Whether it says nothing but that the phrase is a first name.
    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.leads.is_empty() && self.fields.is_empty() && self.starts.is_empty()
    }
}

/// Puts first words into buckets with the first seed under which none overflows.
// INVARIANT: there are so many buckets that one seed in some ten will do; a test looks every phrase up.
fn spread(heads: &[(Head, Groups)]) -> (u64, Box<[u64; BUCKETS]>, Vec<(Head, Groups)>) {
    let mut seed = PLAIN_SEED;
    loop {
        let mut buckets = Box::new([0u64; BUCKETS]);
        let mut table = vec![(Head::default(), Groups::default()); LANES * BUCKETS];
        let fits = heads.iter().all(|(head, groups)| {
            let hash = head.key.wrapping_mul(seed);
            let Some(cell) = buckets.get_mut(bucket(hash)) else { return false };
            let Some(lane) = (0..LANES).find(|lane| *cell >> (16 * lane) & 0xFFFF == 0) else { return false };
            // Two words with one fingerprint in a bucket would hide each other.
            if lanes_like(*cell, fingerprint(hash)) != 0 {
                return false;
            }
            *cell |= fingerprint(hash) << (16 * lane);
            table.get_mut(bucket(hash) * LANES + lane).map(|slot| *slot = (*head, *groups)).is_some()
        });
        if fits {
            return (seed, buckets, table);
        }
        seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F) | 1;
    }
}

/// The top bit of each lane that equals the fingerprint: the lowest one is right.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn lanes_like(bucket: u64, fingerprint: u64) -> u64 {
    let differs = bucket ^ fingerprint.wrapping_mul(ONES);
    differs.wrapping_sub(ONES) & !differs & (ONES << 15)
}

fn key_of(word: &[u8]) -> u64 {
    key(head_at(word, 0), word.len())
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn name_hash(key: u64) -> u64 {
    key.wrapping_mul(PLAIN_SEED) >> (64 - NAME_BITS)
}

impl Vocabulary {
    /// Bytes that it takes, about.
    pub fn memory_bytes(&self) -> usize {
        self.buckets.len() * 8
            + self.heads.len() * size_of::<Head>()
            + self.phrases.len() * (size_of::<Phrase>() + 16)
            + self.names.len() * 32
    }

    /// Whether a phrase may begin with this word, by its first eight bytes and its length. Cheap and without a branch;
    /// hardly ever wrongly yes, never wrongly no.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a hash has as many top bits as there are buckets")]
    pub fn may_begin(&self, head: u64, len: usize) -> bool {
        let hash = key(head, len).wrapping_mul(self.seed);
        lanes_like(self.buckets[bucket(hash)], fingerprint(hash)) != 0
    }

    /// Whether a word may be a first name.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words with capitals")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a hash has as many bits as the filter")]
    pub fn may_be_name(&self, head: u64, len: usize) -> bool {
        let name = name_hash(key(head, len));
        self.name_filter[(name >> 6) as usize] >> (name & 63) & 1 == 1
    }

    /// The head that a word is, if phrases begin with it.
    #[inline]
    pub fn find(&self, head: u64, len: usize) -> Option<HeadNumber> {
        let key = key(head, len);
        let hash = key.wrapping_mul(self.seed);
        let like = lanes_like(*self.buckets.get(bucket(hash))?, fingerprint(hash));
        let number = bucket(hash) * LANES + (like.trailing_zeros() >> 4) as usize;
        self.heads.get(number).filter(|head| head.key == key && like != 0).map(|_| number as HeadNumber)
    }

    /// What is known about a head.
    #[inline]
    pub fn head(&self, number: HeadNumber) -> Head {
        self.heads.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// The context sets of all phrases of a head.
    #[inline]
    pub fn groups_of(&self, number: HeadNumber) -> Groups {
        self.groups.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// Whether the word at `at` is a first name in the lists.
    pub fn is_name(&self, text: &[u8], at: usize, len: usize) -> bool {
        let hash = name_hash(key(head_at(text, at), len));
        let slot = (hash >> NAME_SLOT_SHIFT) as usize;
        let Some([from, to]) = self.name_slots.get(slot..slot + 2) else { return false };
        let alike = self.names.get(usize::from(*from)..usize::from(*to)).unwrap_or_default();
        alike.iter().any(|(_, name)| {
            let end = at + name.len();
            let whole = text.get(at..end).is_some_and(|text| same(text, name));
            whole && text.get(end).is_none_or(|byte| !in_word(*byte))
        })
    }

    /// Every phrase that begins with the word at `at`, longest first: its end and what it means.
    pub fn phrases<'v>(
        &'v self,
        text: &'v [u8],
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = (usize, &'v Role)> + 'v {
        let head = self.find(head_at(text, at), len).map_or(Head::default(), |number| self.head(number));
        self.phrases_of(head, text, at, len)
    }

    /// The same for a word whose head was found before.
    #[inline]
    pub fn phrases_of<'v>(
        &'v self,
        head: Head,
        text: &'v [u8],
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = (usize, &'v Role)> + 'v {
        let first = usize::from(head.first);
        let phrases = self.phrases.get(first..first + usize::from(head.count)).unwrap_or_default();
        // What the key holds of a word needs no second look.
        let beyond = text.get(at + KEY_BYTES.min(len)..at + len).unwrap_or_default();
        phrases.iter().filter_map(move |phrase| {
            let whole = len <= KEY_BYTES || same(beyond, phrase.head.get(KEY_BYTES..).unwrap_or_default());
            if !whole {
                return None;
            }
            let mut end = at + len;
            for part in &phrase.tail {
                if !joins(text.get(end)) {
                    return None;
                }
                let from = end + 1 + usize::from(joins(text.get(end + 1)));
                let next = text.get(from..from + part.len())?;
                if !same(next, part) || text.get(from + part.len()).is_some_and(|byte| in_word(*byte)) {
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
            if self.may_begin(head_at(text, at), len) {
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
    fn names_are_found_by_their_first_bytes_however_cased() {
        let vocabulary = vocabulary();
        for text in ["Désirée Roy", "DÉSIRÉE", "désirée"] {
            let len = word_len(text.as_bytes(), 0);
            assert!(vocabulary.may_be_name(head_at(text.as_bytes(), 0), len), "{text}");
            assert!(vocabulary.is_name(text.as_bytes(), 0, len), "{text}");
        }
        assert!(!vocabulary.is_name(b"Desiree", 0, 7));
    }

    #[test]
    fn no_phrase_hides_another_in_a_full_table() {
        let words: Vec<String> = (0..1_600).map(|i| format!("w{:x}", i * 7_919)).collect();
        let mut builder = Builder::default();
        words.iter().enumerate().for_each(|(i, word)| builder.add(word, |role| role.leads.push(i as u16)));
        let vocabulary = builder.build();
        for (i, word) in words.iter().enumerate() {
            let found: Vec<_> = vocabulary.phrases(word.as_bytes(), 0, word.len()).collect();
            assert_eq!(found.iter().map(|(_, role)| role.leads.as_slice()).collect::<Vec<_>>(), [[i as u16]], "{word}");
        }
    }
}
