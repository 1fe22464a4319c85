//! The first pass: a text to the places where something may start, in one loop without a branch on what a word is.
//!
//! A word costs some forty instructions here and a place some ten, whatever the rules; everything dearer waits for the second
//! pass, in `engine`, which sees the few places only. It may let a place pass wrongly, never hold one back.

use super::compile::Prefixes;
use super::context::Notes;
use super::masks::{BLOCK, Masks};
use super::words::{HeadNumber, Vocabulary};

/// What may start at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A phrase that starts a rule: the head's number, and the length of its first word in bytes.
    Phrase(HeadNumber, u8),
    /// A first name of this length.
    Name(u8),
    /// A literal beginning of a key.
    Key,
    /// A number.
    Number,
    /// The first digit behind a letter.
    Inner,
    /// An `@`.
    At,
    /// A `:` with a letter, a digit, a `/` or a `:` behind it.
    Colon,
    /// A `+` or `(` with a digit or another of them behind it.
    Lead,
    /// A `-` between letters and digits, or the first of several.
    Dash,
    /// A disguise of plain text.
    Odd,
    /// Twenty letters and digits in a row.
    Long,
}

/// A place where something may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Byte in the text.
    pub at: u32,
    /// What.
    pub what: What,
}

/// How many blocks are read before the second pass gets its turn.
pub(super) const STRETCH: usize = 64;

/// A block and the first bytes of a word that begins with its last byte.
const WINDOW: usize = BLOCK + 8;

/// A block has at most so many words.
const MOST: usize = BLOCK / 2;

/// The lists that words are looked up in.
#[derive(Clone, Copy)]
pub(super) struct Lists<'t> {
    /// Words and names.
    pub vocabulary: &'t Vocabulary,
    /// Beginnings of keys.
    pub prefixes: &'t Prefixes,
}

/// How far the first pass has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    /// The next block, a multiple of [`BLOCK`].
    at: usize,
    /// Its masks, once the first stretch was read.
    block: Option<Masks>,
    /// The masks of the block before it.
    last: Masks,
}

impl Index {
    /// At the start of a text.
    pub fn new() -> Self {
        Self { at: 0, block: None, last: Masks::default() }
    }

    /// The byte up to which the text was read.
    pub fn read_to(&self) -> usize {
        self.at
    }

    /// Reads the next stretch: appends its places, block by block, and notes its context words.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for any machine and once for its newer instructions")]
    pub fn read(
        &mut self,
        masks: impl Fn(&[u8; BLOCK]) -> Masks,
        text: &[u8],
        lists: Lists<'_>,
        notes: &mut Notes,
        places: &mut Vec<Place>,
    ) {
        let masks_at = |at: usize| {
            let rest = text.get(at..).unwrap_or_default();
            match rest.first_chunk::<BLOCK>() {
                Some(block) => masks(block),
                None if rest.is_empty() => Masks::default(),
                None => masks(&padded(rest)),
            }
        };
        let mut block = self.block.unwrap_or_else(|| masks_at(0));
        let mut last = self.last;
        let end = text.len().min(self.at + STRETCH * BLOCK);
        let mut at = self.at;
        while at < end {
            let next = masks_at(at + BLOCK);
            let rest = text.get(at..).unwrap_or_default();
            match rest.first_chunk::<WINDOW>() {
                Some(window) => words(window, at, [&last, &block, &next], lists, notes, places),
                None => words(&padded(rest), at, [&last, &block, &next], lists, notes, places),
            }
            signs(at, [&last, &block, &next], places);
            (last, block) = (block, next);
            at += BLOCK;
        }
        (self.at, self.block, self.last) = (at, Some(block), last);
    }
}

/// The first bytes of a text that ends early, and zeros.
fn padded<const N: usize>(rest: &[u8]) -> [u8; N] {
    let mut bytes = [0u8; N];
    bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    bytes
}

/// The words that begin in a block.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
#[expect(clippy::indexing_slicing, reason = "hot loop: an index below MOST")]
fn words(
    window: &[u8; WINDOW],
    at: usize,
    [last, block, next]: [&Masks; 3],
    Lists { vocabulary, prefixes }: Lists<'_>,
    notes: &mut Notes,
    places: &mut Vec<Place>,
) {
    let (word, beyond, carry) = (block.word(), next.word(), last.word() >> 63);
    let starts = word & !(word << 1 | carry);
    // The word that goes on into the next block ends there.
    let spill = beyond.trailing_ones() & 0u32.wrapping_sub((word >> 63) as u32);
    let mut ends = !word & (word << 1);
    if carry & word == 1 {
        ends &= ends.wrapping_sub(1);
    }
    let mut heads = [0u16; MOST];
    let (mut count, mut bits) = (0, starts);
    while bits != 0 {
        let bit = bits.trailing_zeros();
        bits &= bits - 1;
        let end = if ends == 0 { 64 + spill } else { ends.trailing_zeros() };
        ends &= ends.wrapping_sub(1);
        let len = end - bit;
        heads[count & (MOST - 1)] = (bit | len << 8) as u16;
        count += usize::from(vocabulary.may_begin(head_in(window, bit), len as usize));
    }
    for found in heads.iter().take(count) {
        let (bit, len) = (u32::from(found & 63), found >> 8);
        if let Some(number) = vocabulary.find(head_in(window, bit), usize::from(len)) {
            let head = vocabulary.head(number);
            if head.context {
                notes.add(at as u32 + bit, number, len as u8);
            }
            if head.starts {
                places.push(Place { at: at as u32 + bit, what: What::Phrase(number, len as u8) });
            }
        }
    }
    let len_at = |bit: u32| (!(word >> bit | (beyond << 1) << (63 - bit))).trailing_zeros();
    let mut capitals = starts & (block.upper | block.letter & !block.ascii);
    while capitals != 0 {
        let bit = capitals.trailing_zeros();
        capitals &= capitals - 1;
        let len = len_at(bit);
        if vocabulary.may_be_name(head_in(window, bit), len as usize) {
            places.push(Place { at: at as u32 + bit, what: What::Name(len as u8) });
        }
    }
    let twelve = runs_of_12(word, beyond);
    let mut keys = starts & block.letter & (twelve as u64 | joined(starts, block, next));
    while keys != 0 {
        let bit = keys.trailing_zeros();
        keys &= keys - 1;
        if prefixes.may_start(head_in(window, bit)) {
            places.push(Place { at: at as u32 + bit, what: What::Key });
        }
    }
    // Twelve from here and twelve from eight on are twenty.
    let twenty = (twelve & twelve >> 8) as u64;
    // A run that goes on from the block before was seen there.
    let mut runs = twenty & !(twenty << 1);
    while runs != 0 {
        places.push(Place { at: at as u32 + runs.trailing_zeros(), what: What::Long });
        runs &= runs - 1;
    }
}

/// The signs and digits of a block at which something may start.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn signs(at: usize, [last, block, next]: [&Masks; 3], places: &mut Vec<Place>) {
    let (word, before, behind) = (block.word(), last.word(), next.word());
    let ahead = |mask: u64, over: u64| mask >> 1 | over << 63;
    let back = |mask: u64, under: u64| mask << 1 | under >> 63;
    let starts = word & !back(word, before);
    let number = starts & block.digit;
    let inner = block.digit & back(block.letter, last.letter);
    let colon = block.colon & ahead(word | block.colon | block.slash, behind | next.colon | next.slash);
    let lead = block.lead & ahead(block.digit | block.lead, next.digit | next.lead);
    let dashes = block.dash & !back(block.dash, last.dash);
    let dash = dashes & (ahead(block.dash, next.dash) | ahead(word, behind) & back(word, before));
    let odd = block.foreign | block.escape;
    let mut bits = number | inner | block.at | colon | lead | dash | odd;
    while bits != 0 {
        let bit = bits.trailing_zeros();
        let one = bits & bits.wrapping_neg();
        bits &= bits - 1;
        let what = if one & number != 0 {
            What::Number
        } else if one & inner != 0 {
            What::Inner
        } else if one & odd != 0 {
            What::Odd
        } else if one & block.at != 0 {
            What::At
        } else if one & colon != 0 {
            What::Colon
        } else if one & lead != 0 {
            What::Lead
        } else {
            What::Dash
        };
        places.push(Place { at: at as u32 + bit, what });
    }
}

/// Where twelve letters and digits in a row begin, in a block and the next.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn runs_of_12(word: u64, next: u64) -> u128 {
    let both = u128::from(word) | u128::from(next) << 64;
    let two = both & both >> 1;
    let four = two & two >> 2;
    four & four >> 4 & four >> 8
}

/// The words that `_`, `-` or `.` follows.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn joined(starts: u64, block: &Masks, next: &Masks) -> u64 {
    let word = block.word();
    let mut words = 0;
    let mut joints = block.joint & word << 1;
    while joints != 0 {
        let before = (joints & joints.wrapping_neg()) - 1;
        joints &= joints - 1;
        words |= last(starts & before);
    }
    if word >> 63 == 1 && next.joint >> (next.word().trailing_ones() & 63) & 1 == 1 {
        words |= last(starts);
    }
    words
}

/// The highest bit.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn last(bits: u64) -> u64 {
    bits & 1u64.checked_shl(63u32.wrapping_sub(bits.leading_zeros())).unwrap_or(0)
}

/// The first eight bytes of the word at a bit of the window.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
#[expect(clippy::indexing_slicing, reason = "hot loop: a bit is below 64, and the window longer by eight")]
fn head_in(window: &[u8; WINDOW], bit: u32) -> u64 {
    window[(bit & 63) as usize..].first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::super::compile::compile;
    use super::super::masks::portable;
    use super::super::rule::{Rule, Start};
    use super::*;

    fn places(text: &str) -> Vec<(usize, What)> {
        let rules = [
            Rule { start: Start::Prefix(&["key_"]), pattern: "x", ..Rule::BASE },
            Rule { start: Start::Word(&["phone", "a"]), ..Rule::BASE },
        ];
        let tables = compile(&rules, &["ada"]).unwrap();
        let lists = Lists { vocabulary: &tables.vocabulary, prefixes: &tables.prefixes };
        let (mut index, mut places) = (Index::new(), Vec::new());
        while index.read_to() < text.len() {
            index.read(portable, text.as_bytes(), lists, &mut Notes::new(), &mut places);
        }
        places.iter().map(|place| (place.at as usize, place.what)).collect()
    }

    #[test]
    fn words_pass_wherever_in_a_block_they_begin_and_however_far_they_go_on() {
        for gap in [0, 1, 40, 59, 60, 62, 63, 64, 4_094, 8_190] {
            let space = " ".repeat(gap);
            let found = places(&format!("{space}PHONE x"));
            assert!(matches!(found.as_slice(), [(at, What::Phrase(_, 5))] if *at == gap), "{gap}: {found:?}");
            assert_eq!(places(&format!("{space}Ada.")), [(gap, What::Name(3))], "{gap}");
            assert_eq!(places(&format!("{space}key_x")), [(gap, What::Key)], "{gap}");
            assert_eq!(places(&format!("{space}keyx xphone phonex")), [], "{gap}");
        }
        assert_eq!(places(&"a ".repeat(32)).len(), 32);
    }

    #[test]
    fn signs_pass_where_something_follows_them() {
        for gap in [0, 61, 62, 63, 64] {
            let space = " ".repeat(gap);
            for (text, what) in [
                ("12", What::Number),
                ("@", What::At),
                ("://", What::Colon),
                ("+1", What::Lead),
                ("--x", What::Dash),
                ("%40", What::Odd),
                ("٤", What::Odd),
            ] {
                assert_eq!(places(&format!("{space}{text}")).first(), Some(&(gap, what)), "{gap} {text}");
            }
            assert_eq!(places(&format!("{space}: + ( - é . x")), [], "{gap}");
            assert_eq!(places(&format!("{space}zz9")), [(gap + 2, What::Inner)], "{gap}");
        }
    }

    #[test]
    fn long_runs_are_seen_once_in_each_block_they_begin_in() {
        let run = "x".repeat(20);
        assert_eq!(places(&format!("zz {run} zz")), [(3, What::Long)]);
        assert_eq!(places(&format!("{}{run}", " ".repeat(50))), [(50, What::Long)]);
        assert_eq!(places(&"x".repeat(19)), []);
    }
}
