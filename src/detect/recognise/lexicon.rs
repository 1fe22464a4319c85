//! What lists say of a word: how usual it is as a first name, a surname, a place, an everyday word; and place names of
//! several words. One table of fingerprints: four bytes a word, about one unknown word in 6,000 is taken for a known one.
//!
//! The lists themselves are not kept: nothing can be read back from the table.

use super::letters::Hash;
use super::tokens::{PHRASE_INSIDE, PHRASE_KIND, Shape, Token};

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
/// Of any key: more words may follow in a name.
pub(crate) const MORE: u16 = 1 << 10;
/// Two bits, of a key of several words: 1 they are a place, 2 an organisation, 3 a person.
pub(crate) const PHRASE: u16 = 11;
/// A well-known organisation.
pub(crate) const KNOWN_ORGANISATION: u16 = 1 << 13;
/// A well-known person.
pub(crate) const KNOWN_PERSON: u16 = 1 << 14;

const CLASS_BITS: u32 = 16;
/// Entries in a group that is searched together.
pub(crate) const GROUP: usize = 8;
/// Most words in a name of several.
const PHRASE_WORDS: usize = 4;

/// Entries that are searched together: eight comparisons at once.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Group {
    prints: [u16; GROUP],
    classes: [u16; GROUP],
}

impl Group {
    fn of(entries: [u32; GROUP]) -> Self {
        Self { prints: entries.map(|entry| (entry >> CLASS_BITS) as u16), classes: entries.map(|entry| entry as u16) }
    }

    fn entry(&self, slot: usize) -> u32 {
        let part = |half: &[u16; GROUP]| half.get(slot).map_or(0, |half| u32::from(*half));
        part(&self.prints) << CLASS_BITS | part(&self.classes)
    }
}

/// The table.
pub(crate) struct Lexicon {
    groups: Vec<Group>,
}

impl Lexicon {
    /// From the groups as a model file holds them.
    pub fn from_groups(groups: impl Iterator<Item = [u32; GROUP]>) -> Self {
        Self { groups: groups.map(Group::of).collect() }
    }

    /// Builds the table from keys and their classes; of two classes of one key the bits are joined by the caller.
    pub fn build(entries: &std::collections::BTreeMap<u32, u16>) -> Self {
        let count = entries.len().div_ceil(GROUP) * 10 / 8 + 1;
        let mut lexicon = Self { groups: vec![Group::default(); count] };
        for (key, class) in entries {
            let mut at = lexicon.home(*key);
            for _ in 0..count {
                if let Some(group) = lexicon.groups.get_mut(at)
                    && let Some(free) = (0..GROUP).find(|slot| group.entry(*slot) == 0)
                    && let (Some(print), Some(place)) = (group.prints.get_mut(free), group.classes.get_mut(free))
                {
                    (*print, *place) = (*key as u16, *class);
                    break;
                }
                at = (at + 1) % count;
            }
        }
        lexicon
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// The entries of all groups, for a model file.
    pub fn entries(&self) -> impl Iterator<Item = u32> {
        self.groups.iter().flat_map(|group| (0..GROUP).map(|slot| group.entry(slot)))
    }

    fn home(&self, key: u32) -> usize {
        ((u64::from(key) * self.groups.len() as u64) >> 32) as usize
    }

    /// The class of a key; 0 where it isn't known.
    #[inline]
    pub fn class(&self, key: u32) -> u16 {
        let print = key as u16;
        let mut at = self.home(key);
        // A group that isn't full ends the search; a full table of full groups would never, so the number is bounded.
        for _ in 0..8 {
            let Some(group) = self.groups.get(at) else { return 0 };
            // An empty entry says nothing, whatever its fingerprint.
            let same =
                group.prints.iter().zip(&group.classes).map(|(held, class)| if *held == print { *class } else { 0 });
            let class = same.fold(0, |all, class| all | class);
            if class != 0 || group.entry(GROUP - 1) == 0 {
                return class;
            }
            at = if at + 1 == self.groups.len() { 0 } else { at + 1 };
        }
        0
    }

    /// Fills in what the lists say of the last token, and of a name of several words that ends with it.
    pub fn look_up(&self, tokens: &mut [Token]) {
        if let Some(last) = tokens.last_mut().filter(|last| is_looked_up(last)) {
            last.lex = self.class(last.word);
            self.look_up_phrase(tokens);
        }
    }

    /// Fills in what the lists say of a name of several words that ends with the last token, which is a word.
    #[inline]
    pub fn look_up_phrase(&self, tokens: &mut [Token]) {
        let Some((_, before)) = tokens.split_last() else { return };
        // The words before, as far as they may begin a name; most begin none.
        let reach = before
            .iter()
            .rev()
            .take(PHRASE_WORDS - 1)
            .take_while(|token| token.shape > Shape::Sign && token.shape < Shape::Suffix);
        let beginnings = reach.enumerate().fold(0u32, |all, (i, token)| all | u32::from(token.lex & MORE != 0) << i);
        if beginnings != 0 {
            self.look_up_beginnings(tokens, beginnings);
        }
    }

    /// The longest name of several words that ends with the last token. `beginnings`: bit 0 is the token before it.
    fn look_up_beginnings(&self, tokens: &mut [Token], beginnings: u32) {
        for words in (2..=PHRASE_WORDS).rev().filter(|words| beginnings >> (words - 2) & 1 != 0) {
            let from = tokens.len() - words;
            let Some(phrase) = tokens.get_mut(from..) else { return };
            let kind = self.phrase(phrase);
            if kind != 0 {
                for (i, token) in phrase.iter_mut().enumerate() {
                    token.flags |= kind << PHRASE_KIND | if i == 0 { 0 } else { PHRASE_INSIDE };
                }
                return;
            }
        }
    }

    /// What words in a row are; 0: nothing that is known.
    fn phrase(&self, phrase: &[Token]) -> u8 {
        let Some((first, rest)) = phrase.split_first() else { return 0 };
        let mut key = first.word;
        let mut class = 0;
        for (i, token) in rest.iter().enumerate() {
            key = join(key, token.word);
            class = self.class(key);
            if i + 1 < rest.len() && class & MORE == 0 {
                return 0;
            }
        }
        (class >> PHRASE & 3) as u8
    }
}

/// Whether lists may hold a token.
pub(crate) fn is_looked_up(token: &Token) -> bool {
    (token.shape > Shape::Sign && token.shape < Shape::Suffix) && token.shape != Shape::Digits
}

/// The key of words in a row.
pub(crate) fn join(key: u32, word: u32) -> u32 {
    let mixed = (u64::from(key) << 32 | u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32 ^ Hash::of(&key.to_le_bytes())
}
