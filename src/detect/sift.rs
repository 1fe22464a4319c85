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

/// A word that passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Its head in the vocabulary, as `Vocabulary::probe` gives it.
    pub head: u16,
    /// Where it starts in its block.
    pub bit: u8,
    /// Its length in bytes, as far as this block and the next show it.
    pub len: u8,
    /// Whether it may be a first name.
    pub name: bool,
    /// Whether it may begin a key.
    pub prefix: bool,
}

/// The words of one block that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve {
    passed: [Passed; MOST],
    count: usize,
}

impl Sieve {
    /// Empty.
    pub fn new() -> Self {
        Self { passed: [Passed { head: 0, bit: 0, len: 0, name: false, prefix: false }; MOST], count: 0 }
    }

    /// The words that passed last time.
    #[inline]
    pub fn passed(&self) -> &[Passed] {
        self.passed.get(..self.count).unwrap_or_default()
    }

    /// Sifts the words that begin at the bits of `starts`, in the block that `window` begins with; `next` are the letters
    /// and digits of the block after it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for any machine and once for its newer instructions")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a block has at most MOST starts of words, none beyond bit 63")]
    pub fn sift(
        &mut self,
        window: &[u8; WINDOW],
        starts: u64,
        block: &Masks,
        next: u64,
        (vocabulary, prefixes): (&Vocabulary, &Prefixes),
    ) {
        let word = block.word();
        let capitals = block.upper | block.letter & !block.ascii;
        let mut count = 0;
        let mut bits = starts;
        while bits != 0 {
            let bit = (bits.trailing_zeros() & 63) as usize;
            bits &= bits - 1;
            let ahead = word >> bit | (next << 1) << (63 - bit);
            let len = (!ahead).trailing_zeros() as usize;
            let head = window[bit..].first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight));
            let behind = window[(bit + len) & 127];
            let joint = (behind == b'_') | (behind == b'-') | (behind == b'.');
            let probe = vocabulary.probe(head, len, capitals >> bit & 1 == 1);
            let prefix = (joint | (len >= 12)) & prefixes.may_start(head);
            self.passed[count & (MOST - 1)] =
                Passed { head: probe.head, bit: bit as u8, len: len as u8, name: probe.name, prefix };
            count += usize::from((probe.head != 0) | probe.name | prefix);
        }
        self.count = count.min(MOST);
    }
}
