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
    /// Whether the name of a telling field ends in it.
    pub telling: bool,
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

/// What may join the words of a phrase.
#[inline]
fn joins(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| matches!(byte, b' ' | b'_' | b'-' | b'.' | b'\'' | b'/'))
}

/// A first word: the phrases that begin with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// What words it is known by.
    key: u64,
    /// The number of another head of the same cell; 0 where there is none.
    other: HeadNumber,
    /// With which letters a second word of its phrases begins: see [`second`].
    seconds: u32,
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
/// A word is looked up by a hash of its first bytes: one bit of the filter says whether some head has that hash, and how many bits are set
/// before it is that head's number. Few heads share a cell: each names the next. Two first words may be known by the same
/// bytes; who asks for phrases compares them all.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// One bit a hash of the first bytes of a first word that starts or is context.
    filter: Box<[u64; CELLS / 64]>,
    /// The same for all first words.
    cells: Box<[u64; CELLS / 64]>,
    /// How many bits of `cells` are set before each of its numbers.
    ranks: Box<[u16; CELLS / 64]>,
    /// One for each bit of `cells`, then those that share a cell.
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

static WORD_BYTES: [bool; 256] = word_bytes();

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

/// Bits of the hash of a first word that choose its cell in the filter.
const CELL_BITS: u32 = 16;

/// How many cells the filter has.
const CELLS: usize = 1 << CELL_BITS;

/// Lengths from this one on count as this one.
const LONGEST: usize = 127;

/// By length: the bits of the bytes that a word is known by.
static KEPT: [u64; LONGEST + 1] = kept();

const fn kept() -> [u64; LONGEST + 1] {
    let mut table = [(1u64 << (8 * KEY_BYTES)) - 1; LONGEST + 1];
    let mut len = 0;
    while len < KEY_BYTES {
        #[expect(clippy::indexing_slicing, reason = "computed when compiled: KEY_BYTES is below the table's length")]
        {
            table[len] = (1u64 << (8 * len)) - 1;
        }
        len += 1;
    }
    table
}

/// What a word is known by: its first seven bytes, folded, and its length, up to [`LONGEST`], in the highest.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn key(head: u64, len: usize) -> u64 {
    bytes_of(head, len) | (len as u64) << 56
}

/// A word's first seven bytes, folded, by its first eight and its length, up to [`LONGEST`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
#[expect(clippy::indexing_slicing, reason = "hot loop: seven bits index a table of 128")]
fn bytes_of(head: u64, len: usize) -> u64 {
    (head | 0x2020_2020_2020_2020) & KEPT[len & LONGEST]
}

/// The cell of a word with these first bytes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn cell(bytes: u64) -> usize {
    (bytes.wrapping_mul(PLAIN_SEED) >> (64 - CELL_BITS)) as usize
}

/// The seed of all hashes of words.
const PLAIN_SEED: u64 = 0xD6E8_FEB8_6659_FD93;

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
    (key(head_at(text, at), len.min(LONGEST)).wrapping_mul(PLAIN_SEED) >> 48) as u32
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

    /// Notes that a field of this name tells something about its value: by the name's last word, or all of it in one.
    pub fn add_telling(&mut self, name: &str) {
        let last = name.rsplit(' ').next().unwrap_or_default();
        for word in [&name.replace(' ', ""), last] {
            self.roles.entry(vec![fold(word.as_bytes())]).or_default().telling = true;
        }
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
                head.seconds |= phrase.tail.first().map_or(ALONE, |word| second(word.first().copied().unwrap_or(0)));
                head.starts |= !phrase.role.leads.is_empty() || !phrase.role.starts.is_empty();
                head.context |= !phrase.role.groups.is_empty();
                *groups = *groups | phrase.role.groups;
            }
        }
        let phrases = phrases.into_iter().map(|(_, phrase)| phrase).collect();
        let listened = heads.iter().filter(|(head, _)| head.starts || head.context);
        let filter = bits(listened.map(|(head, _)| head.cell()));
        let cells = bits(heads.iter().map(|(head, _)| head.cell()));
        let mut ranks = Box::new([0u16; CELLS / 64]);
        let mut before = 0;
        for (rank, bits) in ranks.iter_mut().zip(&*cells) {
            *rank = before;
            before += bits.count_ones() as u16;
        }
        let (heads, groups): (Vec<Head>, Vec<Groups>) = by_cell(heads).into_iter().unzip();
        Vocabulary {
            filter,
            cells,
            ranks,
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
        self.groups.is_empty()
            && self.leads.is_empty()
            && self.fields.is_empty()
            && self.starts.is_empty()
            && !self.telling
    }
}

/// Among second words: there may be none, or one that begins with no ASCII letter.
const ALONE: u32 = 1;

/// The bit of second words that begin with this byte.
fn second(byte: u8) -> u32 {
    match byte | 0x20 {
        letter @ b'a'..=b'z' => 1 << (letter - b'a' + 1),
        _ => ALONE,
    }
}

impl Head {
    /// Whether one of its phrases may go on with what stands behind the first word; wrongly yes, never wrongly no.
    #[inline]
    pub fn may_go_on(&self, text: &[u8], end: usize) -> bool {
        if self.seconds & ALONE != 0 {
            return true;
        }
        let from = end + 1 + usize::from(joins(text.get(end + 1)));
        joins(text.get(end)) && text.get(from).is_some_and(|byte| self.seconds & second(*byte) != 0)
    }

    fn cell(&self) -> usize {
        cell(self.key & KEPT[KEY_BYTES])
    }
}

/// The cells as bits.
fn bits(cells: impl Iterator<Item = usize>) -> Box<[u64; CELLS / 64]> {
    let mut bits = Box::new([0u64; CELLS / 64]);
    for cell in cells {
        if let Some(word) = bits.get_mut(cell / 64) {
            *word |= 1 << (cell % 64);
        }
    }
    bits
}

/// Heads in the order of their cells, one each; then the others of shared cells, each named by the one before it.
fn by_cell(mut heads: Vec<(Head, Groups)>) -> Vec<(Head, Groups)> {
    heads.sort_by_key(|(head, _)| head.cell());
    let mut table: Vec<(Head, Groups)> = Vec::with_capacity(heads.len());
    let mut others = Vec::new();
    for head in heads {
        match table.last() {
            Some((last, _)) if last.cell() == head.0.cell() => others.push((table.len() - 1, head)),
            _ => table.push(head),
        }
    }
    for (at, (mut head, groups)) in others {
        let number = table.len() as HeadNumber;
        if let Some((first, _)) = table.get_mut(at) {
            head.other = std::mem::replace(&mut first.other, number);
        }
        table.push((head, groups));
    }
    table
}

fn key_of(word: &[u8]) -> u64 {
    key(head_at(word, 0), word.len().min(LONGEST))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn name_hash(key: u64) -> u64 {
    key.wrapping_mul(PLAIN_SEED) >> (64 - NAME_BITS)
}

impl Vocabulary {
    /// Bytes that it takes, about.
    pub fn memory_bytes(&self) -> usize {
        CELLS / 4
            + self.ranks.len() * 2
            + self.heads.len() * size_of::<Head>()
            + self.phrases.len() * (size_of::<Phrase>() + 16)
            + self.names.len() * 32
    }

    /// Whether a word may be one that starts or is context, by its first eight bytes and its length, up to [`LONGEST`]. Cheap and without
    /// a branch; seldom wrongly yes, never wrongly no.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a cell has as many bits as the filter")]
    pub fn may_begin(&self, head: u64, len: usize) -> bool {
        let cell = cell(bytes_of(head, len));
        self.filter[cell / 64] >> (cell % 64) & 1 == 1
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
    #[expect(clippy::indexing_slicing, reason = "hot: a cell has as many bits as the filter")]
    pub fn find(&self, head: u64, len: usize) -> Option<HeadNumber> {
        let key = key(head, len.min(LONGEST));
        let cell = cell(key & KEPT[KEY_BYTES]);
        let (word, bit) = (cell / 64, 1u64 << (cell % 64));
        if self.cells[word] & bit == 0 {
            return None;
        }
        let mut number = self.ranks[word] + (self.cells[word] & (bit - 1)).count_ones() as u16;
        loop {
            let head = self.heads.get(usize::from(number))?;
            if head.key == key {
                return Some(number);
            }
            number = Some(head.other).filter(|other| *other != 0)?;
        }
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
        let hash = name_hash(key(head_at(text, at), len.min(LONGEST)));
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
        let count = if head.may_go_on(text, at + len) { usize::from(head.count) } else { 0 };
        let phrases = self.phrases.get(first..first + count).unwrap_or_default();
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

    /// Whether a name may be one of a telling field: by its last word, or what is behind the last capital in it.
    pub fn tells(&self, name: &str) -> bool {
        let ends = |c: char| !c.is_alphanumeric();
        let word = if name.is_ascii() {
            let bytes = name.as_bytes();
            let end = bytes.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
            let word = bytes.get(..end).unwrap_or_default();
            let start = word.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
            name.get(start..end).unwrap_or_default()
        } else {
            name.trim_end_matches(ends).rsplit(ends).next().unwrap_or_default()
        };
        if self.ends_telling(word) {
            return true;
        }
        let hump = word.rfind(char::is_uppercase).filter(|at| *at > 0).and_then(|at| word.get(at..));
        hump.is_some_and(|hump| self.ends_telling(hump))
    }

    fn ends_telling(&self, word: &str) -> bool {
        let text = word.as_bytes();
        self.phrases(text, 0, text.len()).any(|(end, role)| role.telling && end == text.len())
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
            if self.may_begin(head_at(text, at), len.min(LONGEST)) {
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
