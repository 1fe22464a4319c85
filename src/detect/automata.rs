//! Small anchored automata: one pattern as a table, and a walk over it that says where the pattern may end.
//!
//! The tables are made once from the determinised pattern of `regex-automata`. Because no pattern looks around, a state says
//! by itself whether the pattern ends where it is reached; there is no delay by a byte, and no special end of text. Which of
//! many patterns is worth a walk, `gate` says.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

use super::border::{end_holds, within_word};
use super::rule::Border;

/// No match is longer, and so no try costs more: what starts often.
pub(super) const REACH: usize = 320;

/// The same for what starts at most once a word: key blocks, tokens.
pub(super) const LONG_REACH: usize = 16384;

/// The row from which nothing can match any more.
const DEAD: u32 = 0;

/// One automaton.
#[derive(Debug)]
pub(super) struct Automaton {
    reach: usize,
    /// Column of each byte in `next`.
    classes: Box<[u8; 256]>,
    /// Next row by row and column. A row is the index of its first cell.
    next: Box<[u32]>,
    start: u32,
    /// Rows from this one on are those in which the pattern ends.
    accepting: u32,
}

impl Automaton {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with the pattern, in words.
    pub fn new(pattern: &str, reach: usize) -> Result<Self, String> {
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
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(1 << 20))
                    .which_captures(thompson::WhichCaptures::None),
            )
            .build(pattern)
            .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
        let start = dfa.universal_start_state(Anchored::Yes).ok_or("the pattern looks behind its start")?;
        Self::tabulate(&dfa, start, reach).ok_or_else(|| "the pattern has too many states".to_owned())
    }

    /// Walks the automaton's states and writes them as rows: the dead one, then those that go on, then those that end.
    fn tabulate(dfa: &dense::DFA<Vec<u32>>, start: StateID, reach: usize) -> Option<Self> {
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
        let alive = |state: StateID| !dfa.is_dead_state(state) && !dfa.is_quit_state(state);
        let mut seen: HashMap<StateID, u32> = HashMap::from([(start, 0)]);
        let mut order = vec![start];
        let mut done = 0;
        while let Some(state) = order.get(done).copied() {
            done += 1;
            for target in representatives.iter().map(|byte| dfa.next_state(state, *byte)).filter(|to| alive(*to)) {
                seen.entry(target).or_insert_with(|| {
                    order.push(target);
                    0
                });
            }
        }
        let (ending, going): (Vec<StateID>, Vec<StateID>) =
            order.into_iter().partition(|state| dfa.is_match_state(dfa.next_eoi_state(*state)));
        let columns = representatives.len();
        let row = |number: usize| u32::try_from(number * columns).ok();
        let accepting = row(going.len() + 1)?;
        for (number, state) in going.iter().chain(&ending).enumerate() {
            seen.insert(*state, row(number + 1)?);
        }
        let mut next = vec![DEAD; columns];
        for state in going.iter().chain(&ending) {
            let row = representatives.iter().map(|byte| seen.get(&dfa.next_state(state.to_owned(), *byte)));
            next.extend(row.map(|row| row.copied().unwrap_or(DEAD)));
        }
        Some(Self { reach, classes, next: next.into(), start: *seen.get(&start)?, accepting })
    }

    /// Bytes of memory the tables take.
    pub fn memory_bytes(&self) -> usize {
        self.next.len() * 4 + 256
    }

    /// Walks from `at`; `holds(end)` says whether the pattern may end there. Gives the last end and the one before it (0
    /// where there is none).
    #[inline]
    pub fn walk(&self, text: &[u8], at: usize, mut holds: impl FnMut(usize) -> bool) -> Option<[usize; 2]> {
        let rest = text.get(at..).unwrap_or_default();
        let rest = rest.get(..self.reach).unwrap_or(rest);
        let mut walk = Walk { automaton: self, state: self.start as usize, ends: [0, 0] };
        // Four at a time: whether there is a next byte is asked once for all of them.
        let (fours, tail) = rest.as_chunks::<4>();
        let mut end = at;
        for [a, b, c, d] in fours {
            let alive = walk.step(*a, end + 1, &mut holds)
                && walk.step(*b, end + 2, &mut holds)
                && walk.step(*c, end + 3, &mut holds)
                && walk.step(*d, end + 4, &mut holds);
            if !alive {
                return walk.result();
            }
            end += 4;
        }
        for byte in tail {
            end += 1;
            if !walk.step(*byte, end, &mut holds) {
                break;
            }
        }
        walk.result()
    }

    /// The same, where the pattern may end as a border says.
    #[inline]
    pub fn walk_to(&self, text: &[u8], at: usize, border: Border) -> Option<[usize; 2]> {
        if border == Border::Open {
            return self.walk(text, at, |_| true);
        }
        self.walk(text, at, |end| !text.get(end).is_some_and(|next| within_word(*next)) && end_holds(text, end, border))
    }
}

/// A walk under way.
struct Walk<'a> {
    automaton: &'a Automaton,
    state: usize,
    /// The last end and the one before it.
    ends: [usize; 2],
}

impl Walk<'_> {
    /// Reads a byte that ends at `end`. Says whether the walk goes on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the loop of every walk")]
    #[expect(
        clippy::indexing_slicing,
        reason = "hot loop: `tabulate` writes only rows that exist, columns that a row has"
    )]
    fn step(&mut self, byte: u8, end: usize, holds: &mut impl FnMut(usize) -> bool) -> bool {
        let Automaton { classes, next, accepting, .. } = self.automaton;
        self.state = next[self.state + usize::from(classes[usize::from(byte)])] as usize;
        // One comparison for most bytes: the dead row is far above the others then.
        if self.state.wrapping_sub(DEAD as usize + 1) < *accepting as usize - 1 {
            return true;
        }
        let alive = self.state != DEAD as usize;
        if alive && holds(end) {
            self.ends = [end, self.ends[0]];
        }
        alive
    }

    fn result(self) -> Option<[usize; 2]> {
        (self.ends[0] > 0).then_some(self.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pattern: &str, text: &str) -> Option<[usize; 2]> {
        Automaton::new(pattern, REACH).unwrap().walk(text.as_bytes(), 0, |_| true)
    }

    #[test]
    fn a_walk_gives_the_last_two_ends() {
        assert_eq!(ends("a+", "aaab"), Some([3, 2]));
        assert_eq!(ends("ab", "ababc"), Some([2, 0]));
        assert_eq!(ends("(?:ab)+c?", "ababc"), Some([5, 4]));
        assert_eq!(ends("x", "ababc"), None);
    }

    #[test]
    fn an_end_that_may_not_be_is_none() {
        let automaton = Automaton::new("a+", REACH).unwrap();
        assert_eq!(automaton.walk(b"aaaa", 0, |end| end < 3), Some([2, 1]));
    }

    #[test]
    fn ends_that_lie_far_apart_are_both_given() {
        let long = format!("{}b{}", "a".repeat(100), "a".repeat(100));
        let automaton = Automaton::new("[ab]+", REACH).unwrap();
        for (first, second) in [(1, 200), (63, 64), (64, 65), (64, 128), (65, 190)] {
            assert_eq!(automaton.walk(long.as_bytes(), 0, |end| end == first || end == second), Some([second, first]));
        }
        assert_eq!(automaton.walk(long.as_bytes(), 0, |end| end == 64), Some([64, 0]));
    }

    #[test]
    fn no_match_reaches_beyond_the_reach() {
        let automaton = Automaton::new("a+", 10).unwrap();
        assert_eq!(automaton.walk(&[b'a'; 50], 20, |_| true), Some([30, 29]));
    }

    #[test]
    fn a_pattern_that_looks_behind_is_refused() {
        assert!(Automaton::new(r"\ba", REACH).is_err());
    }
}
