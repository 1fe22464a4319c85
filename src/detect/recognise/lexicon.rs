//! What lists say of a word: how usual it is as a first name, a surname, a place, an everyday word; and place names of
//! several words. One table of fingerprints: four bytes a word, about one unknown word in 100,000 is taken for a known one.
//!
//! The lists themselves are not kept: nothing can be read back from the table.

use super::tokens::{Hash, Shape, Token};

/// Two bits: how usual as a first name, 0 not at all.
pub(crate) const FIRST: u16 = 0;
/// Two bits: as a surname.
pub(crate) const LAST: u16 = 2;
/// Two bits: as a place.
pub(crate) const PLACE: u16 = 4;
/// Two bits: as an everyday word.
pub(crate) const COMMON: u16 = 6;
/// In small letters it is never in a name: skipped.
pub(crate) const GATE: u16 = 1 << 8;
/// In small letters it is in a name only between other parts of one (`of`, `and`).
pub(crate) const LINK: u16 = 1 << 9;
/// Of a key of several words: these are a place.
pub(crate) const PHRASE: u16 = 1 << 10;
/// Of any key: more words may follow in a place.
pub(crate) const MORE: u16 = 1 << 11;
/// Of a token: a place of several words begins here.
pub(crate) const PHRASE_BEGIN: u16 = 1 << 12;
/// Of a token: a place of several words goes on here.
pub(crate) const PHRASE_INSIDE: u16 = 1 << 13;

const CLASS_BITS: u32 = 12;
/// Entries in a group that is searched together.
pub(crate) const GROUP: usize = 8;
/// Most words in a place's name.
const PHRASE_WORDS: usize = 4;

/// The table.
pub(crate) struct Lexicon {
    groups: Vec<[u32; GROUP]>,
}

impl Lexicon {
    /// From the groups as a model file holds them.
    pub fn from_groups(groups: Vec<[u32; GROUP]>) -> Self {
        Self { groups }
    }

    /// Builds the table from keys and their classes; of two classes of one key the bits are joined by the caller.
    pub fn build(entries: &std::collections::BTreeMap<u32, u16>) -> Self {
        let count = entries.len().div_ceil(GROUP) * 10 / 8 + 1;
        let mut lexicon = Self { groups: vec![[0; GROUP]; count] };
        for (key, class) in entries {
            let entry = (*key << CLASS_BITS) | u32::from(*class & ((1 << CLASS_BITS) - 1));
            let mut group = lexicon.home(*key);
            for _ in 0..count {
                if let Some(slot) =
                    lexicon.groups.get_mut(group).and_then(|group| group.iter_mut().find(|slot| **slot == 0))
                {
                    *slot = entry;
                    break;
                }
                group = (group + 1) % count;
            }
        }
        lexicon
    }

    /// The groups, for a model file.
    pub fn groups(&self) -> &[[u32; GROUP]] {
        &self.groups
    }

    fn home(&self, key: u32) -> usize {
        ((u64::from(key) * self.groups.len() as u64) >> 32) as usize
    }

    /// The class of a key; 0 where it isn't known.
    #[inline]
    pub fn class(&self, key: u32) -> u16 {
        let print = key << CLASS_BITS;
        let mut at = self.home(key);
        // A group that isn't full ends the search; a full table of full groups would never, so the number is bounded.
        for _ in 0..8 {
            let Some(group) = self.groups.get(at) else { return 0 };
            let mut class = 0;
            for entry in group {
                let same = entry >> CLASS_BITS == print >> CLASS_BITS && *entry != 0;
                class |= if same { *entry as u16 & ((1 << CLASS_BITS) - 1) } else { 0 };
            }
            let [.., last] = group;
            if class != 0 || *last == 0 {
                return class;
            }
            at = if at + 1 == self.groups.len() { 0 } else { at + 1 };
        }
        0
    }

    /// Fills in what the lists say of the last token, and of a place that ends with it.
    pub fn look_up(&self, tokens: &mut [Token]) {
        let Some((last, before)) = tokens.split_last_mut() else { return };
        if matches!(
            last.shape,
            Shape::Break | Shape::Sign | Shape::Digits | Shape::Script | Shape::Machine | Shape::Suffix
        ) {
            return;
        }
        last.lex = self.class(last.word);
        // Backwards: the words before, as far as they may begin a place; then forwards through the keys.
        let reach = before
            .iter()
            .rev()
            .take(PHRASE_WORDS - 1)
            .take_while(|token| token.shape > Shape::Sign && token.shape < Shape::Suffix);
        for words in (2..=reach.count() + 1).rev() {
            let from = tokens.len() - words;
            let Some(phrase) = tokens.get_mut(from..) else { return };
            if phrase.first().is_some_and(|token| token.lex & MORE != 0) && self.is_place(phrase) {
                for (i, token) in phrase.iter_mut().enumerate() {
                    token.lex |= if i == 0 { PHRASE_BEGIN } else { PHRASE_INSIDE };
                }
                return;
            }
        }
    }

    fn is_place(&self, phrase: &[Token]) -> bool {
        let Some((first, rest)) = phrase.split_first() else { return false };
        let mut key = first.word;
        let mut class = 0;
        for (i, token) in rest.iter().enumerate() {
            key = join(key, token.word);
            class = self.class(key);
            if i + 1 < rest.len() && class & MORE == 0 {
                return false;
            }
        }
        class & PHRASE != 0
    }
}

/// The key of words in a row.
pub(crate) fn join(key: u32, word: u32) -> u32 {
    let mixed = (u64::from(key) << 32 | u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32 ^ Hash::of(&key.to_le_bytes())
}
