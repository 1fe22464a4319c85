//! The words of a block, sifted: which of them may begin a phrase that starts something, or a key's prefix.
//!
//! It runs for every word of every text, so it has no branch on what a word is; it may let a word pass wrongly, never hold
//! one back. Who looks closer is `engine`.

use super::compile::Prefixes;
use super::masks::{BLOCK, Masks};
use super::words::{Vocabulary, head_at};

/// A block has at most so many words.
const MOST: usize = BLOCK / 2;

/// A word that passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Where it starts in its block.
    pub bit: u8,
    /// Its length in bytes, as far as this block and the next show it.
    pub len: u8,
    /// Whether it may begin a phrase.
    pub phrase: bool,
    /// Whether it may begin a key.
    pub prefix: bool,
}

/// The words that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve {
    passed: [Passed; MOST],
    count: usize,
}

impl Sieve {
    /// Empty.
    pub fn new() -> Self {
        Self { passed: [Passed { bit: 0, len: 0, phrase: false, prefix: false }; MOST], count: 0 }
    }

    /// The words that passed last time.
    pub fn passed(&self) -> &[Passed] {
        self.passed.get(..self.count).unwrap_or_default()
    }

    /// Sifts the words that begin at the bits of `starts`, in the block at `at`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for any machine and once for its newer instructions")]
    #[expect(clippy::too_many_arguments, reason = "flat on purpose: it must inline")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a block has at most MOST starts of words")]
    pub fn sift(
        &mut self,
        text: &[u8],
        at: usize,
        starts: u64,
        block: &Masks,
        next: u64,
        vocabulary: &Vocabulary,
        prefixes: &Prefixes,
    ) {
        let word = block.word();
        let capitals = block.upper | block.letter & !block.ascii;
        let mut count = 0;
        let mut bits = starts;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            let ahead = word >> bit | (next << 1) << (63 - bit);
            let len = (!ahead).trailing_zeros() as usize;
            let start = at + bit as usize;
            let head = head_at(text, start);
            let behind = text.get(start + len).copied().unwrap_or(0);
            let joint = (behind == b'_') | (behind == b'-') | (behind == b'.');
            let phrase = vocabulary.may_start(head, len, capitals >> bit & 1 == 1);
            let prefix = (joint | (len >= 12)) & prefixes.may_start(head);
            self.passed[count & (MOST - 1)] = Passed { bit: bit as u8, len: len as u8, phrase, prefix };
            count += usize::from(phrase | prefix);
        }
        self.count = count.min(MOST);
    }
}
