//! What was worked out before: sums of rows and hashes of words that come again and again, in tables of one place for each few
//! bits of a hash. The whole of what was asked stands beside the answer, so that it is the same with and without.
//!
//! Short words are kept only where the lists know them as everyday words: no word of a text stays here that isn't in a dictionary.

use super::features::{Beside, Own};
use super::letters::{Short, Word};
use super::lexicon::{COMMON, GATE, Lexicon};
use super::weights::Sums;

/// Places in the tables: together they fill a quarter of a second-level cache.
const OWN: usize = 1024;
const BESIDE: usize = 2048;
const WORDS: usize = 1024;
const CLASSES: usize = 1024;

/// What answers are kept under.
pub(super) trait Question: Copy + Default + PartialEq {
    /// Of all of it.
    fn hash(&self) -> u64;
}

/// A table of one kind of question.
pub(crate) struct Table<K, V, const N: usize>(Box<[(K, V); N]>);

impl<K: Copy + Default + PartialEq, V: Copy + Default, const N: usize> Table<K, V, N> {
    fn new() -> Self {
        let places: Box<[(K, V)]> = vec![Default::default(); N].into();
        Self(places.try_into().unwrap_or_else(|_| Box::new([Default::default(); N])))
    }

    #[expect(clippy::indexing_slicing, reason = "hot path: a remainder by the length")]
    #[inline(always)]
    fn place(&mut self, hash: u64) -> &mut (K, V) {
        &mut self.0[(hash >> 40) as usize % N]
    }
}

impl<K: Question, V: Copy + Default, const N: usize> Table<K, V, N> {
    /// The answer, if it is here.
    #[inline(always)]
    pub fn get(&mut self, question: &K) -> Option<V> {
        let place = self.place(question.hash());
        (place.0 == *question).then_some(place.1)
    }

    /// Keeps an answer.
    #[inline(always)]
    pub fn keep(&mut self, question: &K, answer: V) {
        *self.place(question.hash()) = (*question, answer);
    }
}

/// The tables of one thread, for one model.
pub(crate) struct Memo {
    /// Which model they were filled for; 0 none.
    model: u64,
    /// The sums of what is seen of a token alone.
    pub own: Table<Own, Sums, OWN>,
    /// The sums of what is said around a token.
    pub beside: Table<Beside, Sums, BESIDE>,
    words: Table<Short, Word, WORDS>,
    classes: Table<u64, u16, CLASSES>,
}

impl Default for Memo {
    fn default() -> Self {
        Self { model: 0, own: Table::new(), beside: Table::new(), words: Table::new(), classes: Table::new() }
    }
}

impl Memo {
    /// Forgets all that was worked out for another model.
    pub fn begin(&mut self, model: u64) {
        if self.model != model {
            *self = Self { model, ..Self::default() };
        }
    }

    /// What is known of a short word.
    #[inline(always)]
    pub fn word(&mut self, short: Short, lexicon: &Lexicon) -> Word {
        self.words.get(&short).unwrap_or_else(|| self.read(short, lexicon))
    }

    fn read(&mut self, short: Short, lexicon: &Lexicon) -> Word {
        let mut word = short.read();
        let class = self.class(word.word, lexicon);
        word.lex = Some(class);
        if class & (GATE | 3 << COMMON) != 0 {
            self.words.keep(&short, word);
        }
        word
    }

    /// What the lists say of a word.
    #[inline]
    pub fn class(&mut self, word: u32, lexicon: &Lexicon) -> u16 {
        let place = self.classes.place(u64::from(word) << 32);
        // No word has the key of an empty place.
        let key = u64::from(word) + 1;
        if place.0 != key {
            *place = (key, lexicon.class(word));
        }
        place.1
    }
}
