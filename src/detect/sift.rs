//! The words of a block, sifted: which of them begin a phrase of the vocabulary, may be a name, or may begin a key.
//!
//! It runs for every word of every text, so it has no branch on what a word is; it may let a word pass wrongly, never hold
//! one back. Who looks closer is `engine`.

use super::compile::Prefixes;
use super::masks::{BLOCK, Masks};
use super::words::Vocabulary;

/// A block has at most so many words.
const MOST: usize = BLOCK / 2;

/// Bytes that are looked at: a block, the next, into which its last word may go on, and the first bytes of a word there.
pub(super) const WINDOW: usize = 2 * BLOCK + 8;

/// Some words of a block, in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    words: [u16; MOST],
    count: usize,
}

impl Words {
    const NONE: Self = Self { words: [0; MOST], count: 0 };

    /// Adds a word if it passes, without a branch.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: an index below MOST")]
    fn add(&mut self, bit: u32, len: usize, passes: bool) {
        self.words[self.count & (MOST - 1)] = bit as u16 | (len as u16) << 8;
        self.count += usize::from(passes);
    }

    /// Where each word starts in its block, and its length in bytes, as far as that block and the next show it.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.words.iter().take(self.count).map(|word| (usize::from(word & 63), usize::from(word >> 8)))
    }
}

/// The words of one block that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve {
    /// Those with which a phrase begins.
    pub heads: Words,
    /// Those that may be first names.
    pub names: Words,
    /// Those that may begin a key.
    pub keys: Words,
    /// Where twelve letters and digits in a row begin.
    pub long: u64,
}

impl Sieve {
    /// Empty.
    pub fn new() -> Self {
        Self { heads: Words::NONE, names: Words::NONE, keys: Words::NONE, long: 0 }
    }

    /// Sifts the words that begin with a letter in the block that `window` begins with. `carry` is one where a word goes on
    /// into the block; `next` is the block after it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for any machine and once for its newer instructions")]
    pub fn sift(
        &mut self,
        window: &[u8; WINDOW],
        block: &Masks,
        carry: u64,
        next: &Masks,
        (vocabulary, prefixes): (&Vocabulary, &Prefixes),
    ) {
        let word = block.word();
        let starts = word & !(word << 1 | carry);
        // The word that goes on into the next block ends there.
        let spill = next.word().trailing_ones() & 0u32.wrapping_sub((word >> 63) as u32);
        let mut ends = !word & (word << 1);
        if carry & word == 1 {
            ends &= ends.wrapping_sub(1);
        }
        let (mut heads, mut bits) = (Words::NONE, starts);
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            let end = if ends == 0 { 64 + spill } else { ends.trailing_zeros() };
            ends &= ends.wrapping_sub(1);
            let len = (end - bit) as usize;
            heads.add(bit, len, vocabulary.may_begin(head_in(window, bit), len));
        }
        self.heads = heads;
        let len_at = |bit: u32| (!(word >> bit | (next.word() << 1) << (63 - bit))).trailing_zeros() as usize;
        self.names.count = 0;
        let mut capitals = starts & (block.upper | block.letter & !block.ascii);
        while capitals != 0 {
            let bit = capitals.trailing_zeros();
            capitals &= capitals - 1;
            let len = len_at(bit);
            self.names.add(bit, len, vocabulary.may_be_name(head_in(window, bit), len));
        }
        self.keys.count = 0;
        self.long = runs_of_12(word, next.word());
        let mut keys = starts & block.letter & (self.long | joined(starts, block, next));
        while keys != 0 {
            let bit = keys.trailing_zeros();
            keys &= keys - 1;
            self.keys.add(bit, len_at(bit), prefixes.may_start(head_in(window, bit)));
        }
    }
}

/// Where twelve letters and digits in a row begin.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn runs_of_12(word: u64, next: u64) -> u64 {
    let both = u128::from(word) | u128::from(next) << 64;
    let two = both & both >> 1;
    let four = two & two >> 2;
    (four & four >> 4 & four >> 8) as u64
}

/// The words that `_`, `-` or `.` follows.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
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
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
fn last(bits: u64) -> u64 {
    bits & 1u64.checked_shl(63u32.wrapping_sub(bits.leading_zeros())).unwrap_or(0)
}

/// The first eight bytes of the word at a bit of the window.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
#[expect(clippy::indexing_slicing, reason = "hot loop: a bit is below 64, and the window longer than 72")]
fn head_in(window: &[u8; WINDOW], bit: u32) -> u64 {
    window[(bit & 63) as usize..].first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::super::compile::compile;
    use super::super::masks::portable;
    use super::super::rule::{Rule, Start};
    use super::*;

    fn sifted(text: &str) -> [Vec<(usize, usize)>; 3] {
        let rules = [
            Rule { start: Start::Prefix(&["key_"]), pattern: "x", ..Rule::BASE },
            Rule { start: Start::Word(&["phone", "a"]), ..Rule::BASE },
        ];
        let tables = compile(&rules, &["ada"]).unwrap();
        let mut window = [0u8; WINDOW];
        window.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        let (block, next) = window.split_at(BLOCK);
        let [block, next] = [block, &next[..BLOCK]].map(|half| portable(half.first_chunk().unwrap()));
        let mut sieve = Sieve::new();
        sieve.sift(&window, &block, 0, &next, (&tables.vocabulary, &tables.prefixes));
        [sieve.heads, sieve.names, sieve.keys].map(|words| words.iter().collect())
    }

    #[test]
    fn words_pass_wherever_in_a_block_they_begin_and_however_far_they_go_on() {
        for gap in [0, 1, 40, 59, 60, 62, 63] {
            let space = " ".repeat(gap);
            assert_eq!(sifted(&format!("{space}PHONE 1")), [vec![(gap, 5)], vec![], vec![]], "{gap}");
            assert_eq!(sifted(&format!("{space}Ada.")), [vec![], vec![(gap, 3)], vec![]], "{gap}");
            assert_eq!(sifted(&format!("{space}key_1")), [vec![], vec![], vec![(gap, 3)]], "{gap}");
            assert_eq!(sifted(&format!("{space}keynesianism")), [vec![], vec![], vec![]], "{gap}");
        }
        assert_eq!(sifted("x a phones aphone"), [vec![(2, 1)], vec![], vec![]]);
        assert_eq!(sifted(&"a ".repeat(32))[0].len(), 32);
    }
}
