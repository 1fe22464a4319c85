//! The gate: which of many patterns are worth a walk at a place, by one walk over what kind of character each byte is.
//!
//! Most rules start at a number, and most numbers are no find. A gate holds all those patterns at once, with every byte class
//! widened to the coarse classes of [`CLASSES`], so that its automaton stays small; it may let a pattern through wrongly,
//! never hold one back. Where the automaton would grow too deep, it stops and lets through what is still possible.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{Compiler, Config, NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;

use super::border::{Borders, SIDES, beside, within_word};

/// A set of patterns of one gate.
pub(super) type Patterns = u128;

/// How many patterns one gate may hold.
pub(super) const CAPACITY: usize = 128;

/// Coarse classes; a power of two, for the length of a row.
const COLUMNS: usize = 16;

/// The most steps of a walk that doesn't go in circles.
const DEPTH: usize = 14;

/// The row from which nothing is possible any more.
const DEAD: u16 = 0;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut byte = 0usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
        {
            table[byte] = match byte as u8 {
                b'0'..=b'9' => 1,
                b'A'..=b'F' => 2,
                b'G'..=b'Z' => 3,
                b'a'..=b'f' => 4,
                b'g'..=b'z' => 5,
                b' ' => 6,
                b'-' => 7,
                b'.' => 8,
                b'/' => 9,
                b':' => 10,
                b',' => 11,
                b'(' | b')' => 12,
                0x80..=0xFF => 13,
                b'=' | b'+' => 14,
                _ => 0,
            };
        }
        byte += 1;
    }
    table
}

/// Many patterns in one coarse automaton.
#[derive(Debug)]
pub(super) struct Gate {
    /// Next row by row and class. A row is the index of its first cell.
    next: Box<[u32]>,
    /// Rows from this one on are those where something ends, or where the automaton was cut off.
    telling: u32,
    /// Rows from this one on are those where something ends that may end within a word, or where the automaton was cut off.
    open: u32,
    /// Rows from this one on are those where the automaton was cut off.
    cut: u32,
    /// By telling row: what may end where it is reached, and what is still possible where the automaton was cut off.
    told: Box<[[Patterns; 2]]>,
    /// Where to begin, by what stands before ([`beside`]): with all patterns that may start there; and with those of them alone
    /// that ask for no word around them.
    starts: [[u32; 2]; SIDES],
    /// By its first byte: what may begin so.
    first: Box<[Patterns; 256]>,
    borders: Borders,
}

impl Gate {
    /// Compiles patterns with their borders; at most [`CAPACITY`]. Those in `quiet` may match where no rule's words stand.
    ///
    /// # Errors
    /// What is wrong with the patterns, in words.
    pub fn new(patterns: &[&str], borders: Borders, quiet: Patterns) -> Result<Self, String> {
        if patterns.len() > CAPACITY {
            return Err(format!("{} patterns start alike; a gate holds {CAPACITY}", patterns.len()));
        }
        let nfa = Compiler::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(Config::new().utf8(false).nfa_size_limit(Some(4 << 20)).which_captures(WhichCaptures::None))
            .build_many(patterns)
            .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
        Builder::new(&nfa, patterns.len()).build(borders, quiet)
    }

    /// The patterns that may match at `at`; where `quiet`, those alone that ask for no word around them. `last` is what was asked last, of
    /// this gate or of one for places that begin with other bytes.
    #[inline(never)]
    #[expect(clippy::indexing_slicing, reason = "hot loop: the builder writes only rows that exist")]
    pub fn possible(&self, text: &[u8], at: usize, quiet: bool, last: &mut Asked) -> Patterns {
        let rest = text.get(at..).unwrap_or_default();
        let wanted = rest.first().map_or(0, |byte| self.first[usize::from(*byte)]);
        let back = |n: usize| at.checked_sub(n).and_then(|at| text.get(at)).copied().unwrap_or(0);
        let start = self.starts[beside(back(1), back(2))][usize::from(quiet)];
        let shape = Shape::of(rest, start);
        if shape.is_some() && shape == last.shape {
            return last.possible & wanted;
        }
        let mut row = start as usize;
        let (telling, open, cut) = (self.telling as usize, self.open as usize, self.cut as usize);
        let mut possible = 0;
        let mut bytes = rest.iter();
        while let Some(byte) = bytes.next() {
            row = self.next[row + usize::from(CLASSES[usize::from(*byte)])] as usize;
            // One comparison for most bytes: the dead row is far above the others then.
            if row.wrapping_sub(1) < telling - 1 {
                continue;
            }
            if row == usize::from(DEAD) {
                break;
            }
            let ahead = bytes.as_slice();
            let next = ahead.first().copied().unwrap_or(0);
            if row < open && within_word(next) {
                continue;
            }
            let [ends, alive] = self.told[(row - telling) / COLUMNS];
            let ends = ends & !possible;
            if ends != 0 {
                possible |= ends & self.borders.at_end(next, ahead.get(1).copied().unwrap_or(0));
            }
            if row >= cut {
                possible |= alive;
                break;
            }
        }
        let read = rest.len() - bytes.as_slice().len();
        if read + 2 <= SHAPE {
            *last = Asked { shape, possible };
        }
        possible & wanted
    }

    /// Bytes of memory the tables take.
    pub fn memory_bytes(&self) -> usize {
        self.next.len() * 4 + (self.told.len() * 2 + self.first.len()) * size_of::<Patterns>()
    }
}

/// How many bytes a [`Shape`] has.
const SHAPE: usize = 16;

/// Where a walk begins and the bytes that it may read, every digit as `0`: to a gate one digit is as good as another. Rows of numbers and
/// times of a log have the same shape again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    start: u32,
    bytes: [u64; 2],
}

impl Shape {
    /// None where the text is shorter.
    #[inline]
    fn of(text: &[u8], start: u32) -> Option<Self> {
        let ([first, second], _) = text.first_chunk::<SHAPE>()?.as_chunks::<8>() else { return None };
        Some(Self { start, bytes: [first, second].map(|eight| without_digits(u64::from_le_bytes(*eight))) })
    }
}

/// Eight bytes with every digit as `0`.
#[inline]
fn without_digits(bytes: u64) -> u64 {
    let values = bytes ^ 0x3030_3030_3030_3030;
    // The highest bit of each byte that is no digit; then all bits of those that are one.
    let beyond_nine = (values & 0x7F7F_7F7F_7F7F_7F7F) + 0x7676_7676_7676_7676;
    let others = (beyond_nine | values) & 0x8080_8080_8080_8080;
    let digits = ((others >> 7) ^ 0x0101_0101_0101_0101) * 0xFF;
    (bytes & !digits) | (0x3030_3030_3030_3030 & digits)
}

/// What a gate was asked last, and what it said, whatever the first byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    shape: Option<Shape>,
    possible: Patterns,
}

/// Determinises over coarse classes.
struct Builder<'n> {
    nfa: &'n NFA,
    /// The pattern that each state of the NFA belongs to.
    pattern: Vec<Patterns>,
    /// The row of each set of states.
    rows: HashMap<Box<[StateID]>, u16>,
    next: Vec<u16>,
    /// By row: what may end there, and what is still possible where the automaton is cut off.
    told: Vec<[Patterns; 2]>,
    /// States whose rows are to be written, a level at a time.
    waiting: Vec<(u16, Box<[StateID]>)>,
    /// Marks of the states seen in one closure.
    seen: Vec<u32>,
    stamp: u32,
}

impl<'n> Builder<'n> {
    fn new(nfa: &'n NFA, patterns: usize) -> Self {
        let mut builder = Self {
            nfa,
            pattern: vec![0; nfa.states().len()],
            rows: HashMap::new(),
            next: vec![DEAD; COLUMNS],
            told: vec![[0, 0]],
            waiting: Vec::new(),
            seen: vec![0; nfa.states().len()],
            stamp: 0,
        };
        for (index, id) in nfa.patterns().enumerate().take(patterns) {
            if let Some(start) = nfa.start_pattern(id) {
                builder.own(start, 1 << index);
            }
        }
        builder
    }

    /// Marks all states that a pattern reaches as its own.
    fn own(&mut self, start: StateID, pattern: Patterns) {
        let mut stack = vec![start];
        while let Some(id) = stack.pop() {
            let Some(slot) = self.pattern.get_mut(id.as_usize()).filter(|slot| **slot & pattern == 0) else { continue };
            *slot |= pattern;
            match self.nfa.state(id) {
                State::ByteRange { trans } => stack.push(trans.next),
                State::Sparse(sparse) => stack.extend(sparse.transitions.iter().map(|trans| trans.next)),
                State::Dense(dense) => stack.extend(dense.transitions.iter().filter(|next| **next != StateID::ZERO)),
                state => stack.extend(steps(state)),
            }
        }
    }

    fn build(mut self, borders: Borders, quiet: Patterns) -> Result<Gate, String> {
        let from: Vec<(Patterns, StateID)> = (0u32..)
            .zip(self.nfa.patterns())
            .filter_map(|(index, id)| Some((1 << index, self.nfa.start_pattern(id)?)))
            .collect();
        let mut first = Box::new([0; 256]);
        for (pattern, start) in &from {
            let states = self.closure(std::iter::once(*start));
            self.lead(&states, |byte, to, _| {
                let bytes = first.iter_mut().take(usize::from(to) + 1).skip(usize::from(byte));
                bytes.for_each(|patterns| *patterns |= pattern);
            });
        }
        let mut starts = [[DEAD; 2]; SIDES];
        for (row, may_start) in starts.iter_mut().zip(borders.starts()) {
            for (row, asked) in row.iter_mut().zip([may_start, may_start & quiet]) {
                let states = from.iter().filter(|(bit, _)| bit & asked != 0).map(|(_, start)| *start);
                let states = self.closure(states);
                *row = self.row(states)?;
            }
        }
        for level in 0.. {
            let waiting = std::mem::take(&mut self.waiting);
            if waiting.is_empty() {
                break;
            }
            for (row, states) in waiting {
                if level == DEPTH {
                    let alive = states.iter().fold(0, |all, id| all | self.pattern_of(*id));
                    if let Some([_, open]) = self.told.get_mut(usize::from(row)) {
                        *open = alive;
                    }
                } else {
                    self.expand(row, &states)?;
                }
            }
        }
        Ok(self.sorted(starts, first, borders))
    }

    /// Puts the rows that tell something behind those that don't.
    fn sorted(self, starts: [[u16; 2]; SIDES], first: Box<[Patterns; 256]>, borders: Borders) -> Gate {
        let told = |row: &usize| self.told.get(*row).copied().unwrap_or_default();
        let (telling, silent): (Vec<usize>, Vec<usize>) = (0..self.told.len()).partition(|row| told(row) != [0, 0]);
        let (cut, ending): (Vec<usize>, Vec<usize>) = telling.into_iter().partition(|row| told(row)[1] != 0);
        let within_words = borders.within_words();
        let (open, closed): (Vec<usize>, Vec<usize>) =
            ending.into_iter().partition(|row| told(row)[0] & within_words != 0);
        let first_open = silent.len() + closed.len();
        let first_cut = first_open + open.len();
        let telling = [closed, open, cut].concat();
        let mut moved = vec![DEAD; self.told.len()];
        for (to, from) in silent.iter().chain(&telling).enumerate() {
            put(&mut moved, *from, to as u16);
        }
        let to = |row: &u16| u32::from(moved.get(usize::from(*row)).copied().unwrap_or(DEAD)) * COLUMNS as u32;
        let row = |row: &usize| self.next.get(row * COLUMNS..(row + 1) * COLUMNS).unwrap_or_default();
        Gate {
            next: silent.iter().chain(&telling).flat_map(row).map(to).collect(),
            telling: (silent.len() * COLUMNS) as u32,
            open: (first_open * COLUMNS) as u32,
            cut: (first_cut * COLUMNS) as u32,
            told: telling.iter().map(told).collect(),
            starts: starts.map(|rows| rows.map(|row| to(&row))),
            first,
            borders,
        }
    }

    fn pattern_of(&self, id: StateID) -> Patterns {
        self.pattern.get(id.as_usize()).copied().unwrap_or(0)
    }

    /// Tells each range of bytes that states read, and where it leads.
    fn lead(&self, states: &[StateID], mut tell: impl FnMut(u8, u8, StateID)) {
        for id in states {
            match self.nfa.state(*id) {
                State::ByteRange { trans } => tell(trans.start, trans.end, trans.next),
                State::Sparse(sparse) => sparse.transitions.iter().for_each(|t| tell(t.start, t.end, t.next)),
                State::Dense(dense) => (0..=255u8)
                    .zip(&dense.transitions)
                    .filter(|(_, next)| **next != StateID::ZERO)
                    .for_each(|(byte, next)| tell(byte, byte, *next)),
                _ => {}
            }
        }
    }

    /// Writes the row of a set of states: for each class, where any of its bytes may lead.
    fn expand(&mut self, row: u16, states: &[StateID]) -> Result<(), String> {
        let mut targets: [Vec<StateID>; COLUMNS] = Default::default();
        self.lead(states, |from, to, next| {
            for class in classes_between(from, to) {
                if let Some(targets) = targets.get_mut(class) {
                    targets.push(next);
                }
            }
        });
        for (column, targets) in targets.into_iter().enumerate() {
            if !targets.is_empty() {
                let closure = self.closure(targets.into_iter());
                let target = self.row(closure)?;
                put(&mut self.next, usize::from(row) * COLUMNS + column, target);
            }
        }
        Ok(())
    }

    /// The states that read a byte or end a pattern, reached without reading one.
    fn closure(&mut self, from: impl Iterator<Item = StateID>) -> Box<[StateID]> {
        self.stamp += 1;
        let mut stack: Vec<StateID> = from.collect();
        let mut states = Vec::new();
        while let Some(id) = stack.pop() {
            let Some(seen) = self.seen.get_mut(id.as_usize()).filter(|seen| **seen != self.stamp) else { continue };
            *seen = self.stamp;
            match self.nfa.state(id) {
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => states.push(id),
                state => stack.extend(steps(state)),
            }
        }
        states.sort_unstable();
        states.into()
    }

    /// The row of a set of states; a new one waits to be written.
    fn row(&mut self, states: Box<[StateID]>) -> Result<u16, String> {
        if states.is_empty() {
            return Ok(DEAD);
        }
        if let Some(row) = self.rows.get(&states) {
            return Ok(*row);
        }
        let row = u16::try_from(self.told.len()).map_err(|_| "the gate has too many states".to_owned())?;
        let ending = states.iter().filter(|id| matches!(self.nfa.state(**id), State::Match { .. }));
        let ending = ending.fold(0, |all, id| all | self.pattern_of(*id));
        self.next.resize(self.next.len() + COLUMNS, DEAD);
        self.told.push([ending, 0]);
        self.waiting.push((row, states.clone()));
        self.rows.insert(states, row);
        Ok(row)
    }
}

fn put(table: &mut [u16], at: usize, value: u16) {
    if let Some(cell) = table.get_mut(at) {
        *cell = value;
    }
}

/// Where a state leads without reading a byte.
fn steps(state: &State) -> Vec<StateID> {
    match state {
        State::Union { alternates } => alternates.to_vec(),
        State::BinaryUnion { alt1, alt2 } => vec![*alt1, *alt2],
        State::Capture { next, .. } => vec![*next],
        // A gate that looked around would hold something back: it takes the look for granted.
        State::Look { next, .. } => vec![*next],
        _ => Vec::new(),
    }
}

/// The coarse classes that have a byte in a range.
fn classes_between(from: u8, to: u8) -> impl Iterator<Item = usize> {
    let bytes = CLASSES.get(usize::from(from)..=usize::from(to)).unwrap_or_default();
    let classes = bytes.iter().fold(0u32, |set, class| set | 1 << class);
    (0..COLUMNS).filter(move |class| classes >> class & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::super::rule::Border;
    use super::*;

    fn possible(gate: &Gate, text: &[u8], at: usize, quiet: bool) -> Patterns {
        gate.possible(text, at, quiet, &mut Asked::default())
    }

    #[test]
    fn a_number_would_be_taken_for_another_of_its_shape() {
        let gate = gate(&[
            ("[0-9]{3}-[0-9]{2}", Border::Word),
            ("4[0-9]{2}-[0-9]{2}", Border::Word),
            ("[0-9]{3}", Border::Number),
            ("[0-9]{20}", Border::Word),
        ]);
        let mut asked = Asked::default();
        let rows = ["123-45 x, 411-22 ", "411-22 x, 123-45 ", "411-2a x, 123-45 ", "123 45, 99999999 "];
        let long = ["12345678901234567890 ", "1234567890123456789 "];
        for row in rows.iter().chain(&long).cycle().take(4 * 6) {
            let text = format!("{row}{row}{row}");
            for at in (0..text.len()).filter(|at| text.as_bytes().get(*at).is_some_and(u8::is_ascii_digit)) {
                let told = gate.possible(text.as_bytes(), at, false, &mut asked);
                assert_eq!(told, possible(&gate, text.as_bytes(), at, false), "{text} at {at}");
            }
        }
    }

    fn gate(patterns: &[(&str, Border)]) -> Gate {
        let texts: Vec<&str> = patterns.iter().map(|(pattern, _)| *pattern).collect();
        Gate::new(&texts, Borders::of(patterns.iter().map(|(_, border)| *border)), 0b10).unwrap()
    }

    #[test]
    fn what_could_match_is_let_through_and_what_is_too_short_is_not() {
        let gate = gate(&[("[0-9]{9}", Border::Number), ("40[0-9]{14}", Border::Number), ("[0-9]+x", Border::Word)]);
        assert_eq!(possible(&gate, b"123", 0, false), 0);
        assert_eq!(possible(&gate, b"123456789", 0, false), 0b001);
        assert_eq!(possible(&gate, b"a 512345678", 2, false), 0b001);
        let second = possible(&gate, b"a 4111111111111111", 2, false) & 0b010;
        assert_ne!(second, 0, "which digit comes second, the pattern's walk sees");
        assert_eq!(possible(&gate, b"12x", 0, false), 0b100);
        assert_eq!(possible(&gate, b"12xx", 0, false), 0, "borders are looked at");
    }

    #[test]
    fn within_a_longer_number_only_what_may_begin_there_is_tried() {
        let gate = gate(&[("[0-9]{3}", Border::Number), ("[0-9]{3}", Border::Word)]);
        assert_eq!(possible(&gate, b"1-123", 2, false), 0b10);
        assert_eq!(possible(&gate, b"1 123", 2, false), 0b11);
    }

    #[test]
    fn where_no_words_stand_only_what_asks_for_none_is_tried() {
        let gate = gate(&[("[0-9]{3}", Border::Number), ("[0-9]{3}", Border::Number)]);
        assert_eq!(possible(&gate, b"123", 0, false), 0b11);
        assert_eq!(possible(&gate, b"123", 0, true), 0b10);
    }

    #[test]
    fn what_begins_with_another_byte_is_held_back() {
        let gate = gate(&[("4[0-9]{3}", Border::Number), ("00[0-9]{2}", Border::Number)]);
        assert_eq!(possible(&gate, b"4123", 0, false), 0b01);
        assert_eq!(possible(&gate, b"0012", 0, false), 0b10);
        assert_eq!(possible(&gate, b"7777", 0, false), 0);
        assert_eq!(possible(&gate, b"", 0, false), 0);
    }

    #[test]
    fn what_is_longer_than_the_gate_is_deep_is_let_through() {
        let gate = gate(&[("[0-9A-F]{40}", Border::Word)]);
        assert_eq!(possible(&gate, &[b'1'; 30], 0, false), 1);
        assert_eq!(possible(&gate, &[b'1'; 10], 0, false), 0);
    }
}
