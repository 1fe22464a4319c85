//! Small anchored automata: several patterns in one table-driven walk, each with the ends at which it matches.
//!
//! The tables are made once from the determinised patterns of `regex-automata`. Because no pattern looks around, a state
//! says by itself which patterns end where it is reached; there is no delay by a byte, and no special end of text.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

/// How many patterns one automaton may hold: a set of them is one word.
pub(super) const CAPACITY: usize = 64;

/// No match is longer, and so no try costs more: what starts often.
pub(super) const REACH: usize = 320;

/// The same for what starts at most once a word: key blocks, tokens.
pub(super) const LONG_REACH: usize = 16384;

/// State from which nothing can match any more.
const DEAD: u32 = 0;

/// One automaton.
#[derive(Debug)]
pub(super) struct Automaton64 {
    reach: usize,
    /// Column of each byte in `next`.
    classes: Box<[u8; 256]>,
    /// Next state by state and column; a state is the index of its row.
    next: Box<[u32]>,
    /// Which patterns end where a state is reached, by row number.
    ends_here: Box<[u64]>,
    start: u32,
    /// log2 of the length of a row.
    stride: u32,
}

/// The last two ends of each pattern that matched.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// Bit i: pattern i matched.
    pub matched: u64,
    last: [[u32; 2]; CAPACITY],
}

impl Ends {
    /// Nothing matched.
    pub fn new() -> Self {
        Self { matched: 0, last: [[0; 2]; CAPACITY] }
    }

    /// The last end of a pattern, and the one before it (0 where there is none).
    pub fn of(&self, pattern: usize) -> Option<[usize; 2]> {
        let matched = self.matched >> (pattern & 63) & 1 == 1;
        self.last.get(pattern).filter(|_| matched).map(|[last, before]| [*last as usize, *before as usize])
    }

    #[inline]
    fn note(&mut self, patterns: u64, end: usize) {
        let mut left = patterns;
        while left != 0 {
            let pattern = left.trailing_zeros() as usize;
            left &= left - 1;
            if let Some(slot) = self.last.get_mut(pattern) {
                *slot = [end as u32, if self.matched >> pattern & 1 == 1 { slot[0] } else { 0 }];
            }
        }
        self.matched |= patterns;
    }
}

impl Automaton64 {
    /// Compiles at most [`CAPACITY`] patterns.
    ///
    /// # Errors
    /// What is wrong with the patterns, in words.
    pub fn new(patterns: &[&str], reach: usize) -> Result<Self, String> {
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .accelerate(false)
                    .dfa_size_limit(Some(4 << 20))
                    .determinize_size_limit(Some(16 << 20)),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(1 << 20)))
            .build_many(patterns)
            .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
        let start = dfa.universal_start_state(Anchored::Yes).ok_or("the pattern looks behind its start")?;
        Ok(Self::tabulate(&dfa, start, reach))
    }

    /// Walks the automaton's states and writes them as rows.
    fn tabulate(dfa: &dense::DFA<Vec<u32>>, start: StateID, reach: usize) -> Self {
        let mut classes = Box::new([0u8; 256]);
        let mut representatives: Vec<u8> = Vec::new();
        let mut class_of: HashMap<u8, u8> = HashMap::new();
        for (byte, class) in (0..=255u8).zip(classes.iter_mut()) {
            let fresh = class_of.len() as u8;
            *class = *class_of.entry(dfa.byte_classes().get(byte)).or_insert_with(|| {
                representatives.push(byte);
                fresh
            });
        }
        let stride = representatives.len().next_power_of_two().trailing_zeros();
        let ends = |state: StateID| {
            let last = dfa.next_eoi_state(state);
            let count = if dfa.is_match_state(last) { dfa.match_len(last) } else { 0 };
            (0..count).fold(0u64, |set, index| set | 1 << dfa.match_pattern(last, index).as_usize())
        };
        // Row 0 is the dead state.
        let mut rows: HashMap<StateID, u32> = HashMap::new();
        let mut order = vec![start];
        rows.insert(start, 1);
        let mut next = vec![DEAD; 1 << stride];
        let mut ends_here = vec![0u64];
        let mut done = 0;
        while let Some(state) = order.get(done).copied() {
            done += 1;
            ends_here.push(ends(state));
            let from = next.len();
            next.resize(from + (1 << stride), DEAD);
            for (column, byte) in representatives.iter().enumerate() {
                let target = dfa.next_state(state, *byte);
                if dfa.is_dead_state(target) || dfa.is_quit_state(target) {
                    continue;
                }
                let fresh = rows.len() as u32 + 1;
                let row = *rows.entry(target).or_insert_with(|| {
                    order.push(target);
                    fresh
                });
                if let Some(cell) = next.get_mut(from + column) {
                    *cell = row << stride;
                }
            }
        }
        Self { reach, classes, next: next.into(), ends_here: ends_here.into(), start: 1 << stride, stride }
    }

    /// Bytes of memory the tables take.
    pub fn memory_bytes(&self) -> usize {
        self.next.len() * 4 + self.ends_here.len() * 8 + 256
    }

    /// Walks from `at`; `accept(patterns, end)` says which of the patterns that end there count.
    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "hot loop: `tabulate` writes only rows that exist, columns below the stride"
    )]
    pub fn walk(&self, text: &[u8], at: usize, ends: &mut Ends, mut accept: impl FnMut(u64, usize) -> u64) {
        ends.matched = 0;
        let mut state = self.start;
        let rest = text.get(at..).unwrap_or_default();
        let rest = rest.get(..self.reach).unwrap_or(rest);
        for (i, byte) in rest.iter().enumerate() {
            state = self.next[state as usize + usize::from(self.classes[usize::from(*byte)])];
            if state == DEAD {
                return;
            }
            let here = self.ends_here[(state >> self.stride) as usize];
            if here != 0 {
                let end = at + i + 1;
                let counted = accept(here, end);
                ends.note(counted, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(patterns: &[&str], text: &str) -> Vec<Option<[usize; 2]>> {
        let automaton = Automaton64::new(patterns, REACH).unwrap();
        let mut ends = Ends::new();
        automaton.walk(text.as_bytes(), 0, &mut ends, |patterns, _| patterns);
        (0..patterns.len()).map(|pattern| ends.of(pattern)).collect()
    }

    #[test]
    fn each_pattern_reports_its_own_last_two_ends() {
        let patterns = ["a+", "ab", "(?:ab)+c?", "x"];
        assert_eq!(ends(&patterns, "aaab"), [Some([3, 2]), None, None, None]);
        assert_eq!(ends(&patterns, "ababc"), [Some([1, 0]), Some([2, 0]), Some([5, 4]), None]);
    }

    #[test]
    fn no_match_reaches_beyond_the_reach() {
        let automaton = Automaton64::new(&["a+"], 10).unwrap();
        let mut ends = Ends::new();
        automaton.walk(&[b'a'; 50], 20, &mut ends, |patterns, _| patterns);
        assert_eq!(ends.of(0), Some([30, 29]));
    }

    #[test]
    fn a_pattern_that_looks_behind_is_refused() {
        assert!(Automaton64::new(&[r"\ba"], REACH).is_err());
    }
}
