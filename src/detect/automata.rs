//! Small anchored automata: several patterns in one table-driven walk, each with the longest end at which its border holds.

use regex_automata::dfa::{Automaton, StartKind, dense};
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

/// One automaton.
pub(super) struct Automaton64 {
    reach: usize,
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

/// Which patterns matched, and where each ended last.
pub(super) struct Ends {
    /// Bit i: pattern i matched.
    pub matched: u64,
    /// The end of each pattern that matched; others are meaningless.
    pub ends: [u32; CAPACITY],
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
                    .dfa_size_limit(Some(4 << 20))
                    .determinize_size_limit(Some(16 << 20)),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(1 << 20)))
            .build_many(patterns)
            .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
        let start = dfa.universal_start_state(Anchored::Yes).ok_or("the pattern looks behind its start")?;
        Ok(Self { reach, dfa, start })
    }

    /// Bytes of memory the tables take.
    pub fn memory_bytes(&self) -> usize {
        self.dfa.memory_usage()
    }

    /// Walks from `at`; `accept(pattern, end)` says whether an end counts.
    #[inline]
    pub fn walk(&self, text: &[u8], at: usize, ends: &mut Ends, mut accept: impl FnMut(usize, usize) -> bool) {
        ends.matched = 0;
        let mut state = self.start;
        let mut end = at;
        let rest = text.get(at..).unwrap_or_default();
        for byte in rest.iter().take(self.reach) {
            state = self.dfa.next_state(state, *byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    self.note(state, end, ends, &mut accept);
                } else if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
                    return;
                }
            }
            end += 1;
        }
        if end == text.len() {
            state = self.dfa.next_eoi_state(state);
            if self.dfa.is_match_state(state) {
                self.note(state, end, ends, &mut accept);
            }
        }
    }

    #[inline]
    fn note(&self, state: StateID, end: usize, ends: &mut Ends, accept: &mut impl FnMut(usize, usize) -> bool) {
        for index in 0..self.dfa.match_len(state) {
            let pattern = self.dfa.match_pattern(state, index).as_usize();
            if accept(pattern, end) {
                ends.matched |= 1 << pattern;
                if let Some(slot) = ends.ends.get_mut(pattern) {
                    *slot = end as u32;
                }
            }
        }
    }
}

impl Ends {
    /// Nothing matched.
    pub fn new() -> Self {
        Self { matched: 0, ends: [0; CAPACITY] }
    }

    /// The end of a pattern that matched.
    pub fn end(&self, pattern: usize) -> Option<usize> {
        (self.matched >> pattern & 1 == 1).then(|| self.ends.get(pattern).map(|end| *end as usize)).flatten()
    }
}
