//! The lexicon from lists of names and words, most usual first; and from the training text, which words are never a name
//! when they stand in small letters.

use std::collections::{BTreeMap, HashMap};

use super::super::recognise::lexicon::{
    COMMON, FIRST, GATE, KNOWN_ORGANISATION, KNOWN_PERSON, LAST, LINK, Lexicon, MORE, PHRASE, PLACE, join,
};
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

/// Well-known organisations, people and places, gathered for this project: what texts take for granted.
pub(super) const KNOWN: [&str; 3] =
    [include_str!("known/place.csv"), include_str!("known/org.csv"), include_str!("known/person.csv")];

/// The entries of all lists.
pub(super) fn entries(lists: &Lists) -> BTreeMap<u32, u16> {
    let mut entries = BTreeMap::new();
    for (list, column) in [(&lists.first, FIRSTS), (&lists.last, LASTS), (&lists.place, PLACES), (&lists.words, WORDS)]
    {
        for (rank, line) in list.lines().enumerate() {
            let Some(usual) = column.ranks.iter().position(|least| rank < *least) else { break };
            match words(line).as_slice() {
                [word] => raise(&mut entries, *word, column.at, 3 - usual as u16),
                phrase if column.at == PLACE => add_phrase(&mut entries, phrase, 1),
                _ => {}
            }
        }
    }
    for (list, kind) in KNOWN.iter().zip(1..) {
        for name in list.split([',', '\n']) {
            match (words(name).as_slice(), kind) {
                ([word], 1) => raise(&mut entries, *word, PLACE, 3),
                ([word], 2) => *entries.entry(*word).or_default() |= KNOWN_ORGANISATION,
                ([word], _) => *entries.entry(*word).or_default() |= KNOWN_PERSON,
                (phrase, _) => add_phrase(&mut entries, phrase, kind),
            }
        }
    }
    entries
}

/// The words of an entry, signs left out; none where it has too many or something that is no word.
fn words(entry: &str) -> Vec<u32> {
    let tokens = tokens(entry, None);
    let words = tokens.iter().filter(|token| token.shape != Shape::Sign);
    let sound = words.clone().all(|token| token.shape > Shape::Sign && token.shape < Shape::Suffix);
    // A sign in the middle divides words in texts too: such a name is known by its parts alone.
    let divided = tokens.iter().rev().skip(1).any(|token| token.shape == Shape::Sign);
    if sound && !divided && words.clone().count() <= 4 { words.map(|token| token.word).collect() } else { Vec::new() }
}

fn add_phrase(entries: &mut BTreeMap<u32, u16>, words: &[u32], kind: u16) {
    let Some((first, rest)) = words.split_first() else { return };
    let mut key = *first;
    for word in rest {
        *entries.entry(key).or_default() |= MORE;
        key = join(key, *word);
    }
    let class = entries.entry(key).or_default();
    *class = *class & !(3 << PHRASE) | kind << PHRASE;
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
            let named = class >> FIRST & 3 >= 2
                || class >> PLACE & 3 >= 2
                || class >> LAST & 3 >= 3
                || class & (KNOWN_ORGANISATION | KNOWN_PERSON) != 0;
            let seen = inside + outside;
            let listed = class & (3 << FIRST | 3 << LAST | 3 << PLACE) != 0;
            let never = inside * 400 <= outside && (common == 3 || !named);
            let links = inside * 25 <= outside && outside >= 50;
            // A word that was not seen is skipped where it is in the dictionary and on no list of names.
            if never && (seen >= 4 || common >= 1 && seen > 0 || common >= 2 && !listed) {
                *entries.entry(key).or_default() |= GATE;
            } else if links {
                *entries.entry(key).or_default() |= LINK;
            }
        }
    }
}
