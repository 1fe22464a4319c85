//! The lexicon from lists of names and words, most usual first; and from the training text, which words are never a name
//! when they stand in small letters.

use std::collections::{BTreeMap, HashMap};

use super::super::recognise::lexicon::{COMMON, FIRST, GATE, LAST, LINK, Lexicon, MORE, PHRASE, PLACE, join};
use super::super::recognise::tokens::{Reader, Shape, Token};

/// Lists of names and words, one entry a line, most usual first.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// First names.
    pub first: String,
    /// Surnames.
    pub last: String,
    /// Places.
    pub place: String,
    /// Everyday words.
    pub words: String,
}

/// A list's column in the lexicon, and up to which line its entries are very usual, usual, known.
struct Column {
    at: u16,
    ranks: [usize; 3],
}

const FIRSTS: Column = Column { at: FIRST, ranks: [1500, 6000, 25_000] };
const LASTS: Column = Column { at: LAST, ranks: [3000, 12_000, 30_000] };
const PLACES: Column = Column { at: PLACE, ranks: [2000, 8000, 26_000] };
const WORDS: Column = Column { at: COMMON, ranks: [4400, 12_700, 45_000] };

/// All tokens of a text, as the recogniser reads them.
pub(super) fn tokens(text: &str, lexicon: Option<&Lexicon>) -> Vec<Token> {
    let mut reader = Reader::new(text);
    let mut tokens = Vec::new();
    while let Some(token) = reader.next(&mut tokens) {
        tokens.push(token);
        if let Some(lexicon) = lexicon {
            lexicon.look_up(&mut tokens);
        }
    }
    tokens
}

/// The entries of all lists.
pub(super) fn entries(lists: &Lists) -> BTreeMap<u32, u16> {
    let mut entries = BTreeMap::new();
    for (list, column) in [(&lists.first, FIRSTS), (&lists.last, LASTS), (&lists.place, PLACES), (&lists.words, WORDS)]
    {
        for (rank, line) in list.lines().enumerate() {
            let Some(usual) = column.ranks.iter().position(|least| rank < *least) else { break };
            let words = tokens(line, None);
            let is_word = |token: &Token| token.shape > Shape::Sign && token.shape < Shape::Suffix;
            if !words.iter().all(is_word) || words.len() > 4 {
                continue;
            }
            let Some((first, rest)) = words.split_first() else { continue };
            if rest.is_empty() {
                raise(&mut entries, first.word, column.at, 3 - usual as u16);
            } else if column.at == PLACE {
                let mut key = first.word;
                for word in rest {
                    *entries.entry(key).or_default() |= MORE;
                    key = join(key, word.word);
                }
                *entries.entry(key).or_default() |= PHRASE;
            }
        }
    }
    entries
}

fn raise(entries: &mut BTreeMap<u32, u16>, key: u32, at: u16, to: u16) {
    let class = entries.entry(key).or_default();
    if *class >> at & 3 < to {
        *class = *class & !(3 << at) | to << at;
    }
}

/// How often words in small letters stand inside and outside of names.
#[derive(Default)]
pub(super) struct Usage(HashMap<u32, (u32, u32)>);

impl Usage {
    /// Counts one document: its tokens, and which of them are in names.
    pub fn count(&mut self, tokens: &[Token], tags: &[u8]) {
        for (token, tag) in tokens.iter().zip(tags).filter(|(token, _)| token.shape == Shape::Lower) {
            let (inside, outside) = self.0.entry(token.word).or_default();
            *if *tag == 0 { outside } else { inside } += 1;
        }
    }

    /// Says in `entries` which words the gate may skip.
    pub fn gate(&self, entries: &mut BTreeMap<u32, u16>) {
        let mut keys: Vec<u32> = self.0.keys().copied().chain(entries.keys().copied()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let class = entries.get(&key).copied().unwrap_or(0);
            let (inside, outside) = self.0.get(&key).copied().unwrap_or((0, 0));
            let common = class >> COMMON & 3;
            let named = class >> FIRST & 3 >= 2 || class >> PLACE & 3 >= 2 || class >> LAST & 3 >= 3;
            let seen = inside + outside;
            let skips = inside * 400 <= outside && (seen >= 4 || (seen > 0 || common >= 2)) && (common == 3 || !named);
            let links = inside * 25 <= outside && outside >= 50;
            if skips && (common >= 1 || seen >= 4) {
                *entries.entry(key).or_default() |= GATE;
            } else if links {
                *entries.entry(key).or_default() |= LINK;
            }
        }
    }
}
