//! A name once found is found again where it stands alone later or earlier in the same text: `Ada Lovelace … Lovelace`.

use super::decode::{Label, Span};
use super::lexicon::COMMON;
use super::tokens::{Shape, Token};

/// Names kept of one text; later ones are not found again.
const MOST: usize = 128;
/// Words of a name that are compared.
const WORDS: usize = 4;

/// A name to look for.
#[derive(Clone, Copy)]
struct Known {
    words: [u32; WORDS],
    count: u8,
    label: Label,
    confidence: u8,
    /// It stood in capitals, and is found in capitals only.
    capital: bool,
}

/// The names of one text.
#[derive(Default)]
pub(crate) struct Again {
    known: Vec<Known>,
    /// One bit for the first word of each name: most tokens are none.
    first_words: u64,
}

impl Again {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.known.clear();
        self.first_words = 0;
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Learns a name; of a person's name of several words also the first and the last one alone.
    pub fn learn(&mut self, tokens: &[Token], span: &Span, confidence: u8) {
        let Some(words) = tokens.get(span.start..span.end) else { return };
        if span.label == Label::Condition || confidence < LEAST {
            return;
        }
        self.add(words, span.label, confidence);
        if span.label == Label::Person && words.len() > 1 {
            for word in words.first().into_iter().chain(words.last()) {
                let usual = word.lex >> COMMON & 3 >= 2;
                if matches!(word.shape, Shape::Capital | Shape::Mixed) && !usual && word.end - word.start > 2 {
                    self.add(std::slice::from_ref(word), span.label, confidence);
                }
            }
        }
    }

    fn add(&mut self, tokens: &[Token], label: Label, confidence: u8) {
        let Some(first) = tokens.first() else { return };
        let usual = first.lex >> COMMON & 3 >= 2 && tokens.len() == 1;
        if tokens.len() > WORDS || self.known.len() >= MOST || usual || first.end - first.start < 3 {
            return;
        }
        let mut words = [0; WORDS];
        for (word, token) in words.iter_mut().zip(tokens) {
            *word = token.word;
        }
        let capital = first.shape.is_capital();
        let count = tokens.len() as u8;
        if self.known.iter().any(|known| known.words == words && known.count == count) {
            return;
        }
        self.known.push(Known { words, count, label, confidence, capital });
        self.first_words |= bit(first.word);
    }

    /// The name that begins at `tokens[at]`, the longest, and the belief in it.
    pub fn find(&self, tokens: &[Token], at: usize) -> Option<(Span, u8)> {
        let token = tokens.get(at)?;
        if self.first_words & bit(token.word) == 0 || token.shape <= Shape::Sign {
            return None;
        }
        let fits = |known: &&Known| {
            let mut words = known.words.iter().take(usize::from(known.count)).enumerate();
            let same = words.all(|(i, word)| tokens.get(at + i).is_some_and(|token| token.word == *word));
            same && (!known.capital || token.shape.is_capital())
        };
        let best = self.known.iter().filter(fits).max_by_key(|known| known.count)?;
        let end = at + usize::from(best.count);
        Some((Span { label: best.label, start: at, end, margin: 0 }, best.confidence))
    }
}

/// Names believed less are not looked for again.
const LEAST: u8 = 50;

fn bit(word: u32) -> u64 {
    1 << (word & 63)
}
